//! Connections: how a job reaches a database, and through which subnet.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{NAME, State, exists, invalid, not_found, part, required};
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;
use crate::lab::aws::names::seconds;
use crate::lab::aws::page::glue_page;
use crate::lab::aws::records::{take_over, text};
use crate::lab::aws::sts::CALLER;

/// Members that are told as they were given.
const PLAIN: [&str; 8] = [
    NAME,
    "Description",
    "ConnectionType",
    "MatchCriteria",
    PROPERTIES,
    "SparkProperties",
    "PythonProperties",
    "PhysicalConnectionRequirements",
];
const PROPERTIES: &str = "ConnectionProperties";
/// The property that is kept apart.
const PASSWORD: &str = "PASSWORD";

impl State {
    /// A connection by its name.
    pub(super) fn connection(&self, name: &str) -> Result<&Value, AwsError> {
        self.connections.find(NAME, name).ok_or_else(|| not_found(format!("Connection {name} was not found.")))
    }

    /// As it is told: with its password, unless the call hides it.
    fn told(&self, connection: &Value, input: &Input) -> Value {
        let mut told = connection.clone();
        let password = self.passwords.get(text(connection, NAME)).filter(|_| !input.flag("HidePassword"));
        if let Some(password) = password {
            told[PROPERTIES][PASSWORD] = password.expose_secret().into();
        }
        told
    }
}

/// `CreateConnection`. It is ready at once.
pub(super) fn create(state: &mut State, input: &Input) -> Answer {
    let given = part(input, "ConnectionInput")?;
    let (name, kind) = (required(&given, NAME)?, required(&given, "ConnectionType")?);
    if state.connections.find(NAME, name).is_some() {
        return Err(exists(format!("Connection {name} already exists.")));
    }
    let properties = part(&given, PROPERTIES)?;
    if kind == "JDBC" && properties.text("JDBC_CONNECTION_URL").is_none() {
        return Err(invalid("A connection of the type JDBC needs JDBC_CONNECTION_URL."));
    }
    let now = seconds(Timestamp::now());
    let mut connection = json!({"CreationTime": now, "LastUpdatedTime": now, "LastUpdatedBy": CALLER, "Status": "READY",
                                "ConnectionSchemaVersion": 1});
    take_over(&mut connection, &given, &PLAIN);
    let password = connection[PROPERTIES].as_object_mut().and_then(|all| all.shift_remove(PASSWORD));
    if let Some(Value::String(password)) = password {
        state.passwords.insert(name.to_owned(), SecretString::from(password));
    }
    state.connections.push(connection);
    Ok(json!({"CreateConnectionStatus": "READY"}))
}

/// `GetConnection`.
pub(super) fn get(state: &State, input: &Input) -> Answer {
    let connection = state.connection(required(input, NAME)?)?;
    Ok(json!({"Connection": state.told(connection, input)}))
}

/// `GetConnections`, all or those of a type.
pub(super) fn all(state: &State, input: &Input) -> Answer {
    let filter = Input(input.0.get("Filter").cloned().unwrap_or_default());
    let wanted = filter.text("ConnectionType");
    let all = state.connections.iter().filter(|c| wanted.is_none_or(|kind| kind == text(c, "ConnectionType")));
    glue_page(all.map(|c| state.told(c, input)).collect(), "ConnectionList", input, 1_000)
}

/// `DeleteConnection`. Jobs that use it fail from then on.
pub(super) fn delete(state: &mut State, input: &Input) -> Answer {
    let name = required(input, "ConnectionName")?;
    state.connection(name)?;
    state.connections.remove(NAME, name);
    state.passwords.remove(name);
    Ok(json!({}))
}
