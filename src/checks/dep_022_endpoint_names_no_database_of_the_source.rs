//! DEP-022: see the check's own explanation.

use super::aws_fixes::{modify_endpoint, test_connection};
use super::aws_parts::{Part, with_source};
use super::vantage::side_by_side;
use super::{Finding, Judged};
use crate::facts::aws::DmsEndpoint;
use crate::facts::{Facts, Unknown};
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// The endpoint's `DatabaseName` against the databases that the source lists, and against the identifiers of RDS
    /// instances and clusters. Where the source cannot be asked, the identifier alone is evidence: it names the
    /// instance.
    ///
    /// # Why it matters
    /// The connection test fails with `database "charts-source" does not exist`. On RDS the *identifier* names the
    /// instance and is what the console shows first; the *database name* is a field further down that may be left
    /// empty, and then the only database is `postgres`.
    ///
    /// # How to fix it by hand
    /// List the databases and give the endpoint one of them:
    ///
    /// ```sh
    /// psql "host=… user=… dbname=postgres sslmode=require" -c '\l'
    /// aws dms modify-endpoint --endpoint-arn ARN --database-name postgres
    /// ```
    ///
    /// # Source
    /// Amazon RDS API Reference, `CreateDBInstance`, `DBName`; AWS DMS API Reference, `ModifyEndpoint`.
    code: "DEP-022",
    name: "endpoint-names-no-database-of-the-source",
    area: Dep,
    severity: Error,
    title: "The source endpoint of DMS names a database that the source does not have",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_source(facts, |part, endpoint| {
        let Some(name) = &endpoint.database else { return Ok(Vec::new()) };
        let identifier = is_identifier(part, name);
        match facts.source.databases.known() {
            Ok(databases) if databases.contains(name) => return Ok(Vec::new()),
            Ok(_) => {}
            Err(_) if identifier => {}
            Err(why) => return Err(why),
        }
        let mut message = format!("The endpoint {} names the database \"{name}\"", endpoint.identifier);
        message.push_str(if identifier {
            ", which is the identifier of an RDS instance or cluster, not a database in it"
        } else {
            ", which the source does not have"
        });
        let finding = Finding::new(&endpoint.identifier, message).saw("DatabaseName", name);
        let finding = match facts.source.databases.value() {
            Some(databases) => finding.saw("databases", databases.join(", ")),
            None => finding,
        };
        let finding = side_by_side(facts, part, endpoint, finding);
        Ok(vec![finding.fix(remedy(facts, part, endpoint, name)?)])
    })
}

fn is_identifier(part: &Part<'_>, name: &str) -> bool {
    let instances = part.aws.instances.value().into_iter().flatten().map(|i| &i.identifier);
    let clusters = part.aws.clusters.value().into_iter().flatten().map(|c| &c.identifier);
    let configured = part.pipeline.source.rds_instance.as_ref();
    instances.chain(clusters).chain(configured).any(|i| i.eq_ignore_ascii_case(name))
}

/// The pipeline's own database, where it exists; else the one made with the instance, or `postgres`.
fn remedy(facts: &Facts, part: &Part<'_>, endpoint: &DmsEndpoint, name: &str) -> Result<Fix, Unknown> {
    let there = |database: &str| facts.source.databases.value().is_none_or(|all| all.iter().any(|d| d == database));
    let own = Some(&facts.pipeline.source.database).filter(|d| *d != name && there(d));
    let made = part.aws.source.instance.value().and_then(|i| i.as_ref()?.database.as_ref()).filter(|d| there(d));
    let pick = own.or(made).map_or("postgres", String::as_str);
    let mut steps = vec![modify_endpoint(endpoint, &[("DatabaseName", pick, Some(name))])];
    if let Some(instance) = part.dms.instance(part.names)? {
        steps.push(test_connection(instance, endpoint));
    }
    Ok(Fix::new(Mode::Confirm, format!("set DatabaseName {pick} on the endpoint {}", endpoint.identifier), steps))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_unknown, causes, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_endpoint};

    #[test]
    fn the_identifier_is_told_from_a_database_and_the_pipelines_own_is_taken() {
        let mut facts = healthy_dms();
        source_endpoint(&mut facts).database = Some("charts-source".into());
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("is the identifier of an RDS instance"), "{}", found.message);
        let fix = found.fix.unwrap();
        assert!(fix.steps[0].action.describe().ends_with("--database-name music"), "{fix:?}");
        assert!(fix.steps[0].undo.as_ref().unwrap().describe().ends_with("--database-name charts-source"));
        assert_eq!(causes(&facts), ["DEP-022"]);
    }

    #[test]
    fn the_identifier_alone_is_evidence() {
        let mut facts = healthy_dms();
        source_endpoint(&mut facts).database = Some("charts-source".into());
        facts.source.databases = unseen();
        finding(&CHECK, &facts);
        source_endpoint(&mut facts).database = Some("musik".into());
        assert_unknown(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
