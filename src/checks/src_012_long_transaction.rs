//! SRC-012: see the check's own explanation.

use super::replication::{needs_no_slot, slot_exists};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, Transaction};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Client transactions on the source that have written something and have been open for more than two minutes, in
    /// any database of the server. It does not apply once the pipeline's slot exists.
    ///
    /// # Why it matters
    /// A logical replication slot can be made only when every transaction that was writing at that moment has ended.
    /// Until then the making of the slot hangs without a word, and then it fails with a timeout (57014), or the DMS task
    /// stops after `TransactionConsistencyTimeout` (ten minutes). A session `idle in transaction` never ends by itself:
    /// somebody left a client open, or a program forgot to commit. It also keeps VACUUM from cleaning up.
    ///
    /// # How to fix it by hand
    /// See what it is, and wait, or have its owner commit. Ending it rolls its work back:
    ///
    /// ```sql
    /// SELECT pid, usename, state, now() - xact_start AS age, backend_xid, left(query, 80) AS last_query
    /// FROM pg_stat_activity WHERE backend_xid IS NOT NULL ORDER BY xact_start;
    /// SELECT pg_terminate_backend(4711);
    /// ```
    ///
    /// # Source
    /// AWS DMS assessment `postgres-check-longrunningtxn`. Tried on PostgreSQL 15: an open writing transaction made the
    /// making of a slot hang until the timeout.
    code: "SRC-012",
    name: "long-transaction-blocks-slot",
    area: Src,
    severity: Error,
    title: "An open transaction on the source keeps the replication slot from being made",
    after: ["AUT-024"],
}

/// Seconds from which a writing transaction counts as long.
const LONG: f64 = 120.0;

fn judge(facts: &Facts) -> Judged {
    if let Some(verdict) = needs_no_slot(facts) {
        return Ok(verdict);
    }
    if slot_exists(facts) {
        return Ok(Verdict::NotApplicable("the pipeline's replication slot exists already"));
    }
    let open = facts.source.transactions.known()?;
    Ok(Verdict::from_findings(open.iter().filter(|t| t.writing && t.age_seconds > LONG).map(found).collect()))
}

fn found(transaction: &Transaction) -> Finding {
    let pid = transaction.pid;
    let state = transaction.state.as_deref().unwrap_or("state not visible");
    let age = duration(transaction.age_seconds);
    Finding::new(
        format!("pid {pid}"),
        format!(
            "Process {pid} has had a writing transaction open for {age} ({state}); no slot can be made until it ends"
        ),
    )
    .saw("pid", pid.to_string())
    .saw("user", transaction.user.as_deref().unwrap_or("not visible"))
    .saw("age", age)
    .saw("state", state)
    .fix(Fix::manual(
        "have the transaction committed or rolled back",
        [
            "Ask its owner to commit, or wait.".to_owned(),
            format!("Or end it, which rolls its work back: SELECT pg_terminate_backend({pid})"),
        ],
    ))
}

/// `3 min`, `2 h 5 min`, `4 d 1 h`; under a minute, seconds.
pub(super) fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).floor();
    if minutes < 1.0 {
        format!("{:.0} s", seconds.floor())
    } else if minutes < 60.0 {
        format!("{minutes:.0} min")
    } else if minutes < 24.0 * 60.0 {
        format!("{:.0} h {:.0} min", (minutes / 60.0).floor(), minutes % 60.0)
    } else {
        format!("{:.0} d {:.0} h", (minutes / 1440.0).floor(), (minutes % 1440.0 / 60.0).floor())
    }
}

#[cfg(test)]
mod tests {
    use super::{CHECK, duration};
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, findings, healthy, slot, unseen,
    };
    use crate::facts::{Fact, Facts, Transaction};
    use crate::pipeline::SyncMode;

    fn open(age_seconds: f64, writing: bool) -> Facts {
        let mut facts = healthy();
        facts.source.transactions = Fact::Known(vec![Transaction {
            pid: 4711,
            user: Some("app".into()),
            state: Some("idle in transaction".into()),
            age_seconds,
            writing,
        }]);
        facts
    }

    #[test]
    fn a_long_writing_transaction_is_named_with_what_ends_it() {
        let facts = open(7500.0, true);
        let found = findings(&CHECK, &facts).remove(0);
        assert!(found.evidence.contains(&("age".into(), "2 h 5 min".into())));
        assert!(found.fix.unwrap().steps[1].action.describe().contains("pg_terminate_backend(4711)"));
        assert_eq!(causes(&facts), ["SRC-012"]);
    }

    #[test]
    fn short_ones_and_readers_pass() {
        assert_pass(&CHECK, &open(119.0, true));
        assert_pass(&CHECK, &open(90_000.0, false));
        assert_pass(&CHECK, &healthy());
    }

    #[test]
    fn unknown_and_not_applicable() {
        let mut facts = open(7500.0, true);
        facts.source.transactions = unseen();
        assert_unknown(&CHECK, &facts);
        let mut facts = open(7500.0, true);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
        let mut facts = open(7500.0, true);
        facts.source.slots = Fact::Known(vec![slot("cdc_doctor_charts")]);
        assert_not_applicable(&CHECK, &facts);
    }

    #[test]
    fn durations_read_well() {
        for (seconds, words) in [(5.9, "5 s"), (125.0, "2 min"), (3600.0, "1 h 0 min"), (90_000.0, "1 d 1 h")] {
            assert_eq!(duration(seconds), words);
        }
    }
}
