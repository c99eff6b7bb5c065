//! The vocabulary of DMS in plain words. Pure.

use super::task::Stand;
use crate::diagnose;
use crate::sync::TableState;

/// `TableState` of the statistics.
pub(super) fn table_state(state: &str) -> TableState {
    match state {
        "Full load" | "Table is being reloaded" => TableState::Loading,
        "Table completed" => TableState::Loaded,
        "Table error" | "Table does not exist" => TableState::Failed,
        "Table cancelled" => TableState::Interrupted,
        _ => TableState::Waiting,
    }
}

/// A stop reason without what DMS puts before it.
pub(super) fn reason(stop_reason: &str) -> &str {
    let rest = stop_reason.strip_prefix("Stop Reason ").unwrap_or(stop_reason);
    rest.split(' ').next().unwrap_or_default()
}

/// Whether this end is one that a task is meant to come to.
pub(super) fn is_done(stop_reason: &str) -> bool {
    let done = [
        "FULL_LOAD_ONLY_FINISHED",
        "STOPPED_AFTER_FULL_LOAD",
        "STOPPED_AFTER_CACHED_EVENTS",
        "STOPPED_AT_SERVER_TIME",
        "STOPPED_AT_COMMIT_TIME",
    ];
    done.contains(&reason(stop_reason))
}

/// Why a task stands still, and what to do.
pub(super) fn stopped(stop_reason: &str) -> &'static str {
    match reason(stop_reason) {
        "NORMAL" => "somebody stopped it; it goes on where it was: cdc-doctor sync",
        "RECOVERABLE_ERROR" => {
            "an error came again and again, and DMS gave up trying; see the error below, mend it, and resume"
        }
        "FATAL_ERROR" => "an error that it cannot go on from; see the error below, mend it, and resume",
        "FULL_LOAD_ONLY_FINISHED" => "the full load is done",
        "STOPPED_AFTER_FULL_LOAD" => {
            "the full load is done, and its settings stop it there; resume it to follow changes"
        }
        "STOPPED_AFTER_CACHED_EVENTS" => {
            "the load and the changes of its time are done, and its settings stop it there"
        }
        "EXPRESS_LICENSE_LIMITS_REACHED" => "the limit of the licence is reached",
        "STOPPED_AFTER_DDL_APPLY" => "a schema change was applied, and its settings stop it there",
        "STOPPED_DUE_TO_LOW_MEMORY" => "the replication instance is out of memory; take a larger [dms] instance_class",
        "STOPPED_DUE_TO_LOW_DISK" => "the replication instance's disk is full; raise [dms] allocated_storage",
        "STOPPED_AT_SERVER_TIME" | "STOPPED_AT_COMMIT_TIME" => "it came to the time at which it was to stop",
        "RECONFIGURATION_RESTART" => "its instance was reconfigured; resume it",
        "RECYCLE_TASK" => "DMS restarts it by itself; wait, and look again",
        _ => "DMS does not say why",
    }
}

/// A failure in plain words: DMS's own, the server's error within it, and what is known of that.
pub(super) fn failure(stand: &Stand, logged: Option<&str>) -> String {
    let said = stand.failure.as_deref().or(logged);
    let mut text = stopped(&stand.stop_reason).to_owned();
    let Some(said) = said else { return text };
    // The log is nearer to the cause than the task's last word.
    let told = [logged, Some(said)].into_iter().flatten();
    let decoded = told.clone().find_map(diagnose::decode);
    let inner = told.map(crate::decode::innermost).find(|t| !t.is_empty()).unwrap_or(said);
    text = format!("{text}. It says: {}", crate::text::safe(inner));
    if let Some(decoded) = decoded {
        text = format!("{text}. {} {} (cdc-doctor explain {})", decoded.cause, decoded.fix, decoded.code);
    }
    text
}

/// A line of the log with what is known of it.
pub(super) fn line(line: &str) -> String {
    let text = line.split_once("]E:").or_else(|| line.split_once("]W:")).map_or(line, |(_, text)| text).trim();
    let text = crate::text::safe(text);
    match diagnose::decode(line) {
        Some(d) => format!("{text}. {} {} (cdc-doctor explain {})", d.cause, d.fix, d.code),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_a_table_has_one_of_ours() {
        for (state, ours) in [
            ("Before load", TableState::Waiting),
            ("Full load", TableState::Loading),
            ("Table completed", TableState::Loaded),
            ("Table cancelled", TableState::Interrupted),
            ("Table error", TableState::Failed),
            ("Table is being reloaded", TableState::Loading),
            ("Table does not exist", TableState::Failed),
        ] {
            assert_eq!(table_state(state), ours, "{state}");
        }
    }

    #[test]
    fn every_stop_reason_is_explained() {
        for reason in [
            "NORMAL",
            "RECOVERABLE_ERROR",
            "FATAL_ERROR",
            "FULL_LOAD_ONLY_FINISHED",
            "STOPPED_AFTER_FULL_LOAD",
            "STOPPED_AFTER_CACHED_EVENTS",
            "EXPRESS_LICENSE_LIMITS_REACHED",
            "STOPPED_AFTER_DDL_APPLY",
            "STOPPED_DUE_TO_LOW_MEMORY",
            "STOPPED_DUE_TO_LOW_DISK",
            "STOPPED_AT_SERVER_TIME",
            "STOPPED_AT_COMMIT_TIME",
            "RECONFIGURATION_RESTART",
            "RECYCLE_TASK",
        ] {
            assert_ne!(stopped(&format!("Stop Reason {reason}")), "DMS does not say why", "{reason}");
        }
        assert!(
            is_done("Stop Reason FULL_LOAD_ONLY_FINISHED") && !is_done("Stop Reason FATAL_ERROR Error Level FATAL")
        );
    }

    #[test]
    fn a_failure_names_the_cause_and_the_check() {
        let stand = Stand {
            stop_reason: "Stop Reason FATAL_ERROR Error Level FATAL".into(),
            failure: Some("Last Error  FATAL: database \"charts-source\" does not exist".into()),
            ..Stand::default()
        };
        let text = failure(&stand, None);
        assert!(text.contains("charts-source") && text.contains("explain AUT-005"), "{text}");
    }
}
