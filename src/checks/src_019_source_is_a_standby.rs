//! SRC-019: see the check's own explanation.

use super::replication::needs_no_slot;
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::{Action, Cost, Fix, Mode, Step};

check! {
    /// # What it looks at
    /// Whether the source is a standby or reader (`pg_is_in_recovery()`). Pipelines without change capture may read
    /// from one.
    ///
    /// # Why it matters
    /// Up to PostgreSQL 15 a standby cannot hold a logical replication slot at all. From 16 on it can, but the publication
    /// must be made on the primary, the making of a slot waits for traffic there, and a slot is lost when the primary
    /// removes rows that the standby still needs (`hot_standby_feedback`). AWS DMS supports it from engine 3.6.1.
    ///
    /// # How to fix it by hand
    /// Name the writer in `host` of `[source]`. On Aurora that is the cluster endpoint: without `-ro`.
    ///
    /// ```sh
    /// aws rds describe-db-clusters --db-cluster-identifier NAME --query 'DBClusters[].[Endpoint,ReaderEndpoint]'
    /// aws rds describe-db-instances --db-instance-identifier NAME \
    ///   --query 'DBInstances[].ReadReplicaSourceDBInstanceIdentifier'
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using a PostgreSQL database as a source"; PostgreSQL documentation, "Logical Decoding
    /// Concepts".
    code: "SRC-019",
    name: "source-is-a-standby",
    area: Src,
    severity: Error,
    title: "The source is a standby, and change capture needs the primary",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    if let Some(verdict) = needs_no_slot(facts) {
        return Ok(verdict);
    }
    let session = facts.source.session.known()?;
    if !session.in_recovery {
        return Ok(Verdict::Pass);
    }
    let why = if session.version_num < 160_000 {
        "a standby cannot hold a logical replication slot before PostgreSQL 16"
    } else {
        "a publication can be made on the primary only, and a standby loses its slot easily"
    };
    let host = &facts.pipeline.source.host;
    let finding = Finding::new("source.host", format!("{host} is a standby: {why}"))
        .saw("pg_is_in_recovery()", "true")
        .saw("server_version", &session.version)
        .fix(remedy(host));
    Ok(Verdict::Fail(vec![finding]))
}

fn remedy(host: &str) -> Fix {
    if let Some((cluster, rest)) = host.split_once(".cluster-ro-") {
        let writer = format!("{cluster}.cluster-{rest}");
        let step = Step::new(Cost::None, Action::edit("source.host", &writer)).undo(Action::edit("source.host", host));
        return Fix::new(
            Mode::Confirm,
            format!("set host = \"{writer}\" in [source], the cluster's writer"),
            vec![step],
        );
    }
    Fix::manual(
        "name the primary in host of [source]",
        [
            "Where does it replicate from? As a superuser on it: SELECT sender_host, sender_port FROM pg_stat_wal_receiver",
            "Put that host and port into [source] of the pipeline file.",
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, unseen,
    };
    use crate::facts::{Fact, Facts};
    use crate::fixes::{Action, Mode};
    use crate::pipeline::SyncMode;

    fn standby(version_num: u32) -> Facts {
        let mut facts = healthy();
        if let Fact::Known(session) = &mut facts.source.session {
            session.in_recovery = true;
            session.version_num = version_num;
        }
        facts
    }

    #[test]
    fn a_standby_is_told_with_the_reason_of_its_version() {
        let facts = standby(150_018);
        assert!(finding(&CHECK, &facts).message.contains("before PostgreSQL 16"));
        assert_eq!(causes(&facts), ["SRC-019"]);
        assert!(finding(&CHECK, &standby(170_002)).message.contains("publication"));
    }

    #[test]
    fn auroras_reader_endpoint_becomes_the_writers() {
        let mut facts = standby(150_018);
        facts.pipeline.source.host = "charts.cluster-ro-abc.eu-west-2.rds.amazonaws.com".into();
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert_eq!(fix.mode, Mode::Confirm);
        let writer = Action::edit("source.host", "charts.cluster-abc.eu-west-2.rds.amazonaws.com");
        assert_eq!(fix.steps[0].action, writer);
    }

    #[test]
    fn passes_unknown_and_not_applicable() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.session = unseen();
        assert_unknown(&CHECK, &facts);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
    }
}
