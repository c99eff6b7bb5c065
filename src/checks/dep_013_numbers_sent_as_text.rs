//! DEP-013: see the check's own explanation.

use super::aws_parts::{only, with_source};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The extra attribute `MapUnboundedNumericAsString` of the source endpoint, where the target is MySQL.
    ///
    /// # Why it matters
    /// Columns of the type `numeric` without a precision arrive in a text column: they sort and compare as text, and
    /// an existing numeric column takes what it can read of it.
    ///
    /// # How to fix it by hand
    /// Take the attribute out, and give the column a precision by a transformation rule (`change-data-type`), or on
    /// the source.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using PostgreSQL as a source", endpoint settings.
    code: "DEP-013",
    name: "numbers-sent-as-text",
    area: Dep,
    severity: Warning,
    title: "The source endpoint sends unbounded numbers as text",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_source(facts, |_, endpoint| {
        let on = endpoint.attribute("MapUnboundedNumericAsString").is_some_and(|v| v.eq_ignore_ascii_case("true"));
        let message = format!("{} sends numeric without precision as text", endpoint.identifier);
        let fix = Fix::manual(
            "send numbers",
            ["Take MapUnboundedNumericAsString out of the extra connection attributes, and reload."],
        );
        only(on.then(|| Finding::new(&endpoint.identifier, message).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_endpoint};

    #[test]
    fn numbers_become_text() {
        let mut facts = healthy_dms();
        source_endpoint(&mut facts).attributes = "mapUnboundedNumericAsString=true".into();
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
