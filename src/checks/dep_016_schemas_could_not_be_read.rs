//! DEP-016: see the check's own explanation.

use super::aws_parts::{only, with_source};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The last refresh of the source endpoint's schemas.
    ///
    /// # Why it matters
    /// The console shows old schemas or none, and wildcards in the mappings may match nothing.
    ///
    /// # How to fix it by hand
    /// Mostly a grant is missing (`GRANT USAGE ON SCHEMA`, AUT-010). Then refresh again: `aws dms refresh-schemas
    /// --endpoint-arn ARN --replication-instance-arn ARN`.
    ///
    /// # Source
    /// AWS DMS API Reference, `RefreshSchemasStatus`.
    code: "DEP-016",
    name: "schemas-could-not-be-read",
    area: Dep,
    severity: Warning,
    title: "DMS could not read the schemas of the source",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_source(facts, |part, endpoint| {
        let failed = part.dms.refresh.known()?.as_ref().filter(|r| r.status == "failed");
        only(failed.map(|refresh| {
            let why = refresh.failure.as_deref().unwrap_or("no reason given");
            let fix = Fix::manual(
                "let it read the schemas",
                ["Grant what is missing (AUT-010), then refresh the schemas again."],
            );
            Finding::new(&endpoint.identifier, format!("DMS could not read the source's schemas: {why}")).fix(fix)
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms};
    use crate::facts::Fact;
    use crate::facts::aws::SchemaRefresh;

    #[test]
    fn a_failed_refresh_is_told() {
        let mut facts = healthy_dms();
        let failure = Some("permission denied".into());
        aws(&mut facts).dms.refresh = Fact::Known(Some(SchemaRefresh { status: "failed".into(), failure }));
        assert!(finding(&CHECK, &facts).message.ends_with("permission denied"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.refresh = unseen());
    }
}
