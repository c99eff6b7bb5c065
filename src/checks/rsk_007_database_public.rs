//! RSK-007: see the check's own explanation.

use super::aws_parts::{only, with_rds};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `PubliclyAccessible` of the RDS instances of both sides. What their security groups let in is not looked at.
    ///
    /// # Why it matters
    /// The internet reaches it as far as its security groups allow, and DMS may reach it by its public address
    /// without need.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws rds modify-db-instance --db-instance-identifier NAME --no-publicly-accessible --apply-immediately
    /// ```
    ///
    /// Whoever connects by the public address loses the way.
    ///
    /// # Source
    /// Amazon RDS User Guide, "Hiding a DB instance in a VPC from the internet".
    code: "RSK-007",
    name: "database-public",
    area: Rsk,
    severity: Warning,
    title: "A database has a public address",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_rds(facts, |side| {
        let name = &side.instance.identifier;
        let message = format!("The {} ({name}) has a public address", side.side);
        let fix = Fix::manual(
            "make it private",
            [format!("aws rds modify-db-instance --db-instance-identifier {name} --no-publicly-accessible")],
        );
        let groups = side.instance.security_groups.join(", ");
        only(side.instance.public.then(|| Finding::new(name, message).saw("security groups", groups).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, target_rds};

    #[test]
    fn a_public_one() {
        let mut facts = healthy_dms();
        target_rds(&mut facts).public = true;
        assert!(finding(&CHECK, &facts).message.starts_with("The target (charts-target)"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.target.instance = unseen());
    }
}
