//! Premigration assessments: a few names, of which one is really looked at.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::login::{self, Login, Session};
use super::mappings::{self, Selection};
use super::tasks;
use crate::lab::aws::account::Account;
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;
use crate::lab::aws::names::{random_id, seconds};
use crate::lab::aws::page::{dms_page, filter};
use crate::lab::aws::records::text;
use crate::pipeline::pattern_matches;

const ARN: &str = "ReplicationTaskAssessmentRunArn";
/// The one that asks the source.
pub(super) const KEYS: &str = "table-with-no-primary-key-or-unique-constraint";
const NAMES: [&str; 5] = [
    "unsupported-data-types-in-source",
    KEYS,
    "all-check-source-selection-rules",
    "postgres-check-wallevel",
    "postgres-check-maxwalsenders",
];

/// `StartReplicationTaskAssessmentRun`.
pub(super) fn start(account: &Arc<Account>, input: &Input) -> Answer {
    let task = input.required(tasks::ARN)?;
    let mut state = account.state();
    let record = state.dms.task(task)?.clone();
    if state.dms.movements.get(task).is_some_and(super::Movement::is_busy) {
        return Err(AwsError::state("The task is running; an assessment needs it to be ready, stopped or failed."));
    }
    let login = login::read(account, &state, text(&record, "SourceEndpointArn"))?;
    let selection = mappings::read(text(&record, "TableMappings"))?;
    let (only, without) = (input.texts("IncludeOnly"), input.texts("Exclude"));
    let chosen = |name: &&str| (only.is_empty() || only.contains(name)) && !without.contains(name);
    let names: Vec<&'static str> = NAMES.into_iter().filter(chosen).collect();
    let arn = account.arn("dms", "assessment-run", &random_id());
    let run = begun(&arn, task, names.len(), input)?;
    // One run a task is kept.
    state.dms.assessments.remove(tasks::ARN, task);
    state.dms.assessments.push(run.clone());
    drop(state);
    let account = Arc::clone(account);
    tokio::spawn(async move {
        tokio::time::sleep(account.delays().start).await;
        let keyless = keyless(&login, &selection).await;
        finish(&account, &arn, &names, &keyless);
    });
    Ok(json!({ "ReplicationTaskAssessmentRun": run }))
}

/// A run that has begun.
fn begun(arn: &str, task: &str, count: usize, input: &Input) -> Answer {
    let role = input.required("ServiceAccessRoleArn")?;
    if !role.starts_with("arn:aws:iam::") {
        return Err(AwsError::value(format!("Invalid ServiceAccessRoleArn: {role}")));
    }
    Ok(json!({
        ARN: arn, tasks::ARN: task, "Status": "running",
        "ReplicationTaskAssessmentRunCreationDate": seconds(Timestamp::now()),
        "AssessmentProgress": {"IndividualAssessmentCount": count, "IndividualAssessmentCompletedCount": 0},
        "ServiceAccessRoleArn": role, "ResultLocationBucket": input.required("ResultLocationBucket")?,
        "ResultLocationFolder": input.text("ResultLocationFolder").unwrap_or_default(),
        "AssessmentRunName": input.required("AssessmentRunName")?, "IsLatestTaskAssessmentRun": true,
    }))
}

fn finish(account: &Account, arn: &str, names: &[&str], keyless: &Result<Vec<String>, String>) {
    let (mut failed, mut errors) = (0, 0);
    let mut state = account.state();
    for name in names {
        let status = match keyless {
            Err(_) => "error",
            Ok(tables) if *name == KEYS && !tables.is_empty() => "failed",
            Ok(_) => "passed",
        };
        failed += usize::from(status == "failed");
        errors += usize::from(status == "error");
        state.dms.findings.push(json!({
            "ReplicationTaskIndividualAssessmentArn": account.arn("dms", "individual-assessment", &random_id()),
            ARN: arn, "IndividualAssessmentName": name, "Status": status,
            "ReplicationTaskIndividualAssessmentStartDate": seconds(Timestamp::now()),
        }));
    }
    let Some(run) = state.dms.assessments.find_mut(ARN, arn) else { return };
    run["Status"] = if errors > 0 {
        "error-executing"
    } else if failed > 0 {
        "failed"
    } else {
        "passed"
    }
    .into();
    run["AssessmentProgress"]["IndividualAssessmentCompletedCount"] = names.len().into();
    run["ResultStatistic"] = json!({"Passed": names.len() - failed - errors, "Failed": failed, "Error": errors,
                                    "Warning": 0, "Cancelled": 0, "Skipped": 0});
    let why = match keyless {
        Err(why) => why.clone(),
        Ok(tables) if failed > 0 => format!("Tables without a primary key or unique constraint: {}", tables.join(", ")),
        Ok(_) => return,
    };
    run["LastFailureMessage"] = why.into();
}

/// The selected tables that have neither a primary key nor a unique constraint.
pub(super) async fn keyless(login: &Login, selection: &Selection) -> Result<Vec<String>, String> {
    let sql = "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND \
               i.indisunique) ORDER BY 1, 2";
    let Session::Postgres(client) = login::open(login).await? else { return Ok(Vec::new()) };
    let rows = client.query(sql, &[]).await.map_err(|e| e.to_string())?;
    let hit =
        |patterns: &[String], schema: &str, table: &str| patterns.iter().any(|p| pattern_matches(p, schema, table));
    let names = rows.iter().map(|row| (row.get::<_, String>(0), row.get::<_, String>(1)));
    let selected = names.filter(|(s, t)| hit(&selection.include, s, t) && !hit(&selection.exclude, s, t));
    Ok(selected.map(|(schema, table)| format!("{schema}.{table}")).collect())
}

/// `DescribeApplicableIndividualAssessments`: the same for each task.
pub(super) fn applicable(account: &Account, input: &Input) -> Answer {
    if let Some(arn) = input.text(tasks::ARN) {
        account.state().dms.task(arn)?;
    }
    dms_page(NAMES.iter().map(|name| json!(name)).collect(), "IndividualAssessmentNames", input)
}

/// `DescribeReplicationTaskAssessmentRuns`.
pub(super) fn runs(account: &Account, input: &Input) -> Answer {
    let all = account.state().dms.assessments.all();
    let known =
        [("replication-task-assessment-run-arn", ARN), ("replication-task-arn", tasks::ARN), ("status", "Status")];
    dms_page(filter(all, input, &known)?, "ReplicationTaskAssessmentRuns", input)
}

/// `DescribeReplicationTaskIndividualAssessments`.
pub(super) fn findings(account: &Account, input: &Input) -> Answer {
    let all = account.state().dms.findings.all();
    let known = [("replication-task-assessment-run-arn", ARN), ("status", "Status")];
    dms_page(filter(all, input, &known)?, "ReplicationTaskIndividualAssessments", input)
}
