//! The way to a host, for the checks of either side.

use super::{Finding, Judged, Verdict};
use crate::facts::HostFacts;
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::pipeline::Endpoint;

/// Fails when the host name resolves to nothing.
pub(super) fn unresolved(side: &str, endpoint: &Endpoint, host: &HostFacts) -> Judged {
    if !host.addresses.known()?.is_empty() {
        return Ok(Verdict::Pass);
    }
    let name = &endpoint.host;
    let fix = match bare_host(name) {
        Some(bare) => {
            let key = format!("{side}.host");
            let step = Step::new(Cost::None, Action::edit(&key, bare)).undo(Action::edit(&key, name));
            Fix::new(Mode::Auto, format!("leave only the host name in host of [{side}]"), vec![step])
        }
        None => Fix::manual(
            format!("correct host in [{side}], or make the name resolvable from this machine"),
            [
                format!("Compare {name} letter by letter with the address that the server's console shows."),
                "On RDS: aws rds describe-db-instances --query 'DBInstances[].Endpoint'".to_owned(),
                format!("Ask the resolver: getent hosts {name}"),
            ],
        ),
    };
    let finding = Finding::new(format!("{side}.host"), format!("The {side}'s host name {name} does not resolve"))
        .saw("host", name)
        .saw("addresses", "none")
        .fix(fix);
    Ok(Verdict::Fail(vec![finding]))
}

/// Fails when no TCP connection opens.
pub(super) fn unreachable(side: &str, endpoint: &Endpoint, host: &HostFacts) -> Judged {
    let Some(why) = host.tcp.known()? else { return Ok(Verdict::Pass) };
    let at = format!("{}:{}", endpoint.host, endpoint.port);
    let fix = Fix::manual(
        format!("make {at} reachable from this machine, or correct host and port in [{side}]"),
        ["Compare host and port with what the server publishes; let firewall or security group admit this machine."],
    );
    let mut finding = Finding::new(side, format!("The {side} does not answer at {at}: {why}"));
    if let Some(addresses) = host.addresses.value() {
        finding = finding.saw("addresses", addresses.join(", "));
    }
    Ok(Verdict::Fail(vec![finding.saw("tcp", why).fix(fix)]))
}

/// The host name inside what was pasted with spaces, a scheme, a port or a path; `None` when it is bare already.
fn bare_host(pasted: &str) -> Option<String> {
    let rest = pasted.trim();
    let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
    let rest = rest.split('/').next().unwrap_or_default();
    let rest = match rest.split_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => rest,
    };
    (!rest.is_empty() && rest != pasted && !rest.contains(char::is_whitespace)).then(|| rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pasted_around_a_host_name_is_recognised() {
        for (pasted, bare) in [
            ("db.example.com", None),
            (" db.example.com", Some("db.example.com")),
            ("db.example.com:5432", Some("db.example.com")),
            ("postgres://db.example.com:5432/music", Some("db.example.com")),
            ("db.example.com/", Some("db.example.com")),
            ("fe80::1", None),
            ("two words", None),
        ] {
            assert_eq!(bare_host(pasted).as_deref(), bare, "{pasted:?}");
        }
    }
}
