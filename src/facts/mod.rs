//! What is true out there. A collector returns facts, never an opinion; a fact is known, or
//! unknown with a reason. Facts serialise (secrets never do), so that they can be judged elsewhere.

pub mod aws;
mod board;
mod collect;
mod host;
pub mod kept;
mod model;
pub mod mysql;
pub mod postgres;
mod proofs;
mod replication;
mod source;
mod target;

pub use collect::{Sides, collect, collect_again};
pub use kept::{Kept, KeptTable, Wanted};
pub use model::{Attempt, Fact, Facts, HostFacts, Refusal, Stage, Unknown, UnknownKind};
pub use proofs::{CANARY_TABLE, CanaryChange, CanaryEnd, CanaryLeg, CanaryRun, CanaryValue, TableComparison};
pub use replication::{Publication, Slot, Span, Wal};
pub use source::{
    EventTrigger, Installed, PgColumn, PgKey, PgRights, PgRole, PgSession, PgSetting, PgTable, PgType,
    PreparedTransaction, RelationName, ReplicaIdentity, Sessions, SourceFacts, TableKind, Transaction, TypeClass,
    WrittenTable,
};
pub use target::{
    ApplyException, Checkpoint, MyAccount, MyColumn, MyFlavor, MyKey, MySchema, MySession, MyTable, MyTransaction,
    SyncedTable, TargetFacts,
};
