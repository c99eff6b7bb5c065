//! What is wrong with the pipeline's publication, as part of RUN-009.

use std::collections::HashSet;

use super::Finding;
use super::source_tables::quoted_list;
use crate::facts::{Facts, PgTable, Publication, TableKind};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::quote::{pg_ident, pg_table};

/// The kinds of change that have to be published.
const WANTED: [&str; 3] = ["insert", "update", "delete"];

/// Tables named in one finding.
const NAMED: usize = 5;

/// What keeps changes from being published to a sync that has a slot. `None` is a publication that is not there.
pub(super) fn faults(facts: &Facts, publication: Option<&Publication>) -> Vec<Finding> {
    let name = &facts.pipeline.sync.publication;
    let Some(publication) = publication else { return vec![missing(facts, name)] };
    let lacking = WANTED.into_iter().filter(|kind| !publication.publishes.iter().any(|p| p == kind));
    let lacking: Vec<&str> = lacking.collect();
    let kinds = (!lacking.is_empty()).then(|| kinds(name, publication, &lacking));
    kinds.into_iter().chain(tables(facts, name, publication)).collect()
}

fn missing(facts: &Facts, name: &str) -> Finding {
    // Since version 18 the source only warns in its own log, and sends nothing.
    let silent = facts.source.session.value().is_some_and(|s| s.version_num >= 180_000);
    let what = if silent {
        "the source sends no changes, and no error".to_owned()
    } else {
        format!("the source ends sync with `publication \"{name}\" does not exist`")
    };
    let mut finding = Finding::new(name, format!("The publication \"{name}\" is not there: {what}"));
    finding.silent_loss = silent;
    finding.fix(Fix::manual(
        "load the tables again, which makes the publication",
        [
            "To make it by hand does not help: what was written before it is there cannot be decoded under it.",
            super::slots::RELOAD,
        ],
    ))
}

fn kinds(name: &str, publication: &Publication, lacking: &[&str]) -> Finding {
    let all = |kinds: &[&str]| format!("ALTER PUBLICATION {} SET (publish = '{}')", pg_ident(name), kinds.join(", "));
    let before: Vec<&str> = publication.publishes.iter().map(String::as_str).collect();
    let now = all(&["insert", "update", "delete", "truncate"]);
    let step = Step::new(Cost::None, Action::source(&now)).undo(Action::source(all(&before)));
    Finding::new(
        name,
        format!(
            "The publication \"{name}\" leaves out every {}: such changes never reach the target",
            lacking.join(" and ")
        ),
    )
    .silent_loss()
    .saw("publishes", before.join(", "))
    .fix(Fix::new(Mode::Confirm, now, vec![step.note("what was left out before is not made up for: load again")]))
}

/// Tables that sync carries and the publication does not.
fn tables(facts: &Facts, name: &str, publication: &Publication) -> Option<Finding> {
    if publication.all_tables {
        return None;
    }
    let (selected, synced) = (facts.source.tables.value()?, facts.target.synced.value()?);
    let carried: HashSet<(&str, &str)> = synced.iter().map(|t| (t.schema.as_str(), t.table.as_str())).collect();
    let published: HashSet<(&str, &str)> = publication.tables.iter().map(|(s, t)| (s.as_str(), t.as_str())).collect();
    let left_out = |t: &&PgTable| {
        let name = (t.schema.as_str(), t.name.as_str());
        carried.contains(&name) && !published.contains(&name)
    };
    // Without `publish_via_partition_root` it lists the partitions in place of their root.
    let listed = |t: &&PgTable| t.kind == TableKind::Table || publication.via_root;
    let left_out: Vec<&PgTable> = selected.iter().filter(left_out).filter(listed).collect();
    let first = left_out.first()?;
    let labels: Vec<String> = left_out.iter().take(NAMED).map(|t| t.label()).collect();
    let more = left_out.len().saturating_sub(NAMED);
    let and_more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let list = left_out.iter().map(|t| pg_table(&t.schema, &t.name)).collect::<Vec<_>>().join(", ");
    let subject = if left_out.len() == 1 { first.label() } else { name.to_owned() };
    let message = format!(
        "The publication \"{name}\" leaves out {}{and_more}, which sync carries: changes there never reach the target",
        quoted_list(labels.iter().map(String::as_str))
    );
    Some(Finding::new(subject, message).silent_loss().fix(Fix::manual(
        "publish the tables again, and load them",
        [
            format!("As the owner of both: ALTER PUBLICATION {} ADD TABLE {list}", pg_ident(name)),
            format!("Then, since what changed meanwhile is missing: {}", super::slots::RELOAD),
        ],
    )))
}
