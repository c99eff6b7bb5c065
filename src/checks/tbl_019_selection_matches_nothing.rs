//! TBL-019: see the check's own explanation.

use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, RelationName, TableKind};
use crate::fixes::Fix;
use crate::pipeline::{Pipeline, pattern_matches};
use crate::text::nearest;

check! {
    /// # What it looks at
    /// Each pattern of `include` in `[tables]`: whether it matches a table (ordinary or partitioned) in the source
    /// database, and whether one is left once `exclude` has taken its part.
    ///
    /// # Why it matters
    /// A pattern with a slip in it selects nothing, and a run over nothing succeeds. DMS stops with `No tables were
    /// found at task initialization` only when nothing at all is found; when the other patterns find something, the
    /// missing table is not mentioned anywhere.
    ///
    /// # How to fix it by hand
    /// Write the pattern as the tables are called. PostgreSQL's names are case-sensitive here: a table created as
    /// `Charts` without quotes is called `charts`, with quotes `Charts`. A pattern is `schema.table`, and `*` matches
    /// within a part. Views hold no rows of their own and cannot be replicated: select the tables beneath them. Where
    /// the database holds no tables at all, it is probably not the right one: compare `database` in `[source]`.
    ///
    /// # Source
    /// AWS DMS, premigration assessment `all-check-source-selection-rules`. Tried on PostgreSQL 15.
    code: "TBL-019",
    name: "selection-matches-nothing",
    area: Tbl,
    severity: Error,
    title: "A pattern in [tables] selects no table",
    after: ["AUT-024"],
}

/// How many names a finding lists.
const LISTED: usize = 8;

fn judge(facts: &Facts) -> Judged {
    let relations = facts.source.relations.known()?;
    let tables: Vec<&RelationName> = relations.iter().filter(|r| is_table(r)).collect();
    if tables.is_empty() {
        return Ok(Verdict::Fail(vec![empty_database(facts, relations)]));
    }
    let pipeline = &facts.pipeline;
    let findings = pipeline.tables.include.iter().filter_map(|pattern| {
        let mut hits = tables.iter().filter(|r| pattern_matches(pattern, &r.schema, &r.name)).peekable();
        if hits.peek().is_none() {
            return Some(no_match(pattern, pipeline, relations, &tables));
        }
        let excluded: Vec<&&RelationName> = hits.collect();
        let none_left = excluded.iter().all(|r| !pipeline.selects(&r.schema, &r.name));
        none_left.then(|| all_excluded(pattern, pipeline, &excluded))
    });
    Ok(Verdict::from_findings(findings.collect()))
}

fn is_table(relation: &RelationName) -> bool {
    matches!(relation.kind, TableKind::Table | TableKind::Partitioned)
}

fn label(relation: &RelationName) -> String {
    format!("{}.{}", relation.schema, relation.name)
}

/// The database holds no table at all.
fn empty_database(facts: &Facts, relations: &[RelationName]) -> Finding {
    let database = &facts.pipeline.source.database;
    let others: Vec<&str> = facts
        .source
        .databases
        .value()
        .map_or_else(Vec::new, |all| all.iter().map(String::as_str).filter(|name| name != database).collect());
    let mut found = Finding::new("source.database", format!("The database \"{database}\" holds no tables"))
        .saw("other databases", if others.is_empty() { "none".to_owned() } else { others.join(", ") });
    if !relations.is_empty() {
        found = found.saw("views and foreign tables", listed(relations.iter()));
    }
    found.fix(Fix::manual(
        "name the database that holds the tables",
        ["Set database in [source] to the one that holds the tables, or create them."],
    ))
}

