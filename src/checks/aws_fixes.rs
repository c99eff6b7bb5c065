//! Remedies in AWS, each with its price and its way back.

use std::collections::BTreeMap;

use serde_json::Value;

use super::aws_parts::OnRds;
use crate::facts::aws::{DmsEndpoint, DmsTask, ReplicationInstance};
use crate::fixes::{Action, AwsCall, Cost, Fix, Mode, Step};

/// The name that the built-in certificates of RDS get in DMS.
pub(super) const CERTIFICATE: &str = "cdc-doctor-rds-global-bundle";

/// One call as a step.
pub(super) fn call(cost: Cost, call: AwsCall) -> Step {
    Step::new(cost, Action::Aws(call))
}

/// Changes settings of an endpoint: each with its value before, where that is known.
pub(super) fn modify_endpoint(endpoint: &DmsEndpoint, settings: &[(&str, &str, Option<&str>)]) -> Step {
    let new = settings.iter().map(|&(name, value, _)| (name.to_owned(), value.to_owned())).collect();
    let old: Option<BTreeMap<String, String>> =
        settings.iter().map(|&(name, _, before)| Some((name.to_owned(), before?.to_owned()))).collect();
    let modify = |settings| AwsCall::ModifyEndpoint { arn: endpoint.arn.clone(), settings };
    let step = call(Cost::None, modify(new)).note("a task that runs takes it up when it is started again");
    match old {
        Some(old) => step.undo(Action::Aws(modify(old))),
        None => step,
    }
}

/// Lets the replication instance try the endpoint.
pub(super) fn test_connection(instance: &ReplicationInstance, endpoint: &DmsEndpoint) -> Step {
    let (instance_arn, endpoint_arn) = (instance.arn.clone(), endpoint.arn.clone());
    call(Cost::None, AwsCall::TestConnection { instance_arn, endpoint_arn })
}

