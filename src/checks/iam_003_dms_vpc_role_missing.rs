//! IAM-003: see the check's own explanation.

use super::Judged;
use super::dms_roles;
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// Whether the role `dms-vpc-role` is there by exactly this name, trusts `dms.amazonaws.com`, and has
    /// `AmazonDMSVPCManagementRole`.
    ///
    /// # Why it matters
    /// DMS works in your VPC as this role. Without it no subnet group and no replication instance can be made: `The
    /// IAM Role … is not configured properly`. The console makes it by itself, the API does not; once made, it takes
    /// up to a minute to be seen.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws iam create-role --role-name dms-vpc-role --assume-role-policy-document '{"Version": "2012-10-17",
    ///   "Statement": [{"Effect": "Allow", "Principal": {"Service": "dms.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
    /// aws iam attach-role-policy --role-name dms-vpc-role \
    ///   --policy-arn arn:aws:iam::aws:policy/service-role/AmazonDMSVPCManagementRole
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Creating the IAM roles to use with AWS DMS".
    code: "IAM-003",
    name: "dms-vpc-role-missing",
    area: Iam,
    severity: Error,
    title: "The role dms-vpc-role is missing, is not trusted to DMS, or may do nothing",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    dms_roles::judge(facts, "dms-vpc-role", "AmazonDMSVPCManagementRole")
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
        let whole = roles.insert("dms-vpc-role".into(), None).flatten().unwrap();
        let found = finding(&CHECK, &facts);
        assert!(found.message.ends_with("is not there"), "{}", found.message);
        assert!(found.fix.unwrap().steps[0].action.describe().contains("create-role --role-name dms-vpc-role"));
        let powerless = Role { attached: Vec::new(), inline: Vec::new(), ..whole.clone() };
        known(&mut aws(&mut facts).roles).insert("dms-vpc-role".into(), Some(powerless));
        assert!(finding(&CHECK, &facts).fix.unwrap().steps[0].undo.is_some());
        let misdirected = Role { trust: serde_json::json!({}), ..whole };
        known(&mut aws(&mut facts).roles).insert("dms-vpc-role".into(), Some(misdirected));
        assert!(finding(&CHECK, &facts).message.contains("does not trust dms.amazonaws.com"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.roles = unseen());
    }
}
