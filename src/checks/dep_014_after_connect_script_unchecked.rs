//! DEP-014: see the check's own explanation.

use super::aws_parts::{only, with_endpoints};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `AfterConnectScript` of the endpoints: whether there is one.
    ///
    /// # Why it matters
    /// DMS goes on whether or not the statement worked. Settings that the rows depend on (time zone, SQL mode,
    /// foreign keys) may not be in force.
    ///
    /// # How to fix it by hand
    /// Run the statements by hand with the endpoint's login once, and look whether they work.
    ///
    /// # Source
    /// AWS DMS API Reference, `MySQLSettings` and `PostgreSQLSettings`, `AfterConnectScript`.
    code: "DEP-014",
    name: "after-connect-script-unchecked",
    area: Dep,
    severity: Advice,
    title: "An endpoint runs a script after connecting, whose failure nobody sees",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |_, endpoint| {
        let pg = endpoint.postgres.as_ref().is_some_and(|s| s.after_connect_script);
        let my = endpoint.mysql.as_ref().is_some_and(|s| s.after_connect_script);
        let message =
            format!("{} runs a script after connecting; that it fails would not be told", endpoint.identifier);
        let fix = Fix::manual(
            "try the script",
            ["Run the script once with the endpoint's login, and look whether it works."],
        );
        only((pg || my).then(|| Finding::new(&endpoint.identifier, message).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, target_endpoint};

    #[test]
    fn a_script_is_pointed_out() {
        let mut facts = healthy_dms();
        target_endpoint(&mut facts).mysql.as_mut().unwrap().after_connect_script = true;
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
