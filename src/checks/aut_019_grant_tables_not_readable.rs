//! AUT-019: see the check's own explanation.

use super::aut_018_target_rights_incomplete::same_login;
use super::aws_parts::Part;
use super::my_grants::{Grants, account};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, MyFlavor};
use crate::fixes::Fix;
use crate::quote::my_table;

check! {
    /// # What it looks at
    /// Where DMS is to assess the task (`[dms] assessment_bucket`): whether its login may read the target's own tables
    /// of accounts and grants: `mysql.user`, `mysql.db`, `mysql.tables_priv`, and `mysql.role_edges` (MySQL).
    ///
    /// # Why it matters
    /// The assessments of the target's rights cannot be made, and end as failed or skipped. Rows are moved all the same.
    ///
    /// # How to fix it by hand
    /// As an administrator of the target, for each of them:
    ///
    /// ```sql
    /// GRANT SELECT ON mysql.user TO 'cdc'@'%';
    /// ```
    ///
    /// The login can then read the hashes of all passwords: take the right away again after the assessment.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using a MySQL-compatible database as a target", prerequisites.
    code: "AUT-019",
    name: "grant-tables-not-readable",
    area: Aut,
    severity: Advice,
    title: "Assessments of DMS cannot read the target's accounts and grants",
    after: ["AUT-025", "IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    if Part::of(facts).is_none_or(|part| part.names.assessment_bucket.is_none()) {
        return Ok(Verdict::NotApplicable("DMS is not to assess a task: no assessment_bucket in [dms]"));
    }
    same_login(facts)?;
    let session = facts.target.session.known()?;
    let grants = Grants::of(facts)?;
    let mut wanted = vec!["user", "db", "tables_priv"];
    if session.flavor == MyFlavor::MySql && session.version_parts >= (8, 0, 0) {
        wanted.push("role_edges");
    }
    wanted.retain(|table| !grants.has_on_table("mysql", table, "SELECT"));
    if wanted.is_empty() {
        return Ok(Verdict::Pass);
    }
    let account = account(session);
    let grant =
        |table: &&str| format!("As an administrator: GRANT SELECT ON {} TO {account}", my_table("mysql", table));
    let fix = Fix::manual("let the assessments read them", wanted.iter().map(grant))
        .or("pass over what the assessments say of the target's rights");
    let message = format!("{account} may not read the target's accounts and grants, which assessments ask for");
    Ok(Verdict::Fail(vec![Finding::new("mysql", message).saw("no SELECT on", wanted.join(", ")).fix(fix)]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_not_applicable, assert_pass, assert_unknown, finding, healthy, unseen};
    use crate::checks::testing_aws::healthy_dms;
    use crate::facts::{Fact, Facts};

    fn assessed() -> Facts {
        let mut facts = healthy_dms();
        facts.pipeline.dms.as_mut().unwrap().assessment_bucket = Some("charts-assessments".into());
        facts
    }

    #[test]
    fn each_table_has_its_grant() {
        let mut facts = assessed();
        let found = finding(&CHECK, &facts);
        assert_eq!(found.evidence[0].1, "user, db, tables_priv, role_edges");
        assert_eq!(found.fix.unwrap().steps.len(), 4);
        let one = |t: &str| format!("GRANT SELECT ON `mysql`.`{t}` TO `cdc`@`%`");
        facts.target.grants = Fact::Known(["user", "db", "tables_priv"].map(one).into());
        assert_eq!(finding(&CHECK, &facts).evidence[0].1, "role_edges");
        facts.target.grants = Fact::Known(vec!["GRANT SELECT ON `mysql`.* TO `cdc`@`%`".into()]);
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn is_unknown_without_grants_and_only_for_assessments() {
        let mut facts = assessed();
        facts.target.grants = unseen();
        assert_unknown(&CHECK, &facts);
        assert_not_applicable(&CHECK, &healthy_dms());
        assert_not_applicable(&CHECK, &healthy());
    }
}
