//! CloudWatch Logs: what a task complained of last.

use super::convert::text;
use super::dms_records::LogGroup;
use crate::aws::{Error, Session};

/// How many of the latest lines are looked at, and how many of them are kept.
const LINES: i32 = 1000;
const KEPT: usize = 100;

/// Errors and warnings among the latest lines of a task's log, the oldest first; none where there is no such log.
///
/// DMS writes to the group `dms-tasks-INSTANCE`, stream `dms-task-ID`, where the ID is the last part of the task's ARN.
pub(super) async fn complaints(
    session: &Session,
    instance: &str,
    task_arn: &str,
) -> Result<Option<Vec<String>>, Error> {
    let id = task_arn.rsplit(':').next().unwrap_or_default();
    let ask = session.logs().get_log_events().log_group_name(format!("dms-tasks-{instance}"));
    let ask = ask.log_stream_name(format!("dms-task-{id}")).limit(LINES).start_from_head(false);
    let events = match session.call("logs:GetLogEvents", ask.send()).await {
        Err(error) if error.is_not_found() => return Ok(None),
        answer => answer?,
    };
    let mut lines: Vec<String> =
        events.events().iter().map(|e| text(e.message())).filter(|line| is_complaint(line)).collect();
    let kept = lines.split_off(lines.len().saturating_sub(KEPT));
    Ok(Some(kept))
}

/// The group that an instance's tasks write to; none where there is no such group.
pub(super) async fn group(session: &Session, instance: &str) -> Result<Option<LogGroup>, Error> {
    let name = format!("dms-tasks-{}", instance.to_lowercase());
    let ask = session.logs().describe_log_groups().log_group_name_prefix(&name);
    let answer = session.call("logs:DescribeLogGroups", ask.send()).await?;
    // The exact name sorts before the longer ones, so it is on the first page.
    let found = answer.log_groups().iter().find(|g| g.log_group_name() == Some(name.as_str()));
    Ok(found.map(|group| LogGroup {
        name,
        retention_days: group.retention_in_days(),
        bytes: group.stored_bytes().unwrap_or(0),
    }))
}

/// `2017-09-19T03:00:49 [TARGET_APPLY    ]E:  text`: E is an error, W a warning.
fn is_complaint(line: &str) -> bool {
    line.contains("]E:") || line.contains("]W:")
}
