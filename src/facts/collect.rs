//! Both sides and AWS at once.

use super::board::Board;
use super::{Facts, aws, mysql, postgres};
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
    );
    board.into_facts()
}
