//! Task settings: what is given over the defaults of DMS. Pure.

use serde_json::Value;

use crate::lab::aws::errors::AwsError;

const DEFAULTS: &str = include_str!("../../../../assets/lab/dms-task-settings.json");

/// The settings that the simulation acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// Rows that are on the target go before a load.
    pub(super) truncate: bool,
    /// The target's tables go too, and are made anew.
    pub(super) drop: bool,
    /// Tables loaded at once.
    pub(super) parallel: usize,
    /// What happens is told in CloudWatch Logs.
    pub(super) logging: bool,
    /// A full load with changes ends when the changes of its time are applied.
    pub(super) stop_when_caught_up: bool,
    /// A table's error stops the task.
    pub(super) stop_on_table_error: bool,
}

/// The whole document, as DMS stores and tells it.
pub(super) fn merged(given: Option<&str>) -> Result<String, AwsError> {
    let mut all: Value = serde_json::from_str(DEFAULTS).unwrap_or_default();
    if let Some(given) = given.filter(|text| !text.trim().is_empty()) {
        let wrong = |why: String| AwsError::value(format!("Invalid task settings JSON: {why}"));
        let given: Value = serde_json::from_str(given).map_err(|e| wrong(e.to_string()))?;
        let Value::Object(sections) = given else { return Err(wrong("it is no object".to_owned())) };
        for (name, section) in sections {
            match (all.get_mut(&name), section) {
                (Some(Value::Object(known)), Value::Object(section)) => known.extend(section),
                (_, section) => all[&name] = section,
            }
        }
    }
    Ok(all.to_string())
}

/// Reads the document.
pub(super) fn read(document: &str) -> Settings {
    let all: Value = serde_json::from_str(document).unwrap_or_default();
    let (load, errors) = (&all["FullLoadSettings"], &all["ErrorBehavior"]);
    let flag = |value: &Value| value.as_bool().unwrap_or_default();
    let subtasks = load["MaxFullLoadSubTasks"].as_u64().unwrap_or(8).clamp(1, 8);
    Settings {
        truncate: load["TargetTablePrepMode"] != "DO_NOTHING",
        drop: load["TargetTablePrepMode"] == "DROP_AND_CREATE",
        parallel: usize::try_from(subtasks).unwrap_or(1),
        logging: flag(&all["Logging"]["EnableLogging"]),
        stop_when_caught_up: flag(&load["StopTaskCachedChangesApplied"])
            || flag(&load["StopTaskCachedChangesNotApplied"]),
        stop_on_table_error: errors["TableErrorPolicy"] == "STOP_TASK",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_goes_over_the_defaults() {
        let all =
            merged(Some(r#"{"Logging": {"EnableLogging": true}, "FullLoadSettings": {"MaxFullLoadSubTasks": 2}}"#));
        let all = all.unwrap();
        assert!(all.contains("\"CommitRate\""), "a default of the same section is gone: {all}");
        let settings = read(&all);
        assert!(settings.logging && settings.truncate && settings.drop && settings.parallel == 2);
        let plain = read(&merged(None).unwrap());
        assert!(!plain.logging && !plain.stop_when_caught_up && !plain.stop_on_table_error);
        let kept = merged(Some(r#"{"FullLoadSettings": {"TargetTablePrepMode": "DO_NOTHING"}}"#)).unwrap();
        assert!(!read(&kept).truncate);
        assert_eq!(merged(Some("[]")).unwrap_err().code, "InvalidParameterValueException");
        assert!(merged(Some("{")).is_err());
    }
}
