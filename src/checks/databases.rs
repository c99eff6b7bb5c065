//! A source database that does not exist, for the checks that tell why.

use super::Finding;
use super::logins::{Logins, has_code, on_rds, words};
use crate::facts::{Facts, Unknown};
use crate::fixes::{Action, Cost, Fix, Mode, Step};

/// Why the configured database does not exist.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Another database has this name in other letter case.
    OtherCase(String),
    /// The name is the login's: what clients fall back to when no database is named.
    UserName,
    /// Any other name.
    Other,
}

/// Whether the source said that the database does not exist (`3D000`), on any try, and what name was given instead.
///
/// # Errors
/// No try was made.
pub(super) fn missing(facts: &Facts) -> Result<Option<Missing>, Unknown> {
    if Logins::source(facts).refused(|r| has_code(r, "3D000"))?.is_none() {
        return Ok(None);
    }
    let endpoint = &facts.pipeline.source;
    let name = endpoint.database.to_lowercase();
    let existing = facts.source.databases.value().map(Vec::as_slice).unwrap_or_default();
    Ok(Some(match existing.iter().find(|d| d.to_lowercase() == name) {
        Some(other) => Missing::OtherCase(other.clone()),
        None if endpoint.database == endpoint.user => Missing::UserName,
        None => Missing::Other,
    }))
}

/// The finding's evidence: the server's words and the databases that there are.
pub(super) fn evidence(facts: &Facts, finding: Finding) -> Finding {
    let refusal = Logins::source(facts).refused(|r| has_code(r, "3D000")).ok().flatten();
    let finding = match refusal {
        Some(refusal) => finding.saw("server", words(refusal)),
        None => finding,
    };
    match facts.source.databases.known() {
        Ok(names) => finding.saw("databases", names.join(", ")),
        Err(why) => finding.saw("databases", format!("unknown: {}", why.reason)),
    }
}

/// Sets `source.database` to one of the databases that there are.
pub(super) fn pick(facts: &Facts, first: Option<&str>) -> Fix {
    let existing = facts.source.databases.value().map(Vec::as_slice).unwrap_or_default();
    let value = match (first, existing) {
        (Some(name), _) => name,
        (None, [only]) => only.as_str(),
        // Every server has it, unless somebody dropped it; on RDS it is what "no database name" creates.
        (None, _) => existing
            .iter()
            .map(String::as_str)
            .find(|d| *d == "postgres")
            .unwrap_or_else(|| existing.first().map_or("postgres", String::as_str)),
    };
    let sure = first.is_some() || existing.len() == 1;
    let edit = Action::EditPipeline { key: "source.database".into(), value: value.into(), choices: existing.to_vec() };
    let mut step = Step::new(Cost::None, edit).undo(Action::edit("source.database", &facts.pipeline.source.database));
    if !sure && existing.len() > 1 {
        step = step.note(format!("or one of: {}", existing.join(", ")));
    }
    let mode = if sure { Mode::Auto } else { Mode::Confirm };
    Fix::new(mode, format!("set database = \"{value}\" in [source]"), vec![step])
}

/// In what way the name looks like the identifier of an RDS instance or cluster, where it does.
pub(super) fn identifier_likeness(facts: &Facts) -> Option<String> {
    let endpoint = &facts.pipeline.source;
    let name = &endpoint.database;
    let label = endpoint.host.split('.').next().unwrap_or_default();
    if endpoint.rds_instance.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(name)) {
        return Some(format!("\"{name}\" is rds_instance in [source]: it names the instance, not a database in it"));
    }
    if on_rds(endpoint) && label.eq_ignore_ascii_case(name) {
        return Some(format!(
            "\"{name}\" is the first part of the host name: it names the instance, not a database in it"
        ));
    }
    let identifier = name.contains('-')
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    identifier
        .then(|| format!("\"{name}\" looks like an RDS identifier, which names an instance, not a database in it"))
}
