//! The tables on both sides: the list, and beside or below it the columns, what differs, and the statement.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::super::model::Model;
use super::super::schema_list::{SchemaList, odd, state};
use super::super::theme::{self, Sign};
use super::super::widgets::{count, head, plural, window, wrap, wrap_lines};
use super::{checks, dialog, line_in, put, put_all};
use crate::facts::{Facts, MyTable, PgTable};
use crate::schema::{TableReport, TableState, TargetColumn};
use crate::text;

pub fn draw(frame: &mut Frame<'_>, body: Rect, model: &Model) {
    let list = &model.schema;
    if list.report.is_none() {
        let area = Rect { x: body.x + 1, y: body.y + 1, width: body.width - 2, height: body.height - 1 };
        let lines: Vec<Line<'static>> =
            wrap(unseen(model), usize::from(area.width)).into_iter().map(Line::raw).collect();
        put_all(frame, area, &lines);
        return;
    }
    put(frame, Rect { height: 1, ..body }, &top(list, model.filtering));
    let (list_area, detail_area) = checks::areas(body, list.reading);
    checks::between(frame, body, list_area, detail_area);
    tables(frame, list_area, list);
    dialog::scrolled(frame, detail_area, &detail(model, usize::from(detail_area.width)), list.scroll);
}

/// The line of the list at a place.
pub fn line_at(body: Rect, model: &Model, column: u16, row: u16) -> Option<usize> {
    let (area, _) = checks::areas(body, model.schema.reading);
    let shown = window(model.schema.cursor, model.schema.rows.len(), usize::from(area.height));
    line_in(area, shown, row).filter(|_| column < area.right())
}

/// How far the detail pane can be scrolled.
pub fn scroll_end(body: Rect, model: &Model) -> usize {
    let (_, area) = checks::areas(body, model.schema.reading);
    detail(model, usize::from(area.width)).len().saturating_sub(usize::from(area.height))
}

fn unseen(model: &Model) -> &'static str {
    if model.checks.running_since.is_some() {
        "Looking at the tables of both sides."
    } else {
        "The tables of both sides could not be seen. The checks say why: press 2."
    }
}

fn top(list: &SchemaList, typing: bool) -> Line<'static> {
    let of = |is: fn(&TableReport) -> bool| list.tables().iter().filter(|t| is(t)).count();
    let missing = of(|t| t.state == TableState::Missing);
    let wrong = of(|t| matches!(t.state, TableState::Differs { .. }) || !t.problems.is_empty());
    let mut spans = vec![Span::raw(" "), Span::raw(plural(list.tables().len(), "table"))];
    for (n, word, style) in [(missing, "missing", theme::WARN), (wrong, "not as they should be", theme::BAD)] {
        if n > 0 {
            spans.push(Span::styled(format!(" · {} {word}", count(n as u64)), style));
        }
    }
    spans.push(Span::raw("   "));
    if list.odd {
        spans.push(Span::styled("only what is not as it should be   ", theme::ACCENT));
    }
    spans.extend(checks::filter(&list.filter, typing));
    Line::from(spans)
}

fn sign(table: &TableReport) -> Sign {
    match &table.state {
        _ if !table.problems.is_empty() => ("✗", theme::BAD),
        TableState::Unknown => theme::UNKNOWN,
        TableState::Missing => ("+", theme::WARN),
        TableState::Same => theme::OK,
        TableState::Differs { .. } => ("✗", theme::BAD),
    }
}

fn tables(frame: &mut Frame<'_>, area: Rect, list: &SchemaList) {
    if list.rows.is_empty() {
        let word = if list.tables().is_empty() {
            "No table matches [tables]."
        } else {
            "No table is shown: esc takes the filter away."
        };
        put(frame, area, &Line::styled(format!(" {word}"), theme::FAINT));
        return;
    }
    let room = usize::from(area.width).saturating_sub(4);
    let shown = window(list.cursor, list.rows.len(), usize::from(area.height));
    for (at, row) in shown.zip(area.rows()) {
        let Some(table) = list.rows.get(at).and_then(|&i| list.tables().get(i)) else { continue };
        let (sign, style) = sign(table);
        let word = state(table);
        let name = text::fit(&head(&table.source, 300), room.saturating_sub(word.width() + 2));
        let pad = room.saturating_sub(name.width() + word.width());
        let line = Line::from(vec![
            Span::styled(format!(" {sign} "), style),
            Span::raw(name),
            Span::raw(" ".repeat(pad)),
            Span::styled(word, if odd(table) { style } else { theme::FAINT }),
        ]);
        put(frame, row, &line);
        if at == list.cursor {
            frame.buffer_mut().set_style(row, if list.reading { theme::STRONG } else { theme::CHOSEN });
        }
    }
}

