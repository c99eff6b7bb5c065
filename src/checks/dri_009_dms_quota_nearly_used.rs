//! DRI-009: see the check's own explanation.

use super::aws_parts::with_dms;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `DescribeAccountAttributes`: what is used of each quota.
    ///
    /// # Why it matters
    /// The next instance, endpoint or task cannot be made, and provisioning stops in the middle.
    ///
    /// # How to fix it by hand
    /// Delete what is not needed, or ask for more: Service Quotas, AWS Database Migration Service.
    ///
    /// # Source
    /// AWS DMS User Guide, "Quotas for AWS Database Migration Service".
    code: "DRI-009",
    name: "dms-quota-nearly-used",
    area: Dri,
    severity: Warning,
    title: "A quota of DMS in this account and region is nearly used up",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_dms(facts, |part| {
        let tight = part.dms.quotas.known()?.iter().filter(|q| q.max > 0 && q.used * 10 >= q.max * 9);
        let finding = |q: &crate::facts::aws::Quota| {
            let message = format!("{} of {} {} are used", q.used, q.max, q.name);
            let fix = Fix::manual("ask for more", ["Delete what is not needed, or ask for more in Service Quotas."]);
            Finding::new(&q.name, message).fix(fix)
        };
        Ok(tight.map(finding).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known};

    #[test]
    fn nine_tenths_are_told() {
        let mut facts = healthy_dms();
        known(&mut aws(&mut facts).dms.quotas)[0].used = 590;
        assert_eq!(finding(&CHECK, &facts).message, "590 of 600 ReplicationTasks are used");
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.quotas = unseen());
    }
}
