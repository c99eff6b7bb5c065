//! RUN-018: see the check's own explanation.

use super::{Finding, Judged, Verdict};
use crate::facts::{CANARY_TABLE, CanaryEnd, CanaryLeg, CanaryRun, Facts, Unknown, UnknownKind};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// One row that is written, changed and deleted on the source and followed to the target, through the pipeline as it
    /// runs: with a boolean, an emoji, a number of many digits, microseconds, all 256 bytes, JSON, a date that becomes
    /// NULL, a double, and a text of 16 kB that the change does not touch. What arrives is compared with what was sent,
    /// and timed.
    ///
    /// This check writes, so that it runs only when it is asked for: `cdc-doctor check --canary`. The row goes through a
    /// table of its own, `cdc_doctor_canary`, in the first selected schema. The table is made when it is not there, and
    /// added to the publication; a sync that is running takes it in when it is started the next time. The row is gone
    /// afterwards, and so are those of runs that were broken off.
    ///
    /// # Why it matters
    /// A pipeline can run, be fast, and change values on the way: booleans that are all true, emoji that became `?`,
    /// microseconds cut off, large texts that an update of another column empties (PostgreSQL does not send them again).
    /// Nobody else looks, until somebody misses something.
    ///
    /// # How to fix it by hand
    /// Nothing arrives: see that sync runs, and was started after the table was made. A value is changed:
    /// `cdc-doctor schema --format diff` shows how the target's table differs from the one it should be; with DMS, look at
    /// `MapBooleanAsBoolean`, the LOB settings of the task and the target's character set.
    ///
    /// ```sql
    /// ALTER PUBLICATION … ADD TABLE public.cdc_doctor_canary;
    /// DROP TABLE public.cdc_doctor_canary;      -- when it is not wanted any more; on the target as well
    /// ```
    ///
    /// # Source
    /// Its own design. Tried on PostgreSQL 15 into MariaDB 10.11 and MySQL 9.7, with pipelines that tell the truth and
    /// that lie.
    code: "RUN-018",
    name: "canary-changed-or-lost",
    area: Run,
    severity: Error,
    title: "A row sent through the running pipeline does not arrive, or not as it was sent",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    if !facts.pipeline.sync.mode.has_cdc() {
        return Ok(Verdict::NotApplicable("mode full-load replicates no changes"));
    }
    let Some(run) = &facts.canary else {
        return Ok(Verdict::NotApplicable("it writes a row, so only when asked for: cdc-doctor check --canary"));
    };
    let found = match &run.end {
        CanaryEnd::Refused { doing, why } => {
            return Err(Unknown::new(UnknownKind::NoPermission, format!("{doing} was refused: {why}")));
        }
        CanaryEnd::NotSelected => not_selected(run),
        CanaryEnd::NotPublished { sql, why } => not_published(run, facts, sql, why),
        CanaryEnd::NotRunning(why) => not_running(run, why),
        CanaryEnd::NotCarried => not_carried(run),
        CanaryEnd::Followed(legs) => return Ok(Verdict::from_findings(followed(run, legs))),
    };
    Ok(Verdict::Fail(vec![found]))
}

fn not_selected(run: &CanaryRun) -> Finding {
    let message = format!("The patterns in [tables] leave out {}, so that no row can be sent through it", run.source);
    Finding::new(run.source.clone(), message).fix(Fix::manual(
        "select the canary's table",
        [format!("Add \"{}\" to include in [tables], and start sync again.", run.source)],
    ))
}

fn not_published(run: &CanaryRun, facts: &Facts, sql: &str, why: &str) -> Finding {
    let publication = &facts.pipeline.sync.publication;
    let message = format!("The publication \"{publication}\" leaves out {}, and this login may not add it", run.source);
    Finding::new(run.source.clone(), message).saw("refused", why).fix(Fix::manual(
        "publish the canary's table",
        [format!("As the owner of both: {sql}"), "Then start sync again, so that it takes the table in.".to_owned()],
    ))
}

fn not_running(run: &CanaryRun, why: &str) -> Finding {
    Finding::new(run.source.clone(), format!("No sync is running, so that no row can be sent through it: {why}"))
        .fix(Fix::manual("start sync, then send the canary", ["cdc-doctor sync", "cdc-doctor check --canary"]))
}

fn not_carried(run: &CanaryRun) -> Finding {
    let message = format!("The sync that is running began before {} was there, and does not carry it", run.source);
    Finding::new(run.source.clone(), message).fix(restart())
}

fn restart() -> Fix {
    Fix::manual(
        "start sync again, so that it takes the canary's table in",
        ["Stop sync and start it again: it goes on where it was.", "cdc-doctor check --canary"],
    )
}

/// A finding for each change that did not arrive or brought other values, each with the delays of all.
fn followed(run: &CanaryRun, legs: &[CanaryLeg]) -> Vec<Finding> {
    legs.iter()
        .filter_map(|leg| leg_fault(run, leg))
        .map(|finding| legs.iter().fold(finding, |finding, leg| finding.saw(leg.change.as_str(), arrived(leg))))
        .collect()
}

