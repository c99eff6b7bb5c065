//! IAM-001: see the check's own explanation.

use super::aws_parts::NO_AWS;
use super::{Finding, Judged, Verdict};
use crate::facts::aws::AwsFacts;
use crate::facts::{Facts, Unknown, UnknownKind};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::pipeline::{Aws, Endpoint};

check! {
    /// # What it looks at
    /// The credentials that `[aws]` leads to (`sts:GetCallerIdentity`, which needs no permission), and whether this
    /// account and region have the RDS instances that `rds_instance` names. The region in a host name of RDS is
    /// compared with `[aws] region`.
    ///
    /// # Why it matters
    /// Nothing in AWS can be seen or changed, or the wrong things are: identifiers that exist elsewhere look as if
    /// they were gone. Every other check of AWS waits for this one.
    ///
    /// # How to fix it by hand
    /// Log in, and look who you are and where:
    ///
    /// ```sh
    /// aws sso login --profile NAME
    /// aws sts get-caller-identity --profile NAME
    /// aws rds describe-db-instances --region eu-west-2 --query 'DBInstances[].DBInstanceIdentifier'
    /// ```
    ///
    /// Then set `profile` and `region` in `[aws]`. Environment variables with keys are used where no profile is
    /// named.
    ///
    /// # Source
    /// AWS Security Token Service API Reference, `GetCallerIdentity`; Amazon RDS User Guide, "DB instance endpoint".
    code: "IAM-001",
    name: "aws-login-or-region-wrong",
    area: Iam,
    severity: Error,
    title: "AWS does not let this login in, or looks at another account or region than the pipeline's",
    after: [],
}

fn judge(facts: &Facts) -> Judged {
    let (Some(aws), Some(section)) = (&facts.aws, &facts.pipeline.aws) else {
        return Ok(Verdict::NotApplicable(NO_AWS));
    };
    let caller = match aws.caller.known() {
        Ok(caller) => Some(caller),
        Err(why) if why.kind == UnknownKind::NotReachable => return Ok(Verdict::Fail(vec![no_way_in(&why)])),
        Err(why) if why.kind == UnknownKind::Pending => return Err(why),
        Err(_) => None,
    };
    let account = caller.map_or("this account", |c| c.account.as_str());
    let sides = [("source", &facts.pipeline.source), ("target", &facts.pipeline.target)];
    let mut findings = Vec::new();
    for (side, endpoint) in sides {
        match other_region(side, endpoint, section) {
            Some(finding) => findings.push(finding),
            None => findings.extend(missing(side, endpoint, aws, account, section)?),
        }
    }
    Ok(Verdict::from_findings(findings))
}

fn no_way_in(why: &Unknown) -> Finding {
    Finding::new("aws", format!("AWS cannot be asked: {}", why.reason))
        .fix(Fix::manual("log in to AWS", ["Log in as the message says, then run check again."]))
}

/// The host is in another region than the one that is looked at:
/// `charts.abc.eu-west-2.rds.amazonaws.com` names its own.
fn other_region(side: &str, endpoint: &Endpoint, section: &Aws) -> Option<Finding> {
    let host = endpoint.host.trim_end_matches('.').to_lowercase();
    let rest = host.strip_suffix(".rds.amazonaws.com").or_else(|| host.strip_suffix(".rds.amazonaws.com.cn"))?;
    let region = rest.rsplit('.').next().filter(|r| r.contains('-') && *r != section.region)?;
    let step =
        Step::new(Cost::None, Action::edit("aws.region", region)).undo(Action::edit("aws.region", &section.region));
    let message = format!("The {side} is in {region} by its host name, and [aws] region is {}", section.region);
    let finding = Finding::new("aws.region", message).saw("host", &endpoint.host);
    Some(finding.fix(Fix::new(Mode::Auto, format!("set region = \"{region}\" in [aws]"), vec![step])))
}

/// `rds_instance` names nothing here.
fn missing(
    side: &str,
    endpoint: &Endpoint,
    aws: &AwsFacts,
    account: &str,
    section: &Aws,
) -> Result<Option<Finding>, Unknown> {
    let Some(name) = &endpoint.rds_instance else { return Ok(None) };
    let instances = match aws.instances.known() {
        Ok(instances) => instances,
        Err(why) if why.kind == UnknownKind::Pending => return Err(why),
        // What may not be seen is told by the checks that look at it.
        Err(_) => return Ok(None),
    };
    let clusters = aws.clusters.value().map(Vec::as_slice).unwrap_or_default();
    let known = instances.iter().map(|i| i.identifier.as_str()).chain(clusters.iter().map(|c| c.identifier.as_str()));
    let known: Vec<&str> = known.collect();
    if known.iter().any(|k| k.eq_ignore_ascii_case(name)) {
        return Ok(None);
    }
    let message =
        format!("There is no RDS instance or cluster \"{name}\" in account {account}, region {}", section.region);
    let there = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let key = format!("{side}.rds_instance");
    let mut finding = Finding::new(key.clone(), message).saw("there are", there);
    if let Some(near) = crate::text::nearest(name, known.iter().copied()).or(known.first().copied()) {
        let choices = known.iter().map(|&k| k.to_owned()).collect();
        let edit = Action::EditPipeline { key: key.clone(), value: near.to_owned(), choices };
        let step = Step::new(Cost::None, edit).undo(Action::edit(key, name));
        finding = finding.fix(Fix::new(Mode::Confirm, format!("set rds_instance in [{side}]"), vec![step]));
    }
    Ok(Some(finding))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_not_applicable, assert_pass, causes, finding, findings, healthy_rds};
    use crate::checks::testing_aws::{aws, healthy_dms};
    use crate::facts::{Unknown, UnknownKind};
    use crate::fixes::Action;

    #[test]
    fn without_a_login_it_is_the_one_cause() {
        let mut facts = healthy_dms();
        let why = "sts:GetCallerIdentity: AWS credentials: expired. Log in with: aws sso login --profile work";
        aws(&mut facts).settle_all(&Unknown::new(UnknownKind::NotReachable, why));
        assert!(finding(&CHECK, &facts).message.contains("aws sso login --profile work"));
        assert_eq!(causes(&facts), ["IAM-001"]);
    }

    #[test]
    fn the_host_tells_the_region() {
        let mut facts = healthy_dms();
        facts.pipeline.aws.as_mut().unwrap().region = "eu-west-1".into();
        let found = findings(&CHECK, &facts);
        assert_eq!(found[0].subject, "aws.region");
        assert_eq!(found[0].fix.as_ref().unwrap().steps[0].action, Action::edit("aws.region", "eu-west-2"));
    }

    #[test]
    fn an_identifier_that_is_not_there_is_shown_with_those_that_are() {
        let mut facts = healthy_dms();
        facts.pipeline.source.rds_instance = Some("chart-source".into());
        let found = finding(&CHECK, &facts);
        assert_eq!(found.evidence[0].1, "charts-source, charts-target");
        let fix = found.fix.unwrap();
        let Action::EditPipeline { value, .. } = &fix.steps[0].action else { panic!("{fix:?}") };
        assert_eq!(value, "charts-source");
    }

    #[test]
    fn passes_and_does_not_apply() {
        assert_pass(&CHECK, &healthy_dms());
        assert_not_applicable(&CHECK, &healthy_rds());
    }
}
