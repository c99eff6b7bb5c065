//! Parameters of a group on the real server.

use crate::lab::aws::simulator::Stage;
use crate::lab::servers::ServerError;
use crate::quote::my_literal;

use super::Side;

/// A parameter and its value; without one, the engine's default.
pub(super) type Setting = (String, Option<String>);

/// Sets parameters on the server behind an instance. Those that need a restart hold after it.
pub(super) fn set(stage: &Stage, side: Side, settings: &[Setting]) -> Result<(), ServerError> {
    for (name, value) in settings {
        match side {
            Side::Source => on_postgres(stage, name, value.as_deref())?,
            Side::Target => on_mysql(stage, name, value.as_deref())?,
        }
    }
    Ok(())
}

/// Restarts the server behind an instance.
pub(super) fn restart(stage: &Stage, side: Side) -> Result<(), ServerError> {
    match side {
        Side::Source => stage.source.restart(),
        Side::Target => stage.target.restart(),
    }
}

fn on_postgres(stage: &Stage, name: &str, value: Option<&str>) -> Result<(), ServerError> {
    let on = value.is_some_and(|v| ["1", "on", "true"].contains(&v.to_lowercase().as_str()));
    match name {
        "rds.force_ssl" => stage.source.demand_tls(on),
        "rds.logical_replication" => stage.source.set("wal_level", Some(if on { "logical" } else { "replica" })),
        // RDS's formulas mean the memory of a machine that is not there.
        _ => stage.source.set(name, value.filter(|v| !v.starts_with('{'))),
    }
}

fn on_mysql(stage: &Stage, name: &str, value: Option<&str>) -> Result<(), ServerError> {
    // Names come from the server's own list; numbers must not be quoted.
    let value = match value.filter(|v| !v.starts_with('{')) {
        None => "DEFAULT".to_owned(),
        Some(number) if number.parse::<i64>().is_ok() => number.to_owned(),
        Some(text) => my_literal(text),
    };
    stage.target.run(None, &format!("SET GLOBAL {} = {value}", crate::quote::my_ident(name)))
}
