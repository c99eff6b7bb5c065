//! NET-019: see the check's own explanation.

use super::{Judged, hosts};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// Whether `host` of `[source]` resolves to an address on this machine.
    ///
    /// # Why it matters
    /// Without an address there is no connection, and every other message would only hide that. Usual causes are a
    /// typing error, a scheme or port pasted into `host`, a private DNS zone that this machine does not see, or an
    /// instance that was deleted or renamed: RDS removes the name with the instance.
    ///
    /// # How to fix it by hand
    /// Look the address up where the server publishes it and copy it whole:
    ///
    /// ```sh
    /// aws rds describe-db-instances --query 'DBInstances[].[DBInstanceIdentifier,Endpoint.Address,Endpoint.Port]'
    /// getent hosts charts.abc.eu-west-2.rds.amazonaws.com
    /// ```
    ///
    /// `host` takes the bare name; the port goes into `port`. For a name in a private zone, run from inside the
    /// VPC, or over its VPN with the VPC's resolver.
    ///
    /// # Source
    /// Tried with names under `.invalid`, which never resolve (RFC 2606).
    code: "NET-019",
    name: "source-name-does-not-resolve",
    area: Net,
    severity: Error,
    title: "The source's host name does not resolve",
    after: [],
}

fn judge(facts: &Facts) -> Judged {
    hosts::unresolved("source", &facts.pipeline.source, &facts.source.host)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, unseen};
    use crate::facts::Fact;
    use crate::fixes::{Action, Mode};

    #[test]
    fn a_name_without_an_address_is_the_only_cause() {
        let mut facts = healthy();
        facts.pipeline.source.host = "pg.invalid".into();
        facts.source.host.addresses = Fact::Known(Vec::new());
        facts.source.host.tcp = Fact::Known(Some("no address".into()));
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("pg.invalid"));
        assert_eq!(found.fix.map(|f| f.mode), Some(Mode::Manual));
        assert_eq!(causes(&facts), ["NET-019"]);
    }

    #[test]
    fn a_port_inside_the_name_is_taken_out() {
        let mut facts = healthy();
        facts.pipeline.source.host = "pg.example.com:5433".into();
        facts.source.host.addresses = Fact::Known(Vec::new());
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert_eq!(fix.steps[0].action, Action::edit("source.host", "pg.example.com"));
    }

    #[test]
    fn passes_with_an_address_and_is_unknown_without_an_answer() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.host.addresses = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
