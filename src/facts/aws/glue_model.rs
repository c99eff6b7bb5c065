//! Facts about the Glue job. Arguments and connection properties can hold passwords: only what is named here is kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::Fact;
use super::super::board::Settle;
use super::super::model::Unknown;
use super::model::{Role, UnreadableSecret, role_name};

/// What Glue says of the job that the pipeline file names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GlueFacts {
    /// The job; `None` where there is none of that name.
    pub job: Fact<Option<GlueJob>>,
    /// The names of all jobs of the region; asked for only where the pipeline's is not there, and else empty.
    pub others: Fact<Vec<String>>,
    /// Its latest runs, the newest first; fifty at most.
    pub runs: Fact<Vec<GlueRun>>,
    /// The connections that it uses, in its order; one that does not exist is left out.
    pub connections: Fact<Vec<GlueConnection>>,
    /// The role that it takes; `None` where there is no such role.
    pub role: Fact<Option<Role>>,
    /// What Glue does by that role and its policies do not allow, by IAM's own simulation.
    pub role_lacks: Fact<Vec<Lack>>,
    /// Secrets that its connections name and that its role does not get at, by the same simulation.
    pub unreadable_secrets: Fact<Vec<UnreadableSecret>>,
}

impl GlueFacts {
    /// All pending.
    #[must_use]
    pub fn pending() -> Self {
        Self {
            job: Fact::pending(),
            others: Fact::pending(),
            runs: Fact::pending(),
            connections: Fact::pending(),
            role: Fact::pending(),
            role_lacks: Fact::pending(),
            unreadable_secrets: Fact::pending(),
        }
    }
}

impl Settle for GlueFacts {
    fn settle(&mut self, why: &Unknown) {
        self.job.settle(why);
        self.others.settle(why);
        self.runs.settle(why);
        self.connections.settle(why);
        self.role.settle(why);
        self.role_lacks.settle(why);
        self.unreadable_secrets.settle(why);
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlueJob {
    /// Its name.
    pub name: String,
    /// The role that it takes: a name or an ARN.
    pub role: String,
    /// `GlueVersion`, such as `4.0`; `None` where the job does not say.
    pub version: Option<String>,
    /// `glueetl`, `gluestreaming`, `pythonshell` or `glueray`.
    pub kind: String,
    /// Where its script is, such as `s3://bucket/job.py`.
    pub script: Option<String>,
    /// Names of its connections.
    pub connections: Vec<String>,
    /// Jars that it brings along (`--extra-jars`): a newer driver may be among them.
    pub extra_jars: Option<String>,
}

impl GlueJob {
    /// The name of its role, which it may have by its ARN.
    #[must_use]
    pub fn role_name(&self) -> &str {
        role_name(&self.role)
    }

    /// What the names of the groups with its runs' logs begin with.
    #[must_use]
    pub fn log_groups(&self) -> &'static str {
        if self.kind == "pythonshell" { "/aws-glue/python-jobs" } else { "/aws-glue/jobs" }
    }
}

/// A run of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlueRun {
    /// Such as `jr_0a1b…`.
    pub id: String,
    /// `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMEOUT`, `ERROR`, `STOPPED`, …
    pub state: String,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it failed, in Glue's words.
    pub error: Option<String>,
}

impl GlueRun {
    /// Whether it did not do what it was started for; a run that somebody stopped is none of these.
    /// <https://docs.aws.amazon.com/glue/latest/dg/job-run-statuses.html>
    #[must_use]
    pub fn failed(&self) -> bool {
        matches!(self.state.as_str(), "FAILED" | "TIMEOUT" | "ERROR" | "EXPIRED")
    }

    /// Whether it is still to end.
    /// <https://docs.aws.amazon.com/glue/latest/dg/job-run-statuses.html>
    #[must_use]
    pub fn is_at_work(&self) -> bool {
        matches!(self.state.as_str(), "STARTING" | "WAITING" | "RUNNING" | "STOPPING")
    }

    /// Whether it was at work at this moment.
    #[must_use]
    pub fn covers(&self, moment: Timestamp) -> bool {
        let not_over = match self.ended {
            Some(ended) => moment <= ended,
            None => matches!(self.state.as_str(), "RUNNING" | "STOPPING"),
        };
        not_over && self.started.is_some_and(|started| started <= moment)
    }
}

