//! TCF-014: see the check's own explanation.

use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, MyTransaction};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Transactions on the target that have held locks or changes for five minutes or longer (`innodb_trx`), but for
    /// those of the pipeline's own login, which may be loading. To see them takes the privilege PROCESS.
    ///
    /// # Why it matters
    /// A row that another session has locked cannot be written: the engine waits for it, and after
    /// `innodb_lock_wait_timeout`, 50 seconds unless it is set, gets `1205 Lock wait timeout exceeded`, or `1213 Deadlock
    /// found`. `direct` tries again; DMS does so for a while. The table cannot be altered or emptied either.
    ///
    /// # How to fix it by hand
    /// Look what it does, and let whoever opened it end it; else end the session, which takes its changes back:
    ///
    /// ```sql
    /// SELECT trx_mysql_thread_id, trx_started, trx_query FROM information_schema.innodb_trx ORDER BY trx_started;
    /// KILL 123;          -- on RDS: CALL mysql.rds_kill(123);
    /// ```
    ///
    /// # Source
    /// MySQL documentation, "The INFORMATION_SCHEMA INNODB_TRX Table" and "InnoDB Error Handling". Tried on MySQL 9.7 and
    /// MariaDB 10.11.
    code: "TCF-014",
    name: "long-target-transaction",
    area: Tcf,
    severity: Warning,
    title: "A transaction on the target has held locks for a long time",
    after: ["AUT-025"],
}

/// Seconds from which on it is told.
const LONG: u64 = 300;

fn judge(facts: &Facts) -> Judged {
    let own = facts.pipeline.target.user.as_str();
    let told = |t: &&MyTransaction| t.age_seconds >= LONG && t.user.as_deref() != Some(own);
    let long = facts.target.transactions.known()?.iter().filter(told);
    Ok(Verdict::from_findings(long.map(finding).collect()))
}

fn finding(held: &MyTransaction) -> Finding {
    let MyTransaction { session, user, age_seconds, locked, changed } = held;
    let whose = user.as_deref().unwrap_or("nobody who is logged in");
    let message = format!("Session {session} ({whose}) has held locks for {} minutes", age_seconds / 60);
    let fix = Fix::manual(
        "end the transaction",
        [
            format!("Let {whose} commit or roll back."),
            format!("Else, as an administrator, which takes its changes back: KILL {session}"),
            format!("On RDS: CALL mysql.rds_kill({session})"),
        ],
    );
    let finding = Finding::new(format!("session {session}"), message).saw("rows locked", locked.to_string());
    finding.saw("rows changed", changed.to_string()).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, unseen};
    use crate::facts::{Fact, MyTransaction};

    #[test]
    fn the_old_ones_of_others_are_told() {
        let held = |session, user: &str, age_seconds| MyTransaction {
            session,
            user: Some(user.into()),
            age_seconds,
            locked: 3,
            changed: 2,
        };
        let mut facts = healthy();
        facts.target.transactions = Fact::Known(vec![held(7, "cdc", 5000), held(8, "app", 3700), held(9, "app", 299)]);
        let found = finding(&CHECK, &facts);
        assert_eq!(found.message, "Session 8 (app) has held locks for 61 minutes");
        assert_eq!(causes(&facts), ["TCF-014"]);
    }

    #[test]
    fn passes_and_is_unknown() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.target.transactions = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
