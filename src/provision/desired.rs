//! What the pipeline file asks for. Pure, but for the certificate file that it names.

use serde_json::{Value, json};

use super::actual::Actual;
use super::measured::Measured;
use super::model::{Kind, Resource, Values};
use super::read::Surroundings;
use super::settings::{self, Wishes};
use super::{ProvisionError, mappings};
use crate::connect::tls::rds_bundle;
use crate::pipeline::{Dms, Endpoint, PasswordSource, Pipeline, S3, TlsMode};

/// The role through which DMS makes network interfaces; its name is fixed.
pub const VPC_ROLE: &str = "dms-vpc-role";
/// The role through which DMS writes logs; its name is fixed.
pub const LOGS_ROLE: &str = "dms-cloudwatch-logs-role";
/// The certificates of RDS, as `cdc-doctor fix` names them too; all pipelines share it.
pub const RDS_CERTIFICATE: &str = "cdc-doctor-rds-global-bundle";
/// The name of the policy that is written into a role of ours.
pub const INLINE: &str = "cdc-doctor";
/// LOBs that need no more are taken up to this, kilobytes.
const LEAST_LOB_KB: u64 = 64;
/// Where LOBs could not be measured: DMS's own default is 32.
const UNKNOWN_LOB_KB: u64 = 1024;
/// DMS takes no larger ones in the limited mode, kilobytes (100 MB).
const MOST_LOB_KB: u64 = 102_400;
/// Capacity units of a serverless replication: the least that there is, and enough for most.
const CAPACITY: (i32, i32) = (1, 8);

/// What is asked for, in the order in which it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// Resources.
    pub resources: Vec<Resource>,
    /// What a person should know of the choices.
    pub notes: Vec<String>,
}

/// Works out all resources.
///
/// # Errors
/// The pipeline asks for something that DMS cannot do.
pub fn build(
    pipeline: &Pipeline,
    dms: &Dms,
    around: &Surroundings,
    measured: &Measured,
    actual: &Actual,
) -> Result<Desired, ProvisionError> {
    refuse(pipeline)?;
    if let Some((pattern, table)) = mappings::left_out(pipeline, measured) {
        return Err(ProvisionError::Refused(format!(
            "[tables] exclude {pattern:?} leaves out {table} too in DMS, where _ stands for any character. Name the tables \
             that are to be left out one by one"
        )));
    }
    let mut notes = Vec::new();
    let mut all = roles(pipeline, around);
    all.extend(subnet_group(pipeline, around, &mut notes));
    all.extend(certificates(pipeline)?);
    if !dms.serverless {
        all.push(instance(pipeline, dms, around));
    }
    all.push(source(pipeline, dms, around));
    all.push(match &pipeline.s3 {
        Some(s3) => s3_target(pipeline, dms, s3, around),
        None => target(pipeline, dms, around),
    });
    all.push(movement(pipeline, dms, around, measured, actual, &mut notes));
    all.sort_by_key(|r| r.kind);
    Ok(Desired { resources: all, notes })
}

fn refuse(pipeline: &Pipeline) -> Result<(), ProvisionError> {
    let mut sides = vec![("source", &pipeline.source)];
    if pipeline.s3.is_none() {
        sides.push(("target", &pipeline.target));
    }
    for (side, endpoint) in sides {
        let why = match &endpoint.password {
            None => "DMS logs in with a password, and there is none: set password",
            Some(PasswordSource::RdsIam) => {
                "a token of IAM (rds_iam = true) lasts 15 minutes, and an endpoint keeps its password: use secret or env"
            }
            Some(_) => continue,
        };
        return Err(ProvisionError::Refused(format!("[{side}] password: {why}")));
    }
    Ok(())
}

/// Kinds and names of all that the pipeline may have; what of it is there is looked at even without our tag.
pub(super) fn names(pipeline: &Pipeline, dms: &Dms) -> Vec<(Kind, String)> {
    let mut all = vec![
        (Kind::SubnetGroup, subnet_group_name(pipeline)),
        (Kind::Endpoint, dms.source_endpoint.clone()),
        (Kind::Endpoint, dms.target_endpoint.clone()),
        (if dms.serverless { Kind::Config } else { Kind::Task }, dms.task.clone()),
    ];
    if !dms.serverless {
        all.push((Kind::Instance, dms.instance.clone()));
    }
    all.extend(authorities(pipeline).into_iter().map(|(name, _)| (Kind::Certificate, name)));
    all
}

