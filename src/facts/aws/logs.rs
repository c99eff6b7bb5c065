//! CloudWatch Logs: what a task complained of last.

use super::convert::text;
use super::dms_records::LogGroup;
use crate::aws::{Error, Session, pages};

/// How many of the latest lines are looked at, and how many of them are kept.
const LINES: i32 = 1000;
const KEPT: usize = 100;
/// Streams of a serverless replication's log that hold what it says itself; another tells of its states.
const SERVERLESS: &str = "dms-serverless-serv-res-id-";

/// Errors and warnings among the latest lines of a task's log, the oldest first; none where there is no such log.
///
/// DMS writes to the group `dms-tasks-INSTANCE`, stream `dms-task-ID`, where the ID is the last part of the task's ARN.
pub(super) async fn complaints(
    session: &Session,
    instance: &str,
    task_arn: &str,
) -> Result<Option<Vec<String>>, Error> {
    let stream = format!("dms-task-{}", id(task_arn));
    latest(session, &group_of(instance), &stream).await
}

/// The same of a serverless replication: each start writes to a stream of its own.
pub(super) async fn serverless_complaints(session: &Session, arn: &str) -> Result<Option<Vec<String>>, Error> {
    let group = serverless_group(arn);
    let streams = pages(async |marker| {
        let ask = session.logs().describe_log_streams().log_group_name(&group).log_stream_name_prefix(SERVERLESS);
        let page = session.call("logs:DescribeLogStreams", ask.set_next_token(marker).send()).await?;
        Ok((page.log_streams().to_vec(), page.next_token))
    });
    let streams = streams.await?;
    let newest = streams.iter().max_by_key(|s| s.creation_time());
    match newest.and_then(|s| s.log_stream_name()) {
        Some(stream) => latest(session, &group, stream).await,
        None => Ok(None),
    }
}

async fn latest(session: &Session, group: &str, stream: &str) -> Result<Option<Vec<String>>, Error> {
    let ask = session.logs().get_log_events().log_group_name(group).log_stream_name(stream);
    let events = match session.call("logs:GetLogEvents", ask.limit(LINES).start_from_head(false).send()).await {
        Err(error) if error.is_not_found() => return Ok(None),
        answer => answer?,
    };
    let mut lines: Vec<String> =
        events.events().iter().map(|e| text(e.message())).filter(|line| is_complaint(line)).collect();
    let kept = lines.split_off(lines.len().saturating_sub(KEPT));
    Ok(Some(kept))
}

/// The group that an instance's tasks write to; the name is in small letters, as DMS keeps it.
pub(super) fn group_of(instance: &str) -> String {
    format!("dms-tasks-{instance}")
}

/// The group that a serverless replication writes to.
pub(super) fn serverless_group(arn: &str) -> String {
    format!("dms-serverless-replication-{}", id(arn))
}

/// The group of this name; none where there is no such group.
pub(super) async fn group(session: &Session, name: String) -> Result<Option<LogGroup>, Error> {
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

/// The last part of an ARN.
fn id(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}

/// `2017-09-19T03:00:49 [TARGET_APPLY    ]E:  text`: E is an error, W a warning.
fn is_complaint(line: &str) -> bool {
    line.contains("]E:") || line.contains("]W:")
}
