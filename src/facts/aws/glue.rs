//! Glue: the job that the pipeline file names, its runs, its connections, its role.

use std::collections::BTreeMap;

use aws_sdk_glue::types as glue;

use super::super::board::Settle;
use super::super::{Fact, Unknown};
use super::collect::seen;
use super::convert::{moment, some, text};
use super::glue_model::{GlueConnection, GlueFacts, GlueJob, GlueRun, JdbcUrl};
use super::model::Caller;
use super::{glue_role, iam};
use crate::aws::{Error, Session, pages};
use crate::pipeline::S3;

/// How many runs are looked at.
const RUNS: i32 = 50;

/// All that is asked about a job; `caller` tells whose account its log groups are in.
pub(super) async fn facts(session: &Session, caller: &Caller, name: &str, s3: Option<&S3>) -> GlueFacts {
    let mut facts = GlueFacts::pending();
    let (job, runs) = tokio::join!(job(session, name), runs(session, name));
    (facts.job, facts.runs) = (seen(job.clone()), seen(runs));
    // What cannot be asked without an answer before it, is unknown for the same reason.
    match job {
        Ok(Some(job)) => {
            facts.others = Fact::Known(Vec::new());
            if let Err(why) = around(session, caller, &job, s3, &mut facts).await {
                facts.settle(&Unknown::from(why));
            }
        }
        Ok(None) => facts.others = seen(names(session).await),
        Err(why) => facts.settle(&Unknown::from(why)),
    }
    facts
}

/// What the job goes by: its connections and its role.
async fn around(
    session: &Session,
    caller: &Caller,
    job: &GlueJob,
    s3: Option<&S3>,
    facts: &mut GlueFacts,
) -> Result<(), Error> {
    let connections = connections(session, job).await;
    facts.connections = seen(connections.clone());
    let role = iam::role(session, job.role_name()).await;
    facts.role = seen(role.clone());
    let Some(role) = role? else { return Ok(()) };
    // What cannot be seen of them takes nothing from what can.
    let connections = connections.unwrap_or_default();
    let needs = glue_role::needs(job, &connections, s3, caller);
    facts.role_lacks = seen(iam::lacks(session, &role.arn, needs).await);
    let secrets = connections.iter().filter_map(|c| c.secret.clone());
    let secrets = secrets.map(|secret| (secret, role.arn.clone())).collect();
    facts.unreadable_secrets = seen(iam::unreadable_secrets(session, &secrets).await);
    Ok(())
}

async fn job(session: &Session, name: &str) -> Result<Option<GlueJob>, Error> {
    match session.call("glue:GetJob", session.glue().get_job().job_name(name).send()).await {
        Err(error) if error.is_not_found() => Ok(None),
        answer => Ok(answer?.job.as_ref().map(plain_job)),
    }
}

/// The names of the jobs that there are.
async fn names(session: &Session) -> Result<Vec<String>, Error> {
    pages(async |marker| {
        let page = session.call("glue:ListJobs", session.glue().list_jobs().set_next_token(marker).send()).await?;
        Ok((page.job_names().to_vec(), page.next_token))
    })
    .await
}

fn plain_job(from: &glue::Job) -> GlueJob {
    let argument = |name: &str| from.default_arguments().and_then(|all| all.get(name)).map(String::as_str);
    GlueJob {
        name: text(from.name()),
        role: text(from.role()),
        version: some(from.glue_version()),
        kind: text(from.command().and_then(|c| c.name())),
        script: some(from.command().and_then(|c| c.script_location())),
        connections: from.connections().map(|c| c.connections().to_vec()).unwrap_or_default(),
        extra_jars: some(argument("--extra-jars")),
    }
}

/// The latest runs: Glue gives the newest first.
async fn runs(session: &Session, name: &str) -> Result<Vec<GlueRun>, Error> {
    let ask = session.glue().get_job_runs().job_name(name).max_results(RUNS);
    match session.call("glue:GetJobRuns", ask.send()).await {
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        answer => Ok(answer?.job_runs().iter().map(run).collect()),
    }
}

fn run(from: &glue::JobRun) -> GlueRun {
    GlueRun {
        id: text(from.id()),
        state: text(from.job_run_state().map(glue::JobRunState::as_str)),
        started: moment(from.started_on()),
        ended: moment(from.completed_on()),
        error: some(from.error_message()),
    }
}

async fn connections(session: &Session, job: &GlueJob) -> Result<Vec<GlueConnection>, Error> {
    let mut all = Vec::new();
    for name in &job.connections {
        let ask = session.glue().get_connection().name(name).hide_password(true);
        match session.call("glue:GetConnection", ask.send()).await {
            Err(error) if error.is_not_found() => {}
            answer => all.extend(answer?.connection.as_ref().map(connection)),
        }
    }
    Ok(all)
}

fn connection(from: &glue::Connection) -> GlueConnection {
    let properties: BTreeMap<&str, &str> =
        from.connection_properties().into_iter().flatten().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let property = |name: &str| some(properties.get(name).copied());
    let place = from.physical_connection_requirements();
    GlueConnection {
        name: text(from.name()),
        kind: text(from.connection_type().map(glue::ConnectionType::as_str)),
        url: properties.get("JDBC_CONNECTION_URL").and_then(|url| JdbcUrl::read(url)),
        enforce_ssl: properties.get("JDBC_ENFORCE_SSL").is_some_and(|v| v.eq_ignore_ascii_case("true")),
        user: property("USERNAME"),
        secret: property("SECRET_ID"),
        driver_jar: property("JDBC_DRIVER_JAR_URI"),
        subnet: some(place.and_then(|p| p.subnet_id())),
        security_groups: place.map(|p| p.security_group_id_list().to_vec()).unwrap_or_default(),
    }
}
