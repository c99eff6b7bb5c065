//! DTK-028: see the check's own explanation.

use super::aws_parts::{Part, region, with_dms};
use super::{Finding, Judged};
use crate::facts::{Facts, Unknown};
use crate::fixes::Fix;
use crate::text::nearest;

check! {
    /// # What it looks at
    /// Whether the replication instance, the endpoints and the task of `[dms]` are there, by their names. It says nothing
    /// where none of them is there and none is named nearly so: then they are still to be made.
    ///
    /// # Why it matters
    /// What is not there is not looked at: the checks of a task whose name is misspelt do not apply, and so find nothing.
    ///
    /// # How to fix it by hand
    /// Look what there is, and write its name into `[dms]`:
    ///
    /// ```sh
    /// aws dms describe-replication-tasks --query 'ReplicationTasks[].ReplicationTaskIdentifier'
    /// aws dms describe-endpoints --query 'Endpoints[].[EndpointType, EndpointIdentifier]'
    /// ```
    ///
    /// Or make what is missing: `cdc-doctor provision plan`, then `cdc-doctor provision apply`.
    ///
    /// # Source
    /// AWS DMS API Reference, `DescribeReplicationTasks`, `DescribeEndpoints`, `DescribeReplicationInstances`.
    code: "DTK-028",
    name: "dms-part-not-there",
    area: Dtk,
    severity: Warning,
    title: "A part of DMS that the pipeline file names is not there",
    after: ["IAM-001"],
}

/// One name of `[dms]`.
struct Named<'a> {
    key: &'static str,
    what: &'static str,
    name: &'a str,
    there: bool,
    /// What could be meant instead.
    others: Vec<&'a str>,
}

fn judge(facts: &Facts) -> Judged {
    with_dms(facts, |part| {
        let all = named(part)?;
        let there: Vec<&Named<'_>> = all.iter().filter(|named| named.there).collect();
        let is_missing = |named: &&Named<'_>| {
            !named.there && (!there.is_empty() || nearest(named.name, named.others.iter().copied()).is_some())
        };
        Ok(all.iter().filter(is_missing).map(|missing| finding(part, missing, &there)).collect())
    })
}

fn named<'a>(part: &Part<'a>) -> Result<Vec<Named<'a>>, Unknown> {
    let names = part.names;
    let endpoints = part.dms.endpoints.known()?;
    let of_side =
        |side: &str| endpoints.iter().filter(|e| e.side == side).map(|e| e.identifier.as_str()).collect::<Vec<_>>();
    let tasks = part.dms.tasks.known()?.iter().map(|t| t.identifier.as_str()).collect();
    let mut all = vec![
        ("source_endpoint", "source endpoint", &names.source_endpoint, of_side("source")),
        ("target_endpoint", "target endpoint", &names.target_endpoint, of_side("target")),
        ("task", if names.serverless { "serverless replication" } else { "task" }, &names.task, tasks),
    ];
    if !names.serverless {
        let instances = part.dms.instances.known()?.iter().map(|i| i.identifier.as_str()).collect();
        all.insert(0, ("instance", "replication instance", &names.instance, instances));
    }
    let named = |(key, what, name, others): (_, _, &'a String, Vec<&'a str>)| {
        let there = others.iter().any(|other| other.eq_ignore_ascii_case(name));
        Named { key, what, name: name.as_str(), there, others }
    };
    Ok(all.into_iter().map(named).collect())
}

fn finding(part: &Part<'_>, missing: &Named<'_>, there: &[&Named<'_>]) -> Finding {
    let region = region(part.pipeline);
    let Named { key, what, name, others, .. } = missing;
    let beside = there.iter().map(|named| format!("{} {}", named.what, named.name)).collect::<Vec<_>>().join(", ");
    let message = format!("There is no {what} \"{name}\" in {region}, so nothing of it is looked at");
    let of_this_kind = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
    let mut finding = Finding::new(format!("dms.{key}"), message).saw("there are", of_this_kind);
    if !beside.is_empty() {
        finding = finding.saw("of this pipeline there", beside);
    }
    // Which one is meant is for a person to say: a name that is nearly the same may be another pipeline's.
    let name_it = match nearest(name, others.iter().copied()) {
        Some(near) => format!("If {near} is meant, write it into [dms]: {key} = \"{near}\""),
        None => format!("If another is meant, write its name into [dms]: {key} = \"…\""),
    };
    let make = format!("If the {what} is still to be made: cdc-doctor provision plan");
    finding.fix(Fix::manual("name it, or make it", [name_it, make]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known};

    #[test]
    fn a_misspelt_task_is_shown_with_the_one_that_may_be_meant() {
        let mut facts = healthy_dms();
        facts.pipeline.dms.as_mut().unwrap().task = "chart-task".into();
        let found = finding(&CHECK, &facts);
        assert_eq!(found.message, "There is no task \"chart-task\" in eu-west-2, so nothing of it is looked at");
        assert_eq!(found.evidence[0].1, "charts-task");
        let todo = found.fix.unwrap().steps[0].action.describe();
        assert!(todo.ends_with("write it into [dms]: task = \"charts-task\""), "{todo}");
        facts.pipeline.dms.as_mut().unwrap().task = "CHARTS-task".into();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn half_of_what_is_provisioned_is_to_be_completed() {
        let mut facts = healthy_dms();
        known(&mut aws(&mut facts).dms.tasks).clear();
        let found = finding(&CHECK, &facts);
        assert!(found.evidence[1].1.starts_with("replication instance charts-ri, source endpoint"), "{found:?}");
        assert!(found.fix.unwrap().steps[1].action.describe().contains("provision plan"));
    }

    #[test]
    fn what_is_still_to_be_made_is_no_fault() {
        let mut facts = healthy_dms();
        let dms = facts.pipeline.dms.as_mut().unwrap();
        (dms.instance, dms.task) = ("orders-replication".into(), "orders-changes".into());
        (dms.source_endpoint, dms.target_endpoint) = ("orders-from".into(), "orders-to".into());
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn a_serverless_replication_has_no_instance() {
        let mut facts = healthy_dms();
        facts.pipeline.dms.as_mut().unwrap().serverless = true;
        known(&mut aws(&mut facts).dms.instances).clear();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
