//! DEP-007: see the check's own explanation.

use std::collections::BTreeSet;

use super::aws_parts::{only, with_endpoints};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::DmsEndpoint;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The extra connection attributes: parts without `=`, spaces around names, the same name twice.
    ///
    /// # Why it matters
    /// DMS passes over what it cannot read: an attribute with a space before its name has no effect, and nobody is
    /// told.
    ///
    /// # How to fix it by hand
    /// Write them as `name=value;name=value`, without spaces, each once; prefer the endpoint's settings where there
    /// is one.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using extra connection attributes".
    code: "DEP-007",
    name: "extra-attributes-malformed",
    area: Dep,
    severity: Warning,
    title: "Extra connection attributes of an endpoint are malformed, or said twice",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |_, endpoint| {
        let fix =
            || Fix::manual("write them anew", ["Write them as name=value;name=value, without spaces, each once."]);
        only(fault(endpoint).map(|why| {
            let message = format!("Extra connection attributes of {}: {why}", endpoint.identifier);
            Finding::new(&endpoint.identifier, message).saw("attributes", &endpoint.attributes).fix(fix())
        }))
    })
}

fn fault(endpoint: &DmsEndpoint) -> Option<String> {
    let mut seen = BTreeSet::new();
    endpoint.attribute_list().find_map(|(name, value)| match name {
        _ if name.trim() != name => Some(format!("a space before or after \"{}\"", name.trim())),
        _ if value.is_empty() => Some(format!("\"{name}\" has no value")),
        _ if !seen.insert(name.to_lowercase()) => Some(format!("\"{name}\" is there twice")),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_endpoint};

    #[test]
    fn each_fault_is_named() {
        for (attributes, words) in [
            ("a=1; b=2", "a space before or after \"b\""),
            ("a=1;b", "\"b\" has no value"),
            ("a=1;A=2;", "\"A\" is there twice"),
        ] {
            let mut facts = healthy_dms();
            source_endpoint(&mut facts).attributes = attributes.into();
            let message = finding(&CHECK, &facts).message;
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
