//! What the checks on the target's settings share: reading global variables, and the fix that sets one.

use super::aws_fixes::set_parameter;
use super::aws_parts::OnRds;
use super::logins::on_rds;
use crate::facts::{Facts, MyFlavor, MySession, Unknown, UnknownKind};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::quote::{my_literal, shell_word};

/// A global variable; an unknown where the collector did not see it.
pub(super) fn variable<'a>(facts: &'a Facts, name: &str) -> Result<&'a str, Unknown> {
    optional(facts, name)?
        .ok_or_else(|| Unknown::new(UnknownKind::Failed, format!("the target does not show the variable {name}")))
}

/// A global variable, if the server has it.
pub(super) fn optional<'a>(facts: &'a Facts, name: &str) -> Result<Option<&'a str>, Unknown> {
    Ok(facts.target.variables.known()?.get(name).map(String::as_str))
}

/// True unless the value means off.
pub(super) fn is_on(value: &str) -> bool {
    !matches!(value.to_ascii_uppercase().as_str(), "OFF" | "0" | "FALSE" | "NO" | "")
}

/// Sets a global variable that is off to ON: as a statement where the login may, else as words for who may.
pub(super) fn switch_on(facts: &Facts, session: &MySession, name: &str, summary: &str) -> Fix {
    set_global(facts, session, name, ("OFF", "ON"), summary)
}

/// Sets a global variable from one value to another, both as the server shows them: in the parameter group on RDS, as a
/// statement where the login may, else as words for who may.
pub(super) fn set_global(
    facts: &Facts,
    session: &MySession,
    name: &str,
    (before, value): (&str, &str),
    summary: &str,
) -> Fix {
    let of_group = if value == "ON" { "1" } else { value };
    let in_group = OnRds::of(facts, "target").ok().flatten().and_then(|side| set_parameter(&side, name, of_group));
    if let Some(fix) = in_group {
        return fix;
    }
    if on_rds(&facts.pipeline.target) {
        let where_to =
            "On RDS and Aurora it is set in the parameter group of the target, at once where it is dynamic, no reboot";
        let parameter = shell_word(&format!("ParameterName={name},ParameterValue={of_group},ApplyMethod=immediate"));
        let command = "aws rds modify-db-parameter-group --db-parameter-group-name GROUP --parameters";
        let mut todo = vec![format!("{where_to}: {name} = {of_group}.")];
        // In the command line's own notation a comma ends a value.
        if !of_group.contains(',') {
            todo.push(format!("{command} {parameter}"));
        }
        return Fix::manual(summary, todo);
    }
    let persists = session.flavor == MyFlavor::MySql && session.version_parts >= (8, 0, 0);
    let verb = if persists { "SET PERSIST" } else { "SET GLOBAL" };
    let note = if persists {
        "survives a restart; new sessions have it at once".to_owned()
    } else {
        format!("until the server restarts: also write {name} = {value} under [mysqld] of its configuration file")
    };
    let set = |value: &str| format!("{verb} {name} = {}", written(value));
    if !may_set_globals(facts) {
        let login = &facts.pipeline.target.user;
        let sql = set(value);
        return Fix::manual(
            summary,
            [format!("{sql} (as an administrator: the login \"{login}\" may not set it); {note}.")],
        );
    }
    let step = Step::new(Cost::None, Action::target(set(value))).note(note).undo(Action::target(set(before)));
    Fix::new(Mode::Confirm, summary, vec![step])
}

/// A value in a statement: a number or a switch as it is, else as text.
fn written(value: &str) -> String {
    let plain = matches!(value, "ON" | "OFF") || !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    if plain { value.to_owned() } else { my_literal(value) }
}

/// The login has one of the server-wide privileges; a grant of a role may hold it too. Unknown grants do not deny it.
pub(super) fn has_global_privilege(facts: &Facts, wanted: &[&str]) -> Option<bool> {
    let grants = facts.target.grants.value()?;
    Some(grants.iter().any(|grant| {
        let upper = grant.to_uppercase();
        let Some((privileges, _)) = upper.split_once(" ON *.* ") else { return !upper.contains(" ON ") };
        let mut listed = privileges.trim_start_matches("GRANT ").split(',').map(str::trim);
        listed.any(|p| p == "ALL PRIVILEGES" || p == "ALL" || wanted.contains(&p))
    }))
}

fn may_set_globals(facts: &Facts) -> bool {
    has_global_privilege(facts, &["SUPER", "SYSTEM_VARIABLES_ADMIN"]).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{healthy, healthy_mariadb};
    use crate::facts::Fact;

    fn fix(facts: &Facts) -> Fix {
        switch_on(facts, facts.target.session.value().unwrap(), "local_infile", "switch it on")
    }

    #[test]
    fn privileges_are_read_from_grants_on_the_whole_server_only() {
        let mut facts = healthy();
        for (grants, expected) in [
            (vec!["GRANT ALL PRIVILEGES ON `charts`.* TO `cdc`@`%`"], false),
            (vec!["GRANT SELECT, SYSTEM_VARIABLES_ADMIN ON *.* TO `cdc`@`%`"], true),
            (vec!["GRANT ALL PRIVILEGES ON *.* TO `cdc`@`%` WITH GRANT OPTION"], true),
            (vec!["GRANT USAGE ON *.* TO `cdc`@`%`", "GRANT `admin`@`%` TO `cdc`@`%`"], true),
        ] {
            facts.target.grants = Fact::Known(grants.iter().map(|g| (*g).to_owned()).collect());
            assert_eq!(may_set_globals(&facts), expected, "{grants:?}");
        }
    }

    #[test]
    fn the_statement_fits_the_server() {
        let root = Fact::Known(vec!["GRANT ALL PRIVILEGES ON *.* TO `root`@`%`".to_owned()]);
        let (mut mysql, mut maria) = (healthy(), healthy_mariadb());
        mysql.target.grants = root.clone();
        maria.target.grants = root;
        assert_eq!(fix(&mysql).steps[0].action, Action::target("SET PERSIST local_infile = ON"));
        assert_eq!(fix(&maria).steps[0].action, Action::target("SET GLOBAL local_infile = ON"));
        mysql.pipeline.target.host = "charts.abc.eu-west-2.rds.amazonaws.com".into();
        assert_eq!(fix(&mysql).mode, Mode::Manual);
    }

    #[test]
    fn a_login_without_the_privilege_is_told_whom_to_ask() {
        let fix = fix(&healthy());
        assert_eq!(fix.mode, Mode::Manual);
        assert!(fix.steps[0].action.describe().contains("as an administrator"));
    }
}
