//! TCF-002: see the check's own explanation.

use super::aws_fixes::is_mysql;
use super::aws_parts::with_target;
use super::target_variables::{set_global, variable};
use super::{Finding, Judged};
use crate::facts::{Facts, PgTable, Unknown};
use crate::text::short_list;

check! {
    /// # What it looks at
    /// The target's `max_allowed_packet` against `LobMaxSize` of the DMS task, where it has the limited LOB mode and
    /// source tables have columns that DMS treats as LOBs (text, JSON, bytea, XML, hstore). How long their values really
    /// are is not measured. `direct` looks at each row before it sends it, and names one that is too long.
    ///
    /// # Why it matters
    /// MySQL takes no statement that is longer than that. A row with a LOB of the size that the task lets through ends
    /// the session: `2006 MySQL server has gone away`, or `2013 Lost connection to MySQL server during query`.
    ///
    /// # How to fix it by hand
    /// `SET PERSIST max_allowed_packet = 134217728` (MySQL 8 and later), `SET GLOBAL` and a line under `[mysqld]`
    /// (MariaDB), or the parameter group (RDS, Aurora; no reboot). New sessions have it; its largest value is 1 GB. Or
    /// lower `LobMaxSize` of the task to what the values need.
    ///
    /// # Source
    /// AWS DMS User Guide, "Troubleshooting", connections to a target MySQL instance are disconnected during a task, and
    /// premigration assessment `mysql-check-max-allowed-packet-lob`; MySQL documentation, "Packet Too Large".
    code: "TCF-002",
    name: "max-allowed-packet-small",
    area: Tcf,
    severity: Warning,
    title: "The target takes no statement as long as the LOBs that the task lets through",
    after: ["AUT-024", "AUT-025", "IAM-001"],
}

/// Types that DMS moves as LOBs.
const LOBS: [&str; 6] = ["text", "json", "jsonb", "bytea", "xml", "hstore"];

/// The largest value of `max_allowed_packet`.
const MOST: u64 = 1 << 30;

/// What a statement holds beside the LOB.
const BESIDE: u64 = 1 << 20;

fn judge(facts: &Facts) -> Judged {
    with_target(facts, |part, endpoint| {
        let task = part.dms.task(part.names)?.filter(|_| is_mysql(endpoint));
        let Some(kilobytes) = task.and_then(|task| {
            let limited = task.setting("/TargetMetadata/LimitedSizeLobMode")?.as_bool()?;
            task.setting("/TargetMetadata/LobMaxSize")?.as_u64().filter(|_| limited)
        }) else {
            return Ok(Vec::new());
        };
        let packet: u64 = variable(facts, "max_allowed_packet")?.parse().unwrap_or(u64::MAX);
        if kilobytes.saturating_mul(1024) < packet {
            return Ok(Vec::new());
        }
        let with_lobs = with_lobs(facts)?;
        if with_lobs.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = (kilobytes.saturating_mul(1024).saturating_add(BESIDE)).next_power_of_two().min(MOST);
        let message = format!("The task lets LOBs of {kilobytes} KB through, the target takes {} KB", packet / 1024);
        let (before, after) = (packet.to_string(), wanted.to_string());
        let session = facts.target.session.known()?;
        let summary = "let the target take longer statements";
        let fix = set_global(facts, session, "max_allowed_packet", (&before, &after), summary)
            .or("lower LobMaxSize of the task to what the values need");
        let finding = Finding::new("max_allowed_packet", message).saw("max_allowed_packet", before);
        Ok(vec![finding.saw("LobMaxSize", format!("{kilobytes} KB")).saw("LOBs in", short_list(&with_lobs)).fix(fix)])
    })
}

fn with_lobs(facts: &Facts) -> Result<Vec<String>, Unknown> {
    let has_lob = |t: &&PgTable| t.columns.iter().any(|c| LOBS.contains(&c.ty.name.as_str()));
    Ok(facts.source.tables.known()?.iter().filter(has_lob).map(PgTable::label).collect())
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use serde_json::json;

    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, pg_column, set_variable,
        source_table, unseen,
    };
    use crate::checks::testing_aws::{healthy_dms, set_task};
    use crate::facts::Facts;

    /// LOBs of 16 MB into packets of 16 MB.
    fn tight() -> Facts {
        let mut facts = healthy_dms();
        source_table(&mut facts).columns.push(pg_column("lyrics", "text", "text", -1, false));
        set_variable(&mut facts, "max_allowed_packet", "16777216");
        set_task(&mut facts, "/TargetMetadata/LobMaxSize", json!(16384));
        set_task(&mut facts, "/ValidationSettings/ValidationPartialLobSize", json!(16384));
        facts
    }

    #[test]
    fn the_packet_is_raised_above_the_lob() {
        let facts = tight();
        let found = finding(&CHECK, &facts);
        assert_eq!(found.message, "The task lets LOBs of 16384 KB through, the target takes 16384 KB");
        assert!(found.fix.unwrap().steps[0].action.describe().contains("33554432"));
        assert!(causes(&facts).contains(&"TCF-002"));
    }

    #[test]
    fn tables_without_lobs_and_smaller_lobs_pass() {
        let mut facts = tight();
        source_table(&mut facts).columns.pop();
        assert_pass(&CHECK, &facts);
        let mut facts = tight();
        set_variable(&mut facts, "max_allowed_packet", "33554432");
        assert_pass(&CHECK, &facts);
        facts.target.variables = unseen();
        assert_unknown(&CHECK, &facts);
        assert_not_applicable(&CHECK, &healthy());
    }
}
