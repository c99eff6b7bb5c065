//! The DMS side as a tree: what is made, changed, kept and deleted, with every value; then how far each is.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::super::job::JobKind;
use super::super::model::Model;
use super::super::provision_run::ProvisionRun;
use super::super::theme::{self, Sign};
use super::super::widgets::{clock, head, wrap, wrap_lines};
use super::put_all;
use crate::facts::{Attempt, Facts};
use crate::pipeline::Pipeline;
use crate::provision::plan::Step;
use crate::provision::text::name;
use crate::provision::{self, Plan, Verb};
use crate::text;

pub fn draw(frame: &mut Frame<'_>, body: Rect, model: &Model) {
    let area = Rect { x: body.x + 1, width: body.width - 2, ..body };
    let Some(plan) = &model.provision.plan else {
        let lines = nothing(model, usize::from(area.width));
        put_all(frame, Rect { y: area.y + 1, height: area.height - 1, ..area }, &lines);
        return;
    };
    let foot = foot(model, plan, usize::from(area.width));
    let below = u16::try_from(foot.len()).unwrap_or(u16::MAX).min(area.height / 2);
    let tree = Rect { height: area.height - below, ..area };
    let (lines, starts) = lines(&model.provision, plan, usize::from(tree.width));
    let top = model.provision.scroll.min(lines.len().saturating_sub(usize::from(tree.height)));
    put_all(frame, tree, &lines[top..]);
    let chosen = starts.get(model.provision.cursor).and_then(|at| at.checked_sub(top));
    if let Some(row) = chosen.and_then(|at| tree.rows().nth(at)) {
        frame.buffer_mut().set_style(row, theme::CHOSEN);
    }
    put_all(frame, Rect { y: tree.bottom(), height: below, ..area }, &foot);
}

/// The resource at a line of the screen.
pub fn line_at(body: Rect, model: &Model, row: u16) -> Option<usize> {
    let plan = model.provision.plan.as_ref()?;
    let (_, starts) = lines(&model.provision, plan, usize::from(body.width) - 2);
    let line = usize::from(row.checked_sub(body.y)?) + model.provision.scroll;
    starts.iter().rposition(|start| *start <= line)
}

/// Where the tree starts on the screen, so that the chosen resource is there.
pub fn scroll(body: Rect, model: &Model) -> usize {
    let Some(plan) = &model.provision.plan else { return 0 };
    let width = usize::from(body.width) - 2;
    let foot = foot(model, plan, width).len().min(usize::from(body.height / 2));
    let height = usize::from(body.height) - foot;
    let (lines, starts) = lines(&model.provision, plan, width);
    let from = starts.get(model.provision.cursor).copied().unwrap_or(0);
    let to = starts.get(model.provision.cursor + 1).copied().unwrap_or(lines.len());
    let now = model.provision.scroll;
    let visible = from >= now && to <= now + height;
    if visible { now } else { from }.min(lines.len().saturating_sub(height))
}

/// What stands there before a plan was read.
fn nothing(model: &Model, width: usize) -> Vec<Line<'static>> {
    let say = |text: &str, style: Style| wrap_lines(text, width).into_iter().map(move |l| Line::styled(l, style));
    let mut lines = Vec::new();
    if let Some(why) = &model.provision.error {
        lines.extend(say(why, theme::BAD));
        lines.push(Line::default());
    }
    let (dms, aws) = model.pipeline.as_ref().map_or((false, false), |p| (p.dms.is_some(), p.aws.is_some()));
    if !(dms && aws) {
        lines.extend(say(
            "There is nothing to make here: this pipeline moves its rows without AWS DMS. To use it, add [aws] and [dms] \
             to the pipeline file and set engine = \"dms\" in [sync].",
            theme::PLAIN,
        ));
        return lines;
    }
    lines.extend(say(
        "Replication instance, endpoints, certificate, roles and task, as the pipeline file asks for them. Reading \
         what is there changes nothing; the plan then shows every value that would.",
        theme::PLAIN,
    ));
    lines.push(Line::default());
    let mut keys = vec![Span::styled("p", theme::ACCENT), Span::raw(" read what is there   ")];
    if model.provision.error.is_some() {
        keys.extend([Span::styled("2", theme::ACCENT), Span::raw(" look at the checks")]);
    }
    lines.push(Line::from(keys));
    lines
}

