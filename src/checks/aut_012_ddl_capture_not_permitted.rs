//! AUT-012: see the check's own explanation.

use super::aws_fixes::modify_endpoint;
use super::aws_parts::{only, with_source};
use super::dep_008_ddl_capture_without_rights::has_artefacts;
use super::{Finding, Judged};
use crate::facts::{Facts, Unknown, UnknownKind};
use crate::fixes::{Fix, Mode};
use crate::quote::pg_ident;

check! {
    /// # What it looks at
    /// Where the source endpoint captures DDL by a login that may make event triggers (DEP-008 looks at that): whether
    /// it may also create in the schema that `DdlArtifactsSchema` names, `public` unless it is set.
    ///
    /// # Why it matters
    /// DMS makes the table `awsdms_ddl_audit` and a function there. Since PostgreSQL 15 nobody but the database's owner
    /// may create in `public`, on RDS not even the master user where somebody else owns the database: `permission
    /// denied for schema public`. The task fails at its start, or follows no schema change.
    ///
    /// # How to fix it by hand
    /// As the owner of the schema:
    ///
    /// ```sql
    /// GRANT USAGE, CREATE ON SCHEMA public TO cdc;
    /// ```
    ///
    /// or name a schema of the login's own in `DdlArtifactsSchema`, or set `CaptureDdls=false`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using PostgreSQL as a source"; PostgreSQL 15 release notes. Tried on PostgreSQL 15 and 17.
    code: "AUT-012",
    name: "ddl-capture-not-permitted",
    area: Aut,
    severity: Warning,
    title: "The login that captures DDL may not create in the schema where DMS keeps it",
    after: ["AUT-024", "IAM-001", "DEP-008"],
}

fn judge(facts: &Facts) -> Judged {
    with_source(facts, |part, endpoint| {
        let settings = endpoint.postgres.as_ref();
        let captures = settings.and_then(|s| s.capture_ddls) != Some(false);
        if !captures || !part.follows_changes() || has_artefacts(facts) {
            return Ok(Vec::new());
        }
        let (role, rights) = (facts.source.role.known()?, facts.source.rights.known()?);
        if let Some(other) = endpoint.user.as_deref().filter(|u| *u != role.name) {
            let why = format!("DMS logs in as {other}; only the rights of {} were seen", role.name);
            return Err(Unknown::new(UnknownKind::Failed, why));
        }
        let schema = settings.and_then(|s| s.ddl_schema.as_deref()).unwrap_or("public");
        if rights.creatable.iter().any(|s| s == schema) {
            return Ok(Vec::new());
        }
        let user = pg_ident(&role.name);
        let grant = format!("GRANT USAGE, CREATE ON SCHEMA {} TO {user}", pg_ident(schema));
        let message = format!("{} captures DDL as {user}, who may not create in \"{schema}\"", endpoint.identifier);
        let off = modify_endpoint(endpoint, &[("PostgreSQLSettings.CaptureDdls", "false", Some("true"))]);
        let fix =
            Fix::new(Mode::Confirm, "do not capture DDL", vec![off]).or(format!("as the schema's owner: {grant}"));
        only(Some(Finding::new(&endpoint.identifier, message).saw("DdlArtifactsSchema", schema).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, rights, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, known, source_endpoint};
    use crate::facts::Facts;

    /// DDL is captured by a login that may make event triggers.
    fn captures() -> Facts {
        let mut facts = healthy_dms();
        source_endpoint(&mut facts).postgres.as_mut().unwrap().capture_ddls = None;
        known(&mut facts.source.role).rds_superuser = true;
        facts
    }

    #[test]
    fn the_schema_has_to_be_open_to_the_login() {
        let mut facts = captures();
        let found = finding(&CHECK, &facts);
        assert!(found.message.ends_with("who may not create in \"public\""), "{}", found.message);
        assert_eq!(causes(&facts), ["AUT-012"]);
        rights(&mut facts).creatable = vec!["public".into()];
        assert_pass(&CHECK, &facts);
        source_endpoint(&mut facts).postgres.as_mut().unwrap().ddl_schema = Some("dms".into());
        assert_eq!(finding(&CHECK, &facts).evidence[0].1, "dms");
    }

    #[test]
    fn another_login_of_the_endpoint_is_not_judged_by_this_one() {
        let mut facts = captures();
        source_endpoint(&mut facts).user = Some("postgres".into());
        assert_unknown(&CHECK, &facts);
        source_endpoint(&mut facts).user = None;
        facts.source.rights = unseen();
        assert_unknown(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
