//! How what is asked for and what is there differ. Pure.

use serde::Serialize;
use serde_json::Value;

use super::actual::Actual;
use super::cost;
use super::desired::Desired;
use super::model::{Item, Kind, Resource};
use crate::pipeline::Pipeline;

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// It is made.
    Create,
    /// Values of it are changed.
    Change,
    /// It is as it should be.
    Keep,
    /// It carries the pipeline's tag, and nothing asks for it.
    Delete,
}

/// A value that is not as it should be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The API's name of it.
    pub name: String,
    /// What it is.
    pub before: Option<Value>,
    /// What it is to be.
    pub after: Option<Value>,
    /// It cannot be changed: the resource must be made anew.
    pub fixed: bool,
}

/// One resource of the plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// What happens.
    pub verb: Verb,
    /// To what kind.
    pub kind: Kind,
    /// Its identifier.
    pub name: String,
    /// Where it is there and nobody made it here.
    pub foreign: bool,
    /// Where it is there, its state in the service's words.
    pub status: Option<String>,
    /// Every value that differs; of a new resource all.
    pub differences: Vec<Difference>,
    /// What is asked for.
    #[serde(skip)]
    pub resource: Option<Resource>,
    /// What is there.
    #[serde(skip)]
    pub item: Option<Item>,
}

/// All resources, in the order in which they are worked on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The pipeline's name.
    pub pipeline: String,
    /// Resources.
    pub steps: Vec<Step>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// What it costs.
    pub cost: Option<String>,
}

impl Plan {
    /// How many steps do this.
    #[must_use]
    pub fn count(&self, verb: Verb) -> usize {
        self.steps.iter().filter(|s| s.verb == verb).count()
    }

    /// Everything is as it should be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|s| s.verb == Verb::Keep)
    }
}

/// Compares.
pub(super) fn compare(pipeline: &Pipeline, desired: &Desired, actual: &Actual) -> Plan {
    let mut steps: Vec<Step> = desired.resources.iter().map(|r| step(r, actual.find(r.kind, &r.name))).collect();
    let wanted =
        |i: &&Item| !desired.resources.iter().any(|r| super::model::same_name(&r.name, &i.name) && r.kind == i.kind);
    let mut gone: Vec<Step> = actual.items.iter().filter(|i| i.ours).filter(wanted).map(deletion).collect();
    gone.sort_by_key(|s| std::cmp::Reverse(s.kind));
    steps.extend(gone);
    let cost = cost::estimate(&steps);
    Plan { pipeline: pipeline.name.clone(), steps, notes: desired.notes.clone(), cost }
}

/// The resources that are asked for.
pub(super) fn wanted(plan: &Plan) -> impl Iterator<Item = &Resource> {
    plan.steps.iter().filter_map(|s| s.resource.as_ref())
}

/// The removal of a resource.
pub(super) fn deletion(item: &Item) -> Step {
    Step {
        verb: Verb::Delete,
        kind: item.kind,
        name: item.name.clone(),
        foreign: false,
        status: Some(item.status.clone()),
        differences: Vec::new(),
        resource: None,
        item: Some(item.clone()),
    }
}

fn step(resource: &Resource, item: Option<&Item>) -> Step {
    // What is on its way out is made anew when it is gone.
    let item = item.filter(|i| i.status != "deleting");
    let differences = match item {
        None => resource.values.iter().map(|(name, v)| difference(resource.kind, name, None, Some(v))).collect(),
        Some(item) => differences(resource, item),
    };
    let verb = match item {
        None => Verb::Create,
        Some(_) if differences.is_empty() => Verb::Keep,
        Some(_) => Verb::Change,
    };
    Step {
        verb,
        kind: resource.kind,
        name: resource.name.clone(),
        foreign: item.is_some_and(|i| !i.ours) && !resource.shared,
        status: item.map(|i| i.status.clone()).filter(|s| !s.is_empty()),
        differences,
        resource: Some(resource.clone()),
        item: item.cloned(),
    }
}

fn differences(resource: &Resource, item: &Item) -> Vec<Difference> {
    let mut all = Vec::new();
    for (name, after) in &resource.values {
        let before = item.values.get(name);
        match name.as_str() {
            MAPPINGS => all.extend(rules(before, after)),
            _ if !same(name, before, after) => all.push(difference(resource.kind, name, before, Some(after))),
            _ => {}
        }
    }
    all
}

const MAPPINGS: &str = "TableMappings";

fn difference(kind: Kind, name: &str, before: Option<&Value>, after: Option<&Value>) -> Difference {
    let fixed = match kind {
        Kind::Instance => ["ReplicationSubnetGroupIdentifier", "PubliclyAccessible"].contains(&name),
        Kind::Task => ["SourceEndpoint", "TargetEndpoint", "ReplicationInstance"].contains(&name),
        Kind::Endpoint => name == "EndpointType",
        Kind::Certificate => true,
        Kind::Role => name == "Service",
        Kind::SubnetGroup | Kind::Config => false,
    };
    Difference {
        name: name.to_owned(),
        before: before.cloned(),
        after: after.cloned(),
        fixed: fixed && before.is_some(),
    }
}

fn same(name: &str, before: Option<&Value>, after: &Value) -> bool {
    let Some(before) = before else { return false };
    match (name, before, after) {
        // Others may have attached more.
        ("AttachedPolicies", Value::Array(have), Value::Array(want)) => want.iter().all(|w| have.contains(w)),
        // DMS keeps identifiers in small letters, and some numbers as text.
        (_, Value::String(have), Value::String(want)) if name.starts_with("Settings/") => have == want,
        (_, Value::String(have), Value::String(want)) if is_identifier(name) => have.eq_ignore_ascii_case(want),
        (_, Value::String(have), Value::Number(want)) => *have == want.to_string(),
        (_, Value::Number(have), Value::Number(want)) => have.as_f64() == want.as_f64(),
        _ => before == after,
    }
}

fn is_identifier(name: &str) -> bool {
    name.ends_with("Identifier")
        || name.ends_with("Endpoint")
        || name.ends_with("GroupId")
        || name == "ReplicationInstance"
}

/// Rules that are only before or only after; their numbers and names do not count.
fn rules(before: Option<&Value>, after: &Value) -> Vec<Difference> {
    let list = |mappings: Option<&Value>| -> Vec<Value> {
        let rules = mappings.and_then(|m| m.get("rules")).and_then(Value::as_array).cloned().unwrap_or_default();
        rules.into_iter().map(plain).collect()
    };
    let (have, want) = (list(before), list(Some(after)));
    let one = |before: Option<&Value>, after: Option<&Value>| difference(Kind::Task, MAPPINGS, before, after);
    let gone = have.iter().filter(|r| !want.contains(r)).map(|r| one(Some(r), None));
    let new = want.iter().filter(|r| !have.contains(r)).map(|r| one(None, Some(r)));
    gone.chain(new).collect()
}

fn plain(mut rule: Value) -> Value {
    if let Some(members) = rule.as_object_mut() {
        members.retain(|name, v| name != "rule-id" && name != "rule-name" && v != &Value::Array(Vec::new()));
    }
    rule
}