fn no_match(pattern: &str, pipeline: &Pipeline, all: &[RelationName], tables: &[&RelationName]) -> Finding {
    let database = &pipeline.source.database;
    let subject = format!("tables.include \"{pattern}\"");
    let views: Vec<&RelationName> = all.iter().filter(|r| pattern_matches(pattern, &r.schema, &r.name)).collect();
    if !views.is_empty() {
        let message =
            format!("The pattern \"{pattern}\" matches no table, only views and the like, which hold no rows");
        return Finding::new(subject, message).saw("matches", listed(views)).fix(Fix::manual(
            "select the tables beneath the views",
            [format!("In include of [tables], replace \"{pattern}\" by the tables that the views read.")],
        ));
    }
    let found =
        Finding::new(subject, format!("The pattern \"{pattern}\" matches no table in the database \"{database}\""));
    let (there, hint) = match slip(pattern, tables) {
        Slip::Case(names) => {
            (Some(("in another case", listed(names.iter().copied()))), names.first().map(|r| label(r)))
        }
        Slip::Schema { near, schemas } => (Some(("schemas", schemas)), near),
        Slip::Table { near, there } => (there.map(|t| ("tables there", t)), near),
    };
    let found = match there {
        Some((what, names)) => found.saw(what, names),
        None => found.saw("tables there", "none"),
    };
    let (found, note) = match &hint {
        Some(name) => (
            found.saw("nearest", name),
            format!("In include of [tables], replace \"{pattern}\" by \"{name}\", if that is the one."),
        ),
        None => (found, format!("In include of [tables], replace \"{pattern}\" by tables that are there.")),
    };
    found.fix(Fix::manual("write the pattern as the tables are called", [note]))
}

/// What is probably wrong with a pattern.
enum Slip<'a> {
    /// Names that differ from it in case only.
    Case(Vec<&'a RelationName>),
    /// There is no such schema; the pattern with the nearest one, and those that there are.
    Schema { near: Option<String>, schemas: String },
    /// There is no such table; the nearest one, and those in the schema.
    Table { near: Option<String>, there: Option<String> },
}

fn slip<'a>(pattern: &str, tables: &[&'a RelationName]) -> Slip<'a> {
    let folded = pattern.to_lowercase();
    let same: Vec<&RelationName> = tables
        .iter()
        .copied()
        .filter(|r| pattern_matches(&folded, &r.schema.to_lowercase(), &r.name.to_lowercase()))
        .collect();
    if !same.is_empty() {
        return Slip::Case(same);
    }
    let (schema, table) = pattern.split_once('.').unwrap_or(("*", pattern));
    let in_schema: Vec<&RelationName> =
        tables.iter().copied().filter(|r| pattern_matches(&format!("{schema}.*"), &r.schema, &r.name)).collect();
    if in_schema.is_empty() {
        let mut schemas: Vec<&str> = tables.iter().map(|r| r.schema.as_str()).collect();
        schemas.sort_unstable();
        schemas.dedup();
        let near = nearest(schema, schemas.iter().copied()).map(|s| format!("{s}.{table}"));
        return Slip::Schema { near, schemas: cut(&schemas) };
    }
    let elsewhere = || tables.iter().find(|r| r.name == table).map(|r| label(r));
    let near = nearest(table, in_schema.iter().map(|r| r.name.as_str()))
        .and_then(|name| in_schema.iter().find(|r| r.name == name))
        .map(|r| label(r));
    Slip::Table { near: near.or_else(elsewhere), there: Some(listed(in_schema)) }
}

fn all_excluded(pattern: &str, pipeline: &Pipeline, tables: &[&&RelationName]) -> Finding {
    let message = format!("Every table that the pattern \"{pattern}\" matches is left out again by exclude");
    Finding::new(format!("tables.include \"{pattern}\""), message)
        .saw("matches", listed(tables.iter().map(|r| **r)))
        .saw("exclude", pipeline.tables.exclude.join(", "))
        .fix(Fix::manual(
            "let the patterns leave a table",
            [format!("In [tables], narrow exclude, or take \"{pattern}\" out of include.")],
        ))
}

