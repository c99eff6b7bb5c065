//! A comparison for people: a line a table, the rows that differ below it, and what to type next. Pure.

use std::fmt::Write as _;

use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Comparison, Difference, Kind, SyncState, TableResult};
use crate::report::{BOLD, DIM, GREEN, RED, Style, YELLOW, pad, push_wrapped};
use crate::sync::RELOAD;
use crate::text::{fit, safe, thousands};

/// Columns that a value takes at most.
const VALUE: usize = 60;

/// The whole comparison.
pub(crate) fn render(comparison: &Comparison, style: Style) -> String {
    let mut out = String::new();
    let head = format!("{}: {}", safe(&comparison.pipeline), safe(&comparison.headline));
    push_wrapped(&mut out, &style.paint(BOLD, &head), "", "  ", style.width);
    out.push('\n');
    let widest = |text: &dyn Fn(&TableResult) -> String, most: usize| {
        comparison.tables.iter().map(|t| text(t).width()).max().unwrap_or(0).min(most)
    };
    let widths = (widest(&|t| safe(&t.table), 40), widest(&rows, 30));
    for table in &comparison.tables {
        table_lines(&mut out, table, widths, style);
    }
    footer(&mut out, comparison, style);
    out
}

/// `8,000`, or both numbers where they are not the same.
fn rows(table: &TableResult) -> String {
    match (&table.error, table.source_rows == table.target_rows) {
        (Some(_), _) => String::new(),
        (None, true) => thousands(table.source_rows),
        (None, false) => format!("{} → {}", thousands(table.source_rows), thousands(table.target_rows)),
    }
}

fn table_lines(out: &mut String, table: &TableResult, (name, count): (usize, usize), style: Style) {
    let label = pad(&fit(&table.table, name), name);
    if let Some(error) = &table.error {
        let lead = format!("{} {label}  ", style.paint(YELLOW, "?"));
        push_wrapped(out, &format!("not compared: {}", safe(error)), &lead, "    ", style.width);
        return;
    }
    let sign = if table.equal { style.paint(GREEN, "✓") } else { style.paint(RED, "✗") };
    let rows = rows(table);
    let blank = " ".repeat(count.saturating_sub(rows.width()));
    let word = if rows == "1" { "row " } else { "rows" };
    let mut line = format!("{sign} {label}  {blank}{rows} {word}  {:>7}", seconds(table.elapsed_ms));
    if table.differs() {
        let _ = write!(line, "   {}", style.paint(RED, &remark(table)));
    }
    let _ = writeln!(out, "{}", line.trim_end());
    for difference in &table.differences {
        row(out, difference, style);
    }
    if table.differs() && !table.complete && !table.differences.is_empty() {
        let more = table.differences.len() * 10;
        let _ = writeln!(out, "    {}", style.paint(DIM, "more may differ: the rest of the table was not looked into"));
        let command = format!("cdc-doctor verify --tables {} --rows {more}", shell(&table.table));
        let _ = writeln!(out, "    {}", style.paint(DIM, &command));
    }
    for note in notes(table) {
        push_wrapped(out, &style.paint(DIM, &note), "    ", "    ", style.width);
    }
}

/// `2 rows differ: 1 missing, 1 changed`.
fn remark(table: &TableResult) -> String {
    if table.differences.is_empty() {
        return "differs".to_owned();
    }
    let kinds = [Kind::Missing, Kind::Extra, Kind::Changed].into_iter().filter_map(|kind| {
        let count = table.differences.iter().filter(|d| d.kind == kind).count();
        (count > 0).then(|| format!("{} {}", thousands(count as u64), kind.as_str()))
    });
    let kinds = kinds.collect::<Vec<_>>().join(", ");
    let least = if table.complete { "" } else { "at least " };
    match table.differences.len() {
        1 => format!("{least}1 row differs: {kinds}"),
        n => format!("{least}{} rows differ: {kinds}", thousands(n as u64)),
    }
}

