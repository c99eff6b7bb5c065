//! IAM: roles with their policies, and what they would allow.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::empty;
use super::errors::{Answer, AwsError};
use super::input::Input;
use super::names::{ACCOUNT, SIMULATION, iso, random_id};
use super::policies::{decision, each};
use super::sts::CALLER;

/// DMS's role for networks, and what it must have attached.
const VPC_ROLE: &str = "dms-vpc-role";
const VPC_POLICY: &str = "arn:aws:iam::aws:policy/service-role/AmazonDMSVPCManagementRole";
/// DMS's role for logs, and what it must have attached.
const LOGS_ROLE: &str = "dms-cloudwatch-logs-role";
const LOGS_POLICY: &str = "arn:aws:iam::aws:policy/service-role/AmazonDMSCloudWatchLogsRole";
/// What the two policies allow.
const MANAGED: [(&str, &[&str]); 2] = [
    (
        VPC_POLICY,
        &[
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:Describe*",
            "ec2:ModifyNetworkInterfaceAttribute",
        ],
    ),
    (LOGS_POLICY, &["logs:Describe*", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]),
];

/// All roles by name.
#[derive(Debug, Default)]
pub(super) struct State(BTreeMap<String, Role>);

#[derive(Debug)]
struct Role {
    id: String,
    created: Timestamp,
    description: String,
    trust: String,
    attached: Vec<String>,
    inline: BTreeMap<String, String>,
    tags: Vec<(String, String)>,
}

impl State {
    /// Makes both roles of DMS as its console does.
    pub(super) fn create_dms_roles(&mut self) {
        for (name, policy) in [(VPC_ROLE, VPC_POLICY), (LOGS_ROLE, LOGS_POLICY)] {
            let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                               "Principal": {"Service": "dms.amazonaws.com"}}]});
            let mut role = Role::new(trust.to_string(), SIMULATION);
            role.attached.push(policy.to_owned());
            self.0.insert(name.to_owned(), role);
        }
    }

    /// The refusal of DMS where its role for networks is not there, does not trust it, or lacks its policy.
    pub(super) fn demand_vpc_role(&self) -> Result<(), AwsError> {
        if self.is_whole(VPC_ROLE, VPC_POLICY) {
            return Ok(());
        }
        let why = format!("The IAM Role arn:aws:iam::{ACCOUNT}:role/{VPC_ROLE} is not configured properly.");
        Err(AwsError::bad("AccessDeniedFault", why))
    }

    /// Whether tasks have logs.
    pub(super) fn may_log(&self) -> bool {
        self.is_whole(LOGS_ROLE, LOGS_POLICY)
    }

    /// Whether there is such a role, and a service may take it on.
    pub(super) fn trusts(&self, role: &str, service: &str) -> bool {
        self.0.get(role).is_some_and(|role| role.trust.contains(service))
    }

    fn is_whole(&self, name: &str, policy: &str) -> bool {
        let attached = self.0.get(name).is_some_and(|role| role.attached.iter().any(|p| p == policy));
        attached && self.trusts(name, "dms.amazonaws.com")
    }

    fn role(&self, input: &Input) -> Result<(&str, &Role), AwsError> {
        let name = input.required("RoleName")?;
        self.0.get_key_value(name).map(|(name, role)| (name.as_str(), role)).ok_or_else(|| no_role(name))
    }

    fn role_mut(&mut self, input: &Input) -> Result<&mut Role, AwsError> {
        let name = input.required("RoleName")?;
        self.0.get_mut(name).ok_or_else(|| no_role(name))
    }
}

impl Role {
    fn new(trust: String, description: &str) -> Self {
        Self {
            id: format!("AROA{}", &random_id()[..17]),
            created: Timestamp::now(),
            description: description.to_owned(),
            trust,
            attached: Vec::new(),
            inline: BTreeMap::new(),
            tags: Vec::new(),
        }
    }

