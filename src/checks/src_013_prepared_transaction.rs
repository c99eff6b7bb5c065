//! SRC-013: see the check's own explanation.

use super::replication::{needs_no_slot, slot_exists};
use super::src_012_long_transaction::duration;
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, PreparedTransaction};
use crate::fixes::Fix;
use crate::quote::pg_literal;

check! {
    /// # What it looks at
    /// Prepared (two-phase) transactions on the source, in any database of the server. It does not apply once the
    /// pipeline's slot exists.
    ///
    /// # Why it matters
    /// A prepared transaction is still open: it waits for its `COMMIT PREPARED`, outlives its session, and even a
    /// restart of the server. Until it ends the making of a replication slot hangs without a word. One that is minutes
    /// old is mostly an orphan of a transaction manager that crashed; it also keeps locks and holds VACUUM back.
    ///
    /// # How to fix it by hand
    /// Ask whoever runs the transaction manager whether it was to be committed. Then, connected to *its* database, as its
    /// owner or a superuser, one of the two:
    ///
    /// ```sql
    /// SELECT gid, owner, database, prepared FROM pg_prepared_xacts;
    /// COMMIT PREPARED '…';
    /// ROLLBACK PREPARED '…';
    /// ```
    ///
    /// # Source
    /// AWS DMS assessment `postgres-check-preparedtxn`; PostgreSQL documentation, "PREPARE TRANSACTION". Tried on
    /// PostgreSQL 15.
    code: "SRC-013",
    name: "prepared-transaction-blocks-slot",
    area: Src,
    severity: Error,
    title: "A prepared transaction on the source keeps the replication slot from being made",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    if let Some(verdict) = needs_no_slot(facts) {
        return Ok(verdict);
    }
    if slot_exists(facts) {
        return Ok(Verdict::NotApplicable("the pipeline's replication slot exists already"));
    }
    Ok(Verdict::from_findings(facts.source.prepared.known()?.iter().map(found).collect()))
}

fn found(prepared: &PreparedTransaction) -> Finding {
    let gid = pg_literal(&prepared.gid);
    let age = duration(prepared.age_seconds);
    let database = &prepared.database;
    Finding::new(
        prepared.gid.clone(),
        format!("The prepared transaction {gid} in \"{database}\" has been open for {age}; no slot can be made until it ends"),
    )
    .saw("gid", &prepared.gid)
    .saw("owner", &prepared.owner)
    .saw("database", database)
    .saw("age", age)
    .fix(Fix::manual(
        "commit the prepared transaction or roll it back",
        [
            format!("Connected to \"{database}\" as \"{}\" or a superuser: COMMIT PREPARED {gid}", prepared.owner),
            format!("Or, where its work is not wanted: ROLLBACK PREPARED {gid}"),
        ],
    ))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, unseen,
    };
    use crate::facts::{Fact, PreparedTransaction};
    use crate::pipeline::SyncMode;

    #[test]
    fn a_prepared_transaction_is_named_with_both_ways_out() {
        let mut facts = healthy();
        facts.source.prepared = Fact::Known(vec![PreparedTransaction {
            gid: "x'y".into(),
            owner: "app".into(),
            database: "shop".into(),
            age_seconds: 3.0,
        }]);
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert!(fix.steps[0].action.describe().ends_with("COMMIT PREPARED 'x''y'"));
        assert!(fix.steps[1].action.describe().ends_with("ROLLBACK PREPARED 'x''y'"));
        assert_eq!(causes(&facts), ["SRC-013"]);
    }

    #[test]
    fn passes_unknown_and_not_applicable() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.prepared = unseen();
        assert_unknown(&CHECK, &facts);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
    }
}
