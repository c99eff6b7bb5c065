//! AUT-011: see the check's own explanation.

use std::collections::BTreeMap;

use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::Fix;
use crate::pipeline::EngineKind;
use crate::quote::pg_ident;

check! {
    /// # What it looks at
    /// Whether the source's login will be able to read the tables that are made later in a schema all of whose tables
    /// are selected (`public.*`): by the default privileges of those who own tables there now (`pg_default_acl`), or as
    /// a member of their role or of `pg_read_all_data`.
    ///
    /// # Why it matters
    /// The next table that somebody makes belongs to the pipeline, and cannot be read. AWS DMS leaves such a table out
    /// without a word; `direct` stops.
    ///
    /// # How to fix it by hand
    /// As the owner of the tables, or as a superuser:
    ///
    /// ```sql
    /// ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT SELECT ON TABLES TO cdc;
    /// ```
    ///
    /// It holds for tables that `owner` makes from then on. Who else makes tables there has to say the same.
    ///
    /// # Source
    /// PostgreSQL documentation, "ALTER DEFAULT PRIVILEGES". Tried on PostgreSQL 15 and 17.
    code: "AUT-011",
    name: "later-tables-not-readable",
    area: Aut,
    severity: Advice,
    title: "Tables that are made later will not be readable for the source's login",
    after: ["AUT-024", "AUT-010"],
}

fn judge(facts: &Facts) -> Judged {
    if facts.pipeline.sync.engine == EngineKind::S3 {
        return Ok(Verdict::NotApplicable("engine s3 reads files, not the source's tables"));
    }
    let mut by_schema: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (schema, owner) in &facts.source.rights.known()?.unreadable_later {
        if takes_later_tables(facts, schema) {
            by_schema.entry(schema).or_default().push(owner);
        }
    }
    Ok(Verdict::from_findings(by_schema.iter().map(|(schema, owners)| finding(facts, schema, owners)).collect()))
}

/// A table of any name is selected there.
fn takes_later_tables(facts: &Facts, schema: &str) -> bool {
    // No pattern names this one.
    facts.pipeline.selects(schema, "\u{1}")
}

fn finding(facts: &Facts, schema: &str, owners: &[&str]) -> Finding {
    let user = pg_ident(&facts.pipeline.source.user);
    let message = format!("Tables that are made in schema \"{schema}\" later will not be readable for {user}");
    let todo = |owner: &&str| {
        let (owner, schema) = (pg_ident(owner), pg_ident(schema));
        let sql =
            format!("ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT SELECT ON TABLES TO {user}");
        format!("As {owner} or a superuser: {sql}")
    };
    let fix = Fix::manual(format!("let {user} read the tables to come in \"{schema}\""), owners.iter().map(todo));
    Finding::new(schema, message).saw("made by", owners.join(", ")).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, rights, unseen,
    };
    use crate::pipeline::EngineKind;

    #[test]
    fn each_owner_has_to_grant_it() {
        let mut facts = healthy();
        rights(&mut facts).unreadable_later =
            vec![("public".into(), "app".into()), ("public".into(), "odd\"er".into()), ("other".into(), "app".into())];
        let found = finding(&CHECK, &facts);
        assert_eq!((found.subject.as_str(), found.evidence[0].1.as_str()), ("public", "app, odd\"er"));
        assert!(found.fix.unwrap().steps[1].action.describe().ends_with(
            r#"ALTER DEFAULT PRIVILEGES FOR ROLE "odd""er" IN SCHEMA "public" GRANT SELECT ON TABLES TO "cdc""#
        ));
        assert_eq!(causes(&facts), ["AUT-011"]);
    }

    #[test]
    fn a_selection_by_name_takes_no_later_table() {
        let mut facts = healthy();
        rights(&mut facts).unreadable_later = vec![("public".into(), "app".into())];
        facts.pipeline.tables.include = vec!["public.weekly_chart".into()];
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn passes_is_unknown_and_does_not_apply() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.rights = unseen();
        assert_unknown(&CHECK, &facts);
        facts.pipeline.sync.engine = EngineKind::S3;
        assert_not_applicable(&CHECK, &facts);
    }
}
