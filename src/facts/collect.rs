//! Both sides and AWS at once.

use super::board::Board;
use super::{Facts, aws, kept, mysql, postgres};
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;

/// Looks at source, target and AWS, and never fails: what cannot be seen is an unknown fact with its reason.
///
/// `update` is called after each stage with what is known by then, so that a screen can judge while the rest is
/// still being collected; what is not there yet is pending. In the value returned nothing is pending.
pub async fn collect(pipeline: &Pipeline, passwords: &Passwords, update: &(dyn Fn(&Facts) + Send + Sync)) -> Facts {
    let board = Board::new(Facts::pending(pipeline.clone()), update);
    tokio::join!(
        postgres::collect(&board, pipeline, passwords.source.as_ref()),
        mysql::collect(&board, pipeline, passwords.target.as_ref()),
        aws::collect(&board, pipeline),
        kept::collect(&board, &pipeline.path),
    );
    board.into_facts()
}

/// What is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// PostgreSQL.
    pub source: bool,
    /// MySQL or MariaDB, and what was kept of its tables.
    pub target: bool,
    /// AWS.
    pub aws: bool,
}

/// As [`collect`], for some sides only; of the others it keeps what was seen `before`.
pub async fn collect_again(
    before: Facts,
    sides: Sides,
    passwords: &Passwords,
    update: &(dyn Fn(&Facts) + Send + Sync),
) -> Facts {
    let pipeline = before.pipeline.clone();
    let fresh = Facts::pending(pipeline.clone());
    let facts = Facts {
        taken_at: fresh.taken_at,
        source: if sides.source { fresh.source } else { before.source },
        target: if sides.target { fresh.target } else { before.target },
        aws: if sides.aws { fresh.aws } else { before.aws },
        kept: if sides.target { fresh.kept } else { before.kept },
        ..before
    };
    let board = Board::new(facts, update);
    tokio::join!(
        async {
            if sides.source {
                postgres::collect(&board, &pipeline, passwords.source.as_ref()).await;
            }
        },
        async {
            if sides.target {
                tokio::join!(
                    mysql::collect(&board, &pipeline, passwords.target.as_ref()),
                    kept::collect(&board, &pipeline.path),
                );
            }
        },
        async {
            if sides.aws {
                aws::collect(&board, &pipeline).await;
            }
        },
    );
    board.into_facts()
}
