//! Glue: [`jobs`], the [`connections`] that they use, and their [`runs`], which move nothing.

mod connections;
mod jobs;
mod runs;

use std::collections::HashMap;
use std::sync::Arc;

use secrecy::SecretString;

use super::account::Account;
use super::errors::{Answer, AwsError};
use super::input::Input;
use super::records::Records;

pub(super) use runs::write_down;

/// The member that names jobs and connections.
const NAME: &str = "Name";

/// The Glue side of the account.
#[derive(Debug, Default)]
pub(super) struct State {
    jobs: Records,
    runs: Records,
    connections: Records,
    /// Of connections, by name.
    passwords: HashMap<String, SecretString>,
}

/// Answers a call; nothing where there is none of that name.
pub(super) fn answer(account: &Arc<Account>, operation: &str, input: &Input) -> Option<Answer> {
    let state = || account.state();
    Some(match operation {
        "CreateJob" => jobs::create(&mut state().glue, input),
        "UpdateJob" => jobs::update(&mut state().glue, input),
        "GetJob" => jobs::get(&state().glue, input),
        "GetJobs" => jobs::all(&state().glue, input),
        "ListJobs" => jobs::names(&state().glue, input),
        "DeleteJob" => jobs::delete(&mut state().glue, input),
        "CreateConnection" => connections::create(&mut state().glue, input),
        "GetConnection" => connections::get(&state().glue, input),
        "GetConnections" => connections::all(&state().glue, input),
        "DeleteConnection" => connections::delete(&mut state().glue, input),
        "StartJobRun" => runs::start(account, input),
        "BatchStopJobRun" => runs::stop(account, input),
        "GetJobRun" => runs::get(&state().glue, input),
        "GetJobRuns" => runs::all(&state().glue, input),
        _ => return None,
    })
}

fn not_found(message: impl Into<String>) -> AwsError {
    AwsError::bad("EntityNotFoundException", message)
}

fn exists(message: impl Into<String>) -> AwsError {
    AwsError::bad("AlreadyExistsException", message)
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::bad("InvalidInputException", message)
}

/// A structure that a call carries.
fn part(input: &Input, name: &str) -> Result<Input, AwsError> {
    let part = input.0.get(name).filter(|part| part.is_object());
    part.cloned().map(Input).ok_or_else(|| invalid(format!("{name} is missing.")))
}

/// A text that must be there.
fn required<'a>(input: &'a Input, name: &str) -> Result<&'a str, AwsError> {
    input.text(name).filter(|text| !text.is_empty()).ok_or_else(|| invalid(format!("{name} is missing.")))
}
