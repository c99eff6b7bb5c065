//! The parts of AWS that checks look at, and what a check answers where there is no such part.

use super::{Finding, Judged, Verdict};
use crate::facts::aws::{
    AwsFacts, DmsEndpoint, DmsFacts, DmsTask, RdsFacts, RdsInstance, ReplicationInstance, TableStatistics,
};
use crate::facts::{Facts, Unknown, UnknownKind};
use crate::pipeline::{Dms, Pipeline};

/// No `[aws]`.
pub(super) const NO_AWS: &str = "the pipeline file has no section [aws]";
/// No `[dms]`.
pub(super) const NO_DMS: &str = "the pipeline file has no sections [aws] and [dms]";
/// No replication instance.
pub(super) const NO_INSTANCE: &str = "the replication instance does not exist yet";
const NO_ENDPOINT: &str = "the endpoint does not exist yet";
const NO_TASK: &str = "the task does not exist yet";
const NO_RDS: &str = "neither side is an RDS instance of this account and region";

/// The region of the pipeline's parts, for messages and commands.
pub(super) fn region(pipeline: &Pipeline) -> &str {
    pipeline.aws.as_ref().map_or("REGION", |aws| aws.region.as_str())
}

/// What a look at one part found.
pub(super) type Looked = Result<Vec<Finding>, Unknown>;

/// DMS, as the pipeline names its parts.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub aws: &'a AwsFacts,
    pub dms: &'a DmsFacts,
    pub names: &'a Dms,
    pub pipeline: &'a Pipeline,
}

impl<'a> Part<'a> {
    /// DMS; `None` where the pipeline has no such part.
    pub fn of(facts: &'a Facts) -> Option<Self> {
        let aws = facts.aws.as_ref()?;
        Some(Self { aws, dms: &aws.dms, names: facts.pipeline.dms.as_ref()?, pipeline: &facts.pipeline })
    }

    /// The source endpoint, where it exists.
    pub fn source(&self) -> Result<Option<&'a DmsEndpoint>, Unknown> {
        self.dms.endpoint(&self.names.source_endpoint)
    }

    /// The target endpoint, where it exists.
    pub fn target(&self) -> Result<Option<&'a DmsEndpoint>, Unknown> {
        self.dms.endpoint(&self.names.target_endpoint)
    }

    /// Why the last connection test through this endpoint failed, where that is known.
    pub fn failure_of(&self, endpoint: &DmsEndpoint) -> Option<&'a str> {
        let tests = self.dms.connections.value()?;
        tests.iter().find(|c| c.endpoint_arn == endpoint.arn && c.status == "failed")?.failure.as_deref()
    }

    /// The pipeline's changes are followed by this task.
    pub fn follows_changes(&self) -> bool {
        self.pipeline.sync.mode.has_cdc()
    }
}

