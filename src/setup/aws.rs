//! What AWS has to pick from, and the questions about the DMS side.

use super::dialogue::Setup;
use super::prompt::{self, Left};
use super::steps::Side;
use crate::aws::Session;
use crate::facts::aws::{Discovery, discover};
use crate::pipeline::Aws;

/// A database server that AWS told of.
pub(super) struct Server {
    /// Of the instance or cluster; no database's name.
    pub identifier: String,
    engine: String,
    host: String,
    port: u16,
    database: Option<String>,
    user: Option<String>,
}

impl Server {
    /// As it is picked from a list.
    pub(super) fn line(&self) -> String {
        format!("{}  {}  {}:{}", self.identifier, self.engine, self.host, self.port)
    }
}

/// Asks whether AWS is to be looked at; nothing is called before.
pub(super) async fn look(setup: &mut Setup) -> Result<(), Left> {
    let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let likely = setup.draft.get("aws.region").is_some()
        || ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_DEFAULT_REGION"]
            .iter()
            .any(|v| variable(v).is_some());
    let question = "Look into an AWS account for databases to pick from?";
    if !prompt::confirm(question, likely, "reads with your AWS credentials; no types hosts by hand")? {
        return Ok(());
    }
    let before = setup.draft.get("aws.region");
    region(setup)?;
    if let (None, Some(url)) = (setup.draft.get("aws.endpoint_url"), variable("AWS_ENDPOINT_URL")) {
        prompt::say(&format!("AWS_ENDPOINT_URL is set: AWS here is whatever answers at {url}."));
        setup.draft.set("aws.endpoint_url", &url)?;
    }
    let aws = Aws {
        region: setup.draft.get("aws.region").unwrap_or_default(),
        profile: setup.draft.get("aws.profile"),
        endpoint_url: setup.draft.get("aws.endpoint_url"),
    };
    prompt::say(&format!("Looking into {} …", aws.region));
    let found = discover(&Session::open(&aws).await).await;
    let instances = found.instances.known().map(Vec::len);
    let clusters = found.clusters.known().map(Vec::len);
    match (&instances, &clusters) {
        (Ok(i), Ok(c)) => prompt::say(&format!("{i} RDS instances, {c} clusters.")),
        (Err(why), _) | (_, Err(why)) => {
            prompt::say(&format!("AWS cannot be looked at: {}. Hosts can be typed.", why.reason));
        }
    }
    if instances.is_err() && clusters.is_err() && before.is_none() {
        // Nothing of it is of use to the pipeline, and a section [aws] would be looked at by each check.
        for key in ["aws.endpoint_url", "aws.profile", "aws.region"] {
            setup.draft.unset(key);
        }
        return Ok(());
    }
    setup.found = Some(found);
    Ok(())
}

/// Asks for the region, and a profile where there are several accounts.
pub(super) fn region(setup: &mut Setup) -> Result<(), Left> {
    let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let default = setup
        .draft
        .get("aws.region")
        .or_else(|| variable("AWS_REGION"))
        .or_else(|| variable("AWS_DEFAULT_REGION"))
        .unwrap_or_else(|| "eu-west-2".to_owned());
    let region = prompt::text("AWS region:", Some(&default), "such as eu-west-2", prompt::something)?;
    setup.draft.set("aws.region", &region)?;
    if let (None, Some(profile)) = (setup.draft.get("aws.profile"), variable("AWS_PROFILE")) {
        setup.draft.set("aws.profile", &profile)?;
    }
    Ok(())
}

/// The servers that can be this side. An instance of a cluster is reached by its cluster.
pub(super) fn servers(found: Option<&Discovery>, side: Side) -> Vec<Server> {
    let Some(found) = found else { return Vec::new() };
    let fits = |engine: &str| match side {
        Side::Source => engine.contains("postgres"),
        Side::Target => engine.contains("mysql") || engine.contains("mariadb"),
    };
    let clusters = found.clusters.value().into_iter().flatten().filter(|c| fits(&c.engine)).filter_map(|c| {
        Some(Server {
            identifier: c.identifier.clone(),
            engine: format!("{} {}", c.engine, c.engine_version),
            host: c.host.clone()?,
            port: c.port?,
            database: c.database.clone(),
            user: None,
        })
    });
    let alone = found.instances.value().into_iter().flatten().filter(|i| fits(&i.engine) && i.cluster.is_none());
    let instances = alone.filter_map(|i| {
        Some(Server {
            identifier: i.identifier.clone(),
            engine: format!("{} {}", i.engine, i.engine_version),
            host: i.host.clone()?,
            port: i.port?,
            database: i.database.clone(),
            user: i.master_user.clone(),
        })
    });
    clusters.chain(instances).collect()
}

