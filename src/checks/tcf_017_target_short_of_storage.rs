//! TCF-017: see the check's own explanation.

use super::aws_parts::{NO_AWS, OnRds};
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `FreeStorageSpace` of the target on RDS against the size of the selected source tables and half as much again;
    /// storage that grows by itself counts up to its limit.
    ///
    /// # Why it matters
    /// The load stops when the disk is full, and an RDS instance in `storage-full` refuses everything until it has
    /// more.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws rds modify-db-instance --db-instance-identifier NAME --allocated-storage 200 --max-allocated-storage 500 \
    ///   --apply-immediately
    /// ```
    ///
    /// # Source
    /// Amazon RDS User Guide, "Working with storage for Amazon RDS DB instances".
    code: "TCF-017",
    name: "target-short-of-storage",
    area: Tcf,
    severity: Warning,
    title: "The target has too little storage for the rows of the source",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    if facts.aws.is_none() {
        return Ok(Verdict::NotApplicable(NO_AWS));
    }
    let Some(side) = OnRds::of(facts, "target")? else {
        return Ok(Verdict::NotApplicable("the target is not an RDS instance of this account and region"));
    };
    // Aurora's storage grows by itself, and its instances report none.
    let Some(free) = side.rds.metrics.known()?.get("FreeStorageSpace").filter(|_| side.instance.cluster.is_none())
    else {
        return Ok(Verdict::Pass);
    };
    let selected = facts.source.tables.known()?.iter().filter(|t| facts.pipeline.selects(&t.schema, &t.name));
    let bytes: f64 = selected.map(|t| t.bytes as f64).sum();
    let growth = side.instance.storage_limit_gb.map_or(0, |limit| (limit - side.instance.storage_gb).max(0));
    let room = free.last + f64::from(growth) * 1e9;
    if bytes * 1.5 <= room {
        return Ok(Verdict::Pass);
    }
    let name = &side.instance.identifier;
    let message =
        format!("The tables take {:.0} GB on the source, and {name} has room for {:.0} GB", bytes / 1e9, room / 1e9);
    let fix = Fix::manual(
        "give it more",
        ["Raise --allocated-storage, or --max-allocated-storage so that it grows by itself."],
    );
    Ok(Verdict::Fail(vec![Finding::new(name, message).fix(fix)]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, source_table, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, target_rds};

    #[test]
    fn growth_counts_up_to_its_limit() {
        let mut facts = healthy_dms();
        source_table(&mut facts).bytes = 300_000_000_000;
        assert_pass(&CHECK, &facts);
        target_rds(&mut facts).storage_limit_gb = None;
        assert!(finding(&CHECK, &facts).message.ends_with("has room for 80 GB"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.target.metrics = unseen());
    }
}
