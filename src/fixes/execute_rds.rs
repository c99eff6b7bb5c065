//! Parameter groups of RDS: made, filled, attached, and put in force.

use std::time::Duration;

use aws_sdk_rds::types::{ApplyMethod, Parameter};

use super::execute_aws::{wait, words};
use crate::aws::Session;

/// How long a change of an instance may take.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// Makes a group with the engine's defaults.
pub(super) async fn create_group(session: &Session, name: &str, family: &str, cluster: bool) -> Result<(), String> {
    let description = format!("{family} for change data capture");
    let rds = session.rds();
    let made = if cluster {
        let ask = rds.create_db_cluster_parameter_group().db_cluster_parameter_group_name(name);
        let send = ask.db_parameter_group_family(family).description(description).send();
        session.call("rds:CreateDBClusterParameterGroup", send).await.map(drop)
    } else {
        let ask = rds.create_db_parameter_group().db_parameter_group_name(name);
        let send = ask.db_parameter_group_family(family).description(description).send();
        session.call("rds:CreateDBParameterGroup", send).await.map(drop)
    };
    match made {
        Err(error) if error.code.as_deref().is_some_and(|c| c.starts_with("DBParameterGroupAlreadyExists")) => Ok(()),
        other => other.map_err(words),
    }
}

/// Sets a parameter, or puts it back to the engine's default.
pub(super) async fn set_parameter(
    session: &Session,
    group: &str,
    name: &str,
    value: Option<&str>,
    cluster: bool,
    at_reboot: bool,
) -> Result<(), String> {
    let method = if at_reboot { ApplyMethod::PendingReboot } else { ApplyMethod::Immediate };
    let parameter = Parameter::builder().parameter_name(name).apply_method(method);
    let parameter = parameter.set_parameter_value(value.map(str::to_owned)).build();
    let rds = session.rds();
    let done = match (value.is_some(), cluster) {
        (true, false) => {
            let ask = rds.modify_db_parameter_group().db_parameter_group_name(group).parameters(parameter);
            session.call("rds:ModifyDBParameterGroup", ask.send()).await.map(drop)
        }
        (true, true) => {
            let ask = rds.modify_db_cluster_parameter_group().db_cluster_parameter_group_name(group);
            session.call("rds:ModifyDBClusterParameterGroup", ask.parameters(parameter).send()).await.map(drop)
        }
        (false, false) => {
            let ask = rds.reset_db_parameter_group().db_parameter_group_name(group).reset_all_parameters(false);
            session.call("rds:ResetDBParameterGroup", ask.parameters(parameter).send()).await.map(drop)
        }
        (false, true) => {
            let ask = rds.reset_db_cluster_parameter_group().db_cluster_parameter_group_name(group);
            let ask = ask.reset_all_parameters(false).parameters(parameter);
            session.call("rds:ResetDBClusterParameterGroup", ask.send()).await.map(drop)
        }
    };
    done.map_err(words)
}

/// Gives an instance or cluster another group; its values are in force after a reboot.
pub(super) async fn attach_group(session: &Session, database: &str, group: &str, cluster: bool) -> Result<(), String> {
    let rds = session.rds();
    if cluster {
        let ask = rds.modify_db_cluster().db_cluster_identifier(database).apply_immediately(true);
        let send = ask.db_cluster_parameter_group_name(group).send();
        return session.call("rds:ModifyDBCluster", send).await.map(drop).map_err(words);
    }
    let ask = rds.modify_db_instance().db_instance_identifier(database).apply_immediately(true);
    let send = ask.db_parameter_group_name(group).send();
    session.call("rds:ModifyDBInstance", send).await.map_err(words)?;
    available(session, database).await
}

/// Reboots an instance, and waits until it is back.
pub(super) async fn reboot(session: &Session, instance: &str) -> Result<(), String> {
    let send = session.rds().reboot_db_instance().db_instance_identifier(instance).send();
    session.call("rds:RebootDBInstance", send).await.map_err(words)?;
    available(session, instance).await
}

async fn available(session: &Session, instance: &str) -> Result<(), String> {
    wait(session, LIMIT, "the instance", async || {
        let send = session.rds().describe_db_instances().db_instance_identifier(instance).send();
        let page = session.call("rds:DescribeDBInstances", send).await.map_err(words)?;
        let status = page.db_instances().first().and_then(|i| i.db_instance_status());
        Ok(status.filter(|s| *s != "available").map(str::to_owned))
    })
    .await
}
