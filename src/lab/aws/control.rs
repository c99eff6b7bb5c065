//! What tests and rehearsals steer: faults that answer instead of AWS, what is pretended, and the record of all calls.

use std::time::Duration;

use super::errors::AwsError;
use super::pretence::Pretences;
use super::wire::{Call, Service};

/// What a call meets instead of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `ThrottlingException` (`Throttling` in the query protocol, `SlowDown` of S3): too many calls.
    Throttling,
    /// `ExpiredTokenException` (`ExpiredToken`): the session's credentials are too old.
    ExpiredToken,
    /// `AccessDeniedException` (`AccessDenied`), naming the permission that is missing.
    AccessDenied,
    /// The connection is closed without an answer.
    Close,
}

/// How long things take; on AWS it is minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    /// Until a new DMS instance is available.
    pub create: Duration,
    /// Until something that is deleted is gone.
    pub delete: Duration,
    /// Until a changed parameter is in sync, and a rebooted instance is available beyond the restart itself.
    pub apply: Duration,
    /// Until a connection test, a refresh of schemas, or a task's start gets to work. A run of a Glue job starts that
    /// long, and runs that long.
    pub start: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            create: Duration::from_secs(6),
            delete: Duration::from_secs(2),
            apply: Duration::from_secs(2),
            start: Duration::from_secs(1),
        }
    }
}

impl Delays {
    /// Nothing takes longer than it must: for tests.
    #[must_use]
    pub fn none() -> Self {
        let little = Duration::from_millis(30);
        Self { create: little, delete: little, apply: little, start: little }
    }
}

/// Faults that wait for their call, what is pretended, and the calls so far.
#[derive(Debug, Default)]
pub(super) struct Control {
    faults: Vec<(String, Fault, u32)>,
    pub(super) pretences: Pretences,
    calls: Vec<String>,
}

impl Control {
    /// The next `times` calls of this action meet the fault; `*` stands for any action.
    pub(super) fn add(&mut self, action: &str, fault: Fault, times: u32) {
        self.faults.push((action.to_owned(), fault, times));
    }

    /// Ends the faults that still wait for their call.
    pub(super) fn end_faults(&mut self) {
        self.faults.clear();
    }

    /// Writes the call down and gives the fault that it meets.
    pub(super) fn called(&mut self, action: &str) -> Option<Fault> {
        self.calls.push(action.to_owned());
        let (_, fault, left) = self.faults.iter_mut().find(|(a, _, left)| *left > 0 && (a == action || a == "*"))?;
        *left -= 1;
        Some(*fault)
    }

    /// All calls so far, in order.
    pub(super) fn calls(&self) -> Vec<String> {
        self.calls.clone()
    }
}

impl Fault {
    /// The refusal, in the words of the call's protocol; nothing where the connection just closes.
    pub(super) fn error(self, call: &Call, caller: &str) -> Option<AwsError> {
        let json = !matches!(call.service, Service::Rds | Service::Iam | Service::Sts | Service::S3);
        let code = |name: &str| if json { format!("{name}Exception") } else { name.to_owned() };
        let status = if json { 400 } else { 403 };
        Some(match self {
            Self::Throttling if call.service == Service::S3 => {
                AwsError::new(503, "SlowDown", "Please reduce your request rate.")
            }
            Self::ExpiredToken if call.service == Service::S3 => {
                AwsError::bad("ExpiredToken", "The provided token has expired.")
            }
            Self::Throttling => AwsError::bad(&code("Throttling"), "Rate exceeded"),
            Self::ExpiredToken => {
                AwsError::new(status, &code("ExpiredToken"), "The security token included in the request is expired")
            }
            Self::AccessDenied => AwsError::new(
                status,
                &code("AccessDenied"),
                format!(
                    "User: {caller} is not authorized to perform: {} on resource: * because no identity-based policy \
                     allows the {0} action",
                    call.action()
                ),
            ),
            Self::Close => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_meets_so_many_calls_of_its_action() {
        let mut control = Control::default();
        control.add("dms:DescribeEndpoints", Fault::Throttling, 2);
        control.add("*", Fault::Close, 1);
        let met: Vec<_> = ["rds:X", "dms:DescribeEndpoints", "dms:DescribeEndpoints", "dms:DescribeEndpoints", "rds:X"]
            .map(|action| control.called(action))
            .into();
        assert_eq!(met, [Some(Fault::Close), Some(Fault::Throttling), Some(Fault::Throttling), None, None]);
        assert_eq!(control.calls().len(), 5);
        control.add("rds:X", Fault::Close, 9);
        control.end_faults();
        assert_eq!(control.called("rds:X"), None);
    }
}
