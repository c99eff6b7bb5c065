//! DTK-022: see the check's own explanation.

use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The `CdcStartPosition` or start time of a task that follows changes from PostgreSQL.
    ///
    /// # Why it matters
    /// A PostgreSQL source starts from a position in the WAL (an LSN) that its slot still has. A moment in time is
    /// refused, or taken as "now", and what came between is missing.
    ///
    /// # How to fix it by hand
    /// Make a slot first and start from its position:
    ///
    /// ```sh
    /// aws dms start-replication-task --start-replication-task-type start-replication --cdc-start-position 0/1A2B3C4D …
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using PostgreSQL as a source", native CDC start points.
    code: "DTK-022",
    name: "cdc-start-cannot-be-reached",
    area: Dtk,
    severity: Error,
    title: "The task is to begin at a time, which PostgreSQL sources cannot",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let Some(position) = task.cdc_start_position.as_deref() else { return Ok(Vec::new()) };
        let message =
            format!("The task {} is to begin at {position}, which is no position in the WAL", task.identifier);
        let fix =
            Fix::manual("begin at an LSN", ["Start it with --cdc-start-position and an LSN that the slot still has."]);
        let wrong = part.follows_changes() && is_moment(position);
        only(wrong.then(|| Finding::new(&task.identifier, message).saw("CdcStartPosition", position).fix(fix)))
    })
}

/// `2018-03-08T12:12:12`, or seconds since 1970.
fn is_moment(position: &str) -> bool {
    let dated = position.len() >= 10 && position.as_bytes()[4] == b'-' && position.as_bytes()[7] == b'-';
    dated || (position.len() >= 9 && position.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::Verdict;
    use crate::checks::testing::unseen;
    use crate::checks::testing_aws::{assert_around, healthy_dms, task};

    #[test]
    fn a_time_is_no_position() {
        let mut facts = healthy_dms();
        for (position, wrong) in
            [("2018-03-08T12:12:12", true), ("1733000000", true), ("0/1A2B3C4D", false), ("checkpoint:V1#27#x", false)]
        {
            task(&mut facts).cdc_start_position = Some(position.into());
            assert_eq!((CHECK.judge)(&facts) != Ok(Verdict::Pass), wrong, "{position}");
        }
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
