//! Cuts one key of a TOML text out, in or anew, and leaves every other byte alone. The parser says where things
//! stand; the change is made in the text and then read again, so that a layout this module does not
//! understand is refused and never spoiled.

use std::collections::BTreeMap;
use std::ops::Range;

use toml_edit::{Document, Item, Table, TableLike, Value};

/// The text cannot be changed this way: not TOML, or a layout to be edited by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused;

/// A key's value: the text of a string, anything else as TOML.
pub(super) fn get(text: &str, path: &[&str]) -> Result<Option<String>, Refused> {
    let doc = Document::parse(text).map_err(|_| Refused)?;
    Ok(match find(doc.as_table(), path) {
        Some(Item::Value(Value::String(s))) => Some(s.value().clone()),
        Some(item) => item.span().and_then(|span| text.get(span)).map(str::to_owned),
        None => None,
    })
}

/// Sets a key to a TOML value.
pub(super) fn set(text: &str, path: &[&str], value: &Value) -> Result<String, Refused> {
    let doc = Document::parse(text).map_err(|_| Refused)?;
    let root = doc.as_table();
    let changed = match find(root, path) {
        Some(Item::Value(old)) => {
            let span = old.span().ok_or(Refused)?;
            let literal = literal(value, text.get(span.clone()).ok_or(Refused)?);
            splice(text, span, &literal)
        }
        Some(_) => return Err(Refused),
        None => insert(text, root, path, &literal(value, ""))?,
    };
    verified(text, changed, path, Some(value))
}

/// Takes a key out, with its line and the comment behind it; also a section at the end that has nothing else, as
/// [`set`] makes it.
pub(super) fn unset(text: &str, path: &[&str]) -> Result<String, Refused> {
    let doc = Document::parse(text).map_err(|_| Refused)?;
    let (name, parents) = path.split_last().ok_or(Refused)?;
    let Some(parent) = find_table(doc.as_table(), parents) else { return Ok(text.to_owned()) };
    let (Some(key), Some(item)) = (parent.key(name).and_then(toml_edit::Key::span), parent.get(name)) else {
        return Ok(text.to_owned());
    };
    let end = item.as_value().and_then(Value::span).ok_or(Refused)?.end;
    let is_inline = find(doc.as_table(), parents).is_some_and(|p| p.as_inline_table().is_some());
    let cut = if is_inline { inline_entry(parent, &key, end) } else { whole_line(text, parent, &key, end) };
    verified(text, splice(text, cut, ""), path, None)
}

/// A value as TOML, in the quotes of the one it replaces where they can hold it.
fn literal(value: &Value, old: &str) -> String {
    match value {
        Value::String(s) if old.starts_with('\'') && !old.starts_with("'''") && !s.value().contains('\'') => {
            format!("'{}'", s.value())
        }
        Value::String(s) if !s.value().contains(['"', '\\']) => format!("\"{}\"", s.value()),
        other => other.to_string().trim().to_owned(),
    }
}

/// Writes a new key where its section is, or a new section at the end.
fn insert(text: &str, root: &Table, path: &[&str], literal: &str) -> Result<String, Refused> {
    let (name, parents) = path.split_last().ok_or(Refused)?;
    let entry = format!("{} = {literal}", toml_edit::Key::new(*name).display_repr());
    if parents.is_empty() {
        return Ok(insert_line(text, root, "", &entry, first_line(text)));
    }
    match find(root, parents) {
        Some(Item::Value(Value::InlineTable(table))) => {
            let last = table.iter().filter_map(|(_, v)| v.span()).map(|s| s.end).max();
            let open = table.span().ok_or(Refused)?.start + 1;
            Ok(match last {
                Some(end) => splice(text, end..end, &format!(", {entry}")),
                None => splice(text, open..open, &format!(" {entry} ")),
            })
        }
        Some(Item::Table(table)) if table.is_dotted() => {
            let prefix: Vec<&str> = dotted_parents(root, parents);
            Ok(insert_line(text, table, &format!("{}.", prefix.join(".")), &entry, 0))
        }
        Some(Item::Table(table)) if !table.is_implicit() => {
            let header = table.span().ok_or(Refused)?;
            Ok(insert_line(text, table, "", &entry, header_end(text, header.start)))
        }
        Some(Item::Table(_)) | None if parents.len() == 1 => Ok(append_section(text, parents[0], &entry)),
        None => insert(text, root, parents, &format!("{{ {entry} }}")),
        Some(_) => Err(Refused),
    }
}

