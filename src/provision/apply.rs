//! Carries a plan out. What was made stays made; the next plan goes on from there.

use std::time::{Duration, Instant};

use aws_sdk_databasemigration::types::Filter;
use serde_json::Value;

use super::calls::{self, Around};
use super::model::{Item, Kind};
use super::plan::{Plan, Step, Verb};
use super::{ProvisionError, desired};
use crate::aws::{Error, Session};
use crate::diagnose;
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;

/// How long a new role may take to be seen by DMS.
const ROLE_LIMIT: Duration = Duration::from_secs(180);
/// How long an instance may take: AWS's own waiter gives up after an hour.
const INSTANCE_LIMIT: Duration = Duration::from_secs(3600);
/// How long a task, a test or a deletion may take.
const LIMIT: Duration = Duration::from_secs(900);

/// What is told while it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What happens to it; `Keep` where it is only waited for or tested.
    pub verb: Verb,
    /// Kind and name.
    pub what: String,
    /// Its state.
    pub state: String,
    /// Since this resource was begun.
    pub elapsed: Duration,
}

/// Hears what goes on.
pub type Tell<'a> = &'a mut (dyn FnMut(&Told) + Send);

/// Everything that carrying out needs.
pub struct Site<'a> {
    /// The pipeline.
    pub pipeline: &'a Pipeline,
    /// Passwords for the endpoints.
    pub passwords: &'a Passwords,
    /// The account.
    pub session: &'a Session,
}

/// Makes, changes and deletes; waits until all is ready; tests both connections.
///
/// # Errors
/// The first thing that failed; what was done before stays, and the next `apply` goes on after it.
pub async fn apply(site: &Site<'_>, plan: &Plan, tell: Tell<'_>) -> Result<(), ProvisionError> {
    refuse(plan)?;
    let mut around = Around { pipeline: site.pipeline.name.clone(), ..Around::default() };
    for item in plan.steps.iter().filter_map(|s| s.item.as_ref()) {
        around.arns.insert((item.kind, item.name.to_lowercase()), item.arn.clone());
    }
    let wanted = || plan.steps.iter().filter(|s| s.verb != Verb::Delete);
    for step in wanted().filter(|s| s.kind < Kind::Task) {
        one(site, step, &mut around, tell).await?;
    }
    for step in wanted().filter(|s| s.kind == Kind::Instance) {
        ready(site.session, step, &around, INSTANCE_LIMIT, tell).await?;
    }
    // Changes are waited for too, and a login that fails must be known before a task is made of it.
    test_both(site, plan, &around, tell).await?;
    for step in wanted().filter(|s| s.kind >= Kind::Task) {
        one(site, step, &mut around, tell).await?;
        ready(site.session, step, &around, LIMIT, tell).await?;
    }
    for step in plan.steps.iter().filter(|s| s.verb == Verb::Delete) {
        super::destroy::remove(site.session, step, tell).await?;
    }
    Ok(())
}

/// What a plan must not hold.
fn refuse(plan: &Plan) -> Result<(), ProvisionError> {
    let why = plan.steps.iter().find_map(|step| {
        let what = format!("{} {}", step.kind.label(), step.name);
        if let Some(fixed) = step.differences.iter().find(|d| d.fixed) {
            return Some(format!(
                "{} of the {what} cannot be changed. Delete it (cdc-doctor provision destroy, if it was made by it) and \
                 apply again, or correct the pipeline file",
                fixed.name
            ));
        }
        let running = matches!(step.status.as_deref(), Some("running" | "starting" | "stopping"));
        (step.verb == Verb::Change && running).then(|| {
            format!("the {what} runs, and DMS changes none that runs. Stop it first: cdc-doctor sync --stop")
        })
    });
    why.map_or(Ok(()), |why| Err(ProvisionError::Refused(why)))
}

fn what(step: &Step) -> String {
    format!("{} {}", step.kind.label(), step.name)
}

/// Makes or changes one resource.
async fn one(site: &Site<'_>, step: &Step, around: &mut Around, tell: Tell<'_>) -> Result<(), ProvisionError> {
    let Some(resource) = step.resource.as_ref().filter(|_| step.verb != Verb::Keep) else { return Ok(()) };
    let began = Instant::now();
    let mut say = |state: &str| {
        tell(&Told { verb: step.verb, what: what(step), state: state.to_owned(), elapsed: began.elapsed() });
    };
    say(if step.verb == Verb::Create { "creating" } else { "changing" });
    around.password =
        password(site, resource.values.get("EndpointType"), resource.values.contains_key("Username")).await?;
    around.pem = match resource.kind {
        Kind::Certificate => Some(desired::pem(desired::authority_file(site.pipeline, &resource.name).as_deref())?),
        _ => None,
    };
    if step.verb == Verb::Change {
        calls::change(site.session, step, around).await?;
    } else {
        let arn = patiently(site.session, || calls::create(site.session, resource, around), &mut say).await?;
        if let Some(arn) = arn {
            around.arns.insert((resource.kind, resource.name.to_lowercase()), arn);
        }
    }
    around.password = None;
    if !matches!(resource.kind, Kind::Instance | Kind::Task) {
        say("done");
    }
    Ok(())
}

