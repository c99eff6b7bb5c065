//! A plan as lines, the same for the command line and the session. Text from outside is made safe here.

use super::{Action, Plan, PlanStep};
use crate::text;

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanLine {
    /// What it is, for whoever draws it.
    pub kind: PlanLineKind,
    /// The step it belongs to, counted from 0.
    pub step: Option<usize>,
    /// The first column of a step: `source`, `target` or `file`; of a note: `by hand`; else empty.
    pub place: &'static str,
    /// The rest, safe for a terminal.
    pub text: String,
}

/// What a line of a plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanLineKind {
    /// What is done.
    Step,
    /// Its price, what it is for, and its undo.
    Price,
    /// What may be chosen instead.
    Choice,
    /// What a person must do.
    Note,
    /// The price of all.
    Summary,
}

impl Plan {
    /// The plan as lines, in order.
    #[must_use]
    pub fn lines(&self) -> Vec<PlanLine> {
        let mut lines = Vec::new();
        for (i, planned) in self.steps.iter().enumerate() {
            let mut line = |kind, place, text: &str| {
                lines.push(PlanLine { kind, step: Some(i), place, text: text::safe(text) });
            };
            let (place, text) = shown(&planned.step.action);
            line(PlanLineKind::Step, place, &text);
            line(PlanLineKind::Price, "", &price(planned));
            let choices = self.choices(i);
            if !choices.is_empty() {
                line(PlanLineKind::Choice, "", &format!("or one of: {}", choices.join(", ")));
            }
        }
        for note in &self.notes {
            let text = format!("{}  ({})", text::safe(&note.text), note.codes.join(", "));
            lines.push(PlanLine { kind: PlanLineKind::Note, step: None, place: "by hand", text });
        }
        lines.push(PlanLine { kind: PlanLineKind::Summary, step: None, place: "", text: self.summary() });
        lines
    }

    /// The lines as plain text, steps numbered.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        for line in self.lines() {
            let PlanLine { kind, step, place, text } = line;
            let number = step.map(|s| s + 1).unwrap_or_default();
            out += &match kind {
                PlanLineKind::Step => format!("{number:>3}  {place:<7} {text}\n"),
                PlanLineKind::Price | PlanLineKind::Choice => format!("{:13}{text}\n", ""),
                PlanLineKind::Note => format!("  ·  {place:<7} {text}\n"),
                PlanLineKind::Summary => format!("\n{text}\n"),
            };
        }
        out
    }

    /// The statements of the plan, for a person who runs them elsewhere.
    #[must_use]
    pub fn to_sql(&self) -> String {
        let comment = |text: &str| format!("-- {}\n", text::safe(text));
        let mut out = String::new();
        for planned in &self.steps {
            out += &match &planned.step.action {
                Action::SourceSql { sql } => format!("-- on the source\n{sql};\n"),
                Action::TargetSql { sql } => format!("-- on the target\n{sql};\n"),
                other => comment(&other.describe()),
            };
        }
        for note in &self.notes {
            out += &comment(&format!("by hand: {}", note.text));
        }
        out
    }
}

/// Where an action works, and what it does there.
fn shown(action: &Action) -> (&'static str, String) {
    match action {
        Action::SourceSql { sql } => ("source", sql.clone()),
        Action::TargetSql { sql } => ("target", sql.clone()),
        Action::EditPipeline { key, value, .. } => {
            let (section, name) = key.split_once('.').unwrap_or(("", key));
            let place = if section.is_empty() { String::new() } else { format!(" in [{section}]") };
            ("file", format!("{name} = \"{value}\"{place}"))
        }
        Action::Aws(call) => ("aws", call.command()),
        Action::Note(text) => ("by hand", text.clone()),
    }
}

fn price(planned: &PlanStep) -> String {
    let step = &planned.step;
    let mut parts = vec![step.cost.label().to_owned()];
    parts.extend(step.note.clone());
    if step.data_loss {
        parts.push("changes stored rows".to_owned());
    }
    parts.push(match (&step.undo, &step.action) {
        (Some(undo), _) => format!("undo: {}", shown(undo).1),
        (None, Action::EditPipeline { .. }) => "undo: the value before".to_owned(),
        (None, _) => "no undo".to_owned(),
    });
    parts.push(planned.codes.join(", "));
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::super::{Cost, Fix, Mode, Step};
    use super::*;

    #[test]
    fn a_plan_reads_as_lines() {
        let key = Step::new(Cost::Lock, Action::source("ALTER TABLE \"a\u{1b}b\" ADD PRIMARY KEY (\"id\")"))
            .note("52,000 rows, about 0.3 s")
            .undo(Action::source("ALTER TABLE …"));
        let mut rows = Step::new(Cost::None, Action::target("DELETE FROM x"));
        rows.data_loss = true;
        let edit = Action::EditPipeline {
            key: "source.database".into(),
            value: "postgres".into(),
            choices: vec!["postgres".into(), "charts".into()],
        };
        let fix = |steps| Fix::new(Mode::Confirm, "", steps);
        let plan = Plan::new([
            ("TBL-001".to_owned(), fix(vec![key, rows])),
            ("AUT-005".to_owned(), fix(vec![Step::new(Cost::None, edit)])),
            ("NET-020".to_owned(), Fix::manual("", ["open the port"])),
        ]);
        insta::assert_snapshot!(plan.to_text(), @r#"
          1  source  ALTER TABLE "a\u{1b}b" ADD PRIMARY KEY ("id")
                     locks the table · 52,000 rows, about 0.3 s · undo: ALTER TABLE … · TBL-001
          2  target  DELETE FROM x
                     costs nothing · changes stored rows · no undo · TBL-001
          3  file    database = "postgres" in [source]
                     costs nothing · undo: the value before · AUT-005
                     or one of: postgres, charts
          ·  by hand open the port  (NET-020)

        3 steps · 1 lock · no restart · 1 changing stored rows · 1 by hand
        "#);
        assert!(plan.to_sql().starts_with("-- on the source\nALTER TABLE"));
    }
}