/// What there is to read about the chosen table.
fn detail(model: &Model, width: usize) -> Vec<Line<'static>> {
    let Some(table) = model.schema.chosen() else { return Vec::new() };
    let facts = model.checks.facts.as_deref();
    let (sign, style) = sign(table);
    let title = format!("{} → {} · {}", head(&table.source, 200), head(&table.want.label(), 200), state(table));
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{sign} "), style),
        Span::styled(text::fit(&title, width.saturating_sub(2)), theme::STRONG),
    ])];
    lines.extend(rows(table, facts));
    lines.push(Line::default());
    lines.extend(columns(table, facts, width));
    let mut say = |label: &str, text: &str, style: Style| {
        for (i, line) in wrap_lines(&head(text, 4000), width.saturating_sub(9)).into_iter().enumerate() {
            let label = if i == 0 { label } else { "" };
            lines.push(Line::from(vec![Span::styled(format!("{label:<9}"), theme::ACCENT), Span::styled(line, style)]));
        }
    };
    let wrong: Vec<String> = table.problems.iter().map(ToString::to_string).collect();
    for (i, problem) in wrong.iter().enumerate() {
        say(if i == 0 { "Problem" } else { "" }, problem, theme::BAD);
    }
    if let TableState::Differs { differences, spark, repair } = &table.state {
        if *spark {
            say(
                "Beware",
                "It looks as a Spark job with mode(\"overwrite\") leaves a table: without keys, text for all.",
                theme::BAD,
            );
        }
        for (i, difference) in differences.iter().enumerate() {
            say(if i == 0 { "Differs" } else { "" }, &difference.describe(), theme::WARN);
        }
        match repair {
            Some(sql) => say("Repair", sql, theme::PLAIN),
            None => say(
                "Repair",
                "no statement can do it: rename the table away, and let sync create it anew",
                theme::PLAIN,
            ),
        }
    }
    for (i, note) in table.notes.iter().enumerate() {
        say(if i == 0 { "Note" } else { "" }, note, theme::PLAIN);
    }
    say("DDL", &table.create_sql, theme::FAINT);
    lines
}

fn rows(table: &TableReport, facts: Option<&Facts>) -> Option<Line<'static>> {
    let source = source_of(table, facts?)?;
    let bytes = super::super::widgets::bytes(u64::try_from(source.bytes).unwrap_or(0));
    let target =
        target_of(table, facts?).map_or_else(String::new, |t| format!(", about {} there", count(t.estimated_rows)));
    Some(Line::styled(format!("  {bytes} on the source{target}"), theme::FAINT))
}

fn source_of<'a>(table: &TableReport, facts: &'a Facts) -> Option<&'a PgTable> {
    let (schema, name) = (&table.want.source_schema, &table.want.source_name);
    facts.source.tables.value()?.iter().find(|t| t.schema == *schema && t.name == *name)
}

fn target_of<'a>(table: &TableReport, facts: &'a Facts) -> Option<&'a MyTable> {
    let (database, name) = (&table.want.database, &table.want.name);
    facts.target.tables.value()?.iter().find(|t| t.schema == *database && t.name == *name)
}