pub(super) fn role_names(pipeline: &Pipeline) -> Vec<String> {
    let mut all = vec![VPC_ROLE.to_owned(), LOGS_ROLE.to_owned()];
    all.extend(pipeline.s3.as_ref().map(|_| s3_role_name(pipeline)));
    all.extend(assessment_bucket(pipeline).map(|_| assessment_role(pipeline)));
    all
}

fn assessment_bucket(pipeline: &Pipeline) -> Option<&str> {
    pipeline.dms.as_ref()?.assessment_bucket.as_deref()
}

/// The role through which DMS writes the results of premigration assessments.
#[must_use]
pub fn assessment_role(pipeline: &Pipeline) -> String {
    format!("cdc-doctor-{}", identifier(&pipeline.name, "dms-assessments"))
}

pub(super) fn has_inline_policy(role: &str) -> bool {
    role != VPC_ROLE && role != LOGS_ROLE
}

fn resource(kind: Kind, name: &str, values: &[(&str, Value)]) -> Resource {
    let values: Values = values.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
    Resource { kind, name: name.to_owned(), values, shared: false }
}

/// An identifier from a pipeline's name: letters, digits and single hyphens.
fn identifier(name: &str, suffix: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let all: String = name.chars().map(plain).collect();
    let parts: Vec<&str> = all.split('-').filter(|p| !p.is_empty()).collect();
    let start = if parts.first().is_some_and(|p| p.starts_with(|c: char| c.is_ascii_lowercase())) { "" } else { "p-" };
    format!("{start}{}-{suffix}", parts.join("-"))
}

fn subnet_group_name(pipeline: &Pipeline) -> String {
    identifier(&pipeline.name, "subnets")
}

fn s3_role_name(pipeline: &Pipeline) -> String {
    format!("cdc-doctor-{}", identifier(&pipeline.name, "dms-s3"))
}

fn roles(pipeline: &Pipeline, around: &Surroundings) -> Vec<Resource> {
    let managed = |policy: &str| json!([format!("arn:{}:iam::aws:policy/service-role/{policy}", around.partition)]);
    let shared = |name: &str, policy: &str| Resource {
        shared: true,
        ..resource(Kind::Role, name, &[("Service", "dms.amazonaws.com".into()), ("AttachedPolicies", managed(policy))])
    };
    let mut all =
        vec![shared(VPC_ROLE, "AmazonDMSVPCManagementRole"), shared(LOGS_ROLE, "AmazonDMSCloudWatchLogsRole")];
    if let Some(s3) = &pipeline.s3 {
        let policy = s3_policy(s3, &around.partition);
        let values = [("Service", "dms.amazonaws.com".into()), ("AttachedPolicies", json!([])), ("Policy", policy)];
        all.push(resource(Kind::Role, &s3_role_name(pipeline), &values));
    }
    if let Some(bucket) = assessment_bucket(pipeline) {
        let policy = assessment_policy(bucket, &around.partition);
        let values = [("Service", "dms.amazonaws.com".into()), ("AttachedPolicies", json!([])), ("Policy", policy)];
        all.push(resource(Kind::Role, &assessment_role(pipeline), &values));
    }
    all
}

/// What DMS needs to write the results of assessments:
/// <https://docs.aws.amazon.com/dms/latest/userguide/CHAP_Tasks.AssessmentReport.Prerequisites.html>.
fn assessment_policy(bucket: &str, partition: &str) -> Value {
    let bucket = format!("arn:{partition}:s3:::{bucket}");
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:PutObject", "s3:DeleteObject", "s3:GetObject", "s3:PutObjectTagging"],
         "Resource": format!("{bucket}/*")},
        {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": bucket}]})
}

