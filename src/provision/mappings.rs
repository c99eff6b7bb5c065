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

#[derive(Default)]
struct Rules(Vec<Value>);

impl Rules {
    fn add(&mut self, name: String, mut rule: Value) {
        let id = (self.0.len() + 1).to_string();
        rule["rule-id"] = id.as_str().into();
        // A name must be unique, too.
        rule["rule-name"] = format!("{id} {name}").into();
        self.0.push(rule);
    }

    fn select(&mut self, action: &str, pattern: &str) {
        let (schema, table) = pattern.split_once('.').unwrap_or((pattern, "*"));
        let (schema, table) = (schema.replace('*', "%"), table.replace('*', "%"));
        let locator = json!({"schema-name": schema, "table-name": table});
        self.add(
            format!("{action} {pattern}"),
            json!({"rule-type": "selection", "rule-action": action, "object-locator": locator}),
        );
    }

    fn rename(&mut self, schema: &str, database: &str) {
        if schema == database {
            return;
        }
        let rule = json!({"rule-type": "transformation", "rule-target": "schema", "rule-action": "rename",
                          "object-locator": {"schema-name": schema}, "value": database});
        self.add(format!("schema {schema}"), rule);
    }

    /// Otherwise it arrives as the text `true` or `false`, which a TINYINT refuses or takes for 0.
    fn boolean(&mut self, schema: &str, table: &str, column: &str) {
        let rule = json!({"rule-type": "transformation", "rule-target": "column", "rule-action": "change-data-type",
                          "object-locator": {"schema-name": schema, "table-name": table, "column-name": column},
                          "data-type": {"type": "boolean"}});
        self.add(format!("boolean {column}"), rule);
    }
}
