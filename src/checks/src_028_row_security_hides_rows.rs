//! SRC-028: see the check's own explanation.

use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, PgTable};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::pipeline::{EngineKind, SyncMode};
use crate::quote::{pg_ident, pg_table};

check! {
    /// # What it looks at
    /// Selected tables whose row-level security holds for the pipeline's login (`row_security_active`). It does not
    /// hold for the owner, unless it is forced, nor for superusers and roles with `BYPASSRLS`.
    ///
    /// # Why it matters
    /// A full load by DMS copies the rows that the policies let through, and says nothing of the others; changes come
    /// from the WAL, which knows no policies, so later ones of hidden rows do arrive. The engine `direct` refuses to copy
    /// such a table.
    ///
    /// # How to fix it by hand
    /// Exempt the login, or give it a policy that shows all rows:
    ///
    /// ```sql
    /// ALTER ROLE cdc BYPASSRLS;
    /// CREATE POLICY cdc_reads_all ON public.weekly_chart FOR SELECT TO cdc USING (true);
    /// ```
    ///
    /// A policy that shows all does not help against one made `AS RESTRICTIVE`.
    ///
    /// # Source
    /// PostgreSQL documentation, "Row Security Policies".
    code: "SRC-028",
    name: "row-security-hides-rows",
    area: Src,
    severity: Error,
    title: "Row-level security hides rows of a selected table from the pipeline",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    let sync = &facts.pipeline.sync;
    if sync.engine == EngineKind::S3 || sync.mode == SyncMode::Cdc {
        return Ok(Verdict::NotApplicable("no table is read: row-level security does not hold for changes"));
    }
    let hidden = facts.source.tables.known()?.iter().filter(|table| table.rows_hidden);
    Ok(Verdict::from_findings(hidden.map(|table| finding(facts, table)).collect()))
}

fn finding(facts: &Facts, table: &PgTable) -> Finding {
    let user = pg_ident(&facts.pipeline.source.user);
    let label = table.label();
    let sql = format!("ALTER ROLE {user} BYPASSRLS");
    let back = Action::source(format!("ALTER ROLE {user} NOBYPASSRLS"));
    let step = Step::new(Cost::None, Action::source(&sql)).undo(back).note("it then reads every row of every table");
    let policy = format!(
        "CREATE POLICY cdc_doctor_reads_all ON {} FOR SELECT TO {user} USING (true)",
        pg_table(&table.schema, &table.name)
    );
    let fix = Fix::new(Mode::Confirm, sql, vec![step]).or(policy);
    if facts.pipeline.sync.engine == EngineKind::Dms {
        let message = format!("Row-level security hides rows of {label} from {user}: a load leaves them out");
        return Finding::new(label, message).silent_loss().fix(fix);
    }
    let message = format!("Row-level security holds on {label} for {user}, so its rows cannot be copied");
    Finding::new(label, message).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, finding, healthy, source_table, unseen,
    };
    use crate::checks::testing_aws::healthy_dms;
    use crate::pipeline::SyncMode;

    #[test]
    fn a_load_by_dms_loses_them_silently() {
        let mut facts = healthy_dms();
        source_table(&mut facts).rows_hidden = true;
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss);
        assert_eq!(found.fix.unwrap().summary, r#"ALTER ROLE "cdc" BYPASSRLS"#);
    }

    #[test]
    fn the_engine_direct_refuses_the_table() {
        let mut facts = healthy();
        source_table(&mut facts).row_security = true;
        assert_pass(&CHECK, &facts);
        source_table(&mut facts).rows_hidden = true;
        assert!(!finding(&CHECK, &facts).silent_loss);
        facts.source.tables = unseen();
        assert_unknown(&CHECK, &facts);
        facts.pipeline.sync.mode = SyncMode::Cdc;
        assert_not_applicable(&CHECK, &facts);
    }
}