/// One line a column: as it is on the source, as it should be on the target, and as it is there.
fn columns(table: &TableReport, facts: Option<&Facts>, width: usize) -> Vec<Line<'static>> {
    let source = facts.and_then(|f| source_of(table, f));
    let target = facts.and_then(|f| target_of(table, f));
    let differs = |column: &str| match &table.state {
        TableState::Differs { differences, .. } => {
            differences.iter().any(|d| d.column().is_some_and(|c| c.eq_ignore_ascii_case(column)))
        }
        _ => false,
    };
    let parts = if target.is_some() { 4 } else { 3 };
    let part = (width.saturating_sub(3) / parts).max(8);
    let line = |mark: Sign, cells: Vec<String>, style: Style| {
        let mut spans = vec![Span::styled(format!("{} ", mark.0), mark.1)];
        for cell in cells {
            let cell = text::fit(&head(&cell, 200), part.saturating_sub(1));
            let pad = part.saturating_sub(cell.width());
            spans.push(Span::styled(cell, style));
            spans.push(Span::raw(" ".repeat(pad)));
        }
        Line::from(spans)
    };
    let mut top = vec!["  column".to_owned(), "source".to_owned(), "target should be".to_owned()];
    top.extend(target.map(|_| "target is".to_owned()));
    let mut lines = vec![line((" ", theme::PLAIN), top, theme::FAINT)];
    for want in &table.want.columns {
        let of_source = source.and_then(|t| t.columns.iter().find(|c| c.name == want.name));
        let mut cells = vec![key(table, &want.name) + &want.name];
        cells.push(of_source.map_or_else(|| "?".to_owned(), |c| nullable(&c.ty.display, !c.not_null)));
        cells.push(wanted(want));
        if let Some(target) = target {
            cells.push(
                target
                    .column(&want.name)
                    .map_or_else(|| "missing".to_owned(), |c| nullable(&c.column_type, c.nullable)),
            );
        }
        let bad = differs(&want.name);
        lines.push(line(
            if bad { ("✗", theme::BAD) } else { (" ", theme::PLAIN) },
            cells,
            if bad { theme::BAD } else { theme::PLAIN },
        ));
    }
    lines.push(Line::default());
    lines
}

/// Marks the columns of the primary key.
fn key(table: &TableReport, column: &str) -> String {
    let key = table.want.primary_key.iter().any(|k| k == column);
    (if key { "* " } else { "  " }).to_owned()
}

fn nullable(ty: &str, nullable: bool) -> String {
    if nullable { ty.to_owned() } else { format!("{ty} not null") }
}

fn wanted(column: &TargetColumn) -> String {
    nullable(&column.sql_type, column.nullable)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use ratatui::crossterm::event::KeyCode;

    use super::super::super::model::{Model, Screen};
    use super::super::super::plan::PlanDialog;
    use super::super::super::testing::{self, keys, press, screen};
    use super::super::super::theme::Look;

    fn tables(width: u16, height: u16) -> Model {
        let mut model = testing::with_tables(width, height);
        model.screen = Screen::Schema;
        model
    }

    #[test]
    fn both_sides_beside_one_another() {
        assert_snapshot!("schema_80", screen(&tables(80, 24)));
        assert_snapshot!("schema_160", screen(&tables(160, 50)));
        let mut model = tables(60, 20);
        model.look = Look { no_color: true, ascii: true, light: false };
        assert_snapshot!("schema_60_ascii", screen(&model));
    }

    #[test]
    fn a_table_that_differs_is_marked_where_it_does() {
        let mut model = tables(160, 50);
        keys(&mut model, "j");
        press(&mut model, KeyCode::Enter);
        assert_snapshot!(screen(&model));
        press(&mut model, KeyCode::Esc);
        assert!(!model.schema.reading);
    }

    #[test]
    fn a_missing_table_is_created_after_its_plan_was_shown() {
        let mut model = tables(80, 24);
        assert!(keys(&mut model, "c").is_empty(), "nothing is done before the plan was agreed to");
        let steps = |plan: &Option<PlanDialog>| plan.as_ref().map_or(0, |p| p.items.len());
        assert_eq!(steps(&model.plan), 1);
        assert!(screen(&model).contains("CREATE TABLE"), "{}", screen(&model));
    }

    #[test]
    fn only_what_is_not_as_it_should_be() {
        let mut model = tables(80, 24);
        assert_eq!(model.schema.rows.len(), 3);
        keys(&mut model, "o");
        assert_eq!(model.schema.rows.len(), 2);
        keys(&mut model, "/spark");
        press(&mut model, KeyCode::Enter);
        assert_eq!(model.schema.rows.len(), 1);
        press(&mut model, KeyCode::Esc);
        assert_eq!(model.schema.rows.len(), 3, "esc shows all");
    }

    #[test]
    fn before_anything_was_seen_it_says_so() {
        let mut model = testing::model(80, 24);
        model.screen = Screen::Schema;
        assert!(screen(&model).contains("Looking at the tables"));
    }
}
