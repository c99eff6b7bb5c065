//! What the MySQL endpoint sets in each session that DMS opens on the target: by its extra connection attribute
//! `Initstmt`, and by its `AfterConnectScript`.

use super::aws_fixes::modify_endpoint;
use crate::facts::aws::{DmsEndpoint, assignments};
use crate::fixes::{Fix, Mode};

/// The attribute's name.
const INITSTMT: &str = "Initstmt";

/// The value that a session variable (its name in lower case) gets last.
pub(super) fn session_variable(endpoint: &DmsEndpoint, name: &str) -> Option<String> {
    let by_script = endpoint.mysql.iter().flat_map(|s| s.script_sets.iter().cloned());
    let all = endpoint.attribute(INITSTMT).map(assignments).unwrap_or_default().into_iter().chain(by_script);
    let mut values = all.filter(|(known, _)| known == name).map(|(_, value)| value);
    values.next_back()
}

/// Lets the endpoint set a session variable.
pub(super) fn set_session_variable(endpoint: &DmsEndpoint, name: &str, value: &str, summary: &str) -> Fix {
    let by_hand =
        || format!("Let {INITSTMT} of {} set {name} = {value}, beside what it sets now.", endpoint.identifier);
    let in_script =
        endpoint.mysql.iter().flat_map(|s| &s.script_sets).any(|(known, _)| known.eq_ignore_ascii_case(name));
    match attributes_with(endpoint, name, value).filter(|_| !in_script) {
        Some(new) => {
            let settings = [("ExtraConnectionAttributes", new.as_str(), Some(endpoint.attributes.as_str()))];
            Fix::new(Mode::Confirm, summary, vec![modify_endpoint(endpoint, &settings)])
        }
        None if in_script => {
            let todo = format!("Let AfterConnectScript of {} set {name} = {value}.", endpoint.identifier);
            Fix::manual(summary, [todo])
        }
        None => Fix::manual(summary, [by_hand()]),
    }
}

/// The extra connection attributes with this variable set; none where they hold what cannot be written again: a secret,
/// or an `Initstmt` that does more than set this variable.
fn attributes_with(endpoint: &DmsEndpoint, name: &str, value: &str) -> Option<String> {
    if endpoint.attributes.contains('…') {
        return None;
    }
    if let Some(now) = endpoint.attribute(INITSTMT) {
        let sets = assignments(now);
        if sets.len() != 1 || !sets[0].0.eq_ignore_ascii_case(name) || now.contains(',') {
            return None;
        }
    }
    let is_initstmt = |a: &&str| a.split('=').next().is_some_and(|n| n.trim().eq_ignore_ascii_case(INITSTMT));
    let others = endpoint.attributes.split(';').filter(|a| !a.trim().is_empty() && !is_initstmt(a));
    let mut all = vec![format!("{INITSTMT}=SET {name}={value}")];
    all.extend(others.map(str::to_owned));
    Some(all.join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing_aws::{healthy_dms, target_endpoint};

    fn with(attributes: &str) -> DmsEndpoint {
        let mut facts = healthy_dms();
        let endpoint = target_endpoint(&mut facts);
        endpoint.attributes = attributes.into();
        endpoint.clone()
    }

    #[test]
    fn the_script_has_the_last_word() {
        let mut endpoint = with("initstmt=SET time_zone='+02:00', FOREIGN_KEY_CHECKS=0;a=1");
        assert_eq!(session_variable(&endpoint, "time_zone").as_deref(), Some("+02:00"));
        assert_eq!(session_variable(&endpoint, "foreign_key_checks").as_deref(), Some("0"));
        endpoint.mysql.as_mut().unwrap().script_sets = vec![("time_zone".into(), "+00:00".into())];
        assert_eq!(session_variable(&endpoint, "time_zone").as_deref(), Some("+00:00"));
    }

    #[test]
    fn other_attributes_stay_and_what_cannot_be_written_again_is_left_to_a_person() {
        let fix = |attributes: &str| attributes_with(&with(attributes), "FOREIGN_KEY_CHECKS", "0");
        let own = "Initstmt=SET FOREIGN_KEY_CHECKS=0";
        assert_eq!(fix("").as_deref(), Some(own));
        assert_eq!(fix("a=1;;b=2").as_deref(), Some(format!("{own};a=1;b=2").as_str()));
        assert_eq!(fix("initStmt=SET foreign_key_checks=1;b=2").as_deref(), Some(format!("{own};b=2").as_str()));
        for left in ["proxyPassword=…", "Initstmt=SET time_zone='+00:00'", "Initstmt=CALL prepare()"] {
            assert_eq!(fix(left), None, "{left}");
        }
    }
}
