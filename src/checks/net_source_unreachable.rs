//! NET-020: see the check's own explanation.

use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, HostFacts};
use crate::fixes::Fix;
use crate::pipeline::Endpoint;

check! {
    /// # What it looks at
    /// Whether a TCP connection to the host and port of `[source]` opens from this machine.
    ///
    /// # Why it matters
    /// Nothing else can be looked at before it does. A refused connection means that the host answers but nobody
    /// listens on the port; silence means that a firewall or a security group drops the packets, or that the
    /// address is not routed from here.
    ///
    /// # How to fix it by hand
    /// Compare host and port with what the server publishes. On AWS, let the security group of the database admit
    /// this machine's address on the port, and check that the instance is reachable from outside its VPC at all.
    ///
    /// # Source
    /// Tried on PostgreSQL 15, MariaDB 10.11 and MySQL 9.7.
    code: "NET-020",
    name: "source-unreachable",
    area: Net,
    severity: Error,
    title: "The source does not answer on its host and port",
    after: ["NET-019"],
}

fn judge(facts: &Facts) -> Judged {
    unreachable("source", &facts.pipeline.source, &facts.source.host)
}

/// The same for either side; the target's check uses it too.
pub(super) fn unreachable(side: &str, endpoint: &Endpoint, host: &HostFacts) -> Judged {
    let Some(why) = host.tcp.known()? else { return Ok(Verdict::Pass) };
    let at = format!("{}:{}", endpoint.host, endpoint.port);
    let fix = Fix::manual(
        format!("make {at} reachable from this machine, or correct host and port in [{side}]"),
        ["Compare host and port with what the server publishes; let firewall or security group admit this machine."],
    );
    let finding = Finding::new(side, format!("The {side} does not answer at {at}: {why}")).saw("tcp", why).fix(fix);
    Ok(Verdict::Fail(vec![finding]))
}
