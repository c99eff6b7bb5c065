//! SRC-023: see the check's own explanation.

use super::aws_fixes::modify_endpoint;
use super::aws_parts::{only, with_source};
use super::replication::needs_no_slot;
use super::slots::{held, idle, own, volume};
use super::src_022_slot_without_reader::{seen, start_or_drop};
use super::{Finding, Judged, Verdict};
use crate::facts::aws::DmsEndpoint;
use crate::facts::{Facts, Slot, Unknown, UnknownKind};
use crate::fixes::{Fix, Mode};
use crate::pipeline::EngineKind;

check! {
    /// # What it looks at
    /// On RDS and Aurora: whether something moves the pipeline's slot forward while nobody writes to its tables. The
    /// engine `direct` does so by itself while it runs, so that only a slot without a reader is a fault. Of a DMS task
    /// SQL cannot tell: it is a setting of its source endpoint.
    ///
    /// # Why it matters
    /// RDS writes a heartbeat to its own database `rdsadmin` every five minutes, and each begins a new WAL segment of 64
    /// MB. So WAL grows by some 18 GB a day even where nobody does anything, and a slot of a quiet database holds all of
    /// it back: it moves only when a change of its own is confirmed. The disk of an idle test system is full within days.
    ///
    /// # How to fix it by hand
    /// With the engine `direct`: let sync run. With DMS: let the task write a heartbeat of its own, in the database that
    /// it reads, with the task stopped:
    ///
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --postgre-sql-settings \
    ///   '{"HeartbeatEnable": true, "HeartbeatFrequency": 5, "HeartbeatSchema": "public"}'
    /// ```
    ///
    /// A slot that nobody will come back for: `SELECT pg_drop_replication_slot('…')`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using a PostgreSQL database as a source" (WAL heartbeat); Singer's tap-postgres, notes on RDS.
    /// Not tried on RDS.
    code: "SRC-023",
    name: "quiet-database-holds-wal",
    area: Src,
    severity: Warning,
    title: "RDS itself writes WAL, and nothing moves the pipeline's slot past it",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    if let Some(verdict) = needs_no_slot(facts) {
        return Ok(verdict);
    }
    if !facts.source.session.known()?.is_rds {
        return Ok(Verdict::NotApplicable("the source is not on RDS"));
    }
    if facts.pipeline.sync.engine == EngineKind::Dms {
        if facts.aws.is_some() && facts.pipeline.dms.is_some() {
            return with_source(facts, |_, endpoint| only((!writes_heartbeat(endpoint)).then(|| silent(endpoint))));
        }
        return Err(Unknown::new(
            UnknownKind::NoPermission,
            "whether the DMS source endpoint writes a heartbeat (HeartbeatEnable) is not visible by SQL; \
             dms:DescribeEndpoints would tell",
        ));
    }
    let found = own(facts)?.filter(|s| idle(s)).map(|slot| found(facts, slot));
    Ok(Verdict::from_findings(found.into_iter().collect()))
}

fn writes_heartbeat(endpoint: &DmsEndpoint) -> bool {
    let setting = endpoint.postgres.as_ref().and_then(|s| s.heartbeat);
    setting == Some(true) || endpoint.attribute("HeartbeatEnable").is_some_and(|v| v.eq_ignore_ascii_case("true"))
}

fn silent(endpoint: &DmsEndpoint) -> Finding {
    let message = format!(
        "The endpoint {} writes no heartbeat: while nobody writes to this database, its slot keeps all WAL, and RDS adds \
         to it every five minutes",
        endpoint.identifier
    );
    let settings = [
        ("PostgreSQLSettings.HeartbeatEnable", "true", Some("false")),
        ("PostgreSQLSettings.HeartbeatFrequency", "5", Some("5")),
    ];
    let step = modify_endpoint(endpoint, &settings);
    let fix = Fix::new(Mode::Confirm, format!("let {} write a heartbeat", endpoint.identifier), vec![step]);
    Finding::new(&endpoint.identifier, message).saw("HeartbeatEnable", "false").fix(fix)
}

fn found(facts: &Facts, slot: &Slot) -> Finding {
    let message = format!(
        "Sync is not running: nobody reads from the pipeline's slot, for which the source keeps {} of WAL, and RDS adds \
         to it every five minutes even when nobody writes",
        volume(held(slot))
    );
    seen(facts, slot, message).fix(start_or_drop(facts, slot))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, healthy_rds, slot, unseen,
    };
    use crate::checks::testing_aws::{healthy_dms, source_endpoint};
    use crate::facts::{Fact, Facts, Slot};
    use crate::pipeline::{EngineKind, SyncMode};

    fn stopped() -> Facts {
        let mut facts = healthy_rds();
        facts.source.slots =
            Fact::Known(vec![Slot { retained_bytes: Some(1_000_000), ..slot("cdc_doctor_charts") }, slot("another")]);
        facts
    }

    #[test]
    fn a_stopped_sync_on_rds_is_told_what_it_costs() {
        let mut facts = stopped();
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("RDS adds to it every five minutes"), "{}", found.message);
        assert_eq!(found.fix.unwrap().steps[0].action.describe(), "cdc-doctor sync goes on where it stopped.");
        if let Fact::Known(slots) = &mut facts.source.slots {
            slots.pop();
        }
        assert_eq!(causes(&facts), ["SRC-023"], "SRC-022 does not say it again");
    }

    #[test]
    fn the_engine_moves_the_slot_by_itself() {
        let mut facts = stopped();
        if let Fact::Known(slots) = &mut facts.source.slots {
            slots[0].active = true;
        }
        assert_pass(&CHECK, &facts);
        assert_pass(&CHECK, &healthy_rds());
    }

    #[test]
    fn a_dms_endpoint_writes_a_heartbeat() {
        let mut facts = healthy_dms();
        assert_pass(&CHECK, &facts);
        source_endpoint(&mut facts).postgres = None;
        let step = finding(&CHECK, &facts).fix.unwrap().steps.remove(0);
        assert!(step.action.describe().contains("HeartbeatEnable=true,HeartbeatFrequency=5"), "{step:?}");
        source_endpoint(&mut facts).attributes = "heartbeatEnable=true;".into();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn unknown_for_dms_and_not_applicable_elsewhere() {
        let mut facts = stopped();
        facts.pipeline.sync.engine = EngineKind::Dms;
        assert_unknown(&CHECK, &facts);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
        assert_not_applicable(&CHECK, &healthy());
        let mut facts = healthy_rds();
        facts.source.slots = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
