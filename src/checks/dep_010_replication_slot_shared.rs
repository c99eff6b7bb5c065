//! DEP-010: see the check's own explanation.

use super::aws_parts::{only, with_source};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `SlotName` of all source endpoints of the region that point at the same host.
    ///
    /// # Why it matters
    /// A slot gives each change once. Two tasks that read from one slot take changes from each other, and each target
    /// misses what the other got; or one fails with `replication slot … is active`.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --postgre-sql-settings SlotName=ANOTHER
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using PostgreSQL as a source".
    code: "DEP-010",
    name: "replication-slot-shared",
    area: Dep,
    severity: Error,
    title: "Two source endpoints name the same replication slot",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_source(facts, |part, endpoint| {
        let slot = |e: &crate::facts::aws::DmsEndpoint| e.postgres.as_ref().and_then(|s| s.slot_name.clone());
        let Some(own) = slot(endpoint) else { return Ok(Vec::new()) };
        let all = part.dms.endpoints.known()?.iter();
        let same = all.filter(|e| e.arn != endpoint.arn && e.host == endpoint.host && slot(e).as_ref() == Some(&own));
        let others: Vec<&str> = same.map(|e| e.identifier.as_str()).collect();
        let message = format!("The slot \"{own}\" is named by {} and by {}", endpoint.identifier, others.join(", "));
        let fix = Fix::manual("a slot for each", ["Make another slot, and name it on one of the endpoints."]);
        only((!others.is_empty()).then(|| Finding::new(&own, message).silent_loss().fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known, source_endpoint};
    use crate::facts::aws::DmsEndpoint;

    #[test]
    fn a_second_endpoint_with_the_slot() {
        let mut facts = healthy_dms();
        source_endpoint(&mut facts).postgres.as_mut().unwrap().slot_name = Some("charts_dms".into());
        let other =
            DmsEndpoint { identifier: "other".into(), arn: "arn:other".into(), ..source_endpoint(&mut facts).clone() };
        known(&mut aws(&mut facts).dms.endpoints).push(other);
        assert!(finding(&CHECK, &facts).message.ends_with("and by other"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
