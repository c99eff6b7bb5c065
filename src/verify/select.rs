//! Which of the pipeline's tables are compared. Pure.

use super::error::VerifyError;
use crate::pipeline::pattern_matches;
use crate::text::nearest;

/// The places of the tables (schema and name) that match one of the patterns; all without any.
///
/// # Errors
/// A pattern that matches none, with the nearest name.
pub(super) fn chosen(tables: &[(&str, &str)], patterns: &[String]) -> Result<Vec<usize>, VerifyError> {
    let matches = |pattern: &str, (schema, name): (&str, &str)| pattern_matches(pattern, schema, name);
    for pattern in patterns {
        if !tables.iter().any(|table| matches(pattern, *table)) {
            let nearest = near(pattern, tables);
            return Err(VerifyError::NoSuchTable { pattern: pattern.clone(), nearest });
        }
    }
    let wanted = |table: &(&str, &str)| patterns.is_empty() || patterns.iter().any(|p| matches(p, *table));
    Ok(tables.iter().enumerate().filter(|(_, table)| wanted(table)).map(|(place, _)| place).collect())
}

/// By the whole name, or by the table's own where the schema was left out.
fn near(pattern: &str, tables: &[(&str, &str)]) -> Option<String> {
    let labels: Vec<String> = tables.iter().map(|(schema, name)| format!("{schema}.{name}")).collect();
    if pattern.contains('.') {
        return nearest(pattern, labels.iter().map(String::as_str)).map(str::to_owned);
    }
    let name = nearest(pattern, tables.iter().map(|(_, name)| *name))?;
    labels.into_iter().zip(tables).find(|(_, (_, n))| *n == name).map(|(label, _)| label)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: [(&str, &str); 3] = [("public", "artists"), ("public", "plays"), ("audit", "plays")];

    fn of(patterns: &[&str]) -> Result<Vec<usize>, String> {
        let patterns: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
        chosen(&TABLES, &patterns).map_err(|error| match error {
            VerifyError::NoSuchTable { nearest, .. } => nearest.unwrap_or_default(),
            other => other.to_string(),
        })
    }

    #[test]
    fn patterns_are_those_of_the_pipeline_file() {
        assert_eq!(of(&[]), Ok(vec![0, 1, 2]));
        assert_eq!(of(&["*.plays"]), Ok(vec![1, 2]));
        assert_eq!(of(&["audit.*", "public.artists"]), Ok(vec![0, 2]));
    }

    #[test]
    fn a_slip_names_the_nearest_table() {
        assert_eq!(of(&["*.plays", "public.artist"]), Err("public.artists".into()));
        assert_eq!(of(&["playz"]), Err("public.plays".into()));
        assert_eq!(of(&["zebra"]), Err(String::new()));
    }
}
