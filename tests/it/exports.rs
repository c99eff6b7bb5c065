//! What `provision plan --export` writes, held against others: CloudFormation against cfn-lint, which knows AWS's
//! schemas, Terraform against a parser of its language and the provider's own list of arguments.

use std::collections::BTreeSet;
use std::process::Command;

use cdc_doctor::facts::MyFlavor;
use hcl::{Body, Expression, Structure};
use serde_json::Value;

use crate::account::Account;

const ARGUMENTS: &str = include_str!("exports/terraform_arguments.json");

/// The export with each kind of target and of replication.
fn each(format: &str, hold: impl Fn(&str, &str)) {
    let account = Account::new(MyFlavor::MariaDb);
    let export = || account.run(&["provision", "plan", "--export", format], 0).out;
    hold("a task to MySQL", &export());
    account.project.edit("[dms]\n", "[s3]\nbucket = \"charts-cdc\"\nprefix = \"raw/\"\n\n[dms]\n");
    hold("a task to S3", &export());
    account.project.edit("[s3]\nbucket = \"charts-cdc\"\nprefix = \"raw/\"\n\n[dms]\n", "[dms]\nserverless = true\n");
    hold("a serverless replication", &export());
}

#[test]
fn the_template_satisfies_cfn_lint() {
    each("cloudformation", |what, template| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("template.json");
        std::fs::write(&file, template).unwrap();
        let lint = concat!(env!("CARGO_MANIFEST_DIR"), "/target/servers/moto/bin/cfn-lint");
        let ran = Command::new(lint).args(["--regions", "eu-west-2", "--template"]).arg(&file).output();
        let ran = ran.unwrap_or_else(|e| panic!("{lint}: {e}: run tests/run --set-up-only"));
        assert!(ran.status.success(), "{what}: {}", String::from_utf8_lossy(&ran.stdout));
    });
}

#[test]
fn the_configuration_has_the_providers_arguments_and_names_only_what_it_declares() {
    let schema: Value = serde_json::from_str(ARGUMENTS).unwrap();
    each("terraform", |what, text| {
        let body = hcl::parse(text).unwrap_or_else(|e| panic!("{what}: {e}\n{text}"));
        let mut declared = BTreeSet::new();
        let mut named = BTreeSet::new();
        for block in body.blocks() {
            let labels: Vec<&str> = block.labels().iter().map(hcl::BlockLabel::as_str).collect();
            match (block.identifier(), labels.as_slice()) {
                ("resource", [kind, label]) => {
                    fits(&schema[*kind], block.body(), &format!("{what}: {kind}.{label}"));
                    assert!(declared.insert(format!("{kind}.{label}")), "{what}: {kind}.{label} twice");
                }
                ("variable", [label]) => drop(declared.insert(format!("var.{label}"))),
                ("terraform" | "provider", _) => continue,
                other => panic!("{what}: {other:?}"),
            }
            names(block.body(), &mut named);
        }
        assert!(named.is_subset(&declared), "{what}: {:?} are nowhere", named.difference(&declared));
        // The subnet group waits for the role that lets DMS make it.
        assert!(named.contains("aws_iam_role_policy_attachment.dms_vpc_role"), "{what}: {named:?}");
    });
}

/// Each argument is one of the resource's, and none that must be there is missing.
fn fits(schema: &Value, body: &Body, what: &str) {
    let list = |name: &str| -> Vec<&str> {
        schema[name]
            .as_array()
            .unwrap_or_else(|| panic!("{what}: no such type"))
            .iter()
            .filter_map(Value::as_str)
            .collect()
    };
    let (required, optional) = (list("required"), list("optional"));
    let mut given = BTreeSet::new();
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => {
                let name = attribute.key.as_str();
                let known = required.contains(&name) || optional.contains(&name) || name == "depends_on";
                assert!(known && given.insert(name), "{what} has no argument {name}, or has it twice");
            }
            Structure::Block(block) => {
                let known = schema["blocks"][block.identifier()].as_array();
                let known = known.unwrap_or_else(|| panic!("{what} has no block {}", block.identifier()));
                for attribute in block.body().attributes() {
                    assert!(known.contains(&attribute.key.as_str().into()), "{what}: {}", attribute.key.as_str());
                }
                given.insert(block.identifier());
            }
        }
    }
    let missing: Vec<_> = required.iter().filter(|name| !given.contains(*name)).collect();
    assert!(missing.is_empty(), "{what} lacks {missing:?}");
}

/// What the arguments name: `aws_dms_endpoint.charts_src`, `var.charts_src_password`.
fn names(body: &Body, into: &mut BTreeSet<String>) {
    for attribute in body.attributes() {
        expression(&attribute.expr, into);
    }
    for block in body.blocks() {
        names(block.body(), into);
    }
}

fn expression(expression_: &Expression, into: &mut BTreeSet<String>) {
    match expression_ {
        Expression::Traversal(traversal) => {
            let Some(hcl::expr::TraversalOperator::GetAttr(label)) = traversal.operators.first() else { return };
            into.insert(format!("{}.{}", traversal.expr, label.as_str()));
        }
        Expression::Array(all) => all.iter().for_each(|inner| expression(inner, into)),
        Expression::FuncCall(call) => call.args.iter().for_each(|inner| expression(inner, into)),
        _ => {}
    }
}