fn leg_fault(run: &CanaryRun, leg: &CanaryLeg) -> Option<Finding> {
    let change = leg.change.as_str();
    if leg.delay_ms.is_none() {
        let message = format!("The {change} did not reach {} within {} s", run.target, run.limit_seconds);
        let mut finding = Finding::new(run.target.clone(), message);
        if let Some(said) = &leg.said {
            finding = finding.saw("target", said);
        }
        return Some(finding.fix(restart().or(format!(
            "where {CANARY_TABLE} was carried before: look at the log of sync, or wait longer with --canary-timeout"
        ))));
    }
    if leg.changed.is_empty() {
        return None;
    }
    let names: Vec<&str> = leg.changed.iter().map(|v| v.column.as_str()).collect();
    let message = format!("The {change} reached {} with other values: {}", run.target, names.join(", "));
    let finding = leg.changed.iter().fold(Finding::new(run.target.clone(), message).silent_loss(), |finding, value| {
        finding.saw(format!("{change} {}", value.column), format!("sent {}, arrived {}", value.sent, value.arrived))
    });
    Some(finding.fix(Fix::manual(
        "find where the values change, and load again",
        ["cdc-doctor schema --format diff shows how the target's table differs from the one it should be."],
    )))
}

fn arrived(leg: &CanaryLeg) -> String {
    leg.delay_ms.map_or_else(|| "did not arrive".to_owned(), |ms| format!("arrived after {ms} ms"))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::Finding;
    use crate::checks::testing::{assert_not_applicable, assert_pass, causes, finding, findings, healthy_sync};
    use crate::facts::{CanaryChange, CanaryEnd, CanaryLeg, CanaryRun, CanaryValue, Facts};
    use crate::pipeline::SyncMode;

    fn with(end: CanaryEnd) -> Facts {
        let mut facts = healthy_sync();
        facts.canary = Some(CanaryRun {
            source: "public.cdc_doctor_canary".into(),
            target: "charts.cdc_doctor_canary".into(),
            limit_seconds: 30,
            end,
        });
        facts
    }

    fn leg(change: CanaryChange, delay_ms: Option<u64>) -> CanaryLeg {
        CanaryLeg { change, delay_ms, changed: Vec::new(), said: None }
    }

    fn first_step(found: Finding) -> String {
        found.fix.unwrap().steps[0].action.describe()
    }

    #[test]
    fn passes_when_every_change_arrived_as_it_was_sent() {
        let legs = [CanaryChange::Insert, CanaryChange::Update, CanaryChange::Delete].map(|c| leg(c, Some(80)));
        assert_pass(&CHECK, &with(CanaryEnd::Followed(legs.into())));
    }

    #[test]
    fn a_changed_value_is_silent_loss_with_what_was_sent_and_what_arrived() {
        let value = |column: &str, sent: &str, arrived: &str| CanaryValue {
            column: column.into(),
            sent: sent.into(),
            arrived: arrived.into(),
        };
        let mut insert = leg(CanaryChange::Insert, Some(120));
        insert.changed.push(value("flag", "false", "1"));
        let mut update = leg(CanaryChange::Update, Some(80));
        update.changed.push(value("body", "16384 characters", "NULL"));
        let facts = with(CanaryEnd::Followed(vec![insert, update, leg(CanaryChange::Delete, Some(70))]));
        let found = findings(&CHECK, &facts);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|f| f.silent_loss));
        assert!(found[1].message.ends_with("with other values: body"), "{}", found[1].message);
        assert_eq!(found[1].evidence[0], ("update body".into(), "sent 16384 characters, arrived NULL".into()));
        assert_eq!(found[1].evidence[1], ("insert".into(), "arrived after 120 ms".into()));
        assert_eq!(causes(&facts), ["RUN-018"]);
    }

    #[test]
    fn what_does_not_arrive_is_told_with_the_time_waited() {
        let mut lost = leg(CanaryChange::Insert, None);
        lost.said = Some("Table 'charts.cdc_doctor_canary' doesn't exist".into());
        let found = finding(&CHECK, &with(CanaryEnd::Followed(vec![lost])));
        assert_eq!(found.message, "The insert did not reach charts.cdc_doctor_canary within 30 s");
        assert!(found.evidence[0].1.contains("doesn't exist"));
        assert!(first_step(found).starts_with("Stop sync and start it again"));
    }

    #[test]
    fn what_stands_in_the_way_is_told_with_what_to_do() {
        let sql = r#"ALTER PUBLICATION "p" ADD TABLE "public"."cdc_doctor_canary""#.to_owned();
        let not_published = CanaryEnd::NotPublished { sql, why: "must be owner of publication p".into() };
        for (end, step) in [
            (CanaryEnd::NotSelected, r#"Add "public.cdc_doctor_canary" to include"#),
            (not_published, r#"As the owner of both: ALTER PUBLICATION "p" ADD TABLE"#),
            (CanaryEnd::NotRunning("nobody reads from slot x".into()), "cdc-doctor sync"),
            (CanaryEnd::NotCarried, "Stop sync and start it again"),
        ] {
            let found = finding(&CHECK, &with(end));
            assert!(!found.silent_loss && first_step(found.clone()).starts_with(step), "{found:?}");
        }
    }

    #[test]
    fn unknown_when_refused_and_not_applicable_unless_asked_for() {
        let doing = "creating public.cdc_doctor_canary".to_owned();
        let facts = with(CanaryEnd::Refused { doing, why: "permission denied for schema public".into() });
        let why = (CHECK.judge)(&facts).unwrap_err().reason;
        assert_eq!(why, "creating public.cdc_doctor_canary was refused: permission denied for schema public");
        assert_not_applicable(&CHECK, &healthy_sync());
        let mut facts = with(CanaryEnd::NotCarried);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
    }
}
