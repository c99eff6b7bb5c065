//! IAM: the roles that DMS works with, and what the caller may not do.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::convert::text;
use super::dms_model::S3Settings;
use super::glue_model::Lack;
use super::model::{Caller, Role, UnreadableSecret};
use crate::aws::{Error, Session, pages, policy};
use crate::pipeline::Pipeline;

/// Roles that DMS looks for by name, which is why they are spelled so and in lower case.
pub(super) const ROLES: &[&str] = &["dms-vpc-role", "dms-cloudwatch-logs-role", "dms-access-for-endpoint"];

/// The roles of these names; none where there is no such role.
pub(super) async fn roles(
    session: &Session,
    names: &BTreeSet<String>,
) -> Result<BTreeMap<String, Option<Role>>, Error> {
    let mut all = BTreeMap::new();
    for name in names {
        all.insert(name.clone(), role(session, name).await?);
    }
    Ok(all)
}

/// The role of this name; none where there is no such role.
pub(super) async fn role(session: &Session, name: &str) -> Result<Option<Role>, Error> {
    let answer = session.call("iam:GetRole", session.iam().get_role().role_name(name).send()).await;
    let role = match answer {
        Err(error) if error.is_not_found() => return Ok(None),
        answer => answer?.role,
    };
    let Some(role) = role else { return Ok(None) };
    let attached = pages(async |marker| {
        let ask = session.iam().list_attached_role_policies().role_name(name).set_marker(marker);
        let page = session.call("iam:ListAttachedRolePolicies", ask.send()).await?;
        Ok((page.attached_policies().iter().map(|p| text(p.policy_arn())).collect(), page.marker))
    });
    let attached = attached.await?;
    let inline = pages(async |marker| {
        let ask = session.iam().list_role_policies().role_name(name).set_marker(marker);
        let page = session.call("iam:ListRolePolicies", ask.send()).await?;
        Ok((page.policy_names().to_vec(), page.marker))
    });
    let trust = role.assume_role_policy_document().unwrap_or_default();
    Ok(Some(Role { arn: role.arn().to_owned(), trust: document(trust), attached, inline: inline.await? }))
}

/// Policy documents come with their special characters in percent form.
fn document(encoded: &str) -> Value {
    let decoded = percent_decode_str(encoded).decode_utf8_lossy();
    serde_json::from_str(&decoded).unwrap_or(Value::Null)
}

/// The actions that the pipeline needs and that the caller's policies do not allow.
pub(super) async fn denied(session: &Session, caller: &Caller, pipeline: &Pipeline) -> Result<Vec<String>, Error> {
    refused(session, &principal(&caller.arn), wanted(pipeline), None).await
}

/// Those of these roles that the caller's policies do not let it pass to DMS.
pub(super) async fn not_passable(
    session: &Session,
    caller: &Caller,
    roles: &BTreeSet<String>,
) -> Result<Vec<String>, Error> {
    let mut refused = Vec::new();
    for role in roles {
        if !allows(session, &principal(&caller.arn), "iam:PassRole", role).await? {
            refused.push(role.clone());
        }
    }
    Ok(refused)
}

