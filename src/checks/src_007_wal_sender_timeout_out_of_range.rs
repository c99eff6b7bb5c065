//! SRC-007: see the check's own explanation.

use super::aws_fixes::set_parameter;
use super::aws_parts::OnRds;
use super::replication::{needs_no_slot, number};
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::Fix;
use crate::pipeline::EngineKind;

check! {
    /// # What it looks at
    /// `wal_sender_timeout` of the source, for the engine `dms`: 0, or from 10 seconds to below 5 minutes.
    ///
    /// # Why it matters
    /// DMS refuses to follow changes where it is between 1 and 9999 ms. From five minutes up, a task waits that long
    /// after a failover of its instance until the old connection gives the slot free.
    ///
    /// # How to fix it by hand
    /// Set it to 60000 ms, no restart: on RDS in the parameter group, else
    /// ```sql
    /// ALTER SYSTEM SET wal_sender_timeout = '60s';
    /// SELECT pg_reload_conf();
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using PostgreSQL as a source", prerequisites.
    code: "SRC-007",
    name: "wal-sender-timeout-out-of-range",
    area: Src,
    severity: Error,
    title: "The source ends the connections of DMS too early or too late",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    if facts.pipeline.sync.engine != EngineKind::Dms {
        return Ok(Verdict::NotApplicable("only DMS sets limits on it"));
    }
    if let Some(verdict) = needs_no_slot(facts) {
        return Ok(verdict);
    }
    let value = number(facts, "wal_sender_timeout")?;
    let why = match value {
        0 | 10_000..300_000 => return Ok(Verdict::Pass),
        1..10_000 => "DMS refuses to follow changes below 10000",
        _ => "after a failover of its instance, DMS waits that long for its own slot",
    };
    let on_aws = OnRds::of(facts, "source").ok().flatten();
    let fix = on_aws.and_then(|side| set_parameter(&side, "wal_sender_timeout", "60000")).unwrap_or_else(|| {
        let sql = "As a superuser: ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf()";
        Fix::manual("set wal_sender_timeout = 60s", [sql])
    });
    let finding = Finding::new("wal_sender_timeout", format!("wal_sender_timeout is {value} ms: {why}"));
    Ok(Verdict::Fail(vec![finding.fix(fix)]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, set, unseen,
    };
    use crate::checks::testing_aws::healthy_dms;

    #[test]
    fn too_short_and_too_long() {
        let mut facts = healthy_dms();
        for (value, says) in [("9999", "refuses"), ("300000", "waits")] {
            set(&mut facts, "wal_sender_timeout", value);
            assert!(finding(&CHECK, &facts).message.contains(says), "{value}");
            assert_eq!(causes(&facts), ["SRC-007"]);
        }
        for value in ["0", "10000", "299999"] {
            set(&mut facts, "wal_sender_timeout", value);
            assert_pass(&CHECK, &facts);
        }
        facts.source.settings = unseen();
        assert_unknown(&CHECK, &facts);
        assert_not_applicable(&CHECK, &healthy());
    }
}