/// What DMS needs of the bucket:
/// <https://docs.aws.amazon.com/dms/latest/userguide/CHAP_Target.S3.html#CHAP_Target.S3.Prerequisites>.
fn s3_policy(s3: &S3, partition: &str) -> Value {
    let bucket = format!("arn:{partition}:s3:::{}", s3.bucket);
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:PutObject", "s3:DeleteObject", "s3:PutObjectTagging"],
         "Resource": format!("{bucket}/{}*", s3.prefix)},
        {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": bucket}]})
}

/// From the source's own subnets, so that the way to it is short.
fn subnet_group(pipeline: &Pipeline, around: &Surroundings, notes: &mut Vec<String>) -> Option<Resource> {
    let source = around.source.as_ref().or(around.target.as_ref());
    let Some(database) = source.filter(|i| !i.subnets.is_empty()) else {
        notes.push(
            "Neither database was found on RDS in this account and region, so DMS takes the default VPC; name them with \
             rds_instance in [source] and [target]."
                .to_owned(),
        );
        return None;
    };
    let mut subnets = database.subnets.clone();
    subnets.sort_unstable();
    Some(resource(Kind::SubnetGroup, &subnet_group_name(pipeline), &[("SubnetIds", json!(subnets))]))
}

/// Those of the databases: a rule that lets the group in to itself is all that it takes.
fn security_groups(around: &Surroundings) -> Option<Value> {
    let database = around.source.as_ref().or(around.target.as_ref())?;
    let mut groups = database.security_groups.clone();
    groups.sort_unstable();
    (!groups.is_empty()).then(|| json!(groups))
}

fn instance(pipeline: &Pipeline, dms: &Dms, around: &Surroundings) -> Resource {
    let mut made = resource(
        Kind::Instance,
        &dms.instance,
        &[
            ("ReplicationInstanceClass", dms.instance_class.as_str().into()),
            ("AllocatedStorage", dms.allocated_storage.into()),
            ("PubliclyAccessible", false.into()),
        ],
    );
    if subnet_group(pipeline, around, &mut Vec::new()).is_some() {
        made.values.insert("ReplicationSubnetGroupIdentifier".to_owned(), subnet_group_name(pipeline).into());
    }
    made.values.extend(security_groups(around).map(|g| ("VpcSecurityGroupIds".to_owned(), g)));
    made
}

/// Authorities to import: name, and the file where it is not RDS's bundle.
fn authorities(pipeline: &Pipeline) -> Vec<(String, Option<std::path::PathBuf>)> {
    let sides = [("source", &pipeline.source, false), ("target", &pipeline.target, true)];
    let mut all: Vec<(String, Option<std::path::PathBuf>)> = Vec::new();
    for (side, endpoint, mysql) in sides.into_iter().filter(|s| !s.2 || pipeline.s3.is_none()) {
        let Some(name) = authority(pipeline, side, endpoint, mysql) else { continue };
        if !all.iter().any(|(known, _)| *known == name) {
            all.push((name, endpoint.ca_file.clone()));
        }
    }
    all
}

/// The certificate that an endpoint verifies by; none where it does not.
fn authority(pipeline: &Pipeline, side: &str, endpoint: &Endpoint, mysql: bool) -> Option<String> {
    ssl_mode(endpoint.tls, mysql).starts_with("verify").then(|| match &endpoint.ca_file {
        // By content, for a certificate in DMS cannot be changed. A file that cannot be read is refused later.
        Some(file) => {
            let print = std::fs::read_to_string(file).map_or_else(|_| "unread".to_owned(), |pem| fingerprint(&pem));
            identifier(&pipeline.name, &format!("{side}-ca-{print}"))
        }
        None => RDS_CERTIFICATE.to_owned(),
    })
}

pub(super) fn wants_certificate(pipeline: &Pipeline) -> bool {
    !authorities(pipeline).is_empty()
}

fn certificates(pipeline: &Pipeline) -> Result<Vec<Resource>, ProvisionError> {
    let certificate = |(name, file): (String, Option<std::path::PathBuf>)| {
        let certificates = pem(file.as_deref())?.matches("BEGIN CERTIFICATE").count();
        if certificates == 0 {
            return Err(ProvisionError::Refused(format!("ca_file holds no certificate (PEM) for {name}")));
        }
        Ok(Resource { shared: file.is_none(), ..resource(Kind::Certificate, &name, &[]) })
    };
    authorities(pipeline).into_iter().map(certificate).collect()
}

