//! The two roles that DMS works with by name: whether they can be taken, and the way to make them.

use std::collections::BTreeMap;

use super::aws_fixes::call;
use super::aws_parts::{only, with_dms};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::Role;
use crate::fixes::{Action, AwsCall, Cost, Fix, Mode};

const SERVICE: &str = "dms.amazonaws.com";

/// Judges the role of this name, which is to have this policy.
pub(super) fn judge(facts: &Facts, name: &str, policy: &str) -> Judged {
    with_dms(facts, |part| {
        let fault = fault(part.aws.roles.known()?, name, policy);
        only(fault.map(|(why, fix)| Finding::new(name, format!("The role {name} {why}")).fix(fix)))
    })
}

/// What is wrong with a role, and its remedy.
fn fault(roles: &BTreeMap<String, Option<Role>>, name: &str, policy: &str) -> Option<(String, Fix)> {
    let arn = format!("arn:aws:iam::aws:policy/service-role/{policy}");
    let Some(role) = roles.get(name)? else {
        let make = AwsCall::CreateRole { name: name.to_owned(), service: SERVICE.to_owned(), policy: arn };
        let step = call(Cost::None, make).note("it takes up to a minute until DMS sees it");
        return Some(("is not there".to_owned(), Fix::new(Mode::Confirm, format!("make the role {name}"), vec![step])));
    };
    if !role.trusted_services().contains(&SERVICE) {
        let why = format!("does not trust {SERVICE}");
        let todo = format!("Name {SERVICE} as Principal in the trust policy of {name}.");
        return Some((why, Fix::manual("let DMS take the role", [todo])));
    }
    if role.attached.iter().any(|a| a.ends_with(policy)) || !role.inline.is_empty() && role.attached.is_empty() {
        // A policy of one's own may say the same; what it says is not looked into.
        return None;
    }
    let attach = AwsCall::AttachPolicy { role: name.to_owned(), policy: arn.clone() };
    let detach = Action::Aws(AwsCall::DetachPolicy { role: name.to_owned(), policy: arn });
    let step = call(Cost::None, attach).undo(detach);
    Some((
        format!("does not have the policy {policy}"),
        Fix::new(Mode::Confirm, format!("attach {policy}"), vec![step]),
    ))
}
