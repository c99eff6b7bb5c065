//! RUN-001: see the check's own explanation.

use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::decode::{decode, innermost};
use crate::facts::Facts;
use crate::facts::aws::DmsTask;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `Status`, `StopReason` and `LastFailureMessage` of the task, the latest errors of its log, and what the error
    /// decoder makes of them.
    ///
    /// # Why it matters
    /// No row moves. The slot on the source keeps WAL until the task is started again or the slot is dropped.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms describe-replication-tasks --query 'ReplicationTasks[].[Status,StopReason,LastFailureMessage]'
    /// cdc-doctor explain --error 'THE MESSAGE'
    /// aws dms start-replication-task --replication-task-arn ARN --start-replication-task-type resume-processing
    /// ```
    ///
    /// `resume-processing` goes on where it was; `reload-target` empties the target's tables first.
    ///
    /// # Source
    /// AWS DMS API Reference, `ReplicationTask`, `StopReason`.
    code: "RUN-001",
    name: "task-failed",
    area: Run,
    severity: Error,
    title: "The DMS task has failed, or has stopped by itself",
    after: ["IAM-001", "RUN-015"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let reason = task.stop_reason.as_deref().unwrap_or_default().trim_start_matches("Stop Reason ");
        if task.status != "failed" && (task.status != "stopped" || is_wanted(reason)) {
            return Ok(Vec::new());
        }
        let log = part
            .dms
            .log
            .value()
            .and_then(Option::as_ref)
            .and_then(|lines| lines.iter().rev().find(|l| l.contains("]E:")));
        let said = task.failure.as_deref().or(log.map(String::as_str)).unwrap_or_default();
        let decoded = decode(said).or_else(|| log.and_then(|l| decode(l)));
        let mut message = format!("The task {} has {}", task.identifier, words(task, reason));
        if let Some(decoded) = &decoded {
            message.push_str(": ");
            message.push_str(decoded.cause.trim_end_matches('.'));
        }
        let mut finding = Finding::new(&task.identifier, message).saw("status", &task.status).saw("StopReason", reason);
        if !said.is_empty() {
            finding = finding.saw("DMS said", innermost(said).trim());
        }
        if let Some(line) = log {
            finding = finding.saw("log", line);
        }
        let todo =
            decoded.map_or_else(|| "Look at the log of the task, and put the cause right.".to_owned(), |d| d.fix);
        let fix =
            Fix::manual("put the cause right and go on", [todo, "Then start it with resume-processing.".to_owned()]);
        only(Some(finding.fix(fix)))
    })
}

/// It came to the end that somebody asked for.
fn is_wanted(reason: &str) -> bool {
    let wanted = ["", "NORMAL", "FULL_LOAD_ONLY_FINISHED", "STOPPED_AFTER_FULL_LOAD", "STOPPED_AFTER_CACHED_EVENTS"];
    wanted.contains(&reason) || reason.starts_with("STOPPED_AT_")
}

fn words(task: &DmsTask, reason: &str) -> &'static str {
    match reason {
        "STOPPED_DUE_TO_LOW_MEMORY" => "stopped because the replication instance ran out of memory",
        "STOPPED_DUE_TO_LOW_DISK" => "stopped because the replication instance ran out of storage",
        "STOPPED_AFTER_DDL_APPLY" => "stopped after a schema change",
        "EXPRESS_LICENSE_LIMITS_REACHED" => "reached a limit of its licence",
        _ if task.status == "failed" => "failed",
        _ => "stopped by itself",
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, task};
    use crate::facts::Fact;

    #[test]
    fn a_failure_is_decoded() {
        let mut facts = healthy_dms();
        let task = task(&mut facts);
        (task.status, task.stop_reason) = ("failed".into(), Some("Stop Reason FATAL_ERROR".into()));
        task.failure = Some("Last Error ERROR: all replication slots are in use Stop Reason FATAL_ERROR".into());
        let found = finding(&CHECK, &facts);
        assert!(found.message.starts_with("The task charts-task has failed: "), "{}", found.message);
        assert!(found.evidence.contains(&("StopReason".into(), "FATAL_ERROR".into())));
    }

    #[test]
    fn the_log_tells_where_the_task_does_not() {
        let mut facts = healthy_dms();
        task(&mut facts).status = "failed".into();
        let line = "2026-01-01T00:00:00 [SOURCE_CAPTURE ]E: canceling statement due to statement timeout";
        aws(&mut facts).dms.log = Fact::Known(Some(vec![line.into()]));
        assert!(finding(&CHECK, &facts).message.contains("failed: "));
    }

    #[test]
    fn an_end_that_was_asked_for_is_none() {
        let mut facts = healthy_dms();
        let task = task(&mut facts);
        (task.status, task.stop_reason) = ("stopped".into(), Some("Stop Reason FULL_LOAD_ONLY_FINISHED".into()));
        assert_pass(&CHECK, &facts);
        crate::checks::testing_aws::task(&mut facts).stop_reason = Some("Stop Reason STOPPED_DUE_TO_LOW_DISK".into());
        assert!(finding(&CHECK, &facts).message.ends_with("ran out of storage"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
