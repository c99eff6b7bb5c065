//! What DMS says, in its own words, with the server's inside. Pure.

use super::login::Engine;
use crate::facts::{Refusal, Stage};
use crate::pipeline::Endpoint;
use crate::sync::{Refused, SyncError};

/// The wrapper of every failed connection test; only what follows the last `Message:` differs by cause.
fn wrapped(engine: Engine, state: &str, native: &str, message: &str) -> String {
    let generic = match engine {
        Engine::Postgres => "Failed to connect",
        _ => "Cannot connect to ODBC provider",
    };
    format!(
        "Test Endpoint failed: Application-Status: 1020912, Application-Message: {generic} Network error has occurred, \
         Application-Detailed-Message: RetCode: SQL_ERROR SqlState: {state} NativeError: {native} Message: \
         [unixODBC]{message} ODBC general error."
    )
}

/// A name outside the simulated network.
pub(super) fn unknown_host(engine: Engine, host: &str) -> String {
    match engine {
        Engine::Postgres => {
            let why = format!("could not translate host name \"{host}\" to address: Name or service not known");
            wrapped(engine, "08001", "101", &why)
        }
        _ => wrapped(engine, "HY000", "2005", &format!("{DRIVER}Unknown MySQL server host '{host}' (-2)")),
    }
}

/// A port at which nobody listens in the simulated network.
pub(super) fn nobody_listens(engine: Engine, at: &Endpoint) -> String {
    let refusal = Refusal { stage: Stage::Tcp, code: None, message: String::new(), detail: None };
    no_connection(engine, at, &refusal)
}

const DRIVER: &str = "[MySQL][ODBC 8.0(w) Driver]";

/// A refused connection. PostgreSQL's driver reports 08001 and 101 whatever the server said.
pub(super) fn no_connection(engine: Engine, at: &Endpoint, refusal: &Refusal) -> String {
    if refusal.stage == Stage::Resolve {
        return unknown_host(engine, &at.host);
    }
    let (host, port) = (&at.host, at.port);
    let timed_out = refusal.message.contains("within");
    if engine == Engine::Postgres {
        let to = format!("connection to server at \"{host}\", port {port} failed");
        let why = match refusal.stage {
            Stage::Tcp | Stage::Login if timed_out => "timeout expired".to_owned(),
            Stage::Tcp => {
                format!("{to}: Connection refused Is the server running on that host and accepting TCP/IP connections?")
            }
            Stage::Login => format!("{to}: FATAL: {}", refusal.message),
            Stage::Tls => format!("{to}: SSL error: {}", refusal.message),
            _ => format!("{to}: {}", refusal.message),
        };
        return wrapped(engine, "08001", "101", &why);
    }
    let code = refusal.code.as_deref();
    let (state, native, why) = match refusal.stage {
        Stage::Tcp | Stage::Login if timed_out => {
            ("HY000", "2003", format!("Can't connect to MySQL server on '{host}' (110)"))
        }
        Stage::Tcp => ("HY000", "2003", format!("Can't connect to MySQL server on '{host}:{port}' (111)")),
        Stage::Tls => ("HY000", "2026", format!("SSL connection error: {}", refusal.message)),
        _ => (if code == Some("1045") { "28000" } else { "HY000" }, code.unwrap_or("2013"), refusal.message.clone()),
    };
    wrapped(engine, state, native, &format!("{DRIVER}{why}"))
}

/// A line of a task's log.
pub(super) fn log_line(now: jiff::Timestamp, component: &str, level: char, text: &str) -> String {
    let at = now.strftime("%Y-%m-%dT%H:%M:%S");
    format!("{at} [{component:<16}]{level}:  {}  (simulation:1)", crate::text::safe(text))
}

/// Why a table failed: the error of the server in the form of an ODBC driver's, or the engine's own reason.
pub(super) fn table_failure(error: &SyncError) -> String {
    match error {
        SyncError::Table { cause, .. } | SyncError::Changes { cause, .. } => cause_words(cause),
        other => other.to_string(),
    }
}

fn cause_words(cause: &crate::sync::Cause) -> String {
    match cause {
        crate::sync::Cause::Server { side, code, message, .. } => {
            let driver = if *side == crate::sync::Side::Source { "[unixODBC]ERROR: " } else { DRIVER };
            format!("RetCode: SQL_ERROR SqlState: HY000 NativeError: {code} Message: {driver}{message}")
        }
        other => other.to_string(),
    }
}

/// Why a table was not begun.
pub(super) fn table_refused(refused: &Refused) -> String {
    format!("Table '{}' cannot be loaded: {}", refused.table, refused.why)
}

/// A failed task's `LastFailureMessage`.
pub(super) fn task_failure(why: &str) -> String {
    format!("Last Error  {} Stop Reason FATAL_ERROR Error Level FATAL", crate::text::safe(why))
}

/// Nothing matches the selection rules.
pub(super) const NO_TABLES: &str = "No tables were found at task initialization. Either the selected table(s) or \
     schemas(s) no longer exist or no match was found for the table selection pattern(s).";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::decode;
    use crate::pipeline::TlsMode;

    fn said(engine: Engine, stage: Stage, code: &str, message: &str) -> String {
        let at = Endpoint {
            host: "localhost".into(),
            port: 5432,
            database: "charts".into(),
            user: "dms".into(),
            password: None,
            tls: TlsMode::Disable,
            ca_file: None,
            rds_instance: None,
        };
        let code = (!code.is_empty()).then(|| code.to_owned());
        no_connection(engine, &at, &Refusal { stage, code, message: message.to_owned(), detail: None })
    }

    #[test]
    fn each_failure_is_one_that_the_decoder_knows() {
        use Engine::{MySql, Postgres};
        use Stage::{Login, Tcp};
        let no_entry = "no pg_hba.conf entry for host \"127.0.0.1\", user \"dms\", database \"charts\", no encryption";
        for (message, code) in [
            (said(Postgres, Login, "28000", no_entry), "TLS-001"),
            (said(Postgres, Login, "28P01", "password authentication failed for user \"dms\""), "AUT-001"),
            (said(Postgres, Login, "3D000", "database \"charts-source\" does not exist"), "AUT-005"),
            (said(MySql, Login, "1045", "Access denied for user 'dms'@'localhost' (using password: YES)"), "AUT-016"),
            (said(MySql, Login, "1049", "Unknown database 'nowhere'"), "AUT-017"),
            (said(MySql, Tcp, "", "no answer to the connection request within 10 seconds"), "NET-004"),
            (said(Postgres, Tcp, "", "no answer to the connection request within 10 seconds"), "NET-003"),
            (NO_TABLES.to_owned(), "TBL-019"),
        ] {
            assert!(decode(&message).is_some_and(|d| d.code == code), "{message}: {:?}", decode(&message));
        }
    }

    #[test]
    fn a_log_line_has_the_form_of_dms() {
        let at = jiff::Timestamp::from_second(1_700_000_000).unwrap();
        assert_eq!(
            log_line(at, "TARGET_APPLY", 'E', "no\nway"),
            "2023-11-14T22:13:20 [TARGET_APPLY    ]E:  no\\nway  (simulation:1)"
        );
    }
}