fn sign(verb: Verb) -> Sign {
    match verb {
        Verb::Create => ("+", theme::GOOD),
        Verb::Change => ("~", theme::WARN),
        Verb::Delete => ("−", theme::BAD),
        Verb::Keep => ("=", theme::FAINT),
    }
}

/// The tree, and where each resource starts in it.
fn lines(run: &ProvisionRun, plan: &Plan, width: usize) -> (Vec<Line<'static>>, Vec<usize>) {
    let mut lines = Vec::new();
    let mut starts = Vec::new();
    let kinds = plan.steps.iter().map(|s| s.kind.label().width()).max().unwrap_or(0);
    for (at, step) in plan.steps.iter().enumerate() {
        starts.push(lines.len());
        lines.push(resource(run, step, run.open(at), kinds, width));
        if run.open(at) {
            values(step, width, &mut lines);
        }
    }
    for note in &plan.notes {
        lines.extend(wrap(&format!("! {note}"), width).into_iter().map(|l| Line::styled(l, theme::WARN)));
    }
    (lines, starts)
}

fn resource(run: &ProvisionRun, step: &Step, open: bool, kinds: usize, width: usize) -> Line<'static> {
    let (sign, style) = sign(step.verb);
    let fold = match (step.differences.is_empty(), open) {
        (true, _) => " ",
        (_, true) => "▾",
        _ => "▸",
    };
    let lead = format!("{fold} {sign} {:kinds$}  ", step.kind.label());
    let word = match (run.state(step), step.verb, &step.status) {
        (Some(told), ..) if told.elapsed.as_secs() > 0 => format!("{} {}", told.state, clock(told.elapsed.as_secs())),
        (Some(told), ..) => told.state.clone(),
        (None, Verb::Create, _) => String::new(),
        (None, _, Some(status)) => status.clone(),
        _ => String::new(),
    };
    let word = text::fit(&head(&word, 100), width / 3);
    let room = width.saturating_sub(lead.width() + word.width() + 2);
    let name = text::fit(&head(&step.name, 200), room);
    let pad = width.saturating_sub(lead.width() + name.width() + word.width());
    let told = if run.state(step).is_some() { theme::BUSY } else { theme::FAINT };
    Line::from(vec![
        Span::styled(lead, style),
        Span::styled(name, theme::STRONG),
        Span::raw(" ".repeat(pad)),
        Span::styled(word, told),
    ])
}

fn values(step: &Step, width: usize, lines: &mut Vec<Line<'static>>) {
    let widest = step.differences.iter().map(|d| name(d).width()).max().unwrap_or(0).min(width / 2);
    for difference in &step.differences {
        let name = text::fit(name(difference), widest);
        let pad = widest.saturating_sub(name.width());
        let room = width.saturating_sub(6 + widest + 2).max(10);
        let parts = provision::text::lines(step, difference).into_iter().flat_map(|l| wrap(&head(&l, 600), room));
        for (i, part) in parts.enumerate() {
            let lead = if i == 0 { format!("      {name}{}  ", " ".repeat(pad)) } else { " ".repeat(8 + widest) };
            lines.push(Line::from(vec![Span::styled(lead, theme::FAINT), Span::raw(part)]));
        }
        if difference.fixed {
            lines.push(Line::styled("        cannot be changed: the resource must be made anew", theme::BAD));
        }
    }
}

/// Sums, the cost, the logins from both sides, and how it went.
fn foot(model: &Model, plan: &Plan, width: usize) -> Vec<Line<'static>> {
    let run = &model.provision;
    let mut lines = vec![Line::styled("─".repeat(width), theme::FAINT)];
    let mut say = |text: &str, style: Style| {
        lines.extend(wrap_lines(&head(text, 1500), width).into_iter().map(|l| Line::styled(l, style)));
    };
    let applying = model.job.as_ref().is_some_and(|j| j.kind == JobKind::Provision);
    if let Some(why) = &run.error {
        say(why, theme::BAD);
    } else if run.done {
        say("Everything is there, and both logins work. 5 then s starts the task.", theme::GOOD);
    } else if applying {
        say(
            "Making it so. Everything that is made is tagged, and can be looked at and ended at any time.",
            theme::BUSY,
        );
    } else {
        let time = run
            .read_at
            .map_or_else(String::new, |at| format!("   read {}", at.to_zoned(model.zone.clone()).strftime("%H:%M:%S")));
        say(&format!("{}{time}", plan.summary()), theme::STRONG);
    }
    if let (false, Some(cost)) = (run.done || applying, &plan.cost) {
        say(cost, theme::FAINT);
    }
    if let (Some(facts), Some(pipeline)) = (model.checks.facts.as_deref(), &model.pipeline) {
        lines.extend(logins(model, facts, pipeline));
    }
    lines
}