/// A new line behind the last entry of a table, indented like it; at `otherwise` when the table has none.
fn insert_line(text: &str, table: &Table, prefix: &str, entry: &str, otherwise: usize) -> String {
    let newline = newline(text);
    let last = table.get_values().into_iter().filter_map(|(keys, v)| Some((keys.first()?.span()?, v.span()?.end)));
    let Some((key, end)) = last.max_by_key(|(_, end)| *end) else {
        let at = otherwise;
        return match text[..at].ends_with('\n') || at == 0 || text[..at].ends_with('\u{feff}') {
            true => splice(text, at..at, &format!("{prefix}{entry}{newline}")),
            false => splice(text, at..at, &format!("{newline}{prefix}{entry}")),
        };
    };
    let line = &text[line_start(text, key.start)..];
    let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
    let at = line_end(text, end);
    match text[..at].ends_with('\n') {
        true => splice(text, at..at, &format!("{indent}{prefix}{entry}{newline}")),
        false => splice(text, at..at, &format!("{newline}{indent}{prefix}{entry}")),
    }
}

fn append_section(text: &str, section: &str, entry: &str) -> String {
    let newline = newline(text);
    let gap = match text {
        "" => "",
        t if t.ends_with('\n') => newline,
        _ => &format!("{newline}{newline}"),
    };
    format!("{text}{gap}[{section}]{newline}{entry}{newline}")
}

/// The part of a path that is written in front of a dotted key: what lies below the last section with a header.
fn dotted_parents<'a>(root: &Table, parents: &[&'a str]) -> Vec<&'a str> {
    (1..=parents.len())
        .filter(|n| find(root, &parents[..*n]).and_then(Item::as_table).is_some_and(Table::is_dotted))
        .map(|n| parents[n - 1])
        .collect()
}

/// What to cut for an entry between braces: with the comma before it, or else the one behind.
fn inline_entry(parent: &dyn TableLike, key: &Range<usize>, end: usize) -> Range<usize> {
    let ends = parent.iter().filter_map(|(_, item)| item.span()).map(|s| s.end);
    let starts = parent.iter().filter_map(|(name, _)| parent.key(name)?.span()).map(|s| s.start);
    match (ends.filter(|e| *e < key.start).max(), starts.filter(|s| *s > end).min()) {
        (Some(previous), _) => previous..end,
        (None, Some(next)) => key.start..next,
        (None, None) => key.start..end,
    }
}

/// What to cut for an entry on a line of its own.
fn whole_line(text: &str, parent: &dyn TableLike, key: &Range<usize>, end: usize) -> Range<usize> {
    let mut start = line_start(text, key.start);
    let end = line_end(text, end);
    if end == text.len() && parent.iter().count() == 1 && start > 0 {
        let header = line_start(text, start - 1);
        let line = text[header..start].trim_end();
        if line.starts_with('[') && line.ends_with(']') {
            start = header;
            if start > 0 && text[line_start(text, start - 1)..start].trim().is_empty() {
                start = line_start(text, start - 1);
            }
        }
    }
    // The last line of a text without a final line break takes the break before it along.
    if !text[..end].ends_with('\n') && start > 0 {
        start -= 1;
        if text[..start].ends_with('\r') {
            start -= 1;
        }
    }
    start..end
}

/// The changed text, if exactly this key changed.
fn verified(before: &str, after: String, path: &[&str], value: Option<&Value>) -> Result<String, Refused> {
    let old = Document::parse(before).map_err(|_| Refused)?;
    let new = Document::parse(after.as_str()).map_err(|_| Refused)?;
    let (mut old, mut new) = (leaves(old.as_table()), leaves(new.as_table()));
    let path: Vec<String> = path.iter().map(|p| (*p).to_owned()).collect();
    // A key that takes a table has its leaves below the path.
    let below = |k: &Vec<String>| k.starts_with(&path);
    let now: BTreeMap<Vec<String>, String> =
        new.iter().filter(|(k, _)| below(k)).map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut wanted = BTreeMap::new();
    if let Some(value) = value {
        leaf(&path, &Item::Value(value.clone()), &mut wanted);
    }
    old.retain(|k, _| !below(k));
    new.retain(|k, _| !below(k));
    if old == new && now == wanted { Ok(after) } else { Err(Refused) }
}

