//! Task settings that fail where they could lose data. Pure.
//!
//! DMS's defaults skip rows that fail, ignore rows that are in the way, and retry for ever:
//! <https://docs.aws.amazon.com/dms/latest/userguide/CHAP_Tasks.CustomizingTasks.TaskSettings.ErrorHandling.html>.

use serde_json::{Value, json};

use super::model::Values;
use crate::aws::nested;

/// Values begin with this in [`Values`].
pub const PREFIX: &str = "Settings/";

/// What the settings depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wishes {
    /// Longest value of a LOB column that is taken, kilobytes.
    pub lob_kb: u64,
    /// The target is a database; else it is S3.
    pub database: bool,
    /// Tables loaded at once.
    pub parallel: usize,
}

/// The settings as values by path.
#[must_use]
pub fn values(wishes: Wishes) -> Values {
    let mut all = Values::new();
    flatten(PREFIX.trim_end_matches('/'), &document_of(wishes), &mut all);
    all
}

fn document_of(wishes: Wishes) -> Value {
    let Wishes { lob_kb, database, parallel } = wishes;
    let suspend = "SUSPEND_TABLE";
    let mut all = json!({
        "TargetMetadata": {
            "SupportLobs": true, "FullLobMode": false, "LimitedSizeLobMode": true, "LobMaxSize": lob_kb,
            // Together with S3 it may lose data; with a database it hides which row failed.
            "BatchApplyEnabled": false
        },
        "FullLoadSettings": {
            // Keeps the tables that were made with their keys. A load that would empty rows is asked for by sync.
            "TargetTablePrepMode": if database { "TRUNCATE_BEFORE_LOAD" } else { "DO_NOTHING" },
            "MaxFullLoadSubTasks": parallel.clamp(1, 49)
        },
        "Logging": {"EnableLogging": true},
        "ControlTablesSettings": {"StatusTableEnabled": true, "SuspendedTablesTableEnabled": true, "HistoryTableEnabled": true},
        "ChangeProcessingDdlHandlingPolicy": {
            "HandleSourceTableDropped": false, "HandleSourceTableTruncated": false, "HandleSourceTableAltered": false
        },
        // Text keys are in another order on the target than on the source.
        "ValidationSettings": {
            "EnableValidation": database, "HandleCollationDiff": database, "ValidationPartialLobSize": lob_kb
        },
        "ErrorBehavior": {
            "DataErrorPolicy": suspend, "DataTruncationErrorPolicy": suspend, "DataErrorEscalationPolicy": suspend,
            "TableErrorPolicy": suspend, "TableErrorEscalationPolicy": "STOP_TASK",
            "ApplyErrorDeletePolicy": suspend, "ApplyErrorInsertPolicy": suspend, "ApplyErrorUpdatePolicy": suspend,
            "ApplyErrorFailOnTruncationDdl": true, "FullLoadIgnoreConflicts": false, "FailOnNoTablesCaptured": true,
            "FailOnTransactionConsistencyBreached": true, "RecoverableErrorCount": 20
        }
    });
    if let (false, Some(all)) = (database, all.as_object_mut()) {
        all.remove("ControlTablesSettings");
    }
    all
}

fn flatten(path: &str, value: &Value, into: &mut Values) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, v)| flatten(&format!("{path}/{name}"), v, into)),
        leaf => drop(into.insert(path.to_owned(), leaf.clone())),
    }
}

/// The document that holds those of the values that are task settings.
#[must_use]
pub fn document(values: &Values) -> Value {
    nested(values.iter().filter_map(|(path, v)| Some((path.strip_prefix(PREFIX)?, v))))
}

/// Settings that are there, as values.
#[must_use]
pub fn read(document: &str) -> Values {
    let mut all = Values::new();
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    flatten(PREFIX.trim_end_matches('/'), &document, &mut all);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const WISHES: Wishes = Wishes { lob_kb: 64, database: true, parallel: 4 };

    #[test]
    fn values_and_document_are_the_same() {
        let values = values(WISHES);
        assert_eq!(read(&document(&values).to_string()), values);
        assert_eq!(values["Settings/TargetMetadata/LobMaxSize"], 64);
    }

    #[test]
    fn nothing_is_skipped() {
        for (name, value) in values(WISHES) {
            let skips = ["IGNORE_RECORD", "LOG_ERROR"].iter().any(|policy| value == *policy);
            assert!(!skips, "{name} = {value}");
        }
    }

    #[test]
    fn s3_is_neither_validated_nor_emptied() {
        let values = values(Wishes { database: false, ..WISHES });
        assert_eq!(values["Settings/FullLoadSettings/TargetTablePrepMode"], "DO_NOTHING");
        assert_eq!(values["Settings/ValidationSettings/EnableValidation"], false);
    }
}
