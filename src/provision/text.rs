//! A plan for people. Pure.

use std::fmt::Write as _;

use serde_json::Value;

use super::model::shown;
use super::plan::{Difference, Plan, Step, Verb};
use crate::report::Style;
use crate::text::safe;

const RED: &str = "31";
const YELLOW: &str = "33";
const GREEN: &str = "32";
const DIM: &str = "2";
const BOLD: &str = "1";

impl Plan {
    /// The whole plan: a sign, a resource and its values each. Secrets are in no plan.
    #[must_use]
    pub fn to_text(&self, style: Style) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "{}\n", style.paint(BOLD, &format!("The DMS side of {}", safe(&self.pipeline))));
        for step in &self.steps {
            draw(&mut out, step, style);
        }
        for note in &self.notes {
            let _ = writeln!(out, "\n! {}", wrapped(note, style));
        }
        let _ = writeln!(out, "\n{}", style.paint(BOLD, &self.summary()));
        if let Some(cost) = &self.cost {
            let _ = writeln!(out, "{}", wrapped(cost, style));
        }
        out
    }

    /// One line of counts.
    #[must_use]
    pub fn summary(&self) -> String {
        if self.is_empty() {
            return "Nothing to do: everything is as the pipeline file asks for.".to_owned();
        }
        let n = |verb| self.count(verb);
        format!(
            "Plan: {} to create, {} to change, {} to delete, {} as they are.",
            n(Verb::Create),
            n(Verb::Change),
            n(Verb::Delete),
            n(Verb::Keep)
        )
    }
}

/// Within the width; addresses stay whole.
fn wrapped(text: &str, style: Style) -> String {
    let options = textwrap::Options::new(style.width)
        .subsequent_indent("  ")
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .word_separator(textwrap::WordSeparator::AsciiSpace);
    textwrap::fill(&safe(text), options)
}

fn sign(verb: Verb, style: Style) -> String {
    match verb {
        Verb::Create => style.paint(GREEN, "+"),
        Verb::Change => style.paint(YELLOW, "~"),
        Verb::Delete => style.paint(RED, "-"),
        Verb::Keep => style.paint(DIM, "="),
    }
}

fn draw(out: &mut String, step: &Step, style: Style) {
    let mut about: Vec<String> = step.status.iter().filter(|s| !s.is_empty()).map(|s| safe(s)).collect();
    if step.foreign {
        about.push("not made by cdc-doctor: destroy leaves it".to_owned());
    } else if step.verb == Verb::Create && step.resource.as_ref().is_some_and(|r| r.shared) {
        about.push("serves the whole account: destroy leaves it".to_owned());
    }
    let about = if about.is_empty() { String::new() } else { style.paint(DIM, &format!("  ({})", about.join(", "))) };
    let _ = writeln!(
        out,
        "{} {} {}{about}",
        sign(step.verb, style),
        step.kind.label(),
        style.paint(BOLD, &safe(&step.name))
    );
    let widest = step.differences.iter().map(|d| name(d).len()).max().unwrap_or(0);
    for difference in &step.differences {
        value(out, step, difference, widest, style);
    }
    if step.verb != Verb::Keep && step.kind == super::Kind::Endpoint && step.resource.is_some() && has_password(step) {
        let _ = writeln!(out, "      {:widest$}  (from the pipeline file, not shown)", "Password");
    }
}

fn has_password(step: &Step) -> bool {
    step.resource.as_ref().is_some_and(|r| r.values.contains_key("Username"))
}

/// The API's name of a value, without where it stands.
pub(crate) fn name(difference: &Difference) -> &str {
    difference.name.strip_prefix("Settings/").unwrap_or(&difference.name)
}

fn value(out: &mut String, step: &Step, difference: &Difference, widest: usize, style: Style) {
    let fixed =
        if difference.fixed { style.paint(RED, "  cannot be changed: it must be made anew") } else { String::new() };
    for line in lines(step, difference) {
        let _ = writeln!(out, "      {:widest$}  {line}{fixed}", safe(name(difference)));
    }
}

/// What becomes of a value, in words: a line, or one for each rule of new table mappings.
pub(crate) fn lines(step: &Step, difference: &Difference) -> Vec<String> {
    let side = |value: Option<&Value>| value.map_or_else(|| "unset".to_owned(), |v| safe(&shown(v)));
    let (before, after) = (side(difference.before.as_ref()), side(difference.after.as_ref()));
    if let (Verb::Create, Some(rules)) = (step.verb, difference.after.as_ref().and_then(|v| v.get("rules"))) {
        return rules.as_array().into_iter().flatten().map(rule_words).collect();
    }
    let rule = |value: Option<&Value>| value.filter(|v| v.get("rule-type").is_some()).map(rule_words);
    vec![match (step.verb, rule(difference.before.as_ref()), rule(difference.after.as_ref())) {
        (Verb::Create, ..) => after,
        (_, Some(before), _) => format!("no longer: {before}"),
        (_, None, Some(after)) => format!("also: {after}"),
        _ => format!("{before} → {after}"),
    }]
}

/// A rule of table mappings in a line.
fn rule_words(rule: &Value) -> String {
    let word = |pointer: &str| rule.pointer(pointer).and_then(Value::as_str).unwrap_or("%").to_owned();
    let (schema, table) = (word("/object-locator/schema-name"), word("/object-locator/table-name"));
    let text = match (word("/rule-action").as_str(), word("/rule-target").as_str()) {
        ("rename", "schema") => format!("schema {schema} → database {}", word("/value")),
        ("change-data-type", _) => {
            format!("{schema}.{table}.{} as {}", word("/object-locator/column-name"), word("/data-type/type"))
        }
        (action, _) => format!("{action} {schema}.{table}"),
    };
    safe(&text)
}