/// Takes a picked server's place; its user and database are offered later, not taken.
pub(super) fn take(setup: &mut Setup, side: Side, server: &Server) -> Result<(), Left> {
    setup.draft.set(&side.key("rds_instance"), &server.identifier)?;
    setup.draft.set(&side.key("host"), &server.host)?;
    setup.draft.set(&side.key("port"), &server.port.to_string())?;
    for (name, value) in [("user", &server.user), ("database", &server.database)] {
        if let (None, Some(value)) = (setup.draft.get(&side.key(name)), value) {
            setup.draft.set(&side.key(name), value)?;
        }
    }
    Ok(())
}

/// The way by S3 and Glue, where it is wanted.
fn through_s3(setup: &mut Setup) -> Result<(), Left> {
    let now = setup.draft.get("s3.bucket");
    let question = "Does DMS write to S3, and a Glue job from there to the target?";
    if !prompt::confirm(question, now.is_some(), "no lets DMS write into the target itself")? {
        for key in ["s3.bucket", "s3.prefix", "glue.job", "glue.script"] {
            setup.draft.unset(key);
        }
        return Ok(());
    }
    let check = |setup: &Setup, key: &str| prompt::taken(&setup.draft, key.to_owned(), str::to_owned);
    let bucket = prompt::text("Bucket:", now.as_deref(), "its name alone", check(setup, "s3.bucket"))?;
    setup.draft.set("s3.bucket", &bucket)?;
    let prefix = setup.draft.get("s3.prefix").unwrap_or_else(|| "raw/".to_owned());
    let prefix = prompt::text("Prefix of its keys:", Some(&prefix), "", check(setup, "s3.prefix"))?;
    setup.draft.set("s3.prefix", &prefix)?;
    let name = setup.draft.get("name").unwrap_or_default();
    let job = setup.draft.get("glue.job").unwrap_or(name);
    let job = prompt::text("Name of the Glue job:", Some(&job), "", check(setup, "glue.job"))?;
    setup.draft.set("glue.job", &job)?;
    Ok(())
}

/// The DMS side: what is there already is picked, the rest is made by `cdc-doctor provision`.
pub(super) fn dms(setup: &mut Setup) -> Result<(), Left> {
    if setup.draft.get("aws.region").is_none() {
        region(setup)?;
    }
    let instances = setup.found.as_ref().and_then(|f| f.replication_instances.value()).cloned().unwrap_or_default();
    let mut options: Vec<String> = instances.iter().map(|i| format!("{}  ({})", i.identifier, i.class)).collect();
    options.push("a new replication instance, made by cdc-doctor provision".to_owned());
    options.push("DMS Serverless, made by cdc-doctor provision".to_owned());
    let now = setup.draft.get("dms.instance");
    let start = instances.iter().position(|i| Some(&i.identifier) == now.as_ref()).unwrap_or(0);
    let picked = prompt::select("What does DMS run on?", &options, start, "")?;
    setup.draft.section("dms");
    setup.draft.unset("dms.instance");
    setup.draft.unset("dms.serverless");
    // An unset that leaves a section empty takes it out.
    setup.draft.section("dms");
    if let Some(instance) = instances.get(picked) {
        setup.draft.set("dms.instance", &instance.identifier)?;
    } else if picked == instances.len() + 1 {
        setup.draft.set("dms.serverless", "true")?;
        setup.draft.unset("dms.instance_class");
        setup.draft.unset("dms.allocated_storage");
    }
    through_s3(setup)?;
    prompt::say("Endpoints and task are named after the pipeline; cdc-doctor provision plan shows what would be made.");
    Ok(())
}
