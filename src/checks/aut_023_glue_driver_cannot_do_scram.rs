//! AUT-023: see the check's own explanation.

use super::glue_parts::{newer_driver, with_unproven_job};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::GlueConnection;

check! {
    /// # What it looks at
    /// A Glue job of version 0.9, 1.0 or 2.0 with a connection to the source and no driver of its own (`--extra-jars`,
    /// `JDBC_DRIVER_JAR_URI`): whether the source keeps new passwords as `scram-sha-256` (`password_encryption`). Where the
    /// last run succeeded, nothing is said.
    ///
    /// # Why it matters
    /// These versions of Glue bring PgJDBC 42.1, which knows no SCRAM (42.2 does). The job fails with `The authentication
    /// type 10 is not supported`, while every other client logs in. PostgreSQL keeps passwords so since version 14 unless
    /// told otherwise; one that was set before may still be an MD5 digest, and then it works.
    ///
    /// # How to fix it by hand
    /// Move the job to Glue 3.0 or later (`aws glue update-job`), or give it a driver of its own.
    ///
    /// # Source
    /// AWS Glue Developer Guide, "JDBC connections", driver versions; PostgreSQL documentation, "Password authentication".
    code: "AUT-023",
    name: "glue-driver-cannot-do-scram",
    area: Aut,
    severity: Warning,
    title: "The Glue job's driver is too old for the source's way of keeping passwords",
    after: ["IAM-001", "AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    with_unproven_job(facts, |job| {
        let connections = job.old_driver_to(&facts.pipeline.source.host, &["postgresql"])?;
        if connections.is_empty() {
            return Ok(Vec::new());
        }
        let kept = facts.source.settings.known()?.get("password_encryption").map(|s| s.value.as_str());
        if kept != Some("scram-sha-256") {
            return Ok(Vec::new());
        }
        let finding = |connection: &&GlueConnection| {
            let message = format!(
                "The Glue job {} is of version {}, whose driver for PostgreSQL knows no SCRAM, and the source keeps \
                 passwords so",
                job.job.name,
                job.version()
            );
            Finding::new(&connection.name, message).saw("password_encryption", "scram-sha-256").fix(newer_driver())
        };
        Ok(connections.iter().map(finding).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, finding, set, unseen};
    use crate::checks::testing_aws::{assert_around_glue, glue, glue_run, known, not_yet_run};
    use crate::facts::Facts;
    use crate::facts::aws::JdbcUrl;

    /// A job that reads the source by the driver of Glue 2.0.
    fn old() -> Facts {
        let mut facts = not_yet_run();
        known(&mut glue(&mut facts).job).as_mut().unwrap().version = Some("2.0".into());
        let url = format!("jdbc:postgresql://{}:5432/music", facts.pipeline.source.host);
        known(&mut glue(&mut facts).connections)[0].url = JdbcUrl::read(&url);
        set(&mut facts, "password_encryption", "scram-sha-256");
        facts
    }

    #[test]
    fn an_old_job_that_reads_a_source_with_scram() {
        let mut facts = old();
        assert!(finding(&CHECK, &facts).message.contains("knows no SCRAM"));
        set(&mut facts, "password_encryption", "md5");
        assert_pass(&CHECK, &facts);
        let mut facts = old();
        known(&mut glue(&mut facts).job).as_mut().unwrap().version = Some("3.0".into());
        assert_pass(&CHECK, &facts);
        let mut facts = old();
        known(&mut glue(&mut facts).runs).push(glue_run());
        assert_pass(&CHECK, &facts);
        let mut facts = old();
        facts.source.settings = unseen();
        assert_unknown(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around_glue(&CHECK, |glue| glue.job = unseen());
    }
}
