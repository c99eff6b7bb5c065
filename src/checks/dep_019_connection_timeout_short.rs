//! DEP-019: see the check's own explanation.

use super::aws_fixes::{is_mysql, modify_endpoint};
use super::aws_parts::{only, with_target};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::DmsEndpoint;
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// Timeouts of connections to a MySQL target in the task's log, and the extra connection attribute
    /// `ConnectionTimeout`.
    ///
    /// # Why it matters
    /// DMS gives a MySQL server 10 seconds to answer. Where the network is slow, or the server busy, the task loses its
    /// connections now and then, although the connection test succeeds.
    ///
    /// # How to fix it by hand
    /// Add `ConnectionTimeout=30` to the attributes that the endpoint has:
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --extra-connection-attributes 'ConnectionTimeout=30'
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using a MySQL-compatible database as a target", endpoint settings.
    code: "DEP-019",
    name: "connection-timeout-short",
    area: Dep,
    severity: Advice,
    title: "Connections to the target time out, and the endpoint waits 10 seconds only",
    after: ["IAM-001"],
}

/// Seconds.
const ENOUGH: u32 = 30;

fn judge(facts: &Facts) -> Judged {
    with_target(facts, |part, endpoint| {
        let waits = endpoint.attribute("ConnectionTimeout").and_then(|v| v.parse().ok()).unwrap_or(10);
        if !is_mysql(endpoint) || waits >= ENOUGH || part.dms.task(part.names)?.is_none() {
            return Ok(Vec::new());
        }
        let lines = part.dms.log.known()?.iter().flatten();
        let Some(line) = lines.rev().find(|line| is_timeout(line)) else { return Ok(Vec::new()) };
        let message = format!("Connections of {} time out after {waits} s", endpoint.identifier);
        only(Some(Finding::new(&endpoint.identifier, message).saw("log", line).fix(remedy(endpoint))))
    })
}

fn is_timeout(line: &str) -> bool {
    let lower = line.to_lowercase();
    line.contains("[TARGET_") && (lower.contains("timed out") || lower.contains("timeout"))
}

fn remedy(endpoint: &DmsEndpoint) -> Fix {
    let wanted = format!("ConnectionTimeout={ENOUGH}");
    let others = endpoint.attribute_list().filter(|(name, _)| !name.trim().eq_ignore_ascii_case("ConnectionTimeout"));
    let all: Vec<String> = others.map(|(name, value)| format!("{name}={value}")).chain([wanted.clone()]).collect();
    let summary = format!("set {wanted} on {}", endpoint.identifier);
    // A secret among them is not known here, so they cannot be written back.
    if endpoint.attributes.contains('…') {
        return Fix::manual(summary, [format!("Add {wanted} to the endpoint's extra connection attributes.")]);
    }
    let step =
        modify_endpoint(endpoint, &[("ExtraConnectionAttributes", &all.join(";"), Some(endpoint.attributes.as_str()))]);
    Fix::new(Mode::Auto, summary, vec![step])
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, target_endpoint};
    use crate::facts::{Fact, Facts};
    use crate::fixes::Mode;

    fn slow() -> Facts {
        let mut facts = healthy_dms();
        let line = "2026-01-01T00:00:00 [TARGET_LOAD ]W: Can't connect to MySQL server: connection timed out";
        aws(&mut facts).dms.log = Fact::Known(Some(vec![line.into()]));
        facts
    }

    #[test]
    fn the_attribute_is_added_to_those_that_are_there() {
        let mut facts = slow();
        let fix = finding(&CHECK, &facts).fix.unwrap();
        let what = fix.steps[0].action.describe();
        assert!(what.contains("Initstmt=SET FOREIGN_KEY_CHECKS=0;ConnectionTimeout=30"), "{what}");
        target_endpoint(&mut facts).attributes = "proxyPassword=…".into();
        assert_eq!(finding(&CHECK, &facts).fix.unwrap().mode, Mode::Manual);
        target_endpoint(&mut facts).attributes = "connectiontimeout=60".into();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.log = unseen());
    }
}