/// The same login from this machine and from the replication instance.
fn logins(model: &Model, facts: &Facts, pipeline: &Pipeline) -> Vec<Line<'static>> {
    let side = |name: &'static str, attempt: &Attempt, endpoint: &str| {
        let here = match attempt {
            Attempt::Accepted { tls: Some(tls) } => (theme::OK, format!("works, {tls}")),
            Attempt::Accepted { tls: None } => (theme::OK, "works, without TLS".to_owned()),
            Attempt::Refused(refusal) => (("✗", theme::BAD), format!("refused: {}", refusal.message)),
            Attempt::NotTried(_) => (theme::UNKNOWN, "not tried".to_owned()),
        };
        let there = tested(model, facts, endpoint);
        Line::from(vec![
            Span::raw(format!("{name:<7} from here ")),
            Span::styled(here.0.0, here.0.1),
            Span::raw(format!(" {}   from DMS ", text::fit(&here.1, 40))),
            Span::styled(there.0.0, there.0.1),
            Span::raw(format!(" {}", text::fit(&there.1, 60))),
        ])
    };
    let Some(dms) = &pipeline.dms else { return Vec::new() };
    vec![
        side("source", &facts.source.configured, &dms.source_endpoint),
        side("target", &facts.target.configured, &dms.target_endpoint),
    ]
}

