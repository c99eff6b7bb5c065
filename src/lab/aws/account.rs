//! The account: its state behind one lock, and the way of a call to its service.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::control::{Control, Delays};
use super::errors::Answer;
use super::simulator::{SimulatorError, Stage};
use super::wire::{Call, Service};
use super::{cloudwatch, dms, ec2, glue, iam, logs, rds, s3, secrets, sts};

/// Everything that calls change.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) rds: rds::State,
    pub(super) dms: dms::State,
    pub(super) ec2: ec2::State,
    pub(super) iam: iam::State,
    pub(super) secrets: secrets::State,
    pub(super) logs: logs::State,
    pub(super) metrics: cloudwatch::State,
    pub(super) glue: glue::State,
    pub(super) s3: s3::State,
}

/// The simulated account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) stage: Stage,
    pub(super) delays: Mutex<Delays>,
    /// Where certificates are put for the logins that need them.
    pub(super) folder: PathBuf,
    state: Mutex<State>,
    control: Mutex<Control>,
}

impl Account {
    /// A new account with its two RDS instances.
    pub(super) fn new(stage: Stage, folder: PathBuf) -> Result<Self, SimulatorError> {
        let state = State { rds: rds::begin(&stage)?, ..State::default() };
        let delays = Mutex::new(stage.delays);
        Ok(Self { stage, delays, folder, state: Mutex::new(state), control: Mutex::default() })
    }

    /// The state, for a moment: never across an await.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Faults and calls.
    pub(super) fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long things take now.
    pub(super) fn delays(&self) -> Delays {
        *self.delays.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An ARN in this account.
    pub(super) fn arn(&self, service: &str, kind: &str, id: &str) -> String {
        super::names::arn(service, &self.stage.region, kind, id)
    }

    /// Changes the state after a while.
    pub(super) fn later(
        self: &Arc<Self>,
        delay: std::time::Duration,
        change: impl FnOnce(&mut State) + Send + 'static,
    ) {
        let account = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            change(&mut account.state());
        });
    }

    /// Answers a call; nothing where the connection is to close without an answer.
    pub(super) async fn answer(self: &Arc<Self>, call: &Call) -> Option<Answer> {
        let fault = self.control().called(&call.action());
        if let Some(fault) = fault {
            return fault.error(call, sts::CALLER).map(Err);
        }
        let (operation, input) = (call.operation.as_str(), &call.input);
        let mut answer = match call.service {
            Service::Rds => rds::answer(self, operation, input).await,
            Service::Dms => dms::answer(self, operation, input).await,
            Service::Ec2 => ec2::answer(self, operation, input),
            Service::Iam => iam::answer(&mut self.state().iam, operation, input),
            Service::Sts => sts::answer(operation),
            Service::Secrets => secrets::answer(self, operation, input),
            Service::CloudWatch => cloudwatch::answer(self, operation, input),
            Service::Logs => logs::answer(self, operation, input),
            Service::Glue => glue::answer(self, operation, input),
            Service::S3 => s3::answer(self, operation, input),
        };
        if let Some(Ok(answer)) = &mut answer {
            self.control().pretences.apply(&call.action(), answer);
        }
        Some(answer.unwrap_or_else(|| Err(call.unknown())))
    }

    /// Stops all tasks.
    pub(super) fn stop_all(&self) {
        self.state().dms.stop_all();
    }
}

/// A result without members.
pub(super) fn empty() -> Answer {
    Ok(Value::Object(serde_json::Map::new()))
}
