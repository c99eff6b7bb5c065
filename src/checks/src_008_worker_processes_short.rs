//! SRC-008: see the check's own explanation.

use super::replication::{needs_no_slot, number};
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::Fix;
use crate::pipeline::EngineKind;

check! {
    /// # What it looks at
    /// `max_worker_processes` of the source against the sum of `max_logical_replication_workers`,
    /// `autovacuum_max_workers` and `max_parallel_workers`, as the guide of AWS DMS asks for. It applies to the engine
    /// `dms`.
    ///
    /// # Why it matters
    /// Workers for parallel queries and for subscriptions come out of one pool. Where it is empty, queries run
    /// without helpers, and logical replication workers cannot start: `out of background worker slots`. PostgreSQL's
    /// own defaults (8 against 15) are below the sum.
    ///
    /// # How to fix it by hand
    /// Set `max_worker_processes` to the sum or more: in the parameter group on RDS, by `ALTER SYSTEM` elsewhere. It
    /// takes a restart. Each process takes memory that the database then lacks.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using a PostgreSQL database as a source", additional configuration.
    code: "SRC-008",
    name: "worker-processes-short",
    area: Src,
    severity: Advice,
    title: "The source has fewer worker processes than its settings hand out",
    after: ["AUT-024"],
}

/// What draws on the pool, by the rule of DMS.
const DRAW: [&str; 3] = ["max_logical_replication_workers", "autovacuum_max_workers", "max_parallel_workers"];

fn judge(facts: &Facts) -> Judged {
    if facts.pipeline.sync.engine != EngineKind::Dms {
        return Ok(Verdict::NotApplicable("the rule is that of AWS DMS, and the engine is another"));
    }
    if let Some(verdict) = needs_no_slot(facts) {
        return Ok(verdict);
    }
    let max = number(facts, "max_worker_processes")?;
    let mut wanted = 0;
    let mut parts = Vec::new();
    for name in DRAW {
        let value = number(facts, name)?;
        wanted += value;
        parts.push(format!("{name} = {value}"));
    }
    if max >= wanted {
        return Ok(Verdict::Pass);
    }
    let message = format!("max_worker_processes is {max}, and the settings that draw on it come to {wanted}");
    let todo = format!("Set max_worker_processes = {wanted} in the parameter group or by ALTER SYSTEM, and restart.");
    let finding = Finding::new("max_worker_processes", message)
        .saw("max_worker_processes", max.to_string())
        .saw("drawn on by", parts.join(", "))
        .fix(Fix::manual(format!("raise max_worker_processes to {wanted}, and restart the source"), [todo]));
    Ok(Verdict::Fail(vec![finding]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_not_applicable, assert_pass, assert_unknown, finding, healthy, set, unseen};
    use crate::checks::testing_aws::healthy_dms;

    #[test]
    fn the_defaults_of_postgres_are_short() {
        let mut facts = healthy_dms();
        set(&mut facts, "max_worker_processes", "8");
        assert!(finding(&CHECK, &facts).message.ends_with("is 8, and the settings that draw on it come to 15"));
        set(&mut facts, "max_worker_processes", "15");
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        let mut facts = healthy_dms();
        facts.source.settings = unseen();
        assert_unknown(&CHECK, &facts);
        assert_not_applicable(&CHECK, &healthy());
    }
}
