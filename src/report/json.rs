//! The JSON report.

use super::Report;

/// The report as indented JSON with a final line break.
///
/// # Errors
/// None in practice: a report is plain strings and numbers.
pub fn render(report: &Report) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report).map(|s| s + "\n")
}
