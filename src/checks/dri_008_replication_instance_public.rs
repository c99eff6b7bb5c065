//! DRI-008: see the check's own explanation.

use super::aws_parts::{only, with_instance};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `PubliclyAccessible` of the replication instance, which is the default when it is made.
    ///
    /// # Why it matters
    /// It can be reached from, and connects to, the internet: rows may leave the VPC, and security groups must let
    /// more in. It cannot be changed afterwards.
    ///
    /// # How to fix it by hand
    /// Make another one with `--no-publicly-accessible`, move the tasks (`aws dms move-replication-task`), and delete
    /// this one.
    ///
    /// # Source
    /// AWS DMS User Guide, "Public and private replication instances".
    code: "DRI-008",
    name: "replication-instance-public",
    area: Dri,
    severity: Warning,
    title: "The replication instance has a public address",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_instance(facts, |_, instance| {
        let message = format!("{} has a public address", instance.identifier);
        let fix =
            Fix::manual("make a private one", ["Make one with --no-publicly-accessible and move the tasks to it."]);
        only(instance.public.then(|| Finding::new(&instance.identifier, message).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, replication_instance};

    #[test]
    fn a_public_one() {
        let mut facts = healthy_dms();
        replication_instance(&mut facts).public = true;
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.instances = unseen());
    }
}
