//! RUN-016: see the check's own explanation.

use super::aws_parts::region;
use super::glue_parts::{Job, with_job_or};
use super::{Finding, Judged, Verdict};
use crate::decode::decode;
use crate::facts::Facts;
use crate::facts::aws::{GlueFacts, GlueRun};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::text::nearest;

check! {
    /// # What it looks at
    /// Whether the Glue job of the pipeline file is there, and how its last run ended: `FAILED`, `TIMEOUT`, `ERROR` and
    /// `EXPIRED` are faults; its words are decoded. A run that is at work is waited for, one that somebody stopped is none.
    ///
    /// # Why it matters
    /// What DMS wrote to S3 since the last run that succeeded is not in the target, and a run that failed half-way may
    /// have left a table half full.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws glue get-job-runs --job-name JOB --max-items 5 \
    ///   --query 'JobRuns[].[StartedOn, JobRunState, ErrorMessage]' --output text
    /// aws logs tail /aws-glue/jobs/error --log-stream-names RUN
    /// ```
    ///
    /// # Source
    /// AWS Glue Developer Guide, "Job run statuses on the console" and "Troubleshooting Spark errors".
    code: "RUN-016",
    name: "glue-run-failed",
    area: Run,
    severity: Warning,
    title: "The Glue job is not there, or its last run failed",
    after: ["IAM-001", "IAM-009", "NET-016", "NET-017", "TLS-011", "AUT-020", "AUT-023", "GLU-028"],
}

fn judge(facts: &Facts) -> Judged {
    let absent = |name: &str, glue: &GlueFacts| Verdict::Fail(vec![not_there(facts, name, glue.others.value())]);
    with_job_or(facts, absent, |job| {
        let last = job.last_run()?.filter(|run| run.failed());
        Ok(Verdict::from_findings(last.map(|run| finding(job, run)).into_iter().collect()))
    })
}

fn not_there(facts: &Facts, name: &str, others: Option<&Vec<String>>) -> Finding {
    let region = region(&facts.pipeline);
    let mut finding = Finding::new("glue.job", format!("There is no Glue job \"{name}\" in {region}"));
    let others: Vec<&str> = others.into_iter().flatten().map(String::as_str).collect();
    if !others.is_empty() {
        finding = finding.saw("there are", others.join(", "));
    }
    let Some(near) = nearest(name, others.iter().copied()) else {
        let look = format!("See which there are: aws glue list-jobs --region {region}");
        return finding.fix(Fix::manual("name the job that there is", [look]));
    };
    let choices = others.iter().map(|&other| other.to_owned()).collect();
    let edit = Action::EditPipeline { key: "glue.job".into(), value: near.to_owned(), choices };
    let step = Step::new(Cost::None, edit).undo(Action::edit("glue.job", name));
    finding.fix(Fix::new(Mode::Confirm, format!("set job = \"{near}\" in [glue]"), vec![step]))
}

fn finding(job: &Job<'_>, run: &GlueRun) -> Finding {
    let since = run.ended.or(run.started).map(|at| format!(" at {at:.0}")).unwrap_or_default();
    let ended = match run.state.as_str() {
        "TIMEOUT" => "ran into its time limit",
        "EXPIRED" => "waited too long to be started",
        _ => "failed",
    };
    let message = format!("The last run of the Glue job {} {ended}{since}", job.job.name);
    let mut finding = Finding::new(&job.job.name, message).saw("run", &run.id).saw("state", &run.state);
    let mut todo = None;
    if let Some(words) = &run.error {
        finding = finding.saw("in Glue's words", words);
        if let Some(decoded) = decode(words) {
            finding = finding.saw("meaning", decoded.cause);
            todo = Some(decoded.fix);
        }
    }
    let look = format!(
        "Read its log: aws logs tail {}/error --region {} --log-stream-names {} --since 7d",
        job.job.log_groups(),
        job.region(),
        run.id
    );
    finding.fix(Fix::manual("put the cause right, and run it again", todo.into_iter().chain([look])))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around_glue, glue, glue_run, healthy_dms, known};
    use crate::facts::Fact;
    use crate::facts::aws::GlueRun;
    use crate::fixes::Action;

    #[test]
    fn the_last_run_that_ended_counts() {
        let mut facts = healthy_dms();
        let words = "An error occurred while calling o94.save. Data too long for column 'title' at row 1";
        let failed = GlueRun { state: "FAILED".into(), error: Some(words.into()), id: "jr_2".into(), ..glue_run() };
        known(&mut glue(&mut facts).runs).insert(0, failed);
        let found = finding(&CHECK, &facts);
        assert_eq!(found.message, "The last run of the Glue job charts-apply failed at 1970-01-01T01:00:00Z");
        assert!(found.evidence.iter().any(|(what, _)| what == "meaning"), "{found:?}");
        let steps = &found.fix.unwrap().steps;
        assert!(steps.len() == 2 && steps[1].action.describe().contains("jr_2"), "{steps:?}");
        let at_work = GlueRun { state: "RUNNING".into(), ended: None, ..glue_run() };
        known(&mut glue(&mut facts).runs).insert(0, at_work);
        finding(&CHECK, &facts);
        let stopped = GlueRun { state: "STOPPED".into(), ..glue_run() };
        known(&mut glue(&mut facts).runs).insert(0, stopped);
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn a_job_that_is_not_there_is_a_fault_of_the_pipeline_file() {
        let mut facts = healthy_dms();
        glue(&mut facts).job = Fact::Known(None);
        let found = finding(&CHECK, &facts);
        assert_eq!(found.message, "There is no Glue job \"charts-apply\" in eu-west-2");
        assert!(found.fix.unwrap().steps[0].action.describe().contains("aws glue list-jobs"));
        glue(&mut facts).others = Fact::Known(vec!["chart-apply".into(), "orders".into()]);
        let found = finding(&CHECK, &facts);
        assert_eq!(found.evidence[0].1, "chart-apply, orders");
        let Action::EditPipeline { value, .. } = &found.fix.as_ref().unwrap().steps[0].action else {
            panic!("{found:?}")
        };
        assert_eq!(value, "chart-apply");
    }

    #[test]
    fn around() {
        assert_around_glue(&CHECK, |glue| glue.runs = unseen());
    }
}
