//! Settings of a DMS task: it is stopped for the change, and goes on where it was.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_databasemigration::types::{Filter, ReplicationTask, StartReplicationTaskTypeValue};
use serde_json::Value;

use super::execute_aws::{wait, words};
use crate::aws::{Session, nested};

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
    let settings = nested(settings.iter().map(|(path, value)| (path.as_str(), value)));
    let whole = over(before.replication_task_settings().unwrap_or_default(), settings);
    let send = ask.replication_task_settings(whole.to_string()).send();
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

/// The task's settings with these over them. The whole document is sent, for whether DMS keeps what is not named or
/// takes its defaults is not said; without the names of the log, which it writes itself and takes from nobody.
fn over(document: &str, changes: Value) -> Value {
    let mut whole: Value = serde_json::from_str(document).unwrap_or(Value::Null);
    if let Some(Value::Object(logging)) = whole.get_mut("Logging") {
        logging.remove("CloudWatchLogGroup");
        logging.remove("CloudWatchLogStream");
    }
    lay(&mut whole, changes);
    whole
}

/// Lays an object over another; what is no object takes the place of what was there.
fn lay(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (name, value) in above {
                lay(below.entry(name).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above,
    }
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

    use super::over;

    #[test]
    fn a_change_leaves_everything_else_as_it_is() {
        let document = json!({
            "Logging": {"EnableLogging": true, "CloudWatchLogGroup": "dms-tasks-ri", "CloudWatchLogStream": "dms-task-T"},
            "ValidationSettings": {"EnableValidation": true}, "TTSettings": null,
        });
        let changes = json!({"ValidationSettings": {"HandleCollationDiff": true}, "TTSettings": {"EnableTT": false}});
        let expected = json!({
            "Logging": {"EnableLogging": true},
            "ValidationSettings": {"EnableValidation": true, "HandleCollationDiff": true},
            "TTSettings": {"EnableTT": false},
        });
        assert_eq!(over(&document.to_string(), changes.clone()), expected);
        assert_eq!(over("", changes.clone()), changes, "settings that cannot be read are left to DMS");
    }
}
