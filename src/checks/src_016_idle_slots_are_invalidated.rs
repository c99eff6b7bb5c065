//! SRC-016: see the check's own explanation.

use super::logins::on_rds;
use super::replication::needs_no_slot;
use super::src_012_long_transaction::duration;
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, PgSetting, Unknown, UnknownKind};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Whether `idle_replication_slot_timeout` is set on the source. PostgreSQL has it since version 18.
    ///
    /// # Why it matters
    /// A slot that nobody has read from for that long is invalidated with the next checkpoint, however little WAL it
    /// holds. A sync that was stopped over the weekend then finds `can no longer access replication slot`, and every
    /// table must be loaded again.
    ///
    /// # How to fix it by hand
    /// Turn it off, or set it well above the longest stop; no restart is needed:
    ///
    /// ```sql
    /// ALTER SYSTEM SET idle_replication_slot_timeout = 0;      -- on RDS: in the parameter group
    /// SELECT pg_reload_conf();
    /// ```
    ///
    /// What it guards against, slots that nobody comes back for, is better watched: SRC-022 names them.
    ///
    /// # Source
    /// PostgreSQL 18 documentation, `idle_replication_slot_timeout`. Tried on PostgreSQL 18.
    code: "SRC-016",
    name: "idle-slots-are-invalidated",
    area: Src,
    severity: Warning,
    title: "The source gives up a replication slot that is not read from for some time",
    after: ["AUT-024"],
}

const NAME: &str = "idle_replication_slot_timeout";

fn judge(facts: &Facts) -> Judged {
    if let Some(verdict) = needs_no_slot(facts) {
        return Ok(verdict);
    }
    let Some(setting) = facts.source.settings.known()?.get(NAME) else {
        return Ok(Verdict::NotApplicable("this version of PostgreSQL has no idle_replication_slot_timeout"));
    };
    let seconds = seconds(setting)?;
    if seconds == 0 {
        return Ok(Verdict::Pass);
    }
    let words = duration(f64::from(seconds));
    let finding = Finding::new(
        NAME,
        format!("A sync that is stopped for {words} loses its slot, and every table must be loaded again"),
    )
    .saw(NAME, format!("{} {}", setting.value, setting.unit.as_deref().unwrap_or("s")))
    .saw("set by", &setting.source);
    Ok(Verdict::Fail(vec![finding.fix(remedy(facts))]))
}

fn seconds(setting: &PgSetting) -> Result<u32, Unknown> {
    let factor = match setting.unit.as_deref() {
        Some("min") => 60,
        _ => 1,
    };
    let value: u32 = setting.value.parse().map_err(|_| {
        Unknown::new(UnknownKind::Failed, format!("the source's {NAME} is {:?}, no number", setting.value))
    })?;
    Ok(value.saturating_mul(factor))
}

fn remedy(facts: &Facts) -> Fix {
    let off = format!("{NAME} = 0");
    let note = if on_rds(&facts.pipeline.source) {
        format!("In the parameter group (for Aurora, of the cluster): {off}; no reboot")
    } else {
        format!("As a superuser: ALTER SYSTEM SET {off}; SELECT pg_reload_conf()")
    };
    Fix::manual(format!("set {off}"), [note])
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, healthy_rds, set, unseen,
    };
    use crate::facts::Facts;
    use crate::pipeline::SyncMode;

    fn timeout(value: &str) -> Facts {
        let mut facts = healthy();
        set(&mut facts, super::NAME, value);
        facts
    }

    #[test]
    fn a_timeout_is_told_with_what_turns_it_off() {
        let facts = timeout("172800");
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("stopped for 2 d 0 h"), "{}", found.message);
        let note = found.fix.unwrap().steps[0].action.describe();
        assert!(note.contains("ALTER SYSTEM SET idle_replication_slot_timeout = 0; SELECT pg_reload_conf()"), "{note}");
        assert_eq!(causes(&facts), ["SRC-016"]);
        let mut rds = healthy_rds();
        set(&mut rds, super::NAME, "60");
        let note = finding(&CHECK, &rds).fix.unwrap().steps[0].action.describe();
        assert!(note.starts_with("In the parameter group"), "{note}");
    }

    #[test]
    fn passes_when_off_and_does_not_apply_before_version_18() {
        assert_pass(&CHECK, &timeout("0"));
        assert_not_applicable(&CHECK, &healthy());
    }

    #[test]
    fn unknown_and_not_applicable() {
        let mut facts = timeout("60");
        facts.source.settings = unseen();
        assert_unknown(&CHECK, &facts);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
    }
}
