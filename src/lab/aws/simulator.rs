//! Starting, steering and stopping the simulation.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;
use tokio::runtime::Runtime;

use super::account::Account;
use super::control::{Delays, Fault};
use super::pretence::Pretended;
use super::{dms, glue, http, secrets};
use crate::lab::servers::{MySqlServer, Postgres, ServerError};

/// What the simulation stands on, and how it is to be.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The server behind the source's RDS instance. Its settings are changed and it is restarted.
    pub source: Arc<Postgres>,
    /// The server behind the target's RDS instance.
    pub target: Arc<MySqlServer>,
    /// The source's RDS identifier, which is not its database's name.
    pub source_instance: String,
    /// The target's RDS identifier.
    pub target_instance: String,
    /// The database that the target was created with.
    pub target_database: Option<String>,
    /// In all ARNs.
    pub region: String,
    /// The source has `rds.logical_replication` on, in a parameter group of its own. Otherwise it is as RDS creates
    /// it: on the default group, with `wal_level = replica`; the server is restarted for that.
    pub logical_replication: bool,
    /// How long things take.
    pub delays: Delays,
}

impl Stage {
    /// The story's names on these servers, as a new AWS account has them.
    #[must_use]
    pub fn new(source: Arc<Postgres>, target: Arc<MySqlServer>) -> Self {
        Self {
            source,
            target,
            source_instance: "charts-source".to_owned(),
            target_instance: "charts-target".to_owned(),
            target_database: Some("charts".to_owned()),
            region: "eu-west-2".to_owned(),
            logical_replication: false,
            delays: Delays::default(),
        }
    }
}

/// Why there is no simulation.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// No runtime, port or folder.
    #[error("the simulated AWS cannot start: {doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A server behind it.
    #[error("the simulated AWS cannot use its server: {0}")]
    Server(#[from] ServerError),
}

/// The simulation, running. Dropped, it stops, and so do the tasks in it; the servers go on.
#[derive(Debug)]
pub struct Simulator {
    account: Arc<Account>,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Simulator {
    /// Starts it at a free port of 127.0.0.1. Blocks until the servers have been asked what they are; from async code
    /// call it through `tokio::task::spawn_blocking`.
    ///
    /// # Errors
    /// No port, or a server does not answer.
    pub fn start(stage: Stage) -> Result<Self, SimulatorError> {
        let io = |doing| move |source| SimulatorError::Io { doing, source };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("simulated-aws")
            .enable_all()
            .build()
            .map_err(io("start a runtime"))?;
        // It goes when the servers go, however this program ends.
        let folder = stage.source.home().path().join("aws");
        std::fs::create_dir_all(&folder).map_err(io("make a folder"))?;
        let account = Arc::new(Account::new(stage, folder)?);
        // Out of the caller's runtime, if there is one: a thread of one may not wait for another.
        let listener = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| runtime.block_on(http::listen()));
            waiting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
        .map_err(io("listen on 127.0.0.1"))?;
        let address = listener.local_addr().map_err(io("find its port"))?;
        runtime.spawn(http::serve(listener, Arc::clone(&account)));
        Ok(Self { account, address, runtime: Some(runtime) })
    }

    /// Where it answers, as `endpoint_url` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The region of everything in it.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.account.stage.region
    }

    /// Lets the next `times` calls of an action (`dms:DescribeEndpoints`; `*` is any) meet a fault instead of their
    /// answer.
    pub fn fault(&self, action: &str, fault: Fault, times: u32) {
        self.account.control().add(action, fault, times);
    }

    /// Ends the faults that still wait for their call.
    pub fn end_faults(&self) {
        self.account.control().end_faults();
    }

    /// All calls so far, in order, as the permissions that they need: `dms:DescribeEndpoints`.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.account.control().calls()
    }

    /// From now on things take so long.
    pub fn set_delays(&self, delays: Delays) {
        *self.account.delays.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = delays;
    }

    /// Puts a secret into Secrets Manager, and gives its ARN.
    pub fn secret(&self, name: &str, value: &SecretString) -> String {
        secrets::put(&self.account, name, value.clone())
    }

    /// Puts a sample of a metric where `GetMetricData` finds it. `dimension` is the value of any of its dimensions.
    pub fn metric(&self, namespace: &str, name: &str, dimension: &str, value: f64) {
        self.account.state().metrics.add(namespace, name, dimension, value);
    }

    /// Takes away all samples of metrics, as if an hour had passed.
    pub fn forget_metrics(&self) {
        self.account.state().metrics.forget();
    }

    /// Lets whoever describes a thing see these members over its own, in the API's names and shapes: what AWS itself
    /// brings about, and this simulation does not. Null ends it. A cluster, a proxy or waiting maintenance is made up.
    pub fn pretend(&self, kind: Pretended, name: &str, members: serde_json::Value) {
        self.account.control().pretences.set(kind, name, members);
    }

    /// Writes down an event of a replication instance or task (`replication-instance`, `replication-task`).
    pub fn event(&self, kind: &str, identifier: &str, message: &str) {
        self.account.state().dms.happened(identifier, kind, "failure", message);
    }

    /// Adds a line to a log of CloudWatch.
    pub fn log(&self, group: &str, stream: &str, line: &str) {
        self.account.state().logs.add(group, stream, line.to_owned());
    }

    /// Gives a task or serverless replication `count` tables that do not exist, so that there is something to page
    /// through. They last until it is started.
    pub fn pretend_tables(&self, arn: &str, count: usize) {
        dms::pretend_tables(&self.account, arn, count);
    }

    /// Lets each connection test of the endpoint of this identifier fail with these words instead of trying the login;
    /// `None` lets it try again.
    pub fn refuse_connections(&self, endpoint: &str, words: Option<&str>) {
        dms::refuse_connections(&self.account, endpoint, words);
    }

    /// Lets a task or serverless replication that runs fail for this reason; false where it does not run.
    #[must_use]
    pub fn fail(&self, arn: &str, why: &str) -> bool {
        dms::fail(&self.account, arn, why)
    }

    /// Writes down a run of a Glue job with these members (`JobRunState`, `ErrorMessage`, `StartedOn` …), in the API's
    /// names and shapes, times in seconds since 1970, and gives its `Id`. Without members it succeeded within the last
    /// minute. That is how a run that failed is rehearsed: the simulation runs no script.
    pub fn glue_run(&self, job: &str, members: serde_json::Value) -> String {
        glue::write_down(&self.account, job, members)
    }

    /// The authority (PEM) that signed both instances' certificates: what RDS's bundle is on AWS.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        self.account.stage.source.ca_file()
    }

    /// Makes the roles `dms-vpc-role` and `dms-cloudwatch-logs-role`, as the DMS console does on first use. A new
    /// account has none of them.
    pub fn create_dms_roles(&self) {
        self.account.state().iam.create_dms_roles();
    }

    /// Ends it; tasks are stopped where they are.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.account.stop_all();
        if let Some(runtime) = self.runtime.take() {
            // Waiting is not allowed in async code, where a value may well be dropped.
            runtime.shutdown_background();
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.end();
    }
}
