//! TLS-008: see the check's own explanation.

use super::aws_fixes::{is_mysql, set_parameter};
use super::aws_parts::{OnRds, only, with_target};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `tls_version` of the target, where a MySQL endpoint of DMS uses TLS.
    ///
    /// # Why it matters
    /// DMS speaks no TLS 1.3 with MySQL: with a server that speaks nothing else there is no connection.
    ///
    /// # How to fix it by hand
    /// Allow 1.2 too: in the parameter group `tls_version = TLSv1.2,TLSv1.3`, on a server of your own
    /// ```sql
    /// SET PERSIST tls_version = 'TLSv1.2,TLSv1.3';
    /// ALTER INSTANCE RELOAD TLS;
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using a MySQL-compatible database as a target", limitations.
    code: "TLS-008",
    name: "target-speaks-tls-13-only",
    area: Tls,
    severity: Error,
    title: "The target speaks TLS 1.3 only, which DMS does not speak with MySQL",
    after: ["IAM-001"],
}

const BOTH: &str = "TLSv1.2,TLSv1.3";

fn judge(facts: &Facts) -> Judged {
    with_target(facts, |_, endpoint| {
        if !is_mysql(endpoint) || endpoint.ssl_mode == "none" {
            return Ok(Vec::new());
        }
        // What is in force, or else what the group says.
        let side = OnRds::of(facts, "target").ok().flatten();
        let of_group = || side?.rds.parameters.value()?.get("tls_version")?.value.clone();
        let versions = match facts.target.variables.known() {
            Ok(variables) => variables.get("tls_version").cloned(),
            Err(why) => Some(of_group().ok_or(why)?),
        };
        let Some(versions) = versions.filter(|v| v.split(',').all(|v| v.trim() == "TLSv1.3")) else {
            return Ok(Vec::new());
        };
        let fix = side.and_then(|side| set_parameter(&side, "tls_version", BOTH)).unwrap_or_else(|| {
            let sql = format!("SET PERSIST tls_version = '{BOTH}'; ALTER INSTANCE RELOAD TLS");
            Fix::manual("allow TLS 1.2 too", [format!("As an administrator: {sql}")])
        });
        let message = format!("The target takes {versions} only, and DMS speaks 1.2 with MySQL");
        only(Some(Finding::new("tls_version", message).saw("tls_version", versions).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, set_variable, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, target_endpoint};

    #[test]
    fn one_version_is_not_enough() {
        let mut facts = healthy_dms();
        set_variable(&mut facts, "tls_version", "TLSv1.2,TLSv1.3");
        assert_pass(&CHECK, &facts);
        set_variable(&mut facts, "tls_version", "TLSv1.3");
        finding(&CHECK, &facts);
        assert_eq!(causes(&facts), ["TLS-008"]);
        facts.target.variables = unseen();
        assert_unknown(&CHECK, &facts);
        target_endpoint(&mut facts).ssl_mode = "none".into();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
