//! TCF-012: see the check's own explanation.

use super::target_variables::{is_on, optional, switch_on};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, MyFlavor};

check! {
    /// # What it looks at
    /// The switch that makes the target refuse tables without a key: `sql_require_primary_key` (MySQL 8.0.13 and
    /// later), `innodb_force_primary_key` (MariaDB). Older MySQL has none, and the check does not apply.
    ///
    /// # Why it matters
    /// A Spark job that writes with `mode("overwrite")` and without `.option("truncate", "true")` drops the target
    /// table and creates it again, without its key, and nothing says so. The next updates and deletes then find no row,
    /// or every row twice. With the switch on, the job's `CREATE TABLE` fails with error 3750 (MySQL) or 1173
    /// (MariaDB), and somebody looks. The failure comes after the `DROP TABLE`, so the rows are gone all the same; the
    /// switch turns silent damage into loud damage.
    ///
    /// # How to fix it by hand
    /// MySQL: `SET PERSIST sql_require_primary_key = ON`. MariaDB: `SET GLOBAL innodb_force_primary_key = ON`, and the
    /// same under `[mysqld]`. RDS and Aurora: the parameter group, no reboot. Tables that are there stay as they are,
    /// but on MySQL a table without a key cannot be altered either until it gets one. It concerns the whole server:
    /// programs that create tables without a key, temporary ones among them, fail too; let such a program say
    /// `SET SESSION sql_require_primary_key = OFF` (MySQL, with the privilege for it).
    ///
    /// # Source
    /// MySQL, `sql_require_primary_key`; MariaDB, `innodb_force_primary_key`. Tried on MySQL 9.7 and MariaDB 10.11:
    /// both refuse `CREATE TABLE`, `CREATE TEMPORARY TABLE` and `DROP PRIMARY KEY`, and accept a NOT NULL unique key in
    /// place of the primary key.
    code: "TCF-012",
    name: "no-guard-against-keyless-tables",
    area: Tcf,
    severity: Warning,
    title: "Nothing on the target stops a job from re-creating tables without a primary key",
    after: ["AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    let session = facts.target.session.known()?;
    let name = match session.flavor {
        MyFlavor::MySql => "sql_require_primary_key",
        MyFlavor::MariaDb => "innodb_force_primary_key",
    };
    let Some(value) = optional(facts, name)? else {
        return Ok(Verdict::NotApplicable("this server has no switch that refuses tables without a key"));
    };
    if is_on(value) {
        return Ok(Verdict::Pass);
    }
    let message = "Nothing stops a job from re-creating a target table without its primary key";
    let fix = switch_on(facts, session, name, "refuse tables without a key").or(
        "write .option(\"truncate\", \"true\") beside each overwrite in Spark jobs, so that tables are not re-created",
    );
    Ok(Verdict::Fail(vec![Finding::new(name, message).saw(name, value).fix(fix)]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, healthy_mariadb, set_variable,
        unseen,
    };
    use crate::facts::Fact;
    use crate::fixes::Action;

    #[test]
    fn each_server_has_its_own_switch() {
        let root = Fact::Known(vec!["GRANT ALL PRIVILEGES ON *.* TO `cdc`@`%`".to_owned()]);
        for (mut facts, name, sql) in [
            (healthy(), "sql_require_primary_key", "SET PERSIST sql_require_primary_key = ON"),
            (healthy_mariadb(), "innodb_force_primary_key", "SET GLOBAL innodb_force_primary_key = ON"),
        ] {
            facts.target.grants = root.clone();
            set_variable(&mut facts, name, "OFF");
            let found = finding(&CHECK, &facts);
            assert_eq!(found.subject, name);
            assert_eq!(found.fix.unwrap().steps[0].action, Action::target(sql));
            assert_eq!(causes(&facts), ["TCF-012"]);
            set_variable(&mut facts, name, "ON");
            assert_pass(&CHECK, &facts);
        }
    }

    #[test]
    fn a_server_without_the_switch_is_left_alone() {
        let mut facts = healthy();
        if let Fact::Known(variables) = &mut facts.target.variables {
            variables.remove("sql_require_primary_key");
        }
        assert_not_applicable(&CHECK, &facts);
    }

    #[test]
    fn is_unknown_without_variables() {
        let mut facts = healthy();
        facts.target.variables = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
