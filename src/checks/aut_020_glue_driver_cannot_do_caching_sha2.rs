//! AUT-020: see the check's own explanation.

use super::glue_parts::{Job, newer_driver, with_unproven_job};
use super::{Finding, Judged};
use crate::facts::aws::GlueConnection;
use crate::facts::{Facts, MyFlavor};

check! {
    /// # What it looks at
    /// A Glue job of version 0.9, 1.0 or 2.0 with a connection to a MySQL target and no driver of its own (`--extra-jars`,
    /// `JDBC_DRIVER_JAR_URI`): whether the login of that connection is kept as `caching_sha2_password`. Where the last run
    /// succeeded, nothing is said.
    ///
    /// # Why it matters
    /// These versions of Glue bring Connector/J 5.1, which AWS supports for MySQL up to 5.7 only. MySQL makes accounts
    /// with `caching_sha2_password` since 8.0. The job fails with `Unable to load authentication plugin
    /// 'caching_sha2_password'`, while every other client logs in.
    ///
    /// # How to fix it by hand
    /// Move the job to Glue 3.0 or later (`aws glue update-job`), or give it a driver of its own. Where neither is
    /// possible, and the server still has that plugin (MySQL 9 has not):
    /// `CREATE USER … IDENTIFIED WITH mysql_native_password BY …`
    ///
    /// # Source
    /// AWS Glue Developer Guide, "JDBC connections", driver versions; MySQL documentation, "Caching SHA-2 pluggable
    /// authentication".
    code: "AUT-020",
    name: "glue-driver-cannot-do-caching-sha2",
    area: Aut,
    severity: Warning,
    title: "The Glue job's driver is too old for the target's way of keeping passwords",
    after: ["IAM-001", "AUT-025"],
}

const PLUGIN: &str = "caching_sha2_password";

fn judge(facts: &Facts) -> Judged {
    with_unproven_job(facts, |job| {
        let target = &facts.pipeline.target;
        let mut findings = Vec::new();
        for connection in job.old_driver_to(&target.host, &["mysql"])? {
            // MariaDB makes no such accounts.
            if facts.target.session.known()?.flavor == MyFlavor::MySql && job.account_of(connection)?.plugin == PLUGIN {
                findings.push(finding(job, connection));
            }
        }
        Ok(findings)
    })
}

fn finding(job: &Job<'_>, connection: &GlueConnection) -> Finding {
    let message = format!(
        "The Glue job {} is of version {}, whose driver for MySQL does not know {PLUGIN}, by which the login of {} is kept",
        job.job.name,
        job.version(),
        connection.name
    );
    Finding::new(&connection.name, message).fix(newer_driver())
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, finding, unseen};
    use crate::checks::testing_aws::{assert_around_glue, glue, glue_run, known, not_yet_run};
    use crate::facts::Facts;

    fn old() -> Facts {
        let mut facts = not_yet_run();
        known(&mut glue(&mut facts).job).as_mut().unwrap().version = Some("2.0".into());
        known(&mut glue(&mut facts).connections)[0].user = Some(facts.pipeline.target.user.clone());
        known(&mut facts.target.account).plugin = "caching_sha2_password".into();
        facts
    }

    #[test]
    fn an_old_job_without_a_driver_of_its_own() {
        let mut facts = old();
        assert!(finding(&CHECK, &facts).message.contains("charts-apply is of version 2.0, whose driver"));
        known(&mut glue(&mut facts).connections)[0].driver_jar = Some("s3://jars/mysql-8.jar".into());
        assert_pass(&CHECK, &facts);
        let mut facts = old();
        known(&mut glue(&mut facts).job).as_mut().unwrap().extra_jars = Some("s3://jars/mysql-8.jar".into());
        assert_pass(&CHECK, &facts);
        let mut facts = old();
        known(&mut glue(&mut facts).job).as_mut().unwrap().version = None;
        assert_pass(&CHECK, &facts);
        let mut facts = old();
        known(&mut facts.target.account).plugin = "mysql_native_password".into();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn another_login_is_not_judged() {
        let mut facts = old();
        known(&mut glue(&mut facts).connections)[0].user = Some("etl".into());
        assert_unknown(&CHECK, &facts);
        let mut facts = old();
        facts.target.account = unseen();
        assert_unknown(&CHECK, &facts);
    }

    #[test]
    fn a_run_that_succeeded_is_proof() {
        let mut facts = old();
        known(&mut glue(&mut facts).runs).push(glue_run());
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around_glue(&CHECK, |glue| glue.job = unseen());
    }
}
