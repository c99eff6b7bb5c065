//! A refused connection as a value.

use std::io;

use crate::facts::{Refusal, Stage};
use crate::pipeline::Endpoint;

/// A connection that did not come about: what was refused, where, and in whose words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host}:{port}: {}", describe(refusal))]
pub struct ConnectError {
    /// Host as the pipeline file names it.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How far it came and what was said.
    pub refusal: Refusal,
}

impl ConnectError {
    pub(super) fn new(endpoint: &Endpoint, refusal: Refusal) -> Self {
        Self { host: endpoint.host.clone(), port: endpoint.port, refusal }
    }

    /// A failure on our side or on the way, which has no code.
    pub(super) fn at(
        endpoint: &Endpoint,
        stage: Stage,
        message: impl Into<String>,
        detail: Option<impl Into<String>>,
    ) -> Self {
        Self::new(endpoint, Refusal { stage, code: None, message: message.into(), detail: detail.map(Into::into) })
    }

    pub(super) fn timeout(endpoint: &Endpoint, stage: Stage) -> Self {
        let what = match stage {
            Stage::Resolve => "the name server did not answer",
            Stage::Tcp => "no answer to the connection request",
            _ => "the server took the connection and then said nothing",
        };
        Self::at(
            endpoint,
            stage,
            format!("{what} within {} seconds", super::LIMIT.as_secs()),
            Some("A firewall or security group that drops packets looks like this."),
        )
    }
}

fn describe(refusal: &Refusal) -> String {
    let mut text = refusal.message.clone();
    if let Some(code) = &refusal.code {
        text.push_str(&format!(" ({code})"));
    }
    if let Some(detail) = &refusal.detail {
        text.push_str(&format!(". {detail}"));
    }
    text
}

/// The words for a failed TCP connection.
pub(crate) fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused: nobody listens on this port".into(),
        io::ErrorKind::ConnectionReset => "the connection was reset by the other side".into(),
        io::ErrorKind::UnexpectedEof => "the other side closed the connection".into(),
        io::ErrorKind::TimedOut => "no answer within the time limit".into(),
        io::ErrorKind::HostUnreachable => "no route to the host".into(),
        io::ErrorKind::NetworkUnreachable => "the network is unreachable".into(),
        _ => error.to_string(),
    }
}
