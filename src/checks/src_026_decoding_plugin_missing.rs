//! SRC-026: see the check's own explanation.

use super::aws_fixes::modify_endpoint;
use super::aws_parts::with_source;
use super::replication::setting;
use super::{Finding, Judged};
use crate::facts::aws::DmsEndpoint;
use crate::facts::{Facts, PgTable, ReplicaIdentity};
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// `PluginName` of the source endpoint, the extension `pglogical` and `shared_preload_libraries` of the source, and
    /// selected tables with `REPLICA IDENTITY FULL`. Without `PluginName` DMS takes pglogical where it is installed.
    ///
    /// # Why it matters
    /// An endpoint that asks for a plugin that is not there fails as it makes its slot: `could not access file
    /// "pglogical_output"` (SQLSTATE 58P01). And pglogical does not carry updates and deletes of tables whose replica
    /// identity is the whole row.
    ///
    /// # How to fix it by hand
    /// Take the plugin that every PostgreSQL has:
    ///
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --postgre-sql-settings PluginName=test-decoding
    /// ```
    ///
    /// Or install pglogical: name it in `shared_preload_libraries`, reboot, and `CREATE EXTENSION pglogical`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using a PostgreSQL database as a source"; the error was seen on PostgreSQL 15.
    code: "SRC-026",
    name: "decoding-plugin-missing",
    area: Src,
    severity: Error,
    title: "The endpoint decodes by pglogical, which the source or its tables are not made for",
    after: ["AUT-024", "IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_source(facts, |part, endpoint| {
        let plugin = endpoint.postgres.as_ref().and_then(|s| s.plugin.as_deref()).unwrap_or("no-preference");
        if !part.follows_changes() || plugin == "test-decoding" {
            return Ok(Vec::new());
        }
        let installed = facts.source.installed.known()?.extensions.iter().any(|e| e == "pglogical");
        let libraries = &setting(facts, "shared_preload_libraries")?.value;
        let loaded = libraries.split(',').any(|l| l.trim().trim_matches('"') == "pglogical");
        let there = installed && loaded;
        if plugin == "pglogical" && !there {
            let lacks = if loaded { "has no extension pglogical" } else { "does not load pglogical at its start" };
            let message = format!("{} asks for pglogical, and the source {lacks}", endpoint.identifier);
            return Ok(vec![
                Finding::new(&endpoint.identifier, message)
                    .saw("shared_preload_libraries", libraries)
                    .fix(test_decoding(endpoint, plugin)),
            ]);
        }
        if !there {
            return Ok(Vec::new());
        }
        let whole = |t: &&PgTable| t.replica_identity == ReplicaIdentity::Full;
        let finding = |table: &PgTable| {
            let label = table.label();
            let message = format!("{label} has REPLICA IDENTITY FULL, which pglogical does not carry");
            Finding::new(label, message).silent_loss().fix(test_decoding(endpoint, plugin))
        };
        Ok(facts.source.tables.known()?.iter().filter(whole).map(finding).collect())
    })
}

fn test_decoding(endpoint: &DmsEndpoint, before: &str) -> Fix {
    let step = modify_endpoint(endpoint, &[("PostgreSQLSettings.PluginName", "test-decoding", Some(before))]);
    Fix::new(Mode::Confirm, "decode by test_decoding", vec![step])
        .or("load pglogical (shared_preload_libraries, reboot), CREATE EXTENSION pglogical, and give each table a key")
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, set, source_table, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, known, source_endpoint};
    use crate::facts::{Facts, ReplicaIdentity};

    fn asks_for(plugin: &str) -> Facts {
        let mut facts = healthy_dms();
        source_endpoint(&mut facts).postgres.as_mut().unwrap().plugin = Some(plugin.into());
        facts
    }

    #[test]
    fn a_plugin_that_is_not_there() {
        let mut facts = asks_for("pglogical");
        let found = finding(&CHECK, &facts);
        assert!(found.message.ends_with("does not load pglogical at its start"), "{}", found.message);
        let call = found.fix.unwrap().steps[0].action.describe();
        assert!(call.ends_with("PluginName=test-decoding"), "{call}");
        set(&mut facts, "shared_preload_libraries", "pg_stat_statements, pglogical");
        assert!(finding(&CHECK, &facts).message.ends_with("has no extension pglogical"));
        known(&mut facts.source.installed).extensions.push("pglogical".into());
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn whole_rows_and_pglogical_even_where_nobody_asked_for_it() {
        let mut facts = asks_for("no-preference");
        source_table(&mut facts).replica_identity = ReplicaIdentity::Full;
        assert_pass(&CHECK, &facts);
        set(&mut facts, "shared_preload_libraries", "pglogical");
        known(&mut facts.source.installed).extensions.push("pglogical".into());
        assert!(finding(&CHECK, &facts).silent_loss);
        source_endpoint(&mut facts).postgres.as_mut().unwrap().plugin = Some("test-decoding".into());
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        let mut facts = healthy_dms();
        facts.source.installed = unseen();
        assert!((CHECK.judge)(&facts).is_err());
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
