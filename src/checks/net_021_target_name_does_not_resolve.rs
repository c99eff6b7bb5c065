//! NET-021: see the check's own explanation.

use super::{Judged, hosts};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// Whether `host` of `[target]` resolves to an address on this machine.
    ///
    /// # Why it matters
    /// Without an address there is no connection, and every other message would only hide that. Usual causes are a
    /// typing error, a scheme or port pasted into `host`, a private DNS zone that this machine does not see, or an
    /// instance that was deleted or renamed.
    ///
    /// # How to fix it by hand
    /// Look the address up where the server publishes it and copy it whole:
    ///
    /// ```sh
    /// aws rds describe-db-instances --query 'DBInstances[].[DBInstanceIdentifier,Endpoint.Address,Endpoint.Port]'
    /// getent hosts charts-target.abc.eu-west-2.rds.amazonaws.com
    /// ```
    ///
    /// `host` takes the bare name; the port goes into `port`.
    ///
    /// # Source
    /// Tried with names under `.invalid`, which never resolve (RFC 2606).
    code: "NET-021",
    name: "target-name-does-not-resolve",
    area: Net,
    severity: Error,
    title: "The target's host name does not resolve",
    after: [],
}

fn judge(facts: &Facts) -> Judged {
    hosts::unresolved("target", &facts.pipeline.target, &facts.target.host)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, unseen};
    use crate::facts::Fact;

    #[test]
    fn a_name_without_an_address_is_the_only_cause() {
        let mut facts = healthy();
        facts.target.host.addresses = Fact::Known(Vec::new());
        facts.target.host.tcp = Fact::Known(Some("no address".into()));
        assert_eq!(finding(&CHECK, &facts).subject, "target.host");
        assert_eq!(causes(&facts), ["NET-021"]);
    }

    #[test]
    fn passes_with_an_address_and_is_unknown_without_an_answer() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.target.host.addresses = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
