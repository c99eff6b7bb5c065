//! DEP-009: see the check's own explanation.

use super::aws_parts::{Part, only, with_source};
use super::slots::dms_slot;
use super::{Finding, Judged};
use crate::facts::{Facts, Slot, Unknown};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::quote::pg_literal;

check! {
    /// # What it looks at
    /// `SlotName` of the endpoint against the slots of the source: whether it is there, in the right database, of a
    /// plugin that DMS reads (`test_decoding`, `pglogical_output`), and not read by somebody else; and whether the
    /// task has a start position.
    ///
    /// # Why it matters
    /// A named slot is not made by DMS. The task fails when it is missing or busy, and without a start position it
    /// does not know where to begin.
    ///
    /// # How to fix it by hand
    /// ```sql
    /// SELECT pg_create_logical_replication_slot('charts_dms', 'test_decoding');
    /// SELECT slot_name, plugin, database, active, confirmed_flush_lsn FROM pg_replication_slots;
    /// ```
    ///
    /// Then start the task with `--cdc-start-position` at or after `confirmed_flush_lsn`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using PostgreSQL as a source", native CDC start points.
    code: "DEP-009",
    name: "named-slot-unusable",
    area: Dep,
    severity: Error,
    title: "The source endpoint names a slot that the task cannot read from",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_source(facts, |part, endpoint| {
        let Some(Some(name)) = dms_slot(facts) else { return Ok(Vec::new()) };
        let slot = facts.source.slots.known()?.iter().find(|s| s.name == name);
        let why = match slot {
            None => Some("is not there".to_owned()),
            Some(slot) => fault(facts, part, slot)?,
        };
        only(why.map(|why| {
            let message = format!("The slot \"{name}\", which {} names, {why}", endpoint.identifier);
            Finding::new(name, message).saw("SlotName", name).fix(remedy(name, slot))
        }))
    })
}

fn fault(facts: &Facts, part: &Part<'_>, slot: &Slot) -> Result<Option<String>, Unknown> {
    let database = slot.database.as_deref().unwrap_or_default();
    let plugin = slot.plugin.as_deref().unwrap_or_default();
    let task = part.dms.task(part.names)?;
    let runs = task.is_some_and(|t| t.status == "running");
    Ok(match slot {
        _ if database != facts.pipeline.source.database => Some(format!("belongs to the database \"{database}\"")),
        _ if !matches!(plugin, "test_decoding" | "pglogical_output") => {
            Some(format!("has the plugin {plugin}, which DMS does not read"))
        }
        slot if slot.active && !runs => Some("is read by somebody else".to_owned()),
        _ if task.is_some_and(|t| t.started.is_none() && t.cdc_start_position.is_none()) => {
            Some("needs a start position (--cdc-start-position) that the task does not have".to_owned())
        }
        _ => None,
    })
}

fn remedy(name: &str, slot: Option<&Slot>) -> Fix {
    if slot.is_some() {
        return Fix::manual(
            "take another slot, or free this one",
            ["Name another slot on the endpoint, or end the other reader."],
        );
    }
    let name = pg_literal(name);
    let make = format!("SELECT pg_create_logical_replication_slot({name}, 'test_decoding')");
    let drop = Action::source(format!("SELECT pg_drop_replication_slot({name})"));
    Fix::new(Mode::Confirm, "make the slot", vec![Step::new(Cost::None, Action::source(make)).undo(drop)])
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, slot, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_endpoint, task};
    use crate::facts::{Fact, Facts, Slot};

    fn named(slot: Option<Slot>) -> Facts {
        let mut facts = healthy_dms();
        let settings = source_endpoint(&mut facts).postgres.as_mut().unwrap();
        settings.slot_name = Some("charts_dms".into());
        facts.source.slots = Fact::Known(slot.into_iter().collect());
        facts
    }

    fn usable() -> Slot {
        Slot { plugin: Some("test_decoding".into()), active: true, ..slot("charts_dms") }
    }

    #[test]
    fn each_fault_is_named() {
        assert_pass(&CHECK, &named(Some(usable())));
        assert!(finding(&CHECK, &named(None)).fix.unwrap().steps[0].undo.is_some());
        for (slot, words) in [
            (Slot { database: Some("other".into()), ..usable() }, "belongs to the database \"other\""),
            (Slot { plugin: Some("pgoutput".into()), ..usable() }, "has the plugin pgoutput"),
        ] {
            let message = finding(&CHECK, &named(Some(slot))).message;
            assert!(message.contains(words), "{message}");
        }
        let mut facts = named(Some(usable()));
        task(&mut facts).status = "stopped".into();
        assert!(finding(&CHECK, &facts).message.contains("is read by somebody else"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
