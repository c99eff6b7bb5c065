//! What Glue does by a job's role. Pure.

use super::glue_model::{GlueConnection, GlueJob};
use super::iam::Need;
use super::model::Caller;
use crate::pipeline::S3;

/// What it does to a run's log.
const LOGS: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];
/// What it does where a connection lies in a subnet: it puts a network interface there. The actions of the managed
/// policy `AWSGlueServiceRole`:
/// <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSGlueServiceRole.html>.
const NETWORK: [&str; 8] = [
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcEndpoints",
];

/// What the job's role must allow: to read its script and the rows in the bucket, to write its log, and to get at its
/// connections. What the script does beyond that is not known here.
pub(super) fn needs(job: &GlueJob, connections: &[GlueConnection], s3: Option<&S3>, caller: &Caller) -> Vec<Need> {
    let partition = caller.arn.split(':').nth(1).unwrap_or("aws");
    let here =
        |service: &str, rest: &str| format!("arn:{partition}:{service}:{}:{}:{rest}", caller.region, caller.account);
    let on_s3 = |path: &str| format!("arn:{partition}:s3:::{path}");
    let log = format!("log-group:{}/output:log-stream:jr_1", job.log_groups());
    let mut all = vec![Need::new(&LOGS, here("logs", &log))];
    if let Some(script) = job.script.as_deref().and_then(|s| s.strip_prefix("s3://")) {
        all.push(Need::new(&["s3:GetObject"], on_s3(script)));
    }
    if let Some(S3 { bucket, prefix }) = s3 {
        all.push(Need::new(&["s3:ListBucket"], on_s3(bucket)));
        let folder = prefix.trim_matches('/');
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        all.push(Need::new(&["s3:GetObject"], on_s3(&format!("{bucket}/{folder}LOAD00000001.csv"))));
    }
    if !connections.is_empty() {
        // Whoever asks for a connection asks for the catalogue that it is in.
        all.push(Need::new(&["glue:GetConnection"], here("glue", "catalog")));
    }
    for connection in connections {
        all.push(Need::new(&["glue:GetConnection"], here("glue", &format!("connection/{}", connection.name))));
    }
    if connections.iter().any(|c| c.subnet.is_some()) {
        all.push(Need::new(&NETWORK, "*".to_owned()));
        // It marks the interfaces as its own.
        all.push(Need::new(&["ec2:CreateTags", "ec2:DeleteTags"], here("ec2", "network-interface/*")));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing_aws::{glue_connection, glue_job};

    #[test]
    fn a_job_in_a_network_needs_more_than_its_script() {
        let caller = Caller {
            account: "123456789012".into(),
            arn: "arn:aws-cn:iam::123456789012:user/me".into(),
            region: "cn-north-1".into(),
            until: None,
        };
        let s3 = S3 { bucket: "charts-cdc".into(), prefix: "raw".into() };
        let all = needs(&glue_job(), &[glue_connection()], Some(&s3), &caller);
        let all: Vec<String> = all.iter().map(|n| format!("{} on {}", n.actions.join(", "), n.on)).collect();
        insta::assert_snapshot!(all.join("\n"));
        let unconnected = needs(&glue_job(), &[], None, &caller);
        assert_eq!(unconnected.len(), 2, "{unconnected:?}");
    }
}