/// Gives an endpoint TLS: `require` encrypts and needs no certificate, but MySQL endpoints do not take it.
pub(super) fn use_tls(endpoint: &DmsEndpoint) -> Vec<Step> {
    let before = Some(endpoint.ssl_mode.as_str());
    if !is_mysql(endpoint) {
        return vec![modify_endpoint(endpoint, &[("SslMode", "require", before)])];
    }
    let import = call(Cost::None, AwsCall::ImportCertificate { identifier: CERTIFICATE.to_owned() })
        .note("the certificates of RDS, all regions; they stay in DMS, which does no harm");
    let settings = [("CertificateIdentifier", CERTIFICATE), ("SslMode", "verify-ca")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let undo = BTreeMap::from([("SslMode".to_owned(), endpoint.ssl_mode.clone())]);
    let modify = |settings| AwsCall::ModifyEndpoint { arn: endpoint.arn.clone(), settings };
    let step = call(Cost::None, modify(settings)).note("a task that runs takes it up when it is started again");
    vec![import, step.undo(Action::Aws(modify(undo)))]
}

/// The endpoint's engine is of the MySQL family.
pub(super) fn is_mysql(endpoint: &DmsEndpoint) -> bool {
    matches!(endpoint.engine.as_str(), "mysql" | "mariadb" | "aurora")
}

/// Changes settings of a task, given as JSON pointers; those that it has now are the way back.
pub(super) fn modify_task(task: &DmsTask, summary: &str, settings: &[(&str, Value)]) -> Fix {
    let new: BTreeMap<String, Value> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let old: BTreeMap<String, Value> =
        new.keys().filter_map(|name| Some((name.clone(), task.setting(name)?.clone()))).collect();
    if task.instance_arn.is_empty() {
        // DMS Serverless: only a stopped replication takes settings.
        let name = &task.identifier;
        let changed: Vec<String> = new.iter().map(|(k, v)| format!("{} = {v}", k.trim_start_matches('/'))).collect();
        let todo = format!("Stop {name}, change its settings (modify-replication-config): {}", changed.join(", "));
        return Fix::manual(summary, [todo]);
    }
    let modify = |settings| AwsCall::ModifyTask { arn: task.arn.clone(), settings };
    let complete = old.len() == new.len();
    let cost = if task.status == "running" { Cost::Restart } else { Cost::None };
    let mut step = call(cost, modify(new));
    if cost == Cost::Restart {
        step = step.note("the task is stopped, changed, and goes on where it was");
    }
    if complete {
        step = step.undo(Action::Aws(modify(old)));
    }
    Fix::new(Mode::Confirm, summary, vec![step])
}

/// The command that loads all of a task's tables again.
pub(super) fn load_again(task: &DmsTask) -> String {
    let (what, of) = if task.instance_arn.is_empty() {
        ("replication", "replication-config")
    } else {
        ("replication-task", "replication-task")
    };
    let arn = &task.arn;
    format!("aws dms start-{what} --{of}-arn {arn} --start-{what}-type reload-target")
}

/// Gives a replication instance that works at its limit more memory and processors.
pub(super) fn larger_class(instance: &ReplicationInstance) -> Fix {
    let name = "ReplicationInstanceClass";
    modify_instance(instance, "take a larger class", name, "dms.r6i.xlarge", Some(&instance.class))
}

/// Changes a replication instance.
pub(super) fn modify_instance(
    instance: &ReplicationInstance,
    summary: &str,
    name: &str,
    value: &str,
    before: Option<&str>,
) -> Fix {
    let modify = |value: &str| AwsCall::ModifyInstance {
        arn: instance.arn.clone(),
        settings: BTreeMap::from([(name.to_owned(), value.to_owned())]),
    };
    let mut step = call(Cost::Restart, modify(value)).note("tasks on it stop for some minutes and go on by themselves");
    if let Some(before) = before {
        step = step.undo(Action::Aws(modify(before)));
    }
    Fix::new(Mode::Confirm, summary, vec![step])
}

/// Sets a parameter of an RDS instance, or of its cluster where that is where it is read from. A `default.` group cannot
/// be changed, so the instance gets one of its own, which is in force after a reboot.
pub(super) fn set_parameter(side: &OnRds<'_>, name: &str, value: &str) -> Option<Fix> {
    let parameter = side.rds.parameters.value()?.get(name);
    let of_cluster = parameter.is_some_and(|p| p.of_cluster);
    let cluster = side.rds.cluster.value().and_then(Option::as_ref);
    let group = match parameter {
        Some(parameter) => parameter.group.as_str(),
        None => side.instance.parameter_groups.first()?.name.as_str(),
    };
    let is_static = parameter.is_none_or(|p| p.apply_type.as_deref() != Some("dynamic"));
    let before = parameter.filter(|p| p.source.as_deref() == Some("user")).and_then(|p| p.value.clone());
    let set = |group: &str, value: Option<String>, at_reboot| AwsCall::SetParameter {
        group: group.to_owned(),
        name: name.to_owned(),
        value,
        cluster: of_cluster,
        at_reboot,
    };
    let mut steps = Vec::new();
    let at_reboot = match group.strip_prefix("default.") {
        Some(family) => {
            let database = if of_cluster { cluster?.identifier.clone() } else { side.instance.identifier.clone() };
            let own = format!("{database}-cdc");
            let attach = |group: &str| {
                Action::Aws(AwsCall::AttachParameterGroup {
                    database: database.clone(),
                    group: group.to_owned(),
                    cluster: of_cluster,
                })
            };
            let create =
                AwsCall::CreateParameterGroup { name: own.clone(), family: family.to_owned(), cluster: of_cluster };
            steps.push(call(Cost::None, create).note("a default group cannot be changed; this one begins as its like"));
            steps.push(call(Cost::None, set(&own, Some(value.to_owned()), true)));
            steps.push(Step::new(Cost::None, attach(&own)).undo(attach(group)));
            true
        }
        None => {
            let undo = Action::Aws(set(group, before, is_static));
            steps.push(call(Cost::None, set(group, Some(value.to_owned()), is_static)).undo(undo));
            is_static
        }
    };
    if at_reboot {
        steps.push(reboot(side));
    }
    let summary = format!("set {name} = {value} in the parameter group{}", if at_reboot { ", and reboot" } else { "" });
    Some(Fix::new(Mode::Confirm, summary, steps))
}

/// Reboots the instance.
pub(super) fn reboot(side: &OnRds<'_>) -> Step {
    let step = call(Cost::Reboot, AwsCall::Reboot { instance: side.instance.identifier.clone() });
    step.note(if side.instance.multi_az {
        "a minute or two without the database"
    } else {
        "minutes without the database"
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing_aws::{healthy_dms, source_parameter, source_rds, target_endpoint};
    use super::*;
    use crate::facts::Facts;

    fn commands(steps: &[Step]) -> Vec<String> {
        steps.iter().map(|s| s.action.describe()).collect()
    }

    fn fix(facts: &Facts, name: &str, value: &str) -> Fix {
        set_parameter(&OnRds::of(facts, "source").unwrap().unwrap(), name, value).unwrap()
    }

    #[test]
    fn a_group_of_ones_own_is_changed_in_place() {
        let facts = healthy_dms();
        let dynamic = fix(&facts, "rds.force_ssl", "0");
        assert_eq!((dynamic.steps.len(), dynamic.cost()), (1, Cost::None));
        let undo = dynamic.steps[0].undo.as_ref().unwrap().describe();
        assert!(undo.contains("ParameterName=rds.force_ssl,ParameterValue=1"), "{undo}");
        let fixed = fix(&facts, "rds.logical_replication", "1");
        assert_eq!((fixed.steps.len(), fixed.cost()), (2, Cost::Reboot));
    }

    #[test]
    fn a_default_group_is_replaced_by_one_that_can_be_changed() {
        let mut facts = healthy_dms();
        source_parameter(&mut facts, "rds.logical_replication").group = "default.postgres15".into();
        source_rds(&mut facts).parameter_groups[0].name = "default.postgres15".into();
        let steps = fix(&facts, "rds.logical_replication", "1").steps;
        insta::assert_snapshot!(commands(&steps).join("\n"), @r"
        aws rds create-db-parameter-group --db-parameter-group-name charts-source-cdc --db-parameter-group-family postgres15 --description charts-source-cdc
        aws rds modify-db-parameter-group --db-parameter-group-name charts-source-cdc --parameters ParameterName=rds.logical_replication,ParameterValue=1,ApplyMethod=pending-reboot
        aws rds modify-db-instance --db-instance-identifier charts-source --db-parameter-group-name charts-source-cdc --apply-immediately
        aws rds reboot-db-instance --db-instance-identifier charts-source
        ");
        let undo = steps[2].undo.as_ref().unwrap().describe();
        assert!(undo.contains("--db-parameter-group-name default.postgres15"), "{undo}");
    }

    #[test]
    fn a_mysql_endpoint_gets_a_certificate_first() {
        let mut facts = healthy_dms();
        let endpoint = target_endpoint(&mut facts);
        endpoint.ssl_mode = "none".into();
        let steps = commands(&use_tls(endpoint));
        assert!(steps[0].starts_with("aws dms import-certificate"), "{steps:?}");
        assert!(steps[1].contains("--ssl-mode verify-ca"), "{steps:?}");
    }
}
