//! RUN-021: see the check's own explanation.

use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The single results of the latest assessment run: `failed`, `error` and `warning`.
    ///
    /// # Why it matters
    /// DMS itself says what will fail: types, keys, settings. A task that is started in spite of it fails later, or
    /// loses rows.
    ///
    /// # How to fix it by hand
    /// Read the results (the bucket has the details), put right what is named, and assess again.
    ///
    /// # Source
    /// AWS DMS User Guide, "Enabling and working with premigration assessments for a task".
    code: "RUN-021",
    name: "assessment-found-faults",
    area: Run,
    severity: Warning,
    title: "The premigration assessment of the task found faults",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, _| {
        let Some(latest) = part.dms.assessments.known()?.first() else { return Ok(Vec::new()) };
        let finding = |name: &str, said: &str| {
            let fix = Fix::manual("read the result", ["The run's bucket says which tables and columns are meant."]);
            Finding::new(name, format!("{name}: {said}")).fix(fix)
        };
        // DMS Serverless does not tell the single results, only the last of those that failed.
        if latest.results.is_empty() && latest.status == "failed" {
            return only(Some(finding(&latest.name, latest.failure.as_deref().unwrap_or(&latest.status))));
        }
        let bad = latest.results.iter().filter(|(_, s)| matches!(s.as_str(), "failed" | "error" | "warning"));
        Ok(bad.map(|(name, state)| finding(name, state)).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known};

    #[test]
    fn a_failed_assessment_is_named() {
        let mut facts = healthy_dms();
        known(&mut aws(&mut facts).dms.assessments)[0].results[0].1 = "failed".into();
        assert_eq!(finding(&CHECK, &facts).message, "postgres-check-wallevel: failed");
    }

    #[test]
    fn a_failed_run_without_single_results_is_told() {
        let mut facts = healthy_dms();
        let run = &mut known(&mut aws(&mut facts).dms.assessments)[0];
        run.results.clear();
        run.status = "failed".into();
        run.failure = Some("no key: public.t".into());
        assert!(finding(&CHECK, &facts).message.ends_with(": no key: public.t"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.assessments = unseen());
    }
}
