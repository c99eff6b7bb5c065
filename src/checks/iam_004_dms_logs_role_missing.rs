//! IAM-004: see the check's own explanation.

use super::Judged;
use super::dms_roles;
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// Whether the role `dms-cloudwatch-logs-role` is there by exactly this name, trusts `dms.amazonaws.com`, and has
    /// `AmazonDMSCloudWatchLogsRole`.
    ///
    /// # Why it matters
    /// Tasks run and write no log, although logging is on: when one fails, nothing says why.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws iam create-role --role-name dms-cloudwatch-logs-role --assume-role-policy-document '{"Version": "2012-10-17",
    ///   "Statement": [{"Effect": "Allow", "Principal": {"Service": "dms.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
    /// aws iam attach-role-policy --role-name dms-cloudwatch-logs-role \
    ///   --policy-arn arn:aws:iam::aws:policy/service-role/AmazonDMSCloudWatchLogsRole
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Creating the IAM roles to use with AWS DMS".
    code: "IAM-004",
    name: "dms-logs-role-missing",
    area: Iam,
    severity: Warning,
    title: "The role dms-cloudwatch-logs-role is missing, is not trusted to DMS, or may do nothing",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    dms_roles::judge(facts, "dms-cloudwatch-logs-role", "AmazonDMSCloudWatchLogsRole")
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known};
    use crate::facts::aws::Role;

    #[test]
    fn missing_misdirected_or_powerless() {
        let mut facts = healthy_dms();
        let roles = known(&mut aws(&mut facts).roles);
        let whole = roles.insert("dms-cloudwatch-logs-role".into(), None).flatten().unwrap();
        let found = finding(&CHECK, &facts);
        assert!(found.message.ends_with("is not there"), "{}", found.message);
        assert!(
            found.fix.unwrap().steps[0].action.describe().contains("create-role --role-name dms-cloudwatch-logs-role")
        );
        let powerless = Role { attached: Vec::new(), inline: Vec::new(), ..whole.clone() };
        known(&mut aws(&mut facts).roles).insert("dms-cloudwatch-logs-role".into(), Some(powerless));
        assert!(finding(&CHECK, &facts).fix.unwrap().steps[0].undo.is_some());
        let misdirected = Role { trust: serde_json::json!({}), ..whole };
        known(&mut aws(&mut facts).roles).insert("dms-cloudwatch-logs-role".into(), Some(misdirected));
        assert!(finding(&CHECK, &facts).message.contains("does not trust dms.amazonaws.com"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.roles = unseen());
    }
}
