//! RUN-014: see the check's own explanation.

use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::decode::{decode, innermost};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// A task in the state `running` with a failure message.
    ///
    /// # Why it matters
    /// DMS restarts it inside itself; the state stays green, and nothing moves (see `RecoverableErrorCount`,
    /// DTK-014).
    ///
    /// # How to fix it by hand
    /// Stop it, put the cause right, and start it with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Error handling task settings".
    code: "RUN-014",
    name: "running-and-dead",
    area: Run,
    severity: Warning,
    title: "The task runs, and fails again and again inside",
    after: ["IAM-001", "RUN-015"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |_, task| {
        let failure = task.failure.as_deref().filter(|f| task.status == "running" && !f.trim().is_empty());
        only(failure.map(|failure| {
            let said = innermost(failure).trim();
            let message = format!("The task {} runs, and its last failure was: {said}", task.identifier);
            let todo = decode(failure).map_or_else(|| "Stop it, and look at its log.".to_owned(), |d| d.fix);
            Finding::new(&task.identifier, message).fix(Fix::manual("put the cause right", [todo]))
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, task};

    #[test]
    fn green_with_a_failure() {
        let mut facts = healthy_dms();
        task(&mut facts).failure = Some("replication slot \"a\" is active for PID 7".into());
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
