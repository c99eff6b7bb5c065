//! What is true out there. A collector returns facts, never an opinion; a fact is known, or
//! unknown with a reason. Facts serialise (secrets never do), so that they can be judged elsewhere.

mod board;
mod collect;
mod host;
mod model;
pub mod mysql;
pub mod postgres;

pub use collect::collect;
pub use model::{
    Attempt, Fact, Facts, HostFacts, MyAccount, MyColumn, MyFlavor, MyKey, MySchema, MySession, MyTable, PgColumn,
    PgKey, PgRole, PgSession, PgSetting, PgTable, PgType, PreparedTransaction, Refusal, RelationName, ReplicaIdentity,
    Slot, SourceFacts, Stage, TableKind, TargetFacts, Transaction, TypeClass, Unknown, UnknownKind,
};