/// The certificates of a file, or those of RDS.
pub(super) fn pem(file: Option<&std::path::Path>) -> Result<String, ProvisionError> {
    let Some(file) = file else { return Ok(rds_bundle().to_owned()) };
    std::fs::read_to_string(file)
        .map_err(|e| ProvisionError::Refused(format!("ca_file {} cannot be read: {e}", file.display())))
}

/// The file behind a certificate of the pipeline.
pub(super) fn authority_file(pipeline: &Pipeline, name: &str) -> Option<std::path::PathBuf> {
    authorities(pipeline).into_iter().find(|(known, _)| known == name).and_then(|(_, file)| file)
}

/// Certificates in a few characters: two files that differ, differ in it (FNV-1a).
pub(super) fn fingerprint(pem: &str) -> String {
    let bytes = pem.bytes().filter(|b| !b.is_ascii_whitespace());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}

/// DMS's word for a TLS mode. It has no `prefer`, and a MySQL endpoint takes no `require`: both become the next stricter.
fn ssl_mode(tls: TlsMode, mysql: bool) -> &'static str {
    match tls {
        TlsMode::Disable => "none",
        TlsMode::Prefer | TlsMode::Require if mysql => "verify-ca",
        TlsMode::Prefer | TlsMode::Require => "require",
        TlsMode::VerifyCa => "verify-ca",
        TlsMode::VerifyFull => "verify-full",
    }
}

fn login(pipeline: &Pipeline, side: &str, name: &str, endpoint: &Endpoint, mysql: bool) -> Resource {
    let mut made = resource(
        Kind::Endpoint,
        name,
        &[
            ("EndpointType", side.into()),
            ("ServerName", endpoint.host.as_str().into()),
            ("Port", endpoint.port.into()),
            ("Username", endpoint.user.as_str().into()),
            ("SslMode", ssl_mode(endpoint.tls, mysql).into()),
        ],
    );
    if let Some(certificate) = authority(pipeline, side, endpoint, mysql) {
        made.values.insert("CertificateIdentifier".to_owned(), certificate.into());
    }
    made
}

fn source(pipeline: &Pipeline, dms: &Dms, around: &Surroundings) -> Resource {
    let mut made = login(pipeline, "source", &dms.source_endpoint, &pipeline.source, false);
    let aurora = around.source.as_ref().is_some_and(|i| i.engine == "aurora-postgresql");
    let engine = if aurora { "aurora-postgresql" } else { "postgres" };
    let values = [
        ("EngineName", json!(engine)),
        ("DatabaseName", json!(pipeline.source.database)),
        // Moves the slot of a quiet database.
        ("PostgreSQLSettings.HeartbeatEnable", json!(true)),
        ("PostgreSQLSettings.HeartbeatFrequency", json!(5)),
        // It would make a table and an event trigger, for which RDS wants a superuser.
        ("PostgreSQLSettings.CaptureDdls", json!(false)),
        ("PostgreSQLSettings.ExecuteTimeout", json!(600)),
        ("PostgreSQLSettings.FailTasksOnLobTruncation", json!(true)),
    ];
    made.values.extend(values.map(|(name, value)| (name.to_owned(), value)));
    made
}

fn target(pipeline: &Pipeline, dms: &Dms, around: &Surroundings) -> Resource {
    let mut made = login(pipeline, "target", &dms.target_endpoint, &pipeline.target, true);
    let engine = match around.target.as_ref().map(|i| i.engine.as_str()) {
        Some("mariadb") => "mariadb",
        Some(engine) if engine.starts_with("aurora") => "aurora",
        _ => "mysql",
    };
    let values = [
        ("EngineName", json!(engine)),
        // Tables are loaded in any order.
        ("ExtraConnectionAttributes", json!("Initstmt=SET FOREIGN_KEY_CHECKS=0")),
        // The mappings say which database a schema goes to.
        ("MySQLSettings.TargetDbType", json!("multiple-databases")),
    ];
    made.values.extend(values.map(|(name, value)| (name.to_owned(), value)));
    made
}

