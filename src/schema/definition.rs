//! The lines of `SHOW CREATE TABLE`, to be used again in `ALTER TABLE`.

/// A table's definition, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definition<'a> {
    /// Column name and its line, in order.
    pub columns: Vec<(String, &'a str)>,
    /// Key name (`PRIMARY` for the primary key) and its line.
    pub keys: Vec<(String, &'a str)>,
    /// Constraint name and its line.
    pub foreign_keys: Vec<(String, &'a str)>,
    /// Lines of other kinds: CHECK constraints, periods.
    pub others: Vec<&'a str>,
}

impl<'a> Definition<'a> {
    /// Reads the text as both servers write it, names in backticks. Of another text nothing is found.
    #[must_use]
    pub fn read(text: &'a str) -> Self {
        let mut all = Self::default();
        for item in items(text) {
            let head = item.split('`').next().unwrap_or_default().trim();
            let name = first_name(item);
            match (head, name) {
                ("", Some((name, _))) => all.columns.push((name, item)),
                (primary, _) if primary.starts_with("PRIMARY KEY") => {
                    all.keys.push((super::change::PRIMARY.to_owned(), item));
                }
                (key, Some((name, _))) if key == "KEY" || key.ends_with(" KEY") => all.keys.push((name, item)),
                ("CONSTRAINT", Some((name, rest))) if rest.trim_start().starts_with("FOREIGN KEY") => {
                    all.foreign_keys.push((name, item));
                }
                _ => all.others.push(item),
            }
        }
        all
    }

    /// A column's line, as MySQL compares column names.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&'a str> {
        line(&self.columns, name)
    }

    /// A key's line.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'a str> {
        line(&self.keys, name)
    }
}

fn line<'a>(lines: &[(String, &'a str)], name: &str) -> Option<&'a str> {
    lines.iter().find(|(n, _)| n.to_lowercase() == name.to_lowercase()).map(|(_, line)| *line)
}

/// The first name in backticks, and what follows it.
fn first_name(item: &str) -> Option<(String, &str)> {
    let mut rest = &item[item.find('`')? + 1..];
    let mut name = String::new();
    loop {
        let end = rest.find('`')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('`') {
            Some(after) => {
                name.push('`');
                rest = after;
            }
            None => return Some((name, rest)),
        }
    }
}

/// What stands between the outermost parentheses, split at its commas. Quoted texts and names may hold anything.
fn items(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut depth, mut start, mut quote, mut escaped) = (0, 0, None, false);
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(q) if c == '\\' && q != '`' => escaped = true,
            // A doubled quote ends the text and begins it again.
            Some(q) => quote = Some(q).filter(|q| c != *q),
            None => match c {
                '\'' | '"' | '`' => quote = Some(c),
                '(' => {
                    depth += 1;
                    start = if depth == 1 { at + 1 } else { start };
                }
                ')' if depth == 1 => {
                    out.push(text[start..at].trim());
                    return out;
                }
                ')' => depth -= 1,
                ',' if depth == 1 => {
                    out.push(text[start..at].trim());
                    start = at + 1;
                }
                _ => {}
            },
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As MySQL 9.7 wrote it, with a column of MariaDB's spelling.
    const TEXT: &str = r#"CREATE TABLE `t(,` (
  `id` int NOT NULL AUTO_INCREMENT,
  `title` varchar(200) COLLATE utf8mb4_bin NOT NULL DEFAULT 'it''s \'a\' "x",\n (b' COMMENT 'com, ment',
  `g` int GENERATED ALWAYS AS ((`f` * 2)) VIRTUAL,
  `od``d` double(8,2) DEFAULT NULL,
  `ts` timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  PRIMARY KEY (`id`),
  UNIQUE KEY `u` (`title`,`od``d`),
  KEY `k` (`title`(10) DESC),
  KEY `ex` ((lower(`title`))) /*!80000 INVISIBLE */,
  FULLTEXT KEY `ft` (`title`),
  CONSTRAINT `fk` FOREIGN KEY (`id`) REFERENCES `p` (`id`) ON DELETE CASCADE,
  CONSTRAINT `t_chk_1` CHECK ((`od``d` > 0))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='tab (,'
/*!50100 PARTITION BY HASH (`id`) PARTITIONS 2 */"#;

    #[test]
    fn each_line_is_found_whole_by_its_name() {
        let read = Definition::read(TEXT);
        let names = |lines: &[(String, &str)]| lines.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>();
        assert_eq!(names(&read.columns), ["id", "title", "g", "od`d", "ts"]);
        assert_eq!(names(&read.keys), ["PRIMARY", "u", "k", "ex", "ft"]);
        assert_eq!(names(&read.foreign_keys), ["fk"]);
        assert_eq!(read.others, ["CONSTRAINT `t_chk_1` CHECK ((`od``d` > 0))"]);
        let line = read.column("TITLE").unwrap();
        assert!(line.starts_with("`title` varchar(200)") && line.ends_with("COMMENT 'com, ment'"), "{line}");
        assert_eq!(read.key("ex"), Some("KEY `ex` ((lower(`title`))) /*!80000 INVISIBLE */"));
        assert_eq!(read.key("PRIMARY"), Some("PRIMARY KEY (`id`)"));
    }

    #[test]
    fn of_other_texts_nothing_is_found() {
        for text in ["", "CREATE TABLE `t` (", "CREATE TABLE t (a int", "`)", "'\\"] {
            assert_eq!(Definition::read(text), Definition::default(), "{text}");
        }
        for cut in (0..TEXT.len()).filter(|at| TEXT.is_char_boundary(*at)) {
            let _ = Definition::read(&TEXT[..cut]);
        }
    }
}