async fn password(
    site: &Site<'_>,
    side: Option<&Value>,
    logs_in: bool,
) -> Result<Option<secrecy::SecretString>, ProvisionError> {
    let (endpoint, password) = match side.and_then(Value::as_str) {
        Some("source") => (&site.pipeline.source, &site.passwords.source),
        Some("target") if logs_in => (&site.pipeline.target, &site.passwords.target),
        _ => return Ok(None),
    };
    match password {
        Some(password) => Ok(Some(password.get(endpoint).await?)),
        None => Ok(None),
    }
}

/// Tries again while a new role is not seen yet, or the resource's namesake is still being deleted.
async fn patiently<F, Fut>(
    session: &Session,
    call: F,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<Option<String>, ProvisionError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<Option<String>, Error>>,
{
    let began = Instant::now();
    loop {
        let error = match Box::pin(call()).await {
            Err(error) => error,
            made => return Ok(made?),
        };
        let unseen = error.message.contains("is not configured properly");
        let deleted =
            error.code.as_deref().is_some_and(|c| c.contains("AlreadyExists")) && error.message.contains("deleting");
        if !(unseen || deleted) || began.elapsed() > ROLE_LIMIT {
            return Err(error.into());
        }
        say("waiting until the new role is seen");
        pause(session).await;
    }
}

/// A simulator answers at once; AWS takes minutes, and grants DMS few calls.
pub(super) async fn pause(session: &Session) {
    let millis = if session.aws().endpoint_url.is_some() { 250 } else { 10_000 };
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// States in which a resource does what it is for; `active` is an endpoint's. A task that never ran is `ready`.
const GOOD: [&str; 8] = ["available", "ready", "stopped", "failed", "running", "active", "created", ""];
/// States on the way to one of those.
const PASSING: [&str; 8] =
    ["creating", "modifying", "upgrading", "rebooting", "starting", "stopping", "testing", "initializing"];

/// Waits until it is ready, and tells each change of its state.
async fn ready(
    session: &Session,
    step: &Step,
    around: &Around,
    limit: Duration,
    tell: Tell<'_>,
) -> Result<(), ProvisionError> {
    let passing = step.status.as_deref().is_some_and(|s| PASSING.contains(&s));
    if step.verb == Verb::Keep && !passing {
        return match step.status.as_deref() {
            Some(status) if !GOOD.contains(&status) => {
                Err(ProvisionError::Ended { what: what(step), status: status.to_owned(), why: None })
            }
            _ => Ok(()),
        };
    }
    let Some(arn) = around.arns.get(&(step.kind, step.name.to_lowercase())) else { return Ok(()) };
    wait(session, step, limit, tell, async || {
        let status = status(session, step.kind, arn).await?.unwrap_or_default();
        // An instance that failed does nothing; a task that failed can be started again.
        let good = GOOD.contains(&status.as_str()) && !(step.kind == Kind::Instance && status == "failed");
        Ok(if good {
            State::Reached(status)
        } else if PASSING.contains(&status.as_str()) {
            State::Passing(status)
        } else {
            State::Ended(status)
        })
    })
    .await
}

/// Where something that is waited for stands.
pub(super) enum State {
    /// There.
    Reached(String),
    /// On its way.
    Passing(String),
    /// Somewhere else.
    Ended(String),
}

/// Asks until it is there.
pub(super) async fn wait<F>(
    session: &Session,
    step: &Step,
    limit: Duration,
    tell: Tell<'_>,
    mut ask: F,
) -> Result<(), ProvisionError>
where
    F: AsyncFnMut() -> Result<State, Error>,
{
    let began = Instant::now();
    let mut last = String::new();
    loop {
        let state = Box::pin(ask()).await?;
        let (State::Reached(status) | State::Passing(status) | State::Ended(status)) = &state;
        if *status != last {
            tell(&Told { verb: step.verb, what: what(step), state: status.clone(), elapsed: began.elapsed() });
            last.clone_from(status);
        }
        match state {
            State::Reached(_) => return Ok(()),
            State::Ended(status) => return Err(ProvisionError::Ended { what: what(step), status, why: None }),
            State::Passing(status) if began.elapsed() > limit => {
                return Err(ProvisionError::Late { what: what(step), status, minutes: limit.as_secs() / 60 });
            }
            State::Passing(_) => pause(session).await,
        }
    }
}

fn filter(name: &str, value: &str) -> Option<Vec<Filter>> {
    // Both parts are given, and nothing else is demanded.
    Filter::builder().name(name).values(value).build().ok().map(|f| vec![f])
}

/// The state of an instance, an endpoint, a task or a configuration; none where it is gone.
pub(super) async fn status(session: &Session, kind: Kind, arn: &str) -> Result<Option<String>, Error> {
    let dms = session.dms();
    let answer = match kind {
        Kind::Instance => {
            let ask = dms.describe_replication_instances().set_filters(filter("replication-instance-arn", arn));
            session.call("dms:DescribeReplicationInstances", ask.send()).await.map(|page| {
                page.replication_instances()
                    .first()
                    .map(|i| i.replication_instance_status().unwrap_or_default().to_owned())
            })
        }
        Kind::Endpoint => {
            let ask = dms.describe_endpoints().set_filters(filter("endpoint-arn", arn));
            let page = session.call("dms:DescribeEndpoints", ask.send()).await;
            page.map(|page| page.endpoints().first().map(|e| e.status().unwrap_or_default().to_owned()))
        }
        Kind::Task => {
            let ask = dms.describe_replication_tasks().set_filters(filter("replication-task-arn", arn));
            let page = session.call("dms:DescribeReplicationTasks", ask.send()).await;
            page.map(|page| page.replication_tasks().first().map(|t| t.status().unwrap_or_default().to_owned()))
        }
        Kind::Config => {
            let ask = dms.describe_replications().set_filters(filter("replication-config-arn", arn));
            let page = session.call("dms:DescribeReplications", ask.send()).await;
            page.map(|page| page.replications().first().map(|r| r.status().unwrap_or_default().to_owned()))
        }
        Kind::Role | Kind::SubnetGroup | Kind::Certificate => return Ok(None),
    };
    match answer {
        Err(error) if error.is_not_found() => Ok(None),
        other => other,
    }
}

/// Logs in by both endpoints, as the replication instance does. A serverless replication has none to do it.
async fn test_both(site: &Site<'_>, plan: &Plan, around: &Around, tell: Tell<'_>) -> Result<(), ProvisionError> {
    let Some(instance) = plan.steps.iter().find(|s| s.kind == Kind::Instance && s.verb != Verb::Delete) else {
        return Ok(());
    };
    let Some(instance_arn) = around.arns.get(&(Kind::Instance, instance.name.to_lowercase())) else { return Ok(()) };
    for step in plan.steps.iter().filter(|s| s.kind == Kind::Endpoint && s.verb != Verb::Delete) {
        let Some(arn) = around.arns.get(&(Kind::Endpoint, step.name.to_lowercase())) else { continue };
        let unchanged = step.verb == Verb::Keep && instance.verb == Verb::Keep;
        if !(unchanged && connection(site.session, instance_arn, arn).await?.0 == "successful") {
            test(site.session, step, instance_arn, arn, tell).await?;
        }
    }
    Ok(())
}

async fn test(session: &Session, step: &Step, instance: &str, arn: &str, tell: Tell<'_>) -> Result<(), ProvisionError> {
    let send = session.dms().test_connection().replication_instance_arn(instance).endpoint_arn(arn).send();
    let step = Step { verb: Verb::Keep, ..step.clone() };
    session.call("dms:TestConnection", send).await?;
    let mut failure = None;
    let outcome = wait(session, &step, LIMIT, tell, async || {
        let (status, why) = connection(session, instance, arn).await?;
        failure = why;
        Ok(match status.as_str() {
            "successful" => State::Reached("login works".to_owned()),
            "testing" | "" => State::Passing("testing the login".to_owned()),
            _ => State::Ended("login failed".to_owned()),
        })
    })
    .await;
    match (outcome, failure) {
        (Err(ProvisionError::Ended { .. }), Some(why)) => {
            let decoded = diagnose::decode(&why).map(Box::new);
            let message = crate::decode::innermost(&why).to_owned();
            Err(ProvisionError::Test { endpoint: step.name, message, decoded })
        }
        (outcome, _) => outcome,
    }
}

/// The last test: its state, and what failed.
async fn connection(session: &Session, instance: &str, arn: &str) -> Result<(String, Option<String>), Error> {
    let ask = session.dms().describe_connections().set_filters(filter("endpoint-arn", arn));
    let page = match session.call("dms:DescribeConnections", ask.send()).await {
        Err(error) if error.is_not_found() => return Ok((String::new(), None)),
        page => page?,
    };
    let found = page
        .connections()
        .iter()
        .find(|c| c.endpoint_arn() == Some(arn) && c.replication_instance_arn() == Some(instance));
    let words = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Ok(found.map_or_else(
        || (String::new(), None),
        |c| (words(c.status()), c.last_failure_message().filter(|m| !m.is_empty()).map(str::to_owned)),
    ))
}

/// What is there now, a line each.
#[must_use]
pub fn line(item: &Item) -> String {
    let status = if item.status.is_empty() { "there" } else { &item.status };
    let made = if item.ours { "" } else { ", not made by cdc-doctor" };
    format!("{} {}: {status}{made}", item.kind.label(), item.name)
}