fn s3_target(pipeline: &Pipeline, dms: &Dms, s3: &S3, around: &Surroundings) -> Resource {
    let role = format!("arn:{}:iam::{}:role/{}", around.partition, around.account, s3_role_name(pipeline));
    resource(
        Kind::Endpoint,
        &dms.target_endpoint,
        &[
            ("EndpointType", "target".into()),
            ("EngineName", "s3".into()),
            ("S3Settings.BucketName", s3.bucket.as_str().into()),
            ("S3Settings.BucketFolder", s3.prefix.trim_end_matches('/').into()),
            ("S3Settings.ServiceAccessRoleArn", role.into()),
            ("S3Settings.DataFormat", "parquet".into()),
            ("S3Settings.EncryptionMode", "sse-s3".into()),
            // Each row says what it is and when it was written; whoever merges the files needs both.
            ("S3Settings.IncludeOpForFullLoad", true.into()),
            ("S3Settings.TimestampColumnName", "cdc_timestamp".into()),
        ],
    )
}

/// The task, or the serverless replication.
fn movement(
    pipeline: &Pipeline,
    dms: &Dms,
    around: &Surroundings,
    measured: &Measured,
    actual: &Actual,
    notes: &mut Vec<String>,
) -> Resource {
    let kind = if dms.serverless { Kind::Config } else { Kind::Task };
    let database = pipeline.s3.is_none();
    let mode = if dms.serverless { "ReplicationType" } else { "MigrationType" };
    let mut made = resource(
        kind,
        &dms.task,
        &[
            (mode, pipeline.sync.mode.as_str().into()),
            ("SourceEndpoint", dms.source_endpoint.as_str().into()),
            ("TargetEndpoint", dms.target_endpoint.as_str().into()),
            ("TableMappings", mappings::build(pipeline, measured, database)),
        ],
    );
    if dms.serverless {
        let group = subnet_group(pipeline, around, &mut Vec::new()).map(|g| json!(g.name));
        let compute = [
            ("ComputeConfig.MinCapacityUnits", Some(json!(CAPACITY.0))),
            ("ComputeConfig.MaxCapacityUnits", Some(json!(CAPACITY.1))),
            ("ComputeConfig.ReplicationSubnetGroupId", group),
            ("ComputeConfig.VpcSecurityGroupIds", security_groups(around)),
        ];
        made.values.extend(compute.into_iter().filter_map(|(name, v)| Some((name.to_owned(), v?))));
    } else {
        made.values.insert("ReplicationInstance".to_owned(), dms.instance.as_str().into());
    }
    let have = actual.find(kind, &dms.task).and_then(|i| i.values.get(LOB_SIZE)).and_then(Value::as_u64);
    let lob_kb = lob_kb(measured.longest, have, notes);
    let wishes = Wishes { lob_kb, database, parallel: pipeline.sync.parallel };
    made.values.extend(settings::values(wishes));
    made
}

const LOB_SIZE: &str = "Settings/TargetMetadata/LobMaxSize";

/// Twice the longest value, so that tomorrow's fits too; what is there stays while everything fits.
fn lob_kb(longest: Option<u64>, have: Option<u64>, notes: &mut Vec<String>) -> u64 {
    let Some(bytes) = longest else {
        notes.push(format!(
            "The longest text and JSON values could not be measured in time; values over {UNKNOWN_LOB_KB} KB stop the task."
        ));
        return have.unwrap_or(UNKNOWN_LOB_KB);
    };
    let needed = bytes.div_ceil(1024);
    if needed > MOST_LOB_KB {
        notes.push(format!(
            "The source has a value of {needed} KB; DMS takes {MOST_LOB_KB} KB at most in this mode, so the task will stop at it."
        ));
    }
    match have {
        Some(have) if have >= needed && have >= LEAST_LOB_KB => have,
        _ => (needed * 2).next_power_of_two().clamp(LEAST_LOB_KB, MOST_LOB_KB),
    }
}