fn row(out: &mut String, difference: &Difference, style: Style) {
    let key: Vec<String> =
        difference.key.iter().map(|(name, value)| format!("{} = {}", safe(name), shown(value))).collect();
    let kind = style.paint(YELLOW, &pad(difference.kind.as_str(), 7));
    let _ = writeln!(out, "    {kind}  {}", key.join(", "));
    let width = difference.columns.iter().map(|c| safe(&c.column).width()).max().unwrap_or(0).min(32);
    for column in &difference.columns {
        let (source, target) = (shown(&column.source), shown(&column.target));
        let name = pad(&fit(&column.column, width), width);
        let _ = writeln!(out, "             {name}  {source} {} {target}", style.paint(DIM, "→"));
    }
}

/// A value as a person reads it: text in quotes, so that blanks and NULL can be told.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => format!("'{}'", fit(&visible(text), VALUE)),
        other => other.to_string(),
    }
}

/// Characters that nobody sees, or takes for others, by their numbers.
fn visible(text: &str) -> String {
    let hidden = |c: char| c.width() == Some(0) || c.is_whitespace() && !c.is_ascii();
    text.chars().map(|c| if hidden(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

fn notes(table: &TableResult) -> Vec<String> {
    let mut notes = Vec::new();
    if table.nulled > 0 {
        notes.push(format!(
            "{} values that the target cannot hold are NULL there, as on_unrepresentable = \"null\" says",
            thousands(table.nulled)
        ));
    }
    if table.undecided > 0 {
        notes.push(format!(
            "{} rows changed on the source at every look, and were not decided",
            thousands(table.undecided)
        ));
    }
    if table.equal && table.source_rows != table.target_rows {
        notes.push("the numbers differ by rows that were on their way; each was found equal later".to_owned());
    }
    notes.extend(table.notes.iter().map(|note| safe(note)));
    notes
}

fn footer(out: &mut String, comparison: &Comparison, style: Style) {
    let tables = &comparison.tables;
    let differ: Vec<&TableResult> = tables.iter().filter(|t| t.differs()).collect();
    let left = tables.iter().filter(|t| t.error.is_some()).count();
    let rows: u64 = tables.iter().map(|t| t.source_rows).sum();
    let verdict = match (differ.len(), tables.len()) {
        (0, 1) if left == 0 => "the table is equal".to_owned(),
        (0, n) if left == 0 => format!("all {} tables are equal", thousands(n as u64)),
        (0, n) => format!("{} of {} tables are equal", thousands((n - left) as u64), thousands(n as u64)),
        (1, 1) => "the table differs".to_owned(),
        (1, n) => format!("1 of {} tables differs", thousands(n as u64)),
        (d, n) => format!("{} of {} tables differ", thousands(d as u64), thousands(n as u64)),
    };
    let mut line = verdict;
    if left > 0 {
        let _ = write!(line, " · {} not compared", thousands(left as u64));
    }
    let _ = write!(line, " · {} rows · {}", thousands(rows), seconds(comparison.elapsed_ms));
    let colour = match (differ.is_empty(), left) {
        (false, _) => RED,
        (true, 0) => GREEN,
        (true, _) => YELLOW,
    };
    let _ = writeln!(out, "\n{}", style.paint(colour, &line));
    if !differ.is_empty() {
        push_wrapped(out, &style.paint(DIM, &circumstances(comparison.sync)), "", "", style.width);
        // A command stays in one line, so that it can be copied.
        let _ = writeln!(out, "{}", style.paint(DIM, &next(comparison.sync, &differ)));
    }
}

/// What a difference means, given what moves changes.
fn circumstances(sync: SyncState) -> String {
    match sync {
        SyncState::Following => {
            "source → target; each difference was confirmed after the sync had caught up with the source".to_owned()
        }
        SyncState::Standing { behind_bytes: Some(bytes) } => {
            format!("source → target; the target is {} behind; no sync is running: cdc-doctor sync", size(bytes))
        }
        SyncState::Standing { behind_bytes: None } => {
            "source → target; the target has no position in the source's log yet; no sync is running: cdc-doctor sync"
                .to_owned()
        }
        SyncState::None | SyncState::NotAsked => "source → target, as of now: no sync follows the source, and what is \
            written to it since the load, or while it is compared, shows as a difference"
            .to_owned(),
    }
}

fn next(sync: SyncState, differ: &[&TableResult]) -> String {
    match sync {
        SyncState::Following => {
            let tables: Vec<String> = differ.iter().take(5).map(|t| t.table.clone()).collect();
            format!("load again what differs: cdc-doctor sync --reload {}", shell(&tables.join(",")))
        }
        SyncState::Standing { .. } => "compare again when it has caught up: cdc-doctor verify".to_owned(),
        SyncState::None | SyncState::NotAsked => format!("load all anew: {RELOAD}"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a run's milliseconds are far below 2^52")]
fn seconds(ms: u64) -> String {
    format!("{:.1} s", ms as f64 / 1000.0)
}

#[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// A word as it is typed in a shell.
pub(crate) fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | ',');
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", safe(word).replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::super::{ColumnDifference, ComparedBy};
    use super::*;

    fn table(name: &str, rows: u64) -> TableResult {
        TableResult {
            table: name.into(),
            target: name.replace("public", "charts"),
            equal: true,
            compared_by: ComparedBy::Key,
            source_rows: rows,
            target_rows: rows,
            differences: Vec::new(),
            complete: true,
            undecided: 0,
            nulled: 0,
            notes: Vec::new(),
            error: None,
            elapsed_ms: 412,
        }
    }

    fn difference(id: i64, kind: Kind, columns: Vec<ColumnDifference>) -> Difference {
        Difference { key: [("id".to_owned(), Value::from(id))].into_iter().collect(), kind, columns }
    }

    fn column(name: &str, source: impl Into<Value>, target: impl Into<Value>) -> ColumnDifference {
        ColumnDifference { column: name.into(), source: source.into(), target: target.into() }
    }

    fn comparison(tables: Vec<TableResult>, sync: SyncState) -> Comparison {
        Comparison {
            schema_version: 1,
            pipeline: "charts".into(),
            equal: tables.iter().all(|t| t.equal),
            tables,
            sync,
            elapsed_ms: 2_712,
            headline: "PostgreSQL 15.18 at db:5432 → MariaDB 10.11.19 at target:3306".into(),
        }
    }

    fn unequal() -> Comparison {
        let mut plays = table("public.plays", 12_003_112);
        plays.equal = false;
        plays.target_rows = 12_003_113;
        plays.differences = vec![
            difference(
                5,
                Kind::Changed,
                vec![
                    column("title", "Abc", Value::Null),
                    column("plays\x1b[2J", 17, 18),
                    column("accent", "\u{e9}", "e\u{301}"),
                ],
            ),
            difference(17, Kind::Missing, vec![]),
            difference(99, Kind::Extra, vec![]),
        ];
        plays.complete = false;
        plays.notes.push("not compared, since only the target has it: loaded_at".into());
        let mut log = table("public.Log Lines", 7);
        log.compared_by = ComparedBy::Multiset;
        log.nulled = 12;
        log.undecided = 3;
        let mut gone = table("public.gone", 0);
        gone.equal = false;
        gone.error = Some("the target has no column title: cdc-doctor fix TSC-005".into());
        comparison(vec![table("public.artists", 90_114), log, gone, plays], SyncState::None)
    }

    #[test]
    fn a_line_a_table_and_the_rows_below() {
        let style = Style { color: false, width: 100, verbose: false };
        insta::assert_snapshot!(render(&unequal(), style));
    }

    #[test]
    fn equal_tables_are_calm() {
        let style = Style { color: false, width: 100, verbose: false };
        let text = render(&comparison(vec![table("public.a", 3), table("public.b", 0)], SyncState::NotAsked), style);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn circumstances_say_what_to_do() {
        let text = |sync| render(&Comparison { sync, ..unequal() }, Style { color: false, width: 100, verbose: false });
        let standing = text(SyncState::Standing { behind_bytes: Some(3_200_000) });
        assert!(standing.contains("the target is 3.2 MB behind; no sync is running: cdc-doctor sync"), "{standing}");
        assert!(text(SyncState::Following).contains("cdc-doctor sync --reload public.plays"));
    }

    #[test]
    fn colour_only_when_asked_and_never_from_outside() {
        let text = |color| render(&unequal(), Style { color, width: 100, verbose: false });
        assert!(!text(false).contains('\x1b') && text(true).contains("\x1b[31m✗\x1b[0m"));
    }

    #[test]
    fn words_are_quoted_for_the_shell() {
        assert_eq!(
            ["public.a", "public.Artist Bio", "it's"].map(shell),
            ["public.a", "'public.Artist Bio'", r"'it'\''s'"]
        );
    }
}
