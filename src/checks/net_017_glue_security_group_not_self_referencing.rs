//! NET-017: see the check's own explanation.

use std::collections::BTreeSet;

use super::aws_parts::{Looked, only};
use super::glue_parts::{Job, with_job_network};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::{Network, Permission, SecurityGroup};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Whether, for each connection of the Glue job that lies in a subnet, one of its security groups lets itself in, and
    /// one lets itself out, on all TCP ports. That takes a build with the feature `ec2`; others go by the words of the job's
    /// last run. Where it succeeded, nothing is said.
    ///
    /// # Why it matters
    /// The workers of a job talk to each other through the network interfaces that Glue puts into the subnet. Glue looks
    /// for the rule before it starts anything, and ends the run with `At least one security group must open all ingress
    /// ports`. A rule for the VPC's addresses does not count, though it lets the same packets through.
    ///
    /// # How to fix it by hand
    /// `aws ec2 authorize-security-group-ingress --group-id GROUP --protocol tcp --port 0-65535 --source-group GROUP`
    ///
    /// # Source
    /// AWS Glue Developer Guide, "Troubleshooting Spark errors": inbound and outbound rule in security group required.
    code: "NET-017",
    name: "glue-security-group-not-self-referencing",
    area: Net,
    severity: Error,
    title: "No security group of the Glue job lets its own members in on all ports",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_job_network(facts, closed, |job, run| {
        let Some(words) = run.error.as_deref().filter(|e| e.contains("security group must open all")) else {
            return Ok(Vec::new());
        };
        let connections = job.glue.connections.known()?;
        let group = connections.iter().find_map(|c| c.security_groups.first()).map_or("GROUP", String::as_str);
        let found = finding(job, group, words.contains("egress"));
        only(Some(found.saw("Glue ended its last run", &run.id).saw("with the words", words)))
    })
}

fn closed(job: &Job<'_>, network: &Network) -> Looked {
    let mut closed = BTreeSet::new();
    for connection in job.glue.connections.known()?.iter().filter(|c| c.subnet.is_some()) {
        let groups = network.groups(&connection.security_groups)?;
        let first = connection.security_groups.first().map_or("GROUP", String::as_str);
        let ways = [false, true].into_iter().filter(|egress| !groups.iter().any(|group| is_open(group, *egress)));
        closed.extend(ways.map(|egress| (first, egress)));
    }
    Ok(closed.into_iter().map(|(group, egress)| finding(job, group, egress)).collect())
}

/// Whether a group lets itself through on all TCP ports, or everybody.
fn is_open(group: &SecurityGroup, egress: bool) -> bool {
    let all_ports = |p: &&Permission| {
        p.protocol == "-1" || (p.protocol == "tcp" && p.ports.is_none_or(|(first, last)| first <= 0 && last >= 65_535))
    };
    let permissions = if egress { &group.egress } else { &group.ingress };
    let to_itself = |p: &Permission| p.groups.contains(&group.id) || p.cidrs.iter().any(|c| c == "0.0.0.0/0");
    permissions.iter().filter(all_ports).any(to_itself)
}

fn finding(job: &Job<'_>, group: &str, egress: bool) -> Finding {
    let (way, verb) = if egress { ("out", "egress") } else { ("in", "ingress") };
    let message = format!(
        "The Glue job {} works in the security group {group}, and no group of its connection lets its own members {way} \
         on all TCP ports, by which its workers talk to each other",
        job.job.name
    );
    let peer = if egress {
        format!("--ip-permissions 'IpProtocol=tcp,FromPort=0,ToPort=65535,UserIdGroupPairs=[{{GroupId={group}}}]'")
    } else {
        format!("--protocol tcp --port 0-65535 --source-group {group}")
    };
    let command =
        format!("aws ec2 authorize-security-group-{verb} --region {} --group-id {group} {peer}", job.region());
    Finding::new(group, message).fix(Fix::manual("let it talk to itself", [command]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, findings, unseen};
    use crate::checks::testing_aws::{assert_around_glue_network, glue, glue_run, known, network, not_yet_run};

    #[test]
    fn a_rule_for_the_vpc_does_not_count_and_one_for_some_ports_neither() {
        let mut facts = not_yet_run();
        assert_pass(&CHECK, &facts);
        let group = |facts: &mut crate::facts::Facts| {
            known(&mut network(facts).security_groups).iter_mut().find(|g| g.id == "sg-3").unwrap().clone()
        };
        let own = group(&mut facts);
        let mut change = |with: crate::facts::aws::SecurityGroup| {
            let groups = known(&mut network(&mut facts).security_groups);
            *groups.iter_mut().find(|g| g.id == "sg-3").unwrap() = with;
            facts.clone()
        };
        let mut of_vpc = own.clone();
        (of_vpc.ingress[0].groups, of_vpc.ingress[0].cidrs) = (Vec::new(), vec!["10.0.0.0/16".into()]);
        let found = finding(&CHECK, &change(of_vpc));
        assert!(found.message.contains("lets its own members in on all TCP ports"), "{found:?}");
        assert!(found.fix.unwrap().steps[0].action.describe().ends_with("--source-group sg-3"));
        let mut shut = own.clone();
        shut.ingress.clear();
        let mut two = change(shut);
        let other = crate::facts::aws::GlueConnection {
            security_groups: vec!["sg-1".into()],
            ..crate::checks::testing_aws::glue_connection()
        };
        known(&mut glue(&mut two).connections).push(other);
        let subjects: Vec<String> = findings(&CHECK, &two).into_iter().map(|f| f.subject).collect();
        assert_eq!(subjects, ["sg-1", "sg-1", "sg-3"], "in and out of one, into the other");
        let mut some_ports = own.clone();
        some_ports.ingress[0].ports = Some((3306, 3306));
        finding(&CHECK, &change(some_ports));
        let mut shut = own.clone();
        shut.egress.clear();
        let found = finding(&CHECK, &change(shut));
        let command = found.fix.unwrap().steps[0].action.describe();
        assert!(command.contains("security-group-egress") && command.contains("GroupId=sg-3"), "{command}");
    }

    #[test]
    fn a_run_tells_it_in_any_build() {
        let mut facts = not_yet_run();
        crate::checks::testing_aws::aws(&mut facts).network = None;
        let mut failed = glue_run();
        let words = "At least one security group must open all ingress ports. To limit traffic, the source security \
                     group in your inbound rule can be restricted to the same security group";
        (failed.state, failed.error) = ("FAILED".into(), Some(words.into()));
        known(&mut glue(&mut facts).runs).push(failed);
        assert_eq!(finding(&CHECK, &facts).evidence[1].1, words);
        known(&mut glue(&mut facts).runs)[0].error = Some(words.replace("ingress", "egress"));
        assert!(finding(&CHECK, &facts).message.contains("lets its own members out"));
        // The network as it is counts more than what was.
        let mut seen = not_yet_run();
        known(&mut glue(&mut seen).runs).clone_from(known(&mut glue(&mut facts).runs));
        assert_pass(&CHECK, &seen);
    }

    #[test]
    fn around() {
        assert_around_glue_network(&CHECK, |network| network.security_groups = unseen());
    }
}