/// A connection to a data store, or into a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlueConnection {
    /// Its name.
    pub name: String,
    /// Such as `JDBC` or `NETWORK`.
    pub kind: String,
    /// Where it leads.
    pub url: Option<JdbcUrl>,
    /// `JDBC_ENFORCE_SSL`.
    pub enforce_ssl: bool,
    /// The login, where the connection names it; it may be in the secret instead.
    pub user: Option<String>,
    /// The secret with the login.
    pub secret: Option<String>,
    /// A driver of one's own, on S3.
    pub driver_jar: Option<String>,
    /// The subnet that its network interfaces are made in.
    pub subnet: Option<String>,
    /// The security groups of these interfaces.
    pub security_groups: Vec<String>,
}

/// The parts of a JDBC URL that tell where to and how. What else is in it is not kept: it may be a password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JdbcUrl {
    /// `mysql`, `mariadb`, `postgresql`, …
    pub engine: String,
    /// Host name.
    pub host: String,
    /// Port, where it says one.
    pub port: Option<u16>,
    /// Its options on TLS, by their names in small letters.
    pub tls: BTreeMap<String, String>,
}

/// Options that say whether and how a session is encrypted; the drivers' own names, in small letters.
const TLS: [&str; 6] = ["sslmode", "usessl", "requiressl", "verifyservercertificate", "ssl", "trustservercertificate"];

impl JdbcUrl {
    /// Reads `jdbc:mysql://host:3306/database?sslMode=REQUIRED` and its like; none where it is in another form.
    #[must_use]
    pub fn read(url: &str) -> Option<Self> {
        let (engine, rest) = url.strip_prefix("jdbc:")?.split_once("://")?;
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        // A password in front of the host may hold a slash.
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        let address = place.split('/').next().unwrap_or_default();
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (address, None),
        };
        // Some forms have options, and among them a password, in place of a host name.
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-[]:".contains(c);
        if host.is_empty() || !host.chars().all(plain) {
            return None;
        }
        let options = options.split('&').filter_map(|option| option.split_once('='));
        let tls = options
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .filter(|(name, _)| TLS.contains(&name.as_str()))
            .collect();
        Some(Self { engine: engine.to_lowercase(), host: host.to_owned(), port, tls })
    }
}

/// An action that a role's policies do not allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lack {
    /// Such as `s3:GetObject`.
    pub action: String,
    /// On what: an ARN, or `*`.
    pub on: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_without_its_secrets() {
        let url = "jdbc:mysql://etl:Secret1@charts.abc.rds.amazonaws.com:3307/charts?sslMode=REQUIRED&password=Secret2&useSSL=true";
        let read = JdbcUrl::read(url).unwrap();
        assert_eq!((read.engine.as_str(), read.host.as_str()), ("mysql", "charts.abc.rds.amazonaws.com"));
        assert_eq!(read.port, Some(3307));
        let tls = [("sslmode", "REQUIRED"), ("usessl", "true")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(read.tls, BTreeMap::from(tls));
        assert!(!format!("{read:?}").contains("Secret"), "{read:?}");
    }

    #[test]
    fn a_url_of_the_shortest_and_of_another_form() {
        let read = JdbcUrl::read("jdbc:postgresql://pg/music").unwrap();
        assert_eq!((read.engine.as_str(), read.host.as_str(), read.port), ("postgresql", "pg", None));
        assert_eq!(JdbcUrl::read("jdbc:mysql://u:1/Secret@my/charts").unwrap().host, "my");
        assert_eq!(JdbcUrl::read("jdbc:mysql://[::1]:3306/charts").unwrap().host, "[::1]");
        for secret in [
            "jdbc:oracle:thin:@host:1521/orcl",
            "jdbc:mysql://address=(host=h)(port=1)(user=u)(password=Secret1)/db",
            "jdbc:mysql://(host=h,password=Secret1)/db",
            "jdbc:sqlserver://h;user=u;password=Secret1",
            "jdbc:mysql:///charts",
        ] {
            assert_eq!(JdbcUrl::read(secret), None, "{secret}");
        }
    }

    #[test]
    fn a_run_covers_what_happened_while_it_was_at_work() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let run = |ended| GlueRun {
            id: "jr_1".into(),
            state: "SUCCEEDED".into(),
            started: Some(at(100)),
            ended,
            error: None,
        };
        assert!(run(Some(at(200))).covers(at(100)) && run(Some(at(200))).covers(at(200)));
        assert!(!run(Some(at(200))).covers(at(99)) && !run(Some(at(200))).covers(at(201)));
        assert!(!run(None).covers(at(1000)), "it has ended, and nobody knows when");
        assert!(GlueRun { state: "RUNNING".into(), ..run(None) }.covers(at(1000)));
        assert!(!GlueRun { state: "WAITING".into(), ..run(None) }.covers(at(1000)));
    }
}
