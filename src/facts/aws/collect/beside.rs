//! What stands beside DMS: the Glue job, and the buckets between the two.

use std::collections::BTreeSet;

use super::super::super::board::{Board, Settle};
use super::super::super::{Fact, Unknown, UnknownKind};
use super::super::glue_model::GlueFacts;
use super::super::model::Caller;
use super::super::{glue as job, s3};
use crate::aws::{Error, Session};
use crate::pipeline::Pipeline;

/// The Glue job.
pub(super) async fn glue(board: &Board<'_>, session: &Session, pipeline: &Pipeline, caller: &Result<Caller, Error>) {
    let named = pipeline.glue.as_ref().and_then(|glue| glue.job.as_ref());
    let mut facts = GlueFacts::pending();
    match (named, caller) {
        (None, _) => facts.settle(&Unknown::new(UnknownKind::NotConfigured, "the pipeline file names no Glue job")),
        (Some(_), Err(why)) => facts.settle(&Unknown::from(why.clone())),
        (Some(name), Ok(caller)) => facts = job::facts(session, caller, name, pipeline.s3.as_ref()).await,
    }
    board.aws(|all| all.glue = facts);
}

/// The buckets that the pipeline file and the target endpoint name.
pub(super) async fn buckets(board: &Board<'_>, session: &Session, pipeline: &Pipeline) {
    let mut names: BTreeSet<String> = pipeline.s3.iter().map(|s3| s3.bucket.clone()).collect();
    board.aws(|facts| {
        let endpoint = pipeline.dms.as_ref().and_then(|dms| facts.dms.endpoint(&dms.target_endpoint).ok().flatten());
        names.extend(endpoint.and_then(|e| e.s3.as_ref()?.bucket.clone()));
    });
    let buckets = Fact::Known(s3::buckets(session, &names).await);
    board.aws(|facts| facts.buckets = buckets);
}
