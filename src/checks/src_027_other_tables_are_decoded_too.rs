//! SRC-027: see the check's own explanation.

use super::aws_parts::with_source;
use super::source_tables::grouped;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// How many rows were written to tables that the pipeline does not select, against those that it does
    /// (`pg_stat_user_tables`, since the statistics were last reset; the hundred tables written to most). It applies
    /// where the endpoint decodes by `test_decoding`.
    ///
    /// # Why it matters
    /// `test_decoding` decodes the changes of the whole database and sends them all: DMS throws away what the task did
    /// not ask for. A busy table beside the pipeline raises `CDCLatencySource` although nothing of it is wanted.
    ///
    /// # How to fix it by hand
    /// Have the endpoint use pglogical, which leaves out what is not asked for, or move the busy tables to a database
    /// of their own.
    ///
    /// # Source
    /// AWS DMS User Guide, "Troubleshooting latency issues", PostgreSQL source endpoints.
    code: "SRC-027",
    name: "other-tables-are-decoded-too",
    area: Src,
    severity: Advice,
    title: "Most of what the slot decodes belongs to tables outside the pipeline",
    after: ["AUT-024", "IAM-001"],
}

/// Rows below which nobody waits for them.
const MUCH: i64 = 1_000_000;
/// So many times the pipeline's own.
const TIMES: i64 = 10;

fn judge(facts: &Facts) -> Judged {
    with_source(facts, |part, endpoint| {
        let plugin = endpoint.postgres.as_ref().and_then(|s| s.plugin.as_deref());
        let installed = facts.source.installed.known()?.extensions.iter().any(|e| e == "pglogical");
        let by_pglogical = plugin == Some("pglogical") || (plugin != Some("test-decoding") && installed);
        if by_pglogical || !part.follows_changes() {
            return Ok(Vec::new());
        }
        let tables = facts.source.tables.known()?;
        let written = facts.source.written.known()?.iter();
        let (own, others): (Vec<_>, Vec<_>) =
            written.partition(|w| tables.iter().any(|t| t.schema == w.schema && t.name == w.table));
        let sum = |all: &[&crate::facts::WrittenTable]| all.iter().map(|w| w.rows).sum::<i64>();
        let (wanted, unwanted) = (sum(&own), sum(&others));
        let Some(most) = others.first().filter(|_| unwanted > MUCH && unwanted > TIMES.saturating_mul(wanted)) else {
            return Ok(Vec::new());
        };
        let count = |rows: i64| grouped(rows.unsigned_abs());
        let label = format!("{}.{}", most.schema, most.table);
        let message = format!(
            "{} rows were written to tables outside the pipeline, and {} to its own: the slot decodes them all",
            count(unwanted),
            count(wanted)
        );
        let todo = "Have the endpoint use pglogical, or move the busy tables to a database of their own.";
        Ok(vec![
            Finding::new(&label, message)
                .saw("written to most", format!("{label}, {} rows", count(most.rows)))
                .fix(Fix::manual("keep what is not wanted from being decoded", [todo])),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, known, source_endpoint};
    use crate::facts::WrittenTable;

    #[test]
    fn a_busy_table_beside_the_pipeline() {
        let mut facts = healthy_dms();
        known(&mut facts.source.written)
            .insert(0, WrittenTable { schema: "public".into(), table: "clicks".into(), rows: 9_000_000 });
        let found = finding(&CHECK, &facts);
        assert!(found.subject == "public.clicks" && found.message.starts_with("9,000,000 rows"), "{}", found.message);
        source_endpoint(&mut facts).postgres.as_mut().unwrap().plugin = Some("pglogical".into());
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        let mut facts = healthy_dms();
        facts.source.written = unseen();
        assert!((CHECK.judge)(&facts).is_err());
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