    fn shown(&self, name: &str) -> Value {
        json!({"Path": "/", "RoleName": name, "RoleId": self.id, "Arn": format!("arn:aws:iam::{ACCOUNT}:role/{name}"),
               "CreateDate": iso(self.created), "AssumeRolePolicyDocument": encoded(&self.trust),
               "Description": self.description, "MaxSessionDuration": 3600, "Tags": {"member": self.shown_tags()}})
    }

    fn shown_tags(&self) -> Vec<Value> {
        self.tags.iter().map(|(k, v)| json!({"Key": k, "Value": v})).collect()
    }
}

/// Answers a call; nothing where there is none of that name.
pub(super) fn answer(state: &mut State, operation: &str, input: &Input) -> Option<Answer> {
    Some(match operation {
        "GetRole" => state.role(input).map(|(name, role)| json!({"Role": role.shown(name)})),
        "CreateRole" => create(state, input),
        "DeleteRole" => delete(state, input),
        "AttachRolePolicy" => attach(state, input),
        "DetachRolePolicy" => detach(state, input),
        "ListAttachedRolePolicies" => attached(state, input),
        "PutRolePolicy" => put(state, input),
        "GetRolePolicy" => get(state, input),
        "ListRolePolicies" => state.role(input).map(|(_, role)| {
            json!({"PolicyNames": {"member": role.inline.keys().collect::<Vec<_>>()}, "IsTruncated": false})
        }),
        "DeleteRolePolicy" => delete_policy(state, input),
        "TagRole" => tag(state, input),
        "ListRoleTags" => {
            state.role(input).map(|(_, role)| json!({"Tags": {"member": role.shown_tags()}, "IsTruncated": false}))
        }
        "SimulatePrincipalPolicy" => simulate(state, input),
        _ => return None,
    })
}

fn create(state: &mut State, input: &Input) -> Answer {
    let name = input.required("RoleName")?;
    if state.0.contains_key(name) {
        return Err(AwsError::new(409, "EntityAlreadyExists", format!("Role with name {name} already exists.")));
    }
    let trust = policy_document(input.required("AssumeRolePolicyDocument")?)?;
    let mut role = Role::new(trust, input.text("Description").unwrap_or(SIMULATION));
    role.tags = input.tags();
    let shown = role.shown(name);
    state.0.insert(name.to_owned(), role);
    Ok(json!({ "Role": shown }))
}

fn delete(state: &mut State, input: &Input) -> Answer {
    let (name, role) = state.role(input)?;
    if !role.attached.is_empty() || !role.inline.is_empty() {
        let kind = if role.attached.is_empty() { "delete policies" } else { "detach all policies" };
        return Err(AwsError::new(409, "DeleteConflict", format!("Cannot delete entity, must {kind} first.")));
    }
    let name = name.to_owned();
    state.0.remove(&name);
    empty()
}

fn attach(state: &mut State, input: &Input) -> Answer {
    let arn = input.required("PolicyArn")?.to_owned();
    if !arn.starts_with("arn:aws:iam::") {
        return Err(AwsError::bad("InvalidInput", format!("ARN {arn} is not valid.")));
    }
    let role = state.role_mut(input)?;
    if !role.attached.contains(&arn) {
        role.attached.push(arn);
    }
    empty()
}

fn detach(state: &mut State, input: &Input) -> Answer {
    let arn = input.required("PolicyArn")?;
    let role = state.role_mut(input)?;
    if !role.attached.iter().any(|policy| policy == arn) {
        return Err(no_entity(format!("Policy {arn} was not found.")));
    }
    role.attached.retain(|policy| policy != arn);
    empty()
}

fn attached(state: &State, input: &Input) -> Answer {
    let (_, role) = state.role(input)?;
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    let all: Vec<Value> = role.attached.iter().map(|arn| json!({"PolicyName": name(arn), "PolicyArn": arn})).collect();
    Ok(json!({"AttachedPolicies": {"member": all}, "IsTruncated": false}))
}

