//! GLU-028: see the check's own explanation.

use super::glue_parts::with_job;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Whether the connections that the Glue job names are there.
    ///
    /// # Why it matters
    /// Glue looks them up before it starts the script; the run ends without having done anything. Nor can any other check
    /// look at a connection that is gone.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws glue get-connections --hide-password --query 'ConnectionList[].Name'
    /// ```
    ///
    /// Make the connection that is missing, or take it out of the job.
    ///
    /// # Source
    /// AWS Glue API Reference, `Job`, `Connections`; `GetConnection`.
    code: "GLU-028",
    name: "glue-connection-missing",
    area: Glu,
    severity: Error,
    title: "The Glue job names a connection that is not there",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_job(facts, |job| {
        let there = job.glue.connections.known()?;
        let gone = job.job.connections.iter().filter(|name| !there.iter().any(|c| c.name == **name));
        let finding = |name: &String| {
            let message = format!("The Glue job {} names the connection {name}, which is not there", job.job.name);
            let look = format!(
                "See which there are: aws glue get-connections --hide-password --region {} --query 'ConnectionList[].Name'",
                job.region()
            );
            let todo = format!("Make {name}, or take it out of the job");
            Finding::new(name, message).fix(Fix::manual("give it its connection", [look, todo]))
        };
        Ok(gone.map(finding).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around_glue, glue, healthy_dms, known};

    #[test]
    fn a_connection_that_is_gone() {
        let mut facts = healthy_dms();
        known(&mut glue(&mut facts).job).as_mut().unwrap().connections.push("charts-old".into());
        assert_eq!(
            finding(&CHECK, &facts).message,
            "The Glue job charts-apply names the connection charts-old, which is not there"
        );
    }

    #[test]
    fn around() {
        assert_around_glue(&CHECK, |glue| glue.connections = unseen());
    }
}
