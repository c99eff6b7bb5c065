//! The premigration assessment: DMS looks at the task before it runs.

use aws_sdk_databasemigration::types::ReplicationTaskAssessmentRun;

use super::Run;
use super::task::{Task, filter};
use crate::aws::{Error, pages};
use crate::provision::desired::assessment_role;
use crate::sync::SyncError;

/// Has DMS assess the task, and refuses the start where something failed.
pub(super) async fn assess(run: &Run, task: &Task) -> Result<(), SyncError> {
    let Some(bucket) = &run.names.assessment_bucket else {
        let how = "no premigration assessment: DMS writes its result to S3. Name a bucket with assessment_bucket in [dms] \
                   and run cdc-doctor provision apply";
        run.warn(None, how.to_owned()).await;
        return Ok(());
    };
    let who = run.session.call("sts:GetCallerIdentity", run.session.sts().get_caller_identity().send()).await?;
    let partition = who.arn().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws");
    let role =
        format!("arn:{partition}:iam::{}:role/{}", who.account().unwrap_or_default(), assessment_role(&run.pipeline));
    let name = format!("cdc-doctor-{}", jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S"));
    let ask = run.session.dms().start_replication_task_assessment_run().replication_task_arn(&task.arn);
    let ask = ask.service_access_role_arn(role).result_location_bucket(bucket).assessment_run_name(&name);
    let started = run.session.call("dms:StartReplicationTaskAssessmentRun", ask.send()).await?;
    let arn = started.replication_task_assessment_run().and_then(|r| r.replication_task_assessment_run_arn());
    let Some(arn) = arn.map(str::to_owned) else { return Ok(()) };
    let end = wait(run, &arn).await?;
    judge(run, task, &arn, end).await
}

/// State and failure at the end of the run.
async fn wait(run: &Run, arn: &str) -> Result<(String, Option<String>), SyncError> {
    loop {
        let ask = run.session.dms().describe_replication_task_assessment_runs();
        let send = ask.set_filters(filter("replication-task-assessment-run-arn", arn)).send();
        let page = run.session.call("dms:DescribeReplicationTaskAssessmentRuns", send).await?;
        let found = page.replication_task_assessment_runs().first();
        let status = found.and_then(ReplicationTaskAssessmentRun::status).unwrap_or_default().to_owned();
        if !["starting", "provisioning", "running", "cancelling", "deleting"].contains(&status.as_str()) {
            return Ok((status, found.and_then(|r| r.last_failure_message()).map(str::to_owned)));
        }
        tokio::select! {
            () = run.pause() => {}
            () = run.stop.wait() => return Ok(("cancelled".to_owned(), None)),
        }
    }
}

async fn judge(run: &Run, task: &Task, arn: &str, (status, why): (String, Option<String>)) -> Result<(), SyncError> {
    let results = results(run, arn).await?;
    let of = |state: &str| {
        results.iter().filter(|(_, s)| s == state).map(|(n, _)| n.as_str()).collect::<Vec<_>>().join(", ")
    };
    let warnings = of("warning");
    if !warnings.is_empty() {
        run.warn(None, format!("the premigration assessment warns of: {warnings}")).await;
    }
    if status == "passed" || status == "warning" {
        return Ok(());
    }
    let failed = of("failed");
    let what = if failed.is_empty() { format!("ended as {status}") } else { format!("failed: {failed}") };
    let why = why.map(|w| format!(". {}", crate::text::safe(&w))).unwrap_or_default();
    Err(SyncError::Managed {
        what: task.label(),
        why: format!("the premigration assessment {what}{why}. Nothing was started"),
        next: Some("cdc-doctor check, or cdc-doctor sync --skip-assessment".to_owned()),
    })
}

async fn results(run: &Run, arn: &str) -> Result<Vec<(String, String)>, Error> {
    pages(async |marker| {
        let ask = run.session.dms().describe_replication_task_individual_assessments().set_marker(marker);
        let send = ask.set_filters(filter("replication-task-assessment-run-arn", arn)).send();
        let page = run.session.call("dms:DescribeReplicationTaskIndividualAssessments", send).await?;
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let all = page.replication_task_individual_assessments().iter();
        Ok((all.map(|a| (text(a.individual_assessment_name()), text(a.status()))).collect(), page.marker))
    })
    .await
}
