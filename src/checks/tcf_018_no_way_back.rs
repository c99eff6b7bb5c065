//! TCF-018: see the check's own explanation.

use super::aws_parts::{only, with_rds};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The binary log of a MySQL or MariaDB target on RDS: it is written only with automatic backups (a retention of
    /// one day or more), and holds rows only with `binlog_format = ROW` in the parameter group. Aurora is not looked at.
    ///
    /// # Why it matters
    /// Nothing, as long as rows go one way. After the cut-over, a sync back to PostgreSQL, for the day on which you
    /// have to return, can begin only where that log was written already.
    ///
    /// # How to fix it by hand
    /// Before the cut-over; the first backup makes the instance stand still for a moment:
    ///
    /// ```sh
    /// aws rds modify-db-instance --db-instance-identifier NAME --backup-retention-period 7 --apply-immediately
    /// aws rds modify-db-parameter-group --db-parameter-group-name GROUP \
    ///   --parameters ParameterName=binlog_format,ParameterValue=ROW,ApplyMethod=immediate
    /// ```
    ///
    /// Then keep the log for a day: `CALL mysql.rds_set_configuration('binlog retention hours', 24)`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using a MySQL-compatible database as a source"; Amazon RDS User Guide, "Configuring MySQL
    /// binary logging".
    code: "TCF-018",
    name: "no-way-back",
    area: Tcf,
    severity: Advice,
    title: "The target writes no binary log that a sync back could begin from",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_rds(facts, |side| {
        let instance = side.instance;
        if side.side != "target" || instance.cluster.is_some() {
            return Ok(Vec::new());
        }
        let format = side.rds.parameters.known()?.get("binlog_format").and_then(|p| p.value.as_deref());
        let why = match (instance.backup_days, format) {
            (0, _) => "writes no binary log, since it has no automatic backups".to_owned(),
            (_, Some(format)) if !format.eq_ignore_ascii_case("ROW") => {
                format!("writes a binary log of {format}, which holds no whole rows")
            }
            _ => return Ok(Vec::new()),
        };
        let todo = [
            format!(
                "aws rds modify-db-instance --db-instance-identifier {} --backup-retention-period 7 --apply-immediately",
                instance.identifier
            ),
            "Set binlog_format = ROW in its parameter group, and keep the log: CALL mysql.rds_set_configuration('binlog \
             retention hours', 24)"
                .to_owned(),
        ];
        let message = format!("{} {why}: no sync back can begin there", instance.identifier);
        only(Some(Finding::new(&instance.identifier, message).fix(Fix::manual("write one before the cut-over", todo))))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known, target_rds};

    #[test]
    fn without_backups_or_without_rows() {
        let mut facts = healthy_dms();
        target_rds(&mut facts).backup_days = 0;
        assert!(finding(&CHECK, &facts).message.contains("no automatic backups"));
        target_rds(&mut facts).backup_days = 1;
        assert_pass(&CHECK, &facts);
        let parameters = known(&mut aws(&mut facts).target.parameters);
        let mut format = parameters.values().next().unwrap().clone();
        format.value = Some("MIXED".into());
        parameters.insert("binlog_format".into(), format);
        assert!(finding(&CHECK, &facts).message.contains("a binary log of MIXED"));
        target_rds(&mut facts).cluster = Some("charts".into());
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.target.parameters = unseen());
    }
}