/// Judges DMS as a whole.
pub(super) fn with_dms(facts: &Facts, look: impl FnOnce(&Part<'_>) -> Looked) -> Judged {
    match Part::of(facts) {
        Some(part) => look(&part).map(Verdict::from_findings),
        None => Ok(Verdict::NotApplicable(NO_DMS)),
    }
}

/// Judges the replication instance.
pub(super) fn with_instance(facts: &Facts, look: impl FnOnce(&Part<'_>, &ReplicationInstance) -> Looked) -> Judged {
    let Some(part) = Part::of(facts) else { return Ok(Verdict::NotApplicable(NO_DMS)) };
    match part.dms.instance(part.names)? {
        Some(instance) => look(&part, instance).map(Verdict::from_findings),
        None => Ok(Verdict::NotApplicable(NO_INSTANCE)),
    }
}

/// Judges the task.
pub(super) fn with_task(facts: &Facts, look: impl FnOnce(&Part<'_>, &DmsTask) -> Looked) -> Judged {
    let Some(part) = Part::of(facts) else { return Ok(Verdict::NotApplicable(NO_DMS)) };
    match part.dms.task(part.names)? {
        Some(task) => look(&part, task).map(Verdict::from_findings),
        None => Ok(Verdict::NotApplicable(NO_TASK)),
    }
}

/// Judges the task by what it tells of each table.
pub(super) fn with_tables(
    facts: &Facts,
    is_bad: impl Fn(&TableStatistics) -> bool,
    finding: impl Fn(&TableStatistics) -> Finding,
) -> Judged {
    with_task(facts, |part, _| {
        let bad = part.dms.tables.known()?.iter().filter(|table| is_bad(table));
        Ok(bad.map(finding).collect())
    })
}

/// Judges the source endpoint.
pub(super) fn with_source(facts: &Facts, look: impl FnOnce(&Part<'_>, &DmsEndpoint) -> Looked) -> Judged {
    let Some(part) = Part::of(facts) else { return Ok(Verdict::NotApplicable(NO_DMS)) };
    match part.source()? {
        Some(endpoint) => look(&part, endpoint).map(Verdict::from_findings),
        None => Ok(Verdict::NotApplicable(NO_ENDPOINT)),
    }
}

/// Judges the target endpoint.
pub(super) fn with_target(facts: &Facts, look: impl FnOnce(&Part<'_>, &DmsEndpoint) -> Looked) -> Judged {
    let Some(part) = Part::of(facts) else { return Ok(Verdict::NotApplicable(NO_DMS)) };
    match part.target()? {
        Some(endpoint) => look(&part, endpoint).map(Verdict::from_findings),
        None => Ok(Verdict::NotApplicable(NO_ENDPOINT)),
    }
}

/// Judges each endpoint that exists.
pub(super) fn with_endpoints(facts: &Facts, look: impl Fn(&Part<'_>, &DmsEndpoint) -> Looked) -> Judged {
    let Some(part) = Part::of(facts) else { return Ok(Verdict::NotApplicable(NO_DMS)) };
    let mut found = Vec::new();
    let endpoints: Vec<&DmsEndpoint> = [part.source()?, part.target()?].into_iter().flatten().collect();
    if endpoints.is_empty() {
        return Ok(Verdict::NotApplicable(NO_ENDPOINT));
    }
    for endpoint in endpoints {
        found.extend(look(&part, endpoint)?);
    }
    Ok(Verdict::from_findings(found))
}

/// The DMS version of an instance.
///
/// # Errors
/// It does not tell.
pub(super) fn version_of(instance: &ReplicationInstance) -> Result<&str, Unknown> {
    if instance.engine_version.is_empty() {
        let why = format!("the replication instance {} does not tell its engine version", instance.identifier);
        return Err(Unknown::new(UnknownKind::Failed, why));
    }
    Ok(&instance.engine_version)
}

/// One side of the pipeline on RDS.
#[derive(Clone, Copy)]
pub(super) struct OnRds<'a> {
    /// `source` or `target`.
    pub side: &'static str,
    pub rds: &'a RdsFacts,
    pub instance: &'a RdsInstance,
}

impl<'a> OnRds<'a> {
    /// A side on RDS; `None` where it is not there.
    pub fn of(facts: &'a Facts, side: &'static str) -> Result<Option<Self>, Unknown> {
        let Some(aws) = &facts.aws else { return Ok(None) };
        let rds = if side == "source" { &aws.source } else { &aws.target };
        let instance = rds.instance.known()?.as_ref();
        Ok(instance.map(|instance| Self { side, rds, instance }))
    }
}

/// Judges each side that is on RDS.
pub(super) fn with_rds(facts: &Facts, look: impl Fn(&OnRds<'_>) -> Looked) -> Judged {
    if facts.aws.is_none() {
        return Ok(Verdict::NotApplicable(NO_AWS));
    }
    let sides = [OnRds::of(facts, "source")?, OnRds::of(facts, "target")?];
    if sides.iter().all(Option::is_none) {
        return Ok(Verdict::NotApplicable(NO_RDS));
    }
    let mut found = Vec::new();
    for side in sides.into_iter().flatten() {
        found.extend(look(&side)?);
    }
    Ok(Verdict::from_findings(found))
}

/// Judges the source on RDS.
pub(super) fn with_source_rds(facts: &Facts, look: impl Fn(&OnRds<'_>) -> Looked) -> Judged {
    if facts.aws.is_none() {
        return Ok(Verdict::NotApplicable(NO_AWS));
    }
    match OnRds::of(facts, "source")? {
        Some(side) => look(&side).map(Verdict::from_findings),
        None => Ok(Verdict::NotApplicable(NO_RDS)),
    }
}

/// The findings of a look that asks one question.
pub(super) fn only(finding: Option<Finding>) -> Looked {
    Ok(finding.into_iter().collect())
}
