//! Table mappings of DMS as this program's selection of tables. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::lab::aws::errors::AwsError;

/// What table mappings say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selection {
    /// Patterns of `schema.table`, as the pipeline file has them.
    pub(super) include: Vec<String>,
    /// The same, left out again.
    pub(super) exclude: Vec<String>,
    /// Source schema (or `*`) → target database.
    renamed: BTreeMap<String, String>,
    /// What is accepted and not done.
    pub(super) ignored: Vec<String>,
}

impl Selection {
    /// The target database of a source schema.
    pub(super) fn database<'a>(&'a self, schema: &'a str) -> &'a str {
        self.renamed.get(schema).or_else(|| self.renamed.get("*")).map_or(schema, String::as_str)
    }

    /// Whether tables of the schema can be selected.
    pub(super) fn reaches(&self, schema: &str) -> bool {
        self.include
            .iter()
            .any(|pattern| crate::pipeline::pattern_matches(&format!("{}.*", schema_of(pattern)), schema, ""))
    }
}

fn schema_of(pattern: &str) -> &str {
    pattern.split_once('.').map_or(pattern, |(schema, _)| schema)
}

/// Reads table mappings.
pub(super) fn read(text: &str) -> Result<Selection, AwsError> {
    let invalid = |why: &str| AwsError::value(format!("Invalid table mappings document. {why}"));
    let document: Value = serde_json::from_str(text).map_err(|e| invalid(&format!("It is not valid JSON: {e}")))?;
    let rules = document.get("rules").and_then(Value::as_array).ok_or_else(|| invalid("It has no list of rules."))?;
    let mut selection = Selection::default();
    let mut ids = std::collections::BTreeSet::new();
    for rule in rules {
        let id = word(rule, "rule-id");
        if id.is_empty() || !ids.insert(id.clone()) {
            return Err(invalid(&format!("The rule-id {id:?} is missing, or another rule has it.")));
        }
        match word(rule, "rule-type").as_str() {
            "selection" => select(&mut selection, rule, &id)?,
            "transformation" => transform(&mut selection, rule, &id)?,
            other => return Err(AwsError::not_simulated(&format!("rules of the type {other:?} (rule {id})"))),
        }
    }
    if selection.include.is_empty() {
        return Err(invalid("No selection rule includes anything."));
    }
    Ok(selection)
}

fn select(selection: &mut Selection, rule: &Value, id: &str) -> Result<(), AwsError> {
    if rule.get("filters").and_then(Value::as_array).is_some_and(|filters| !filters.is_empty()) {
        return Err(AwsError::not_simulated(&format!("filters in selection rules (rule {id})")));
    }
    let locator = &rule["object-locator"];
    let pattern = format!("{}.{}", pattern(locator, "schema-name", id)?, pattern(locator, "table-name", id)?);
    match word(rule, "rule-action").as_str() {
        "include" | "explicit" => selection.include.push(pattern),
        "exclude" => selection.exclude.push(pattern),
        other => return Err(AwsError::value(format!("Invalid rule-action {other:?} (rule {id})."))),
    }
    Ok(())
}

fn transform(selection: &mut Selection, rule: &Value, id: &str) -> Result<(), AwsError> {
    match (word(rule, "rule-target").as_str(), word(rule, "rule-action").as_str()) {
        ("schema", "rename") => {
            let schema = pattern(&rule["object-locator"], "schema-name", id)?;
            let value = word(rule, "value");
            if value.is_empty() || (schema.contains('*') && schema != "*") {
                return Err(AwsError::value(format!("The rule {id} renames no one schema to one name.")));
            }
            selection.renamed.insert(schema, value);
        }
        ("column", "change-data-type") => {
            selection
                .ignored
                .push(format!("rule {id}: the simulation does not change data types; its engine chooses them"));
        }
        (target, action) => {
            let what = format!("transformations of the kind {action:?} on a {target:?} (rule {id})");
            return Err(AwsError::not_simulated(&what));
        }
    }
    Ok(())
}