/// Every value of a document by its path, without layout.
fn leaves(root: &Table) -> BTreeMap<Vec<String>, String> {
    let mut all = BTreeMap::new();
    for (name, item) in root {
        leaf(&[name.to_owned()], item, &mut all);
    }
    all
}

fn leaf(path: &[String], item: &Item, all: &mut BTreeMap<Vec<String>, String>) {
    if let Some(table) = item.as_table_like() {
        for (name, item) in table.iter() {
            let mut below = path.to_vec();
            below.push(name.to_owned());
            leaf(&below, item, all);
        }
    } else {
        let plain = match item {
            Item::Value(Value::String(s)) => format!("{:?}", s.value()),
            Item::Value(Value::Array(a)) => a.iter().map(|v| plain(v) + ",").collect(),
            other => other.to_string().trim().to_owned(),
        };
        all.insert(path.to_vec(), plain);
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(s) => format!("{:?}", s.value()),
        other => other.to_string().trim().to_owned(),
    }
}

fn find<'a>(root: &'a Table, path: &[&str]) -> Option<&'a Item> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(root.get(first)?, |item, name| item.as_table_like()?.get(name))
}

fn find_table<'a>(root: &'a Table, path: &[&str]) -> Option<&'a dyn TableLike> {
    if path.is_empty() { Some(root) } else { find(root, path)?.as_table_like() }
}

fn splice(text: &str, at: Range<usize>, new: &str) -> String {
    format!("{}{new}{}", &text[..at.start], &text[at.end..])
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |n| n + 1)
}

/// Behind the line break, or the end of the text.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |n| at + n + 1)
}

/// Behind the line of a section's header.
fn header_end(text: &str, start: usize) -> usize {
    line_end(text, start)
}

