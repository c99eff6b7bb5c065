//! What DMS offers, counts and has to tell: made up, small, in the right shape.

use serde_json::{Value, json};

use super::instances;
use crate::lab::aws::account::Account;
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;
use crate::lab::aws::page::dms_page;
use crate::lab::aws::rds::SUBNETS;
use crate::lab::aws::records::text;

/// Classes of instances.
pub(super) const CLASSES: [&str; 12] = [
    "dms.t3.micro",
    "dms.t3.small",
    "dms.t3.medium",
    "dms.t3.large",
    "dms.c5.large",
    "dms.c5.xlarge",
    "dms.c6i.large",
    "dms.c6i.xlarge",
    "dms.r5.large",
    "dms.r5.xlarge",
    "dms.r6i.large",
    "dms.r6i.xlarge",
];

/// `DescribeOrderableReplicationInstances`.
pub(super) fn orderable(account: &Account, input: &Input) -> Answer {
    let zones: Vec<String> = SUBNETS.iter().map(|(_, zone)| format!("{}{zone}", account.stage.region)).collect();
    let all = CLASSES.iter().map(|class| {
        json!({"EngineVersion": instances::VERSION, "ReplicationInstanceClass": class, "StorageType": "gp2",
               "MinAllocatedStorage": 5, "MaxAllocatedStorage": 6144, "DefaultAllocatedStorage": 50,
               "IncludedAllocatedStorage": 50, "AvailabilityZones": zones, "ReleaseStatus": "prod"})
    });
    dms_page(all.collect(), "OrderableReplicationInstances", input)
}

/// `DescribeAccountAttributes`.
pub(super) fn account_attributes(account: &Account) -> Answer {
    let state = account.state();
    let quota = |name: &str, used: usize, max: u32| json!({"AccountQuotaName": name, "Used": used, "Max": max});
    let quotas = [
        quota("ReplicationInstances", state.dms.instances.iter().count(), 60),
        quota("AllocatedStorage", 0, 30_000),
        quota("Endpoints", state.dms.endpoints.iter().count(), 1_000),
        quota("ReplicationSubnetGroups", state.dms.subnet_groups.iter().count(), 60),
        quota("ReplicationTasks", state.dms.tasks.iter().count(), 600),
        quota("Certificates", state.dms.certificates.iter().count(), 100),
    ];
    Ok(json!({"AccountQuotas": quotas, "UniqueAccountIdentifier": format!("{}-simulation", account.stage.region)}))
}

/// `DescribePendingMaintenanceActions`: none.
pub(super) fn maintenance(account: &Account, input: &Input) -> Answer {
    if let Some(arn) = input.text(instances::ARN) {
        account.state().dms.instance(arn)?;
    }
    Ok(json!({ "PendingMaintenanceActions": [] }))
}

/// `DescribeEvents`, whatever the time that is asked for.
pub(super) fn events(account: &Account, input: &Input) -> Answer {
    let wanted = |event: &Value, member: &str| input.text(member).is_none_or(|w| text(event, member) == w);
    let all = account.state().dms.events.all().into_iter();
    let all = all.filter(|event| wanted(event, "SourceIdentifier") && wanted(event, "SourceType"));
    dms_page(all.collect(), "Events", input)
}

/// `DescribeEndpointSettings`: those that pipelines of this kind use.
pub(super) fn endpoint_settings(input: &Input) -> Answer {
    let engine = input.required("EngineName")?;
    let one = |name: &str, kind: &str, default: &str, side: &str| json!({"Name": name, "Type": kind, "Sensitive": false, "Applicability": side, "DefaultValue": default});
    let all = match engine {
        "postgres" | "aurora-postgresql" => vec![
            one("HeartbeatEnable", "boolean", "false", "source"),
            one("HeartbeatSchema", "string", "public", "source"),
            one("HeartbeatFrequency", "integer", "5", "source"),
            one("SlotName", "string", "", "source"),
            one("PluginName", "enum", "test-decoding", "source"),
            one("CaptureDdls", "boolean", "true", "source"),
            one("MapBooleanAsBoolean", "boolean", "false", "source"),
            one("ExecuteTimeout", "integer", "60", "source"),
        ],
        "mysql" | "mariadb" | "aurora" => vec![
            one("TargetDbType", "enum", "multiple-databases", "target"),
            one("ParallelLoadThreads", "integer", "1", "target"),
            one("MaxFileSize", "integer", "32768", "target"),
            one("AfterConnectScript", "string", "", "target"),
            one("CleanSourceMetadataOnMismatch", "boolean", "false", "target"),
        ],
        "s3" => vec![
            one("BucketName", "string", "", "target"),
            one("DataFormat", "enum", "csv", "target"),
            one("IncludeOpForFullLoad", "boolean", "false", "target"),
        ],
        other => return Err(AwsError::not_simulated(&format!("the engine {other}"))),
    };
    dms_page(all, "EndpointSettings", input)
}
