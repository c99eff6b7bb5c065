//! SRC-025: see the check's own explanation.

use super::aws_parts::{Part, with_source};
use super::{Finding, Judged};
use crate::facts::aws::DmsEndpoint;
use crate::facts::{EventTrigger, Facts, Unknown};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::quote::pg_ident;

check! {
    /// # What it looks at
    /// The event triggers of DMS on the source (`awsdms_…`), where the source is itself a target of replication: it
    /// has a subscription, or an endpoint of DMS writes to its address. Asked only where the source endpoint captures
    /// DDL.
    ///
    /// # Why it matters
    /// A session that replicates into a database sets `session_replication_role` to `replica`, and then only triggers
    /// that are `ENABLE ALWAYS` fire. Schema changes that arrive so are not captured, and the target keeps its old form.
    ///
    /// # How to fix it by hand
    /// ```sql
    /// ALTER EVENT TRIGGER awsdms_intercept_ddl ENABLE ALWAYS;
    /// ```
    ///
    /// # Source
    /// AWS DMS assessment `postgres-check-ddl-event-trigger`; PostgreSQL documentation, `ALTER EVENT TRIGGER`.
    code: "SRC-025",
    name: "ddl-of-replicated-changes-unseen",
    area: Src,
    severity: Warning,
    title: "DMS does not see schema changes that are replicated into the source",
    after: ["AUT-024", "IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_source(facts, |part, endpoint| {
        let captures = endpoint.postgres.as_ref().and_then(|s| s.capture_ddls) != Some(false);
        if !captures || !part.follows_changes() {
            return Ok(Vec::new());
        }
        let installed = facts.source.installed.known()?;
        let by = match installed.subscriptions.first() {
            Some(name) => Some(format!("the subscription {name}")),
            None => writer(part, endpoint)?.map(|e| format!("the endpoint {}", e.identifier)),
        };
        let Some(by) = by else { return Ok(Vec::new()) };
        let asleep = |t: &&EventTrigger| t.name.starts_with("awsdms") && t.enabled != "A";
        Ok(installed.event_triggers.iter().filter(asleep).map(|trigger| finding(trigger, &by)).collect())
    })
}

/// An endpoint of DMS that writes to the source's address. Another server may have the same host and another port.
fn writer<'a>(part: &Part<'a>, source: &DmsEndpoint) -> Result<Option<&'a DmsEndpoint>, Unknown> {
    let into =
        |e: &&DmsEndpoint| e.side == "target" && e.host.is_some() && (&e.host, e.port) == (&source.host, source.port);
    Ok(part.dms.endpoints.known()?.iter().find(into))
}

fn finding(trigger: &EventTrigger, by: &str) -> Finding {
    let name = pg_ident(&trigger.name);
    let alter = |how: &str| format!("ALTER EVENT TRIGGER {name} {how}");
    let before = match trigger.enabled.as_str() {
        "R" => "ENABLE REPLICA",
        "D" => "DISABLE",
        _ => "ENABLE",
    };
    let step = Step::new(Cost::None, Action::source(alter("ENABLE ALWAYS"))).undo(Action::source(alter(before)));
    let message = format!("{} does not fire for what {by} brings into the source", trigger.name);
    Finding::new(&trigger.name, message).saw("evtenabled", &trigger.enabled).fix(Fix::new(
        Mode::Confirm,
        alter("ENABLE ALWAYS"),
        vec![step.note("by the owner of the trigger")],
    ))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known, source_endpoint, target_endpoint};
    use crate::facts::aws::DmsEndpoint;
    use crate::facts::{EventTrigger, Facts};

    /// DMS captures DDL by a trigger in this state.
    fn captured(enabled: &str) -> Facts {
        let mut facts = healthy_dms();
        source_endpoint(&mut facts).postgres.as_mut().unwrap().capture_ddls = Some(true);
        let trigger = EventTrigger { name: "awsdms_intercept_ddl".into(), enabled: enabled.into() };
        known(&mut facts.source.installed).event_triggers = vec![trigger];
        facts
    }

    #[test]
    fn a_source_with_a_subscription() {
        let mut facts = captured("O");
        assert_pass(&CHECK, &facts);
        known(&mut facts.source.installed).subscriptions = vec!["upstream".into()];
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert_eq!(fix.summary, r#"ALTER EVENT TRIGGER "awsdms_intercept_ddl" ENABLE ALWAYS"#);
        let mut facts = captured("A");
        known(&mut facts.source.installed).subscriptions = vec!["upstream".into()];
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn a_source_that_another_task_writes_to() {
        let mut facts = captured("O");
        let into = target_endpoint(&mut facts).clone();
        let (host, port) = (source_endpoint(&mut facts).host.clone(), source_endpoint(&mut facts).port);
        let upstream = DmsEndpoint { identifier: "upstream".into(), host, port: Some(3306), ..into };
        known(&mut aws(&mut facts).dms.endpoints).push(upstream);
        assert_pass(&CHECK, &facts);
        known(&mut aws(&mut facts).dms.endpoints).last_mut().unwrap().port = port;
        assert!(finding(&CHECK, &facts).message.contains("the endpoint upstream"));
        facts.source.installed = unseen();
        assert!((CHECK.judge)(&facts).is_err());
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
