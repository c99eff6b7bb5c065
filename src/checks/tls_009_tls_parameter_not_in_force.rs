//! TLS-009: see the check's own explanation.

use super::aws_fixes::reboot;
use super::aws_parts::{OnRds, with_rds};
use super::{Finding, Judged};
use crate::facts::{Facts, Unknown};
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// `rds.force_ssl` of the source's group and `require_secure_transport` of the target's, against what the running
    /// servers say. Group value and value in force are both read, never assumed.
    ///
    /// # Why it matters
    /// Somebody changed the group and expects it to work, and it does not yet: the group is attached but the instance
    /// was not rebooted, or the value waits. After the next reboot, whenever that is, clients may be refused.
    ///
    /// # How to fix it by hand
    /// See the state of the group, and reboot when it suits:
    ///
    /// ```sh
    /// aws rds describe-db-instances --db-instance-identifier NAME --query 'DBInstances[].DBParameterGroups'
    /// aws rds reboot-db-instance --db-instance-identifier NAME
    /// ```
    ///
    /// # Source
    /// Amazon RDS User Guide, "Working with parameter groups"; Amazon RDS API Reference, `DBParameterGroupStatus`.
    code: "TLS-009",
    name: "tls-parameter-not-in-force",
    area: Tls,
    severity: Warning,
    title: "The parameter group says one thing about TLS, and the running server another",
    after: ["IAM-001", "AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    with_rds(facts, |side| {
        let (name, running) = match side.side {
            "source" => ("rds.force_ssl", source_value(facts)?),
            _ => ("require_secure_transport", target_value(facts)?),
        };
        let group = side.rds.parameters.known()?.get(name);
        let (Some(group), Some(running)) = (group, running) else { return Ok(Vec::new()) };
        let Some(wanted) = group.value.as_deref() else { return Ok(Vec::new()) };
        if is_on(wanted) == is_on(&running) {
            return Ok(Vec::new());
        }
        let message = format!("{name} is {wanted} in {} and {running} in the running server", group.group);
        let finding = Finding::new(name, message).saw(&group.group, wanted).saw("in force", running);
        let finding = finding.saw("group's state", states(side));
        Ok(vec![finding.fix(Fix::new(Mode::Confirm, "reboot the instance", vec![reboot(side)]))])
    })
}

fn source_value(facts: &Facts) -> Result<Option<String>, Unknown> {
    Ok(facts.source.settings.known()?.get("rds.force_ssl").map(|s| s.value.clone()))
}

fn target_value(facts: &Facts) -> Result<Option<String>, Unknown> {
    Ok(facts.target.variables.known()?.get("require_secure_transport").cloned())
}

fn is_on(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "1" | "on" | "true")
}

/// `charts-pg15 pending-reboot`.
pub(super) fn states(side: &OnRds<'_>) -> String {
    let all: Vec<String> = side.instance.parameter_groups.iter().map(|g| format!("{} {}", g.name, g.status)).collect();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, set_variable, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_parameter};
    use crate::fixes::Cost;

    #[test]
    fn a_value_that_waits_for_the_reboot() {
        let mut facts = healthy_dms();
        source_parameter(&mut facts, "rds.force_ssl").value = Some("0".into());
        let found = finding(&CHECK, &facts);
        assert_eq!(found.message, "rds.force_ssl is 0 in charts-pg15 and 1 in the running server");
        assert_eq!(found.fix.unwrap().cost(), Cost::Reboot);
    }

    #[test]
    fn on_and_1_are_the_same() {
        let mut facts = healthy_dms();
        set_variable(&mut facts, "require_secure_transport", "ON");
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.source.parameters = unseen());
    }
}
