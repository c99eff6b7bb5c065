//! Two vantage points: a login from this machine, and the replication instance's test of its endpoint.

use super::Finding;
use super::aws_parts::Part;
use super::logins::describe;
use crate::decode::innermost;
use crate::facts::aws::{DmsConnection, DmsEndpoint};
use crate::facts::{Attempt, Facts, Unknown};

/// The pipeline's replication instance's last test of an endpoint; `None` where there was none.
///
/// # Errors
/// Instances or connections are not known.
pub(super) fn test_of<'a>(part: &Part<'a>, endpoint: &DmsEndpoint) -> Result<Option<&'a DmsConnection>, Unknown> {
    let Some(instance) = part.dms.instance(part.names)? else { return Ok(None) };
    let of_both = |c: &&DmsConnection| c.endpoint_arn == endpoint.arn && c.instance_arn == instance.arn;
    Ok(part.dms.connections.known()?.iter().find(of_both))
}

/// Whether the last test of an endpoint got through; what there is no endpoint for, nobody has tried.
pub(super) fn passed(part: &Part<'_>, endpoint: Option<&DmsEndpoint>) -> Result<bool, Unknown> {
    match endpoint {
        Some(endpoint) => Ok(test_of(part, endpoint)?.is_some_and(|t| t.status == "successful")),
        None => Ok(false),
    }
}

/// This machine's login to the database of an endpoint, as the pipeline file says.
pub(super) fn login_here<'a>(facts: &'a Facts, endpoint: &DmsEndpoint) -> &'a Attempt {
    if endpoint.side == "source" { &facts.source.configured } else { &facts.target.configured }
}

/// The finding with both vantage points side by side.
pub(super) fn side_by_side(facts: &Facts, part: &Part<'_>, endpoint: &DmsEndpoint, finding: Finding) -> Finding {
    let there = match test_of(part, endpoint) {
        Ok(None) => "not tested".to_owned(),
        Ok(Some(test)) => match &test.failure {
            Some(failure) if test.status == "failed" => format!("failed: {}", innermost(failure).trim()),
            _ => test.status.clone(),
        },
        Err(why) => format!("unknown: {}", why.reason),
    };
    finding.saw("this machine", describe(login_here(facts, endpoint))).saw("replication instance", there)
}
