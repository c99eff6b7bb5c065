//! Table mappings from the selection of the pipeline file. Pure.

use serde_json::{Value, json};

use super::measured::Measured;
use crate::pipeline::Pipeline;

/// Table mappings: what is selected, where it goes, and booleans as booleans. `rename` is off for S3, which has folders.
#[must_use]
pub fn build(pipeline: &Pipeline, measured: &Measured, database: bool) -> Value {
    let mut rules = Rules::default();
    for pattern in &pipeline.tables.include {
        rules.select("include", pattern);
    }
    for pattern in &pipeline.tables.exclude {
        rules.select("exclude", pattern);
    }
    if database {
        for schema in &measured.schemas {
            rules.rename(schema, pipeline.target_database(schema));
        }
        for (schema, table, column) in &measured.booleans {
            rules.boolean(schema, table, column);
        }
    }
    json!({ "rules": rules.0 })
}

/// A selected table that DMS would leave out, with the pattern to blame: in its rules, `_` stands for any one character
/// (<https://docs.aws.amazon.com/dms/latest/userguide/CHAP_Tasks.CustomizingTasks.TableMapping.SelectionTransformation.Wildcards.html>).
#[must_use]
pub fn left_out<'a>(pipeline: &'a Pipeline, measured: &'a Measured) -> Option<(&'a str, String)> {
    let hit = |pattern: &str, schema: &str, table: &str| {
        let Some((s, t)) = pattern.split_once('.') else { return false };
        like(s.as_bytes(), schema.as_bytes()) && like(t.as_bytes(), table.as_bytes())
    };
    pipeline.tables.exclude.iter().filter(|p| p.contains('_')).find_map(|pattern| {
        let (schema, table) = measured.tables.iter().find(|(s, t)| hit(pattern, s, t))?;
        Some((pattern.as_str(), format!("{schema}.{table}")))
    })
}

/// `*` is any text, `_` any one byte: a character of more bytes is no concern of a name that has none.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => like(rest, text),
        (Some((b'*', rest)), Some((_, more))) => like(rest, text) || like(pattern, more),
        (Some((p, rest)), Some((t, more))) => (*p == b'_' || p == t) && like(rest, more),
        _ => false,
    }
}

#[derive(Default)]
struct Rules(Vec<Value>);

impl Rules {
    /// Both names must be unique, and of letters and digits.
    fn add(&mut self, mut rule: Value) {
        let id = (self.0.len() + 1).to_string();
        rule["rule-id"] = id.as_str().into();
        rule["rule-name"] = id.into();
        self.0.push(rule);
    }

    fn select(&mut self, action: &str, pattern: &str) {
        let (schema, table) = pattern.split_once('.').unwrap_or((pattern, "*"));
        let (schema, table) = (schema.replace('*', "%"), table.replace('*', "%"));
        let locator = json!({"schema-name": schema, "table-name": table});
        self.add(json!({"rule-type": "selection", "rule-action": action, "object-locator": locator}));
    }

    fn rename(&mut self, schema: &str, database: &str) {
        if schema == database {
            return;
        }
        let rule = json!({"rule-type": "transformation", "rule-target": "schema", "rule-action": "rename",
                          "object-locator": {"schema-name": schema}, "value": database});
        self.add(rule);
    }

    /// Otherwise it arrives as the text `true` or `false`, which a TINYINT refuses or takes for 0.
    fn boolean(&mut self, schema: &str, table: &str, column: &str) {
        let rule = json!({"rule-type": "transformation", "rule-target": "column", "rule-action": "change-data-type",
                          "object-locator": {"schema-name": schema, "table-name": table, "column-name": column},
                          "data-type": {"type": "boolean"}});
        self.add(rule);
    }
}
