//! The Glue job that checks look at, and what a check answers where there is none.

use super::aws_parts::{Looked, NO_AWS, region};
use super::reach::NO_EC2;
use super::{Judged, Verdict};
use crate::facts::aws::{GlueConnection, GlueFacts, GlueJob, GlueRun, JdbcUrl, Network, Subnet};
use crate::facts::{Facts, MyAccount, MyTable, Unknown, UnknownKind};
use crate::fixes::Fix;

const NO_GLUE: &str = "the pipeline file names no Glue job";
const NO_JOB: &str = "the Glue job does not exist";

/// The job.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub facts: &'a Facts,
    pub glue: &'a GlueFacts,
    pub job: &'a GlueJob,
    network: Option<&'a Network>,
}

/// Judges the job.
pub(super) fn with_job(facts: &Facts, look: impl FnOnce(&Job<'_>) -> Looked) -> Judged {
    with_named_job(facts, |job| look(job).map(Verdict::from_findings))
}

/// Judges what a run that succeeded has shown to be well.
pub(super) fn with_unproven_job(facts: &Facts, look: impl FnOnce(&Job<'_>) -> Looked) -> Judged {
    with_job(facts, |job| if job.succeeded() { Ok(Vec::new()) } else { look(job) })
}

/// Judges what lies around the job's connections, by their networks; in builds that do not look at these, and where
/// they cannot be seen, by the words of its last run. A run that succeeded has found a way, whatever is seen there.
pub(super) fn with_job_network(
    facts: &Facts,
    by_network: impl FnOnce(&Job<'_>, &Network) -> Looked,
    by_run: impl FnOnce(&Job<'_>, &GlueRun) -> Looked,
) -> Judged {
    with_named_job(facts, |job| {
        if job.succeeded() {
            return Ok(Verdict::Pass);
        }
        let seen = job.network.map(|network| by_network(job, network));
        if let Some(Ok(findings)) = seen {
            return Ok(Verdict::from_findings(findings));
        }
        let told = job.last_run()?.map(|run| by_run(job, run)).transpose()?.unwrap_or_default();
        match seen {
            _ if !told.is_empty() => Ok(Verdict::Fail(told)),
            Some(Err(why)) => Err(why),
            _ => Ok(Verdict::NotApplicable(NO_EC2)),
        }
    })
}

fn with_named_job(facts: &Facts, look: impl FnOnce(&Job<'_>) -> Judged) -> Judged {
    with_job_or(facts, |_, _| Verdict::NotApplicable(NO_JOB), look)
}

/// Judges the job, or what `absent` says of its name where there is none of that name.
pub(super) fn with_job_or(
    facts: &Facts,
    absent: impl FnOnce(&str, &GlueFacts) -> Verdict,
    look: impl FnOnce(&Job<'_>) -> Judged,
) -> Judged {
    let Some(aws) = &facts.aws else { return Ok(Verdict::NotApplicable(NO_AWS)) };
    let Some(name) = facts.pipeline.glue.as_ref().and_then(|glue| glue.job.as_ref()) else {
        return Ok(Verdict::NotApplicable(NO_GLUE));
    };
    match aws.glue.job.known()? {
        Some(job) => look(&Job { facts, glue: &aws.glue, job, network: aws.network.as_ref() }),
        None => Ok(absent(name, &aws.glue)),
    }
}

/// What is to be done about a driver that came with an old version of Glue.
pub(super) fn newer_driver() -> Fix {
    let todo = "Move the job to Glue 3.0 or later, or give the connection a driver of its own (JDBC_DRIVER_JAR_URI and \
                JDBC_DRIVER_CLASS_NAME)";
    Fix::manual("give it a newer driver", [todo])
}

/// When a target table was created or altered, and during which run of the Glue job; `None` where it was during none that
/// is known. `CREATE_TIME` moves with DROP and CREATE and with ALTER TABLE, not with TRUNCATE and rows.
pub(super) fn altered_by_run(facts: &Facts, table: &MyTable) -> Option<String> {
    let (created, aws) = (table.created?, facts.aws.as_ref()?);
    let job = aws.glue.job.value()?.as_ref()?;
    let run = aws.glue.runs.value()?.iter().find(|run| run.covers(created))?;
    let at = created.strftime("%Y-%m-%d %H:%M:%S UTC");
    Some(format!("{at}, during the run {} of the Glue job {}", run.id, job.name))
}

impl<'a> Job<'a> {
    /// The last run that came to an end.
    pub fn last_run(&self) -> Result<Option<&'a GlueRun>, Unknown> {
        Ok(self.glue.runs.known()?.iter().find(|run| !run.is_at_work()))
    }

    /// Whether that run did what it was started for: then what it needs is there, whatever is seen here.
    pub fn succeeded(&self) -> bool {
        self.last_run().ok().flatten().is_some_and(|run| run.state == "SUCCEEDED")
    }

    /// The region, for commands.
    pub fn region(&self) -> &'a str {
        region(&self.facts.pipeline)
    }

    /// The subnets of its connections.
    ///
    /// # Errors
    /// They are not known, or one of them is in no answer (it may be gone).
    pub fn subnets(&self, network: &'a Network) -> Result<Vec<&'a Subnet>, Unknown> {
        let ids: Vec<String> = self.glue.connections.known()?.iter().filter_map(|c| c.subnet.clone()).collect();
        let found = network.subnets(&ids)?;
        match ids.iter().find(|id| !found.iter().any(|subnet| subnet.id == **id)) {
            Some(id) => Err(Unknown::new(UnknownKind::Failed, format!("EC2 tells nothing of the subnet {id}"))),
            None => Ok(found),
        }
    }

    /// Its connections to this host, by one of these JDBC engines.
    pub fn connections_to(
        &self,
        host: &str,
        engines: &[&str],
    ) -> Result<Vec<(&'a GlueConnection, &'a JdbcUrl)>, Unknown> {
        let with_url = self.glue.connections.known()?.iter().filter_map(|c| Some((c, c.url.as_ref()?)));
        let fits =
            |(_, url): &(_, &JdbcUrl)| engines.contains(&url.engine.as_str()) && url.host.eq_ignore_ascii_case(host);
        Ok(with_url.filter(fits).collect())
    }

    /// It is of a version of Glue up to 2.0.
    pub fn is_old(&self) -> bool {
        ["0.9", "1.0", "2.0"].contains(&self.version())
    }

    /// Its connections to this host that use the driver that came with a version of Glue up to 2.0; later ones have
    /// newer drivers: <https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-jdbc-home.html>.
    pub fn old_driver_to(&self, host: &str, engines: &[&str]) -> Result<Vec<&'a GlueConnection>, Unknown> {
        if !self.is_old() || self.job.kind == "pythonshell" || self.job.extra_jars.is_some() {
            return Ok(Vec::new());
        }
        let found = self.connections_to(host, engines)?.into_iter().map(|(connection, _)| connection);
        Ok(found.filter(|c| c.driver_jar.is_none()).collect())
    }

    /// The account that a connection logs in to the target by: the pipeline's own is looked up, others' are not.
    ///
    /// # Errors
    /// It is another, or not known.
    pub fn account_of(&self, connection: &GlueConnection) -> Result<&'a MyAccount, Unknown> {
        if connection.user.as_ref() == Some(&self.facts.pipeline.target.user) {
            return self.facts.target.account.known();
        }
        let login = connection.user.as_deref().unwrap_or("(see its secret)");
        let why = format!(
            "the login {login} of the Glue connection {} is not the pipeline's; look: SELECT user, host, plugin, ssl_type \
             FROM mysql.user",
            connection.name
        );
        Err(Unknown::new(UnknownKind::NotConfigured, why))
    }

    /// Its version of Glue; empty where it does not say, and then it is none of the old ones.
    pub fn version(&self) -> &'a str {
        self.job.version.as_deref().unwrap_or_default()
    }
}
