//! Errors and warnings of the task's log, as they appear.

use super::serverless;
use super::task::Task;
use crate::aws::{Error, Session};

/// Lines that are taken at once.
const LINES: i32 = 500;

/// A log that is read from where it was read before.
#[derive(Debug, Default)]
pub(super) struct Log {
    token: Option<String>,
    /// The stream, once it is known.
    stream: Option<String>,
    /// It may not be read, or is not there; asked no more than needed.
    pub(super) refused: bool,
    /// The last error.
    pub(super) last_error: Option<String>,
}

impl Log {
    /// Begins at the end of what is there, for old complaints are `check`'s; and why it may not be read.
    pub(super) async fn from_the_end(session: &Session, task: &Task) -> (Self, Option<Error>) {
        let mut log = Self::default();
        let refusal = log.read(session, task).await.err();
        log.last_error = None;
        (log, refusal)
    }

    /// Complaints since the last reading; none where there is no log.
    ///
    /// # Errors
    /// It may not be read: told once.
    pub(super) async fn read(&mut self, session: &Session, task: &Task) -> Result<Vec<String>, Error> {
        if self.refused {
            return Ok(Vec::new());
        }
        let stream = match self.stream(session, task).await {
            Ok(Some(stream)) => stream,
            Ok(None) => return Ok(Vec::new()),
            Err(error) => {
                self.refused = true;
                return Err(error);
            }
        };
        let ask = session.logs().get_log_events().log_group_name(task.log_group()).log_stream_name(stream);
        let ask = ask.limit(LINES);
        let ask = ask.start_from_head(self.token.is_some()).set_next_token(self.token.clone());
        let page = match session.call("logs:GetLogEvents", ask.send()).await {
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            Err(error) => {
                self.refused = true;
                return Err(error);
            }
            Ok(page) => page,
        };
        self.token = page.next_forward_token().map(str::to_owned).or_else(|| self.token.take());
        let lines = page.events().iter().filter_map(|e| e.message());
        let complaints: Vec<String> =
            lines.filter(|l| l.contains("]E:") || l.contains("]W:")).map(str::to_owned).collect();
        if let Some(error) = complaints.iter().rev().find(|l| l.contains("]E:")) {
            self.last_error = Some(error.clone());
        }
        Ok(complaints)
    }

    /// The stream's name: a serverless replication has one of its own for each start, so that is asked for.
    async fn stream(&mut self, session: &Session, task: &Task) -> Result<Option<String>, Error> {
        if self.stream.is_none() {
            self.stream = if task.serverless {
                serverless::stream(session, &task.log_group()).await?
            } else {
                Some(format!("dms-task-{}", task.id()))
            };
        }
        Ok(self.stream.clone())
    }
}
