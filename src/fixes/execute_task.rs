//! Settings of a DMS task: it is stopped for the change, and goes on where it was.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_databasemigration::types::{Filter, ReplicationTask, StartReplicationTaskTypeValue};
use serde_json::Value;

use super::execute_aws::{wait, words};
use crate::aws::{Session, put};

/// How long a task may take to stop or to take its settings.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Changes settings, given as JSON pointers and values.
pub(super) async fn modify_task(
    session: &Session,
    arn: &str,
    settings: &BTreeMap<String, Value>,
) -> Result<(), String> {
    let before = describe(session, arn).await?;
    let running = matches!(before.status(), Some("running" | "starting"));
    if running {
        let send = session.dms().stop_replication_task().replication_task_arn(arn).send();
        session.call("dms:StopReplicationTask", send).await.map_err(words)?;
        settled(session, arn, &["running", "starting", "stopping"]).await?;
    }
    let ask = session.dms().modify_replication_task().replication_task_arn(arn);
    let settings = document(before.replication_task_settings().unwrap_or_default(), settings);
    let send = ask.replication_task_settings(settings.to_string()).send();
    let modified = session.call("dms:ModifyReplicationTask", send).await.map(drop).map_err(words);
    if modified.is_ok() {
        settled(session, arn, &["modifying"]).await?;
    }
    if running {
        // It goes on whether or not the change was taken.
        let ask = session.dms().start_replication_task().replication_task_arn(arn);
        let ask = ask.start_replication_task_type(StartReplicationTaskTypeValue::ResumeProcessing);
        session.call("dms:StartReplicationTask", ask.send()).await.map_err(words)?;
    }
    modified
}

/// The task's settings with these changes. All of them: AWS does not document what becomes of those that are not named.
fn document(before: &str, changes: &BTreeMap<String, Value>) -> Value {
    let mut all: Value = serde_json::from_str(before).unwrap_or(Value::Null);
    for (path, value) in changes {
        put(&mut all, path, value.clone());
    }
    // Where the log is, is told and not taken.
    if let Some(Value::Object(logging)) = all.get_mut("Logging") {
        logging.retain(|name, _| !name.starts_with("CloudWatchLog"));
    }
    all
}

async fn settled(session: &Session, arn: &str, passing: &[&str]) -> Result<(), String> {
    wait(session, LIMIT, "the task", async || {
        let task = describe(session, arn).await?;
        Ok(task.status().filter(|s| passing.contains(s)).map(str::to_owned))
    })
    .await
}

async fn describe(session: &Session, arn: &str) -> Result<ReplicationTask, String> {
    let one = Filter::builder().name("replication-task-arn").values(arn).build().map_err(|e| e.to_string())?;
    let send = session.dms().describe_replication_tasks().filters(one).send();
    let page = session.call("dms:DescribeReplicationTasks", send).await.map_err(words)?;
    page.replication_tasks.and_then(|tasks| tasks.into_iter().next()).ok_or("the task is gone".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_that_are_not_changed_are_sent_too() {
        let before = r#"{"FullLoadSettings": {"CommitRate": 5, "TargetTablePrepMode": "DO_NOTHING"}, "TTSettings": null,
                         "Logging": {"EnableLogging": true, "CloudWatchLogGroup": "g", "CloudWatchLogStream": "s"}}"#;
        let changes = [("/FullLoadSettings/CommitRate", json!(7)), ("/TTSettings/EnableTT", json!(false))];
        let changes = changes.map(|(path, value)| (path.to_owned(), value)).into();
        let wanted = json!({"FullLoadSettings": {"CommitRate": 7, "TargetTablePrepMode": "DO_NOTHING"},
                            "TTSettings": {"EnableTT": false}, "Logging": {"EnableLogging": true}});
        assert_eq!(document(before, &changes), wanted);
        assert_eq!(
            document("", &changes),
            json!({"FullLoadSettings": {"CommitRate": 7}, "TTSettings": {"EnableTT": false}})
        );
    }
}
