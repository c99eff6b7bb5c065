//! Which tables take part: patterns, and what they match right now.

use super::dialogue::Setup;
use super::probe::{self, Table};
use super::prompt::{self, Left};
use super::server::{self, Ask};
use super::steps::Side;
use crate::pipeline::pattern_matches;
use crate::text::{self, thousands};

/// Asks for patterns until somebody is content with what they match.
pub(super) async fn choose(setup: &mut Setup, ask: Ask<'_>) -> Result<(), Left> {
    let seen = match server::login(setup, Side::Source, ask) {
        Ok((endpoint, password)) => probe::tables(&endpoint, password.as_ref()).await,
        Err(why) => Err(why),
    };
    let seen = seen.map_err(|why| prompt::say(&format!("The tables cannot be listed: {why}"))).ok();
    loop {
        let include =
            patterns(setup, "tables.include", "Tables:", "public.*", "schema.table, * for any; a comma between")?;
        let exclude = patterns(setup, "tables.exclude", "Without:", "", "the same; empty for none")?;
        setup.draft.set("tables.include", &include.join(", "))?;
        if exclude.is_empty() {
            setup.draft.unset("tables.exclude");
        } else {
            setup.draft.set("tables.exclude", &exclude.join(", "))?;
        }
        let Some(seen) = &seen else { return Ok(()) };
        let taken = matching(seen, &include, &exclude);
        prompt::say(&summary(&taken, seen.len()));
        let right = prompt::confirm("Are these the tables?", !taken.is_empty(), "no asks for the patterns again")?;
        if right {
            return Ok(());
        }
    }
}

fn patterns(setup: &Setup, key: &str, question: &str, default: &str, hint: &str) -> Result<Vec<String>, Left> {
    let now = setup.draft.get(key).and_then(|list| words(&list)).unwrap_or_else(|| default.to_owned());
    let (draft, of) = (setup.draft.clone(), key.to_owned());
    let check = move |typed: &str| {
        if let Some(p) = split(typed).into_iter().find(|p| !p.contains('.')) {
            return Err(format!("{p:?} is no schema.table; for all tables of a schema write {p}.*"));
        }
        // None is an answer for what is left out only.
        if typed.is_empty() && of == "tables.exclude" {
            return Ok(());
        }
        prompt::something(typed)?;
        draft.clone().set(&of, typed).map_err(|why| why.to_string())
    };
    let typed = prompt::edit(question, &now, hint, check)?;
    Ok(split(&typed))
}

fn split(typed: &str) -> Vec<String> {
    typed.split(',').map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned).collect()
}

/// A list in TOML as it is typed.
fn words(list: &str) -> Option<String> {
    let value: toml_edit::Value = list.parse().ok()?;
    let words: Vec<String> = value.as_array()?.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect();
    Some(words.join(", "))
}

fn matching<'a>(tables: &'a [Table], include: &[String], exclude: &[String]) -> Vec<&'a Table> {
    let hit = |patterns: &[String], t: &Table| patterns.iter().any(|p| pattern_matches(p, &t.schema, &t.name));
    tables.iter().filter(|t| hit(include, t) && !hit(exclude, t)).collect()
}

/// `42 of 60 tables, 18 GB, 3 without a primary key: a, b, c …`.
fn summary(taken: &[&Table], of: usize) -> String {
    if taken.is_empty() {
        return format!("No table matches; the database has {}.", thousands(of as u64));
    }
    let bytes: i64 = taken.iter().map(|t| t.bytes).sum();
    let keyless = taken.iter().filter(|t| !t.key).count();
    let keyless =
        if keyless > 0 { format!(", {} without a primary key", thousands(keyless as u64)) } else { String::new() };
    let names: Vec<String> = taken.iter().take(5).map(|t| format!("{}.{}", t.schema, t.name)).collect();
    let more = if taken.len() > names.len() { ", …" } else { "" };
    format!(
        "{} of {} tables, {}{keyless}: {}{more}",
        thousands(taken.len() as u64),
        thousands(of as u64),
        text::bytes(u64::try_from(bytes).unwrap_or(0)),
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(schema: &str, name: &str, key: bool) -> Table {
        Table { schema: schema.into(), name: name.into(), bytes: 1_500_000, key }
    }

    #[test]
    fn what_patterns_match_is_counted() {
        let tables = [table("public", "a", true), table("public", "b", false), table("sales", "c", true)];
        let all = matching(&tables, &split("public.*, sales.c"), &[]);
        assert_eq!(summary(&all, 3), "3 of 3 tables, 4.5 MB, 1 without a primary key: public.a, public.b, sales.c");
        let some = matching(&tables, &split("*.*"), &split("public.b,sales.*"));
        assert_eq!(summary(&some, 3), "1 of 3 tables, 1.5 MB: public.a");
        assert_eq!(summary(&matching(&tables, &split("other.*"), &[]), 3), "No table matches; the database has 3.");
    }

    #[test]
    fn a_list_in_the_file_is_shown_as_it_is_typed() {
        assert_eq!(words("[\"public.*\", \"a.b\"]").as_deref(), Some("public.*, a.b"));
        assert_eq!(words("nonsense ["), None);
    }
}