fn tested(model: &Model, facts: &Facts, endpoint: &str) -> (Sign, String) {
    let told = model.provision.states.iter().find(|s| s.what.ends_with(&format!(" {endpoint}")));
    if let Some(told) = told.filter(|t| t.state.contains("login")) {
        let sign = match told.state.as_str() {
            "login works" => theme::OK,
            "login failed" => ("✗", theme::BAD),
            _ => theme::RUNNING,
        };
        return (sign, told.state.clone());
    }
    let connection = facts.aws.as_ref().and_then(|aws| {
        let arn = &aws.dms.endpoint(endpoint).ok().flatten()?.arn;
        aws.dms.connections.value()?.iter().find(|c| c.endpoint_arn == *arn)
    });
    match connection {
        Some(c) if c.status == "successful" => (theme::OK, "works".to_owned()),
        Some(c) => (("✗", theme::BAD), c.failure.clone().unwrap_or_else(|| c.status.clone())),
        None => (theme::UNKNOWN, "not tested yet".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use insta::assert_snapshot;
    use ratatui::crossterm::event::KeyCode;
    use serde_json::json;

    use super::super::super::confirm::Guarded;
    use super::super::super::job::JobKind;
    use super::super::super::message::{Effect, JobEnd, Message};
    use super::super::super::model::{Model, Screen};
    use super::super::super::testing::{self, keys, press, screen};
    use super::super::super::theme::Look;
    use super::super::super::update::update;
    use crate::provision::apply::Told;
    use crate::provision::plan::{Difference, Step};
    use crate::provision::{Kind, Plan, Verb};

    fn step(verb: Verb, kind: Kind, name: &str, differences: Vec<Difference>) -> Step {
        Step { verb, kind, name: name.into(), foreign: false, status: None, differences, resource: None, item: None }
    }

    fn differs(name: &str, before: &str, after: &str) -> Difference {
        Difference { name: name.into(), before: Some(json!(before)), after: Some(json!(after)), fixed: false }
    }

    fn plan() -> Plan {
        let mut instance = step(Verb::Create, Kind::Instance, "charts-ri", vec![differs("Class", "", "dms.t3.medium")]);
        instance.differences[0].before = None;
        let steps = vec![
            instance,
            step(
                Verb::Change,
                Kind::Endpoint,
                "charts-src",
                vec![differs("SslMode", "none", "require"), differs("DatabaseName", "charts-source", "postgres")],
            ),
            Step { status: Some("active".into()), ..step(Verb::Keep, Kind::Endpoint, "charts-tgt", Vec::new()) },
            step(Verb::Create, Kind::Task, "charts-task", Vec::new()),
        ];
        let cost = Some("About 52 USD a month: dms.t3.medium, list price of 2026-10.".into());
        Plan { pipeline: "charts".into(), steps, notes: vec!["BatchApply is off.".into()], cost }
    }

    fn planned(width: u16, height: u16) -> Model {
        let mut model = testing::judged(width, height, testing::healthy(), testing::healthy_facts());
        testing::with_dms(&mut model);
        model.screen = Screen::Provision;
        let effects = keys(&mut model, "p");
        assert!(matches!(&effects[..], [Effect::Job(JobKind::ReadPlan, _)]), "{effects:?}");
        update(&mut model, Message::JobOver(JobEnd::Planned(Ok(Box::new(plan())))));
        model
    }

    #[test]
    fn the_plan_as_a_tree() {
        assert_snapshot!("plan_80", screen(&planned(80, 24)));
        assert_snapshot!("plan_160", screen(&planned(160, 50)));
        let mut model = planned(60, 20);
        model.look = Look { no_color: true, ascii: true, light: false };
        assert_snapshot!("plan_60_ascii", screen(&model));
    }

    #[test]
    fn values_fold() {
        let mut model = planned(80, 24);
        assert!(screen(&model).contains("none → require"), "what is changed is open");
        keys(&mut model, "jh");
        assert!(!screen(&model).contains("none → require"));
        keys(&mut model, "h");
        assert!(!screen(&model).contains("none → require"), "folding what is folded does nothing");
        keys(&mut model, "kl");
        assert!(screen(&model).contains("dms.t3.medium"));
    }

    #[test]
    fn table_mappings_are_told_in_words() {
        let mut model = planned(80, 24);
        let rule = json!({"rule-type": "transformation", "rule-target": "schema", "rule-action": "rename",
            "object-locator": {"schema-name": "public"}, "value": "charts"});
        let mapped = Difference { before: None, after: Some(rule), ..differs("TableMappings", "", "") };
        if let Some(plan) = &mut model.provision.plan {
            plan.steps[3] = step(Verb::Change, Kind::Task, "charts-task", vec![mapped]);
        }
        let text = screen(&model);
        assert!(text.contains("TableMappings  also: schema public → database charts"), "{text}");
    }

    #[test]
    fn applying_asks_and_shows_each_state() {
        let mut model = planned(80, 24);
        assert!(keys(&mut model, "a").is_empty());
        assert!(screen(&model).contains("52 USD"), "the question names the cost");
        let effects = press(&mut model, KeyCode::Enter);
        assert!(matches!(&effects[..], [Effect::Confirmed(c)] if matches!(c.action(), Guarded::Provision { .. })));
        let told = |verb, what: &str, state: &str, seconds| {
            Message::Told(Told { verb, what: what.into(), state: state.into(), elapsed: Duration::from_secs(seconds) })
        };
        let of = |kind: Kind, name: &str| format!("{} {name}", kind.label());
        update(&mut model, told(Verb::Create, &of(Kind::Instance, "charts-ri"), "creating", 125));
        update(&mut model, told(Verb::Keep, &of(Kind::Endpoint, "charts-src"), "login failed", 3));
        assert_snapshot!("applying", screen(&model));
        update(
            &mut model,
            Message::JobOver(JobEnd::Provisioned(Err("the login of charts-src failed: no pg_hba.conf entry".into()))),
        );
        assert_snapshot!("failed", screen(&model));
        assert!(model.job.is_none() && model.provision.applicable(), "it can be tried again");
    }

    #[test]
    fn ending_it_says_what_goes_on() {
        let mut model = planned(80, 24);
        keys(&mut model, "a");
        press(&mut model, KeyCode::Enter);
        assert_eq!(press(&mut model, KeyCode::Esc), [Effect::CancelJob]);
        assert!(screen(&model).contains("goes on in AWS"), "{}", screen(&model));
        update(&mut model, Message::JobOver(JobEnd::Provisioned(Ok(()))));
        assert!(!model.provision.done, "a late word is not believed");
    }

    #[test]
    fn deleting_asks_for_a_word() {
        let mut model = planned(80, 24);
        if let Some(plan) = &mut model.provision.plan {
            plan.steps.push(step(Verb::Delete, Kind::Task, "old-task", Vec::new()));
        }
        keys(&mut model, "a");
        assert!(press(&mut model, KeyCode::Enter).is_empty());
        keys(&mut model, "delete");
        assert_eq!(press(&mut model, KeyCode::Enter).len(), 1);
    }

    #[test]
    fn without_dms_it_says_so() {
        let mut model = testing::judged(80, 24, testing::healthy(), testing::healthy_facts());
        model.screen = Screen::Provision;
        assert!(keys(&mut model, "p").is_empty());
        assert_snapshot!("none", screen(&model));
    }
}
