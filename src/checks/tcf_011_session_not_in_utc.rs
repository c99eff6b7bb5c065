//! TCF-011: see the check's own explanation.

use super::aws_fixes::is_mysql;
use super::aws_parts::with_target;
use super::endpoint_session::{session_variable, set_session_variable};
use super::{Finding, Judged, pairs};
use crate::facts::{Facts, MyTable};
use crate::text::short_list;

check! {
    /// # What it looks at
    /// Whether the endpoint's `Initstmt` or `AfterConnectScript` puts the sessions of DMS into a time zone other than
    /// UTC, while target tables of the pipeline have `TIMESTAMP` columns. Where neither says anything, DMS takes UTC.
    /// The engine `direct` sets UTC itself.
    ///
    /// # Why it matters
    /// MySQL keeps a `TIMESTAMP` in UTC and converts from the session's time zone as it is written. DMS sends times of
    /// PostgreSQL in UTC, so that every such value is stored hours away from what it was, and nothing says so.
    /// `DATETIME` columns are kept as they are sent.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --extra-connection-attributes "Initstmt=SET time_zone='+00:00'"
    /// ```
    ///
    /// Write the attributes that are there now beside it: the call replaces them all. Rows that are there already have
    /// to be loaded again.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using a MySQL-compatible database as a target", `Initstmt=SET time_zone`, default UTC;
    /// MySQL documentation, "The DATE, DATETIME, and TIMESTAMP Types".
    code: "TCF-011",
    name: "session-not-in-utc",
    area: Tcf,
    severity: Error,
    title: "DMS writes TIMESTAMP columns in another time zone than UTC",
    after: ["AUT-025", "IAM-001"],
}

/// Names of UTC that every server knows, or knows once its time zones are loaded.
const UTC: [&str; 6] = ["+00:00", "-00:00", "utc", "gmt", "etc/utc", "universal"];

fn judge(facts: &Facts) -> Judged {
    with_target(facts, |_, endpoint| {
        let zone = session_variable(endpoint, "time_zone").filter(|z| !UTC.contains(&z.to_lowercase().as_str()));
        let Some(zone) = zone.filter(|_| is_mysql(endpoint)) else { return Ok(Vec::new()) };
        let stamped: Vec<String> = pairs::selected(facts)?.into_iter().filter_map(stamp).collect();
        if stamped.is_empty() {
            return Ok(Vec::new());
        }
        let message = format!(
            "{} writes in the time zone {zone}: every TIMESTAMP is stored that far from what it was",
            endpoint.identifier
        );
        let fix = set_session_variable(endpoint, "time_zone", "'+00:00'", "let DMS write in UTC");
        let finding = Finding::new(&endpoint.identifier, message).silent_loss().saw("time_zone", zone);
        Ok(vec![finding.saw("TIMESTAMP", short_list(&stamped)).fix(fix)])
    })
}

/// The first column of the table that converts what is written to it.
fn stamp(table: &MyTable) -> Option<String> {
    let column = table.columns.iter().find(|c| c.data_type == "timestamp")?;
    Some(format!("{}.{}", table.label(), column.name))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, my_column, target_table, unseen,
    };
    use crate::checks::testing_aws::{healthy_dms, target_endpoint};
    use crate::facts::Facts;
    use crate::fixes::Mode;

    fn in_zone(attributes: &str) -> Facts {
        let mut facts = healthy_dms();
        target_table(&mut facts).columns.push(my_column("seen_at", "timestamp", "timestamp", true));
        target_endpoint(&mut facts).attributes = attributes.into();
        facts
    }

    #[test]
    fn another_zone_is_replaced_by_utc() {
        let facts = in_zone("Initstmt=SET time_zone=US/Pacific");
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss && found.message.contains("US/Pacific"), "{}", found.message);
        assert_eq!(found.evidence[1].1, "charts.weekly_chart.seen_at");
        let step = &found.fix.unwrap().steps[0];
        assert!(step.action.describe().contains("SET time_zone="), "{}", step.action.describe());
        assert_eq!(causes(&facts), ["TCF-011"]);
    }

    #[test]
    fn a_script_that_says_it_is_left_to_a_person() {
        let mut facts = in_zone("");
        assert_pass(&CHECK, &facts);
        let mysql = target_endpoint(&mut facts).mysql.as_mut().unwrap();
        mysql.script_sets = vec![("time_zone".into(), "+09:00".into())];
        assert_eq!(finding(&CHECK, &facts).fix.unwrap().mode, Mode::Manual);
    }

    #[test]
    fn utc_by_any_name_and_tables_without_timestamps_pass() {
        assert_pass(&CHECK, &in_zone("Initstmt=SET time_zone='+00:00'"));
        assert_pass(&CHECK, &in_zone("initstmt=SET time_zone=UTC"));
        let mut facts = in_zone("Initstmt=SET time_zone=US/Pacific");
        target_table(&mut facts).columns.pop();
        assert_pass(&CHECK, &facts);
        facts.target.tables = unseen();
        assert_unknown(&CHECK, &facts);
        assert_not_applicable(&CHECK, &healthy());
    }
}