/// Those of these secrets, each with the role that it is read by, that the role does not get at.
pub(super) async fn unreadable_secrets(
    session: &Session,
    secrets: &BTreeSet<(String, String)>,
) -> Result<Vec<UnreadableSecret>, Error> {
    let mut unreadable = Vec::new();
    for (secret, role) in secrets {
        let bad = |refused| UnreadableSecret { secret: secret.clone(), role: role.clone(), refused };
        let ask = session.secrets().describe_secret().secret_id(secret);
        let found = match session.call("secretsmanager:DescribeSecret", ask.send()).await {
            Err(error) if error.is_not_found() => {
                unreadable.push(bad(None));
                continue;
            }
            answer => answer?,
        };
        let own = found.arn().map(|arn| ("secretsmanager:GetSecretValue", arn));
        // Secrets Manager's own key needs no permission; it is not named, or by its alias.
        let key = found.kms_key_id().filter(|key| key.contains(":key/")).map(|key| ("kms:Decrypt", key));
        for (action, resource) in own.into_iter().chain(key) {
            match allows(session, role, action, resource).await {
                // There is no such role, which is another check's to say.
                Err(error) if error.is_not_found() => {}
                Ok(true) => {}
                Ok(false) => unreadable.push(bad(Some((action.to_owned(), resource.to_owned())))),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(unreadable)
}

/// What DMS does with the objects of an S3 target.
const ON_OBJECTS: [&str; 3] = ["s3:PutObject", "s3:DeleteObject", "s3:PutObjectTagging"];
/// What it asks of Athena and Glue where it validates the files or catalogues them; the least that both need:
/// <https://docs.aws.amazon.com/dms/latest/userguide/CHAP_Validating_S3.html>.
const ON_CATALOGUE: [&str; 6] = [
    "athena:CreateWorkGroup",
    "athena:GetQueryExecution",
    "athena:StartQueryExecution",
    "glue:CreateDatabase",
    "glue:CreateTable",
    "glue:GetTable",
];

/// What a role must allow.
#[derive(Debug, Clone)]
pub(super) struct Need {
    /// Such as `s3:PutObject`.
    pub actions: Vec<String>,
    /// On what: an ARN, or `*`.
    pub on: String,
}

impl Need {
    pub fn new(actions: &[&str], on: String) -> Self {
        Self { actions: actions.iter().map(|&action| action.to_owned()).collect(), on }
    }
}

/// The actions that the policies of an S3 endpoint's role do not allow, of those that DMS needs.
pub(super) async fn s3_role_lacks(session: &Session, s3: &S3Settings, catalogue: bool) -> Result<Vec<String>, Error> {
    let (Some(role), Some(bucket)) = (&s3.role, &s3.bucket) else { return Ok(Vec::new()) };
    let partition = role.split(':').nth(1).unwrap_or("aws");
    let bucket = format!("arn:{partition}:s3:::{bucket}");
    let folder = s3.folder.as_deref().map(|f| f.trim_matches('/').to_owned() + "/").unwrap_or_default();
    let object = format!("{bucket}/{folder}LOAD00000001");
    let mut needs = vec![Need::new(&ON_OBJECTS, object), Need::new(&["s3:ListBucket"], bucket)];
    if catalogue {
        needs.push(Need::new(&ON_CATALOGUE, "*".to_owned()));
    }
    Ok(lacks(session, role, needs).await?.into_iter().map(|lack| lack.action).collect())
}

/// Those of these needs that a role's policies do not allow; none where there is no such role, which is another
/// check's to say.
pub(super) async fn lacks(session: &Session, role: &str, needs: Vec<Need>) -> Result<Vec<Lack>, Error> {
    let mut lacking = Vec::new();
    for Need { actions, on } in needs {
        match refused(session, role, actions, Some(&on)).await {
            Err(error) if error.is_not_found() => {}
            found => lacking.extend(found?.into_iter().map(|action| Lack { action, on: on.clone() })),
        }
    }
    Ok(lacking)
}

/// Whether a user's or role's own policies allow an action, as IAM simulates it.
async fn allows(session: &Session, principal: &str, action: &str, resource: &str) -> Result<bool, Error> {
    Ok(refused(session, principal, vec![action.to_owned()], Some(resource)).await?.is_empty())
}

/// What conditions of policies are told: roles are often allowed to be passed to one service only, and Glue tags only
/// with a key of its own.
const CONTEXT: [(&str, &str); 2] =
    [("iam:PassedToService", "dms.amazonaws.com"), ("aws:TagKeys", "aws-glue-service-resource")];

/// Those of these actions that a user's or role's own policies do not allow, as IAM simulates it.
async fn refused(
    session: &Session,
    principal: &str,
    actions: Vec<String>,
    resource: Option<&str>,
) -> Result<Vec<String>, Error> {
    let entries = CONTEXT.map(|(key, value)| {
        let entry = ContextEntry::builder().context_key_name(key).context_key_values(value);
        entry.context_key_type(ContextKeyTypeEnum::String).build()
    });
    let ask = session.iam().simulate_principal_policy().policy_source_arn(principal).set_action_names(Some(actions));
    let ask = ask.set_resource_arns(resource.map(|arn| vec![arn.to_owned()])).set_context_entries(Some(entries.into()));
    let answer = session.call("iam:SimulatePrincipalPolicy", ask.send()).await?;
    let refused = answer.evaluation_results().iter().filter(|r| r.eval_decision().as_str() != "allowed");
    Ok(refused.map(|r| r.eval_action_name().to_owned()).collect())
}

/// The calls of `check` on this pipeline, and the proof of a connection.
fn wanted(pipeline: &Pipeline) -> Vec<String> {
    let mut all = policy::actions(policy::CHECK);
    if cfg!(feature = "ec2") {
        all.extend(policy::actions(policy::CHECK_EC2));
    }
    let job = pipeline.glue.as_ref().is_some_and(|glue| glue.job.is_some());
    all.retain(|action| job || !action.starts_with("glue:"));
    // A bucket that only the target endpoint names is looked at too; a refusal is told by the checks of it.
    all.retain(|action| pipeline.s3.is_some() || !action.starts_with("s3:"));
    all.push("dms:TestConnection".to_owned());
    all
}

/// An assumed role's session has no policies; its role has:
/// `arn:aws:sts::123456789012:assumed-role/admin/me` is of `arn:aws:iam::123456789012:role/admin`.
fn principal(arn: &str) -> String {
    let Some((head, rest)) = arn.split_once(":assumed-role/") else { return arn.to_owned() };
    let role = rest.split('/').next().unwrap_or_default();
    format!("{}:role/{role}", head.replacen(":sts:", ":iam:", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_judged_by_its_role() {
        let session = "arn:aws:sts::123456789012:assumed-role/admin/me@example.com";
        assert_eq!(principal(session), "arn:aws:iam::123456789012:role/admin");
        assert_eq!(principal("arn:aws:iam::1:user/me"), "arn:aws:iam::1:user/me");
    }

    #[test]
    fn permissions_for_what_the_pipeline_has_not_are_not_missed() {
        let mut pipeline = crate::checks::testing::healthy().pipeline;
        let has = |pipeline: &Pipeline, service: &str| wanted(pipeline).iter().any(|a| a.starts_with(service));
        assert!(!has(&pipeline, "glue:") && !has(&pipeline, "s3:") && has(&pipeline, "dms:"));
        pipeline.glue = Some(crate::pipeline::Glue { job: Some("charts-apply".into()), script: None });
        pipeline.s3 = Some(crate::pipeline::S3 { bucket: "charts-cdc".into(), prefix: String::new() });
        assert!(has(&pipeline, "glue:") && has(&pipeline, "s3:"));
    }

    #[test]
    fn documents_are_decoded() {
        assert_eq!(document("%7B%22Version%22%3A%222012-10-17%22%7D"), serde_json::json!({"Version": "2012-10-17"}));
    }
}