fn listed<'a>(relations: impl IntoIterator<Item = &'a RelationName>) -> String {
    let mut names: Vec<String> = relations.into_iter().map(label).collect();
    names.sort_unstable();
    cut(&names)
}

/// The first few, and how many more.
fn cut(names: &[impl AsRef<str>]) -> String {
    let head: Vec<&str> = names.iter().take(LISTED).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(LISTED) {
        0 => head.join(", "),
        more => format!("{} and {more} more", head.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::Finding;
    use crate::checks::testing::{assert_pass, assert_unknown, finding, findings, healthy, unseen};
    use crate::facts::{Fact, Facts, RelationName, TableKind};

    fn with(include: &[&str], relations: &[(&str, &str, TableKind)]) -> Facts {
        let mut facts = healthy();
        facts.pipeline.tables.include = include.iter().map(|p| (*p).to_owned()).collect();
        let relation = |(schema, name, kind): &(&str, &str, TableKind)| RelationName {
            schema: (*schema).into(),
            name: (*name).into(),
            kind: *kind,
        };
        facts.source.relations = Fact::Known(relations.iter().map(relation).collect());
        facts
    }

    fn saw<'a>(found: &'a Finding, what: &str) -> &'a str {
        found.evidence.iter().find(|(name, _)| name == what).map_or("", |(_, value)| value)
    }

    const CHARTS: (&str, &str, TableKind) = ("public", "weekly_chart", TableKind::Table);

    #[test]
    fn each_pattern_without_a_table_is_a_finding() {
        let facts = with(&["public.*", "public.weekly_charts", "pubic.*"], &[CHARTS]);
        let found = findings(&CHECK, &facts);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].subject, "tables.include \"public.weekly_charts\"");
        assert_eq!(saw(&found[0], "nearest"), "public.weekly_chart");
        assert_eq!(saw(&found[0], "tables there"), "public.weekly_chart");
        assert_eq!((saw(&found[1], "schemas"), saw(&found[1], "nearest")), ("public", "public.*"));
    }

    #[test]
    fn another_case_is_pointed_out() {
        let found = finding(&CHECK, &with(&["Public.Weekly_*"], &[CHARTS]));
        assert_eq!(saw(&found, "in another case"), "public.weekly_chart");
        assert_eq!(saw(&found, "nearest"), "public.weekly_chart");
    }

    #[test]
    fn the_same_name_in_another_schema_is_pointed_out() {
        let facts = with(&["public.plays"], &[CHARTS, ("music", "plays", TableKind::Partitioned)]);
        assert_eq!(saw(&finding(&CHECK, &facts), "nearest"), "music.plays");
    }

    #[test]
    fn a_view_is_no_table() {
        let facts = with(&["public.v"], &[CHARTS, ("public", "v", TableKind::View)]);
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("only views"), "{}", found.message);
        assert_eq!(saw(&found, "matches"), "public.v");
    }

    #[test]
    fn what_exclude_takes_away_again_is_a_finding() {
        let mut facts = with(&["public.*"], &[CHARTS]);
        facts.pipeline.tables.exclude = vec!["public.w*".into()];
        assert!(finding(&CHECK, &facts).message.contains("left out again"));
    }

    #[test]
    fn an_empty_database_is_one_finding_that_names_the_others() {
        let found = finding(&CHECK, &with(&["public.*", "a.b"], &[]));
        assert_eq!((found.subject.as_str(), saw(&found, "other databases")), ("source.database", "postgres"));
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (10..30).map(|i| format!("t{i}")).collect();
        let tables: Vec<_> = names.iter().map(|n| ("public", n.as_str(), TableKind::Table)).collect();
        let found = finding(&CHECK, &with(&["public.strange"], &tables));
        assert!(saw(&found, "tables there").ends_with("public.t17 and 12 more"), "{found:?}");
    }

    #[test]
    fn passes_and_is_unknown() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.relations = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