/// A name in which `%` stands for any text, with our `*` for it.
fn pattern(locator: &Value, member: &str, id: &str) -> Result<String, AwsError> {
    let name = word(locator, member);
    if name.is_empty() {
        return Err(AwsError::value(format!("The object-locator of rule {id} has no {member}.")));
    }
    if name.contains('*') || (member == "schema-name" && name.contains('.')) {
        return Err(AwsError::not_simulated(&format!("the name {name:?} in a rule (rule {id})")));
    }
    Ok(name.replace('%', "*"))
}

/// A text or number member as text.
fn word(value: &Value, member: &str) -> String {
    match value.get(member) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(id: &str, action: &str, schema: &str, table: &str) -> Value {
        json!({"rule-type": "selection", "rule-id": id, "rule-name": id, "rule-action": action,
               "object-locator": {"schema-name": schema, "table-name": table}})
    }

    fn rename(schema: &str, value: &str) -> Value {
        json!({"rule-type": "transformation", "rule-id": 9, "rule-name": "9", "rule-target": "schema",
               "rule-action": "rename", "object-locator": {"schema-name": schema}, "value": value})
    }

    fn of(rules: &[Value]) -> Result<Selection, AwsError> {
        read(&json!({ "rules": rules }).to_string())
    }

    #[test]
    fn selection_rules_become_patterns() {
        let selection = of(&[
            rule("1", "include", "public", "%"),
            rule("2", "exclude", "public", "tmp_%"),
            rule("3", "explicit", "sales", "order"),
            rename("public", "charts"),
        ])
        .unwrap();
        assert_eq!(selection.include, ["public.*", "sales.order"]);
        assert_eq!(selection.exclude, ["public.tmp_*"]);
        assert_eq!((selection.database("public"), selection.database("sales")), ("charts", "sales"));
        assert!(selection.reaches("sales") && !selection.reaches("private"));
    }

    #[test]
    fn a_wildcard_schema_can_be_renamed_to_one_database() {
        let selection = of(&[rule("1", "include", "%", "%"), rename("%", "charts")]).unwrap();
        assert_eq!(selection.database("anything"), "charts");
        assert!(selection.reaches("anything"));
    }

    #[test]
    fn types_are_left_to_the_engine_with_a_note() {
        let change = json!({"rule-type": "transformation", "rule-id": "2", "rule-target": "column",
                            "rule-action": "change-data-type", "object-locator": {"schema-name": "public"}});
        assert_eq!(of(&[rule("1", "include", "public", "%"), change]).unwrap().ignored.len(), 1);
    }

    #[test]
    fn what_is_wrong_or_not_simulated_is_refused() {
        let mut filtered = rule("1", "include", "public", "%");
        filtered["filters"] = json!([{"filter-type": "source"}]);
        let lower = json!({"rule-type": "transformation", "rule-id": "2", "rule-target": "table",
                           "rule-action": "convert-lowercase", "object-locator": {"schema-name": "public"}});
        let include = rule("1", "include", "public", "%");
        for (rules, says) in [
            (vec![], "No selection rule"),
            (vec![rule("1", "exclude", "a", "b")], "No selection rule"),
            (vec![include.clone(), include.clone()], "another rule has it"),
            (vec![filtered], "filters"),
            (vec![include.clone(), lower], "convert-lowercase"),
            (vec![include.clone(), rename("p%", "charts")], "renames no one schema"),
            (vec![rule("1", "include", "public", "")], "has no table-name"),
            (vec![rule("1", "delete", "public", "x")], "Invalid rule-action"),
        ] {
            let error = of(&rules).unwrap_err();
            assert_eq!(error.code, "InvalidParameterValueException");
            assert!(error.message.contains(says), "{says}: {}", error.message);
        }
        assert!(read("{").unwrap_err().message.contains("not valid JSON"));
        assert!(read("{}").unwrap_err().message.contains("no list of rules"));
    }
}