/// Where the first line begins: behind a byte order mark.
fn first_line(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set_text(text: &str, path: &str, value: &str) -> String {
        let path: Vec<&str> = path.split('.').collect();
        set(text, &path, &Value::from(value)).unwrap_or_else(|_| panic!("refused: {text}"))
    }

    #[test]
    fn a_value_changes_and_nothing_else() {
        let before = "# top\r\n[source]  # pg\r\n  tls   =   'disable'   # why\r\n\r\nhost=\"a\"\r\n[x.y]\r\n";
        let after = before.replace("'disable'", "'verify-full'");
        assert_eq!(set_text(before, "source.tls", "verify-full"), after);
        assert_eq!(set_text(&after, "source.tls", "disable"), before);
    }

    #[test]
    fn a_new_key_goes_behind_the_last_of_its_section() {
        for (before, path, after) in [
            ("[a]\n  b = 1 # x\n\n# about c\n[c]\n", "a.n", "[a]\n  b = 1 # x\n  n = \"v\"\n\n# about c\n[c]\n"),
            ("[a]\n[a.s]\nx = 1\n", "a.n", "[a]\nn = \"v\"\n[a.s]\nx = 1\n"),
            ("[a] # x", "a.n", "[a] # x\nn = \"v\""),
            ("[a]\nb = [\n 1,\n]", "a.n", "[a]\nb = [\n 1,\n]\nn = \"v\""),
            ("x = 1", "a.n", "x = 1\n\n[a]\nn = \"v\"\n"),
            ("", "a.n", "[a]\nn = \"v\"\n"),
            ("a = { b = 1 } # x\n", "a.n", "a = { b = 1, n = \"v\" } # x\n"),
            ("a = {}\n", "a.n", "a = { n = \"v\" }\n"),
            ("a.b = 1\n", "a.n", "a.b = 1\na.n = \"v\"\n"),
            ("[t]\ns.b = 1\n", "t.s.n", "[t]\ns.b = 1\ns.n = \"v\"\n"),
            ("[t]\nb = 1\n", "t.s.n", "[t]\nb = 1\ns = { n = \"v\" }\n"),
            ("# c\n[a]\n", "n", "n = \"v\"\n# c\n[a]\n"),
            ("k = 1\n[a]\n", "n", "k = 1\nn = \"v\"\n[a]\n"),
        ] {
            assert_eq!(set_text(before, path, "v"), after, "{before:?}");
            let path: Vec<&str> = path.split('.').collect();
            let back = unset(&set(before, &path, &Value::from("v")).unwrap(), &path).unwrap();
            if !before.contains("{}") && path.len() < 3 && !before.is_empty() && before != "x = 1" {
                assert_eq!(back, before, "taken back");
            }
        }
    }

    #[test]
    fn taking_out_keeps_neighbours() {
        for (before, path, after) in [
            ("[a]\nb = 1 # x\nc = 2\n", "a.b", "[a]\nc = 2\n"),
            ("x = 1\n\n[a]\nb = 1\n", "a.b", "x = 1\n"),
            ("[a]\n# why\nb = 1\n", "a.b", "[a]\n# why\n"),
            ("a = { b = 1, c = 2 }\n", "a.b", "a = { c = 2 }\n"),
            ("a = { b = 1, c = 2 }\n", "a.c", "a = { b = 1 }\n"),
            ("[a]\n", "a.c", "[a]\n"),
            ("", "a.c", ""),
        ] {
            let path: Vec<&str> = path.split('.').collect();
            assert_eq!(unset(before, &path).unwrap(), after, "{before:?}");
        }
    }

    #[test]
    fn what_is_no_toml_or_no_value_is_refused() {
        assert_eq!(set("[a\n", &["a", "b"], &Value::from("x")), Err(Refused));
        assert_eq!(set("[a.b]\nc = 1\n", &["a", "b"], &Value::from("x")), Err(Refused));
        assert_eq!(set("[[a]]\nb = 1\n", &["a", "b"], &Value::from("x")), Err(Refused));
    }

    /// A line of a section: an entry in some layout, a comment, or nothing.
    fn line(n: usize) -> impl Strategy<Value = String> {
        prop_oneof![
            "[ \t]{0,3}".prop_map(move |indent| format!("{indent}k{n} = \"v\" # c")),
            Just(format!("k{n}   =   'it\\x'")),
            Just(format!("k{n} = [\n  1, # one\n  2,\n]")),
            Just(format!("k{n} = \"\"\"\n[not a header]\n\"\"\"")),
            Just(format!("k{n} = {{ a = \"b\" }}")),
            "# [a-z =]{0,12}",
            Just(String::new()),
        ]
    }

    fn document() -> impl Strategy<Value = String> {
        let section = |name: &'static str| {
            (0..5_usize).prop_flat_map(move |count| {
                (0..count)
                    .map(line)
                    .collect::<Vec<_>>()
                    .prop_map(move |lines| format!("[{name}] # s\n{}\n", lines.join("\n")))
            })
        };
        ("(# top\n)?", section("a"), section("b"), section("c"), any::<bool>(), any::<bool>()).prop_map(
            |(top, a, b, c, dos, cut)| {
                let text = format!("{top}{a}{b}{c}");
                let text = if cut { text.trim_end_matches('\n').to_owned() } else { text };
                if dos { text.replace('\n', "\r\n") } else { text }
            },
        )
    }

    proptest! {
        #[test]
        fn everything_else_stays_byte_for_byte(
            text in document(),
            section in "[abd]",
            name in "(k[0-4]|new)",
            value in "[ -~äöü🎵]{0,20}",
        ) {
            let path = [section.as_str(), name.as_str()];
            let changed = set(&text, &path, &Value::from(value.as_str())).unwrap();
            prop_assert_eq!(get(&changed, &path).unwrap(), Some(value));
            if get(&text, &path).unwrap().is_none() {
                // A new key only adds, and taken out again leaves what was there.
                let added = changed.len() - text.len();
                let same = text.bytes().zip(changed.bytes()).take_while(|(x, y)| x == y).count();
                prop_assert_eq!(&text[same..], &changed[same + added..]);
                if section != "d" {
                    prop_assert_eq!(unset(&changed, &path).unwrap(), text);
                }
            } else {
                // The same number of lines but for those of a replaced multi-line value.
                let gone = unset(&text, &path).unwrap();
                prop_assert_eq!(unset(&changed, &path).unwrap(), gone);
            }
        }

        #[test]
        fn no_text_panics(text in "[\\[\\]a-c=\"'{},.#\n\r 1\u{feff}]{0,40}", path in "[abc](\\.[abc]){0,2}") {
            let path: Vec<&str> = path.split('.').collect();
            let _ = get(&text, &path);
            let _ = set(&text, &path, &Value::from("x"));
            let _ = unset(&text, &path);
        }
    }
}
