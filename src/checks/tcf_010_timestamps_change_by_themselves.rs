//! TCF-010: see the check's own explanation.

use super::target_variables::{is_on, optional, set_global};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, MyFlavor};
use crate::fixes::Fix;
use crate::pipeline::EngineKind;

check! {
    /// # What it looks at
    /// The target's variable `explicit_defaults_for_timestamp`, where tables are made by others than this program. It is
    /// on by default since MySQL 8.0 and MariaDB 10.10. `direct` makes `DATETIME` columns, which it does not concern.
    ///
    /// # Why it matters
    /// With it off, the first `TIMESTAMP` column of a table that is made without saying more becomes `NOT NULL DEFAULT
    /// CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP`. A Spark job makes such columns. Every later change of the row sets
    /// the column to the present, and a NULL becomes the present too.
    ///
    /// # How to fix it by hand
    /// `SET PERSIST explicit_defaults_for_timestamp = ON` (MySQL 8 and later), a line under `[mysqld]` and a restart (older
    /// servers), or the parameter group (RDS, Aurora). Tables that are there stay as they are: look for `ON UPDATE` in
    /// `SHOW CREATE TABLE`.
    ///
    /// # Source
    /// MySQL documentation, `explicit_defaults_for_timestamp`. Tried on MySQL 9.7 and MariaDB 10.11.
    code: "TCF-010",
    name: "timestamps-change-by-themselves",
    area: Tcf,
    severity: Warning,
    title: "The target makes TIMESTAMP columns that change with every update of the row",
    after: ["AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    if facts.pipeline.sync.engine == EngineKind::Direct {
        return Ok(Verdict::NotApplicable("engine direct makes DATETIME columns, which it does not concern"));
    }
    let name = "explicit_defaults_for_timestamp";
    let Some(value) = optional(facts, name)? else {
        return Ok(Verdict::NotApplicable("this server has no such switch"));
    };
    if is_on(value) {
        return Ok(Verdict::Pass);
    }
    let session = facts.target.session.known()?;
    let summary = "let a TIMESTAMP column be what its definition says";
    let dynamic = match session.flavor {
        MyFlavor::MySql => session.version_parts >= (8, 0, 0),
        MyFlavor::MariaDb => session.version_parts >= (10, 8, 4),
    };
    let fix = if dynamic || facts.aws.is_some() {
        set_global(facts, session, name, (value, "ON"), summary)
    } else {
        Fix::manual(
            summary,
            [format!("Write {name} = 1 under [mysqld] of the target's configuration, and restart it.")],
        )
    };
    let message = "The first TIMESTAMP column of a new table is set to the present by every update of its row";
    Ok(Verdict::Fail(vec![Finding::new(name, message).saw(name, value).silent_loss().fix(fix)]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, set_variable, unseen,
    };
    use crate::checks::testing_aws::healthy_dms;
    use crate::facts::Fact;
    use crate::fixes::Action;
    use crate::pipeline::EngineKind;

    #[test]
    fn off_is_switched_on() {
        let mut facts = healthy_dms();
        set_variable(&mut facts, "explicit_defaults_for_timestamp", "OFF");
        assert!(finding(&CHECK, &facts).silent_loss);
        assert_eq!(causes(&facts), ["TCF-010"]);
        let mut facts = healthy();
        facts.pipeline.sync.engine = EngineKind::S3;
        set_variable(&mut facts, "explicit_defaults_for_timestamp", "OFF");
        facts.target.grants = Fact::Known(vec!["GRANT ALL PRIVILEGES ON *.* TO `cdc`@`%`".into()]);
        let step = finding(&CHECK, &facts).fix.unwrap().steps.remove(0);
        assert_eq!(step.action, Action::target("SET PERSIST explicit_defaults_for_timestamp = ON"));
    }

    #[test]
    fn passes_is_unknown_and_does_not_apply() {
        let mut facts = healthy_dms();
        set_variable(&mut facts, "explicit_defaults_for_timestamp", "ON");
        assert_pass(&CHECK, &facts);
        facts.target.variables = unseen();
        assert_unknown(&CHECK, &facts);
        assert_not_applicable(&CHECK, &healthy());
    }
}