fn put(state: &mut State, input: &Input) -> Answer {
    let (name, document) = (input.required("PolicyName")?, policy_document(input.required("PolicyDocument")?)?);
    state.role_mut(input)?.inline.insert(name.to_owned(), document);
    empty()
}

fn get(state: &State, input: &Input) -> Answer {
    let (role_name, role) = state.role(input)?;
    let name = input.required("PolicyName")?;
    let document = role.inline.get(name).ok_or_else(|| no_policy(name))?;
    Ok(json!({"RoleName": role_name, "PolicyName": name, "PolicyDocument": encoded(document)}))
}

fn delete_policy(state: &mut State, input: &Input) -> Answer {
    let name = input.required("PolicyName")?;
    match state.role_mut(input)?.inline.remove(name) {
        Some(_) => empty(),
        None => Err(no_policy(name)),
    }
}

fn tag(state: &mut State, input: &Input) -> Answer {
    let role = state.role_mut(input)?;
    for (key, value) in input.tags() {
        role.tags.retain(|(k, _)| *k != key);
        role.tags.push((key, value));
    }
    empty()
}

/// The caller may do everything; a role what its policies say.
fn simulate(state: &State, input: &Input) -> Answer {
    let principal = input.required("PolicySourceArn")?;
    let statements = match principal.rsplit_once(":role/") {
        _ if principal == CALLER => vec![json!({"Effect": "Allow", "Action": "*", "Resource": "*"})],
        Some((_, name)) => state.0.get(name).map(statements).ok_or_else(|| no_role(name))?,
        None => return Err(no_entity(format!("{principal} was not found."))),
    };
    let resources = match input.texts("ResourceArns") {
        none if none.is_empty() => vec!["*"],
        some => some,
    };
    let results: Vec<Value> = input
        .texts("ActionNames")
        .into_iter()
        .flat_map(|action| resources.iter().map(move |resource| (action, *resource)))
        .map(|(action, resource)| {
            json!({"EvalActionName": action, "EvalResourceName": resource,
                   "EvalDecision": decision(&statements, action, resource)})
        })
        .collect();
    Ok(json!({"EvaluationResults": {"member": results}, "IsTruncated": false}))
}

fn statements(role: &Role) -> Vec<Value> {
    let mut all = Vec::new();
    for document in role.inline.values() {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        all.extend(each(&document["Statement"]).cloned());
    }
    for (arn, actions) in MANAGED {
        if role.attached.iter().any(|policy| policy == arn) {
            all.push(json!({"Effect": "Allow", "Action": actions, "Resource": "*"}));
        }
    }
    all
}

fn policy_document(text: &str) -> Result<String, AwsError> {
    let sound = serde_json::from_str::<Value>(text).is_ok_and(|v| v.get("Statement").is_some());
    if sound {
        Ok(text.to_owned())
    } else {
        Err(AwsError::bad("MalformedPolicyDocument", "This policy contains invalid Json"))
    }
}

/// Documents are sent in the form of URLs.
fn encoded(document: &str) -> String {
    percent_encoding::utf8_percent_encode(document, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn no_role(name: &str) -> AwsError {
    no_entity(format!("The role with name {name} cannot be found."))
}

fn no_policy(name: &str) -> AwsError {
    no_entity(format!("The role policy with name {name} cannot be found."))
}

fn no_entity(message: String) -> AwsError {
    AwsError::new(404, "NoSuchEntity", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roles_of_dms_must_be_whole() {
        let mut state = State::default();
        assert!(state.demand_vpc_role().unwrap_err().message.contains("dms-vpc-role is not configured properly"));
        state.create_dms_roles();
        assert_eq!(state.demand_vpc_role(), Ok(()));
        assert!(state.may_log());
        let input = Input(json!({"RoleName": "dms-vpc-role", "PolicyArn": VPC_POLICY}));
        detach(&mut state, &input).unwrap();
        assert!(state.demand_vpc_role().is_err(), "without its policy");
    }
}
