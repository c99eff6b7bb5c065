//! Filters and pages, as RDS, DMS and Glue have them. Pure.

use serde_json::{Value, json};

use super::errors::{Answer, AwsError};
use super::input::Input;

/// One page of `records` under the member `name`.
///
/// A page holds 20 to `most` records, 100 where the call does not say; `code` is what another number is refused with.
pub(super) fn page(records: Vec<Value>, name: &str, input: &Input, most: i64, code: &str) -> Answer {
    let size = input.number("MaxRecords").unwrap_or(100);
    if !(20..=most).contains(&size) {
        let why = format!("Invalid value {size} for MaxRecords. Must be between 20 and {most}.");
        return Err(AwsError::bad(code, why));
    }
    let (shown, marker) = cut(records, size, input.text("Marker")).ok_or_else(|| {
        AwsError::bad(code, format!("Invalid value {} for Marker.", input.text("Marker").unwrap_or_default()))
    })?;
    Ok(match marker {
        Some(marker) => json!({"Marker": marker, name: shown}),
        None => json!({name: shown}),
    })
}

/// A page of Glue: one record to `most`, and `most` where the call does not say.
pub(super) fn glue_page(records: Vec<Value>, name: &str, input: &Input, most: i64) -> Answer {
    let size = input.number("MaxResults").unwrap_or(most);
    if !(1..=most).contains(&size) {
        let why = format!("MaxResults is {size}; it takes 1 to {most}.");
        return Err(AwsError::bad("InvalidInputException", why));
    }
    let (shown, token) = cut(records, size, input.text("NextToken"))
        .ok_or_else(|| AwsError::bad("InvalidInputException", "The NextToken is not valid."))?;
    Ok(match token {
        Some(token) => json!({name: shown, "NextToken": token}),
        None => json!({name: shown}),
    })
}

/// So many records from a marker on, and the marker of those after them. Nothing where the marker is none of ours.
fn cut(records: Vec<Value>, size: i64, marker: Option<&str>) -> Option<(Vec<Value>, Option<String>)> {
    let begin = match marker.filter(|m| !m.is_empty()) {
        None => 0,
        Some(marker) => read_marker(marker).filter(|place| *place < records.len())?,
    };
    let end = begin + usize::try_from(size).unwrap_or(100);
    let next = (end < records.len()).then(|| write_marker(end));
    Some((records.into_iter().skip(begin).take(end - begin).collect(), next))
}

/// A page of DMS. Where filters leave nothing, DMS answers that the resource was not found.
pub(super) fn dms_page(records: Vec<Value>, name: &str, input: &Input) -> Answer {
    if records.is_empty() && !input.list("Filters").is_empty() {
        return Err(AwsError::not_found(format!("No {name} found matching provided filters.")));
    }
    page(records, name, input, 100, "InvalidParameterValueException")
}

/// The records that all filters let through; `known` names the members that each filter looks at.
pub(super) fn filter(records: Vec<Value>, input: &Input, known: &[(&str, &str)]) -> Result<Vec<Value>, AwsError> {
    let mut left = records;
    for filter in input.list("Filters") {
        let name = filter.get("Name").and_then(Value::as_str).unwrap_or_default();
        let members: Vec<&str> = known.iter().filter(|(n, _)| *n == name).map(|(_, member)| *member).collect();
        if members.is_empty() {
            return Err(AwsError::value(format!("Unknown filter name: {name}")));
        }
        let values: Vec<&str> =
            filter.get("Values").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let is_wanted = |is: &str| values.iter().any(|wanted| wanted.eq_ignore_ascii_case(is));
        left.retain(|record| members.iter().any(|m| record.get(*m).and_then(Value::as_str).is_some_and(is_wanted)));
    }
    Ok(left)
}

/// Opaque, so that nobody counts on its form.
fn write_marker(place: usize) -> String {
    format!("simulation-{place:x}")
}

fn read_marker(marker: &str) -> Option<usize> {
    usize::from_str_radix(marker.strip_prefix("simulation-")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(page: &Value) -> Vec<i64> {
        page["All"].as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect()
    }

    #[test]
    fn pages_together_are_all_records_once() {
        let records: Vec<Value> = (0..45).map(Value::from).collect();
        let (mut seen, mut marker) = (Vec::new(), Value::Null);
        loop {
            let input = Input(json!({"MaxRecords": 20, "Marker": marker}));
            let answer = page(records.clone(), "All", &input, 100, "X").unwrap();
            seen.extend(numbers(&answer));
            match answer.get("Marker") {
                Some(next) => marker = next.clone(),
                None => break,
            }
        }
        assert_eq!(seen, (0..45).collect::<Vec<_>>());
    }

    #[test]
    fn sizes_and_markers_out_of_range_are_refused() {
        for input in [json!({"MaxRecords": 19}), json!({"MaxRecords": "101"}), json!({"Marker": "5"})] {
            let error = page(vec![Value::from(1)], "All", &Input(input.clone()), 100, "Code").unwrap_err();
            assert_eq!(error.code, "Code", "{input}");
        }
    }

    #[test]
    fn filters_are_all_asked() {
        let records = vec![json!({"A": "x", "B": "1"}), json!({"A": "X", "B": "2"}), json!({"B": "1"})];
        let known = [("a", "A"), ("b", "B"), ("any", "A"), ("any", "B")];
        let ask = |filters: Value| filter(records.clone(), &Input(json!({"Filters": filters})), &known);
        assert_eq!(ask(json!([{"Name": "a", "Values": ["x", "y"]}])).unwrap().len(), 2);
        let both = json!([{"Name": "a", "Values": ["x"]}, {"Name": "b", "Values": ["2"]}]);
        assert_eq!(ask(both).unwrap(), [records[1].clone()]);
        assert_eq!(ask(json!([{"Name": "any", "Values": ["2", "x"]}])).unwrap().len(), 2);
        assert!(ask(json!([{"Name": "c", "Values": []}])).is_err());
        let nothing = Input(json!({"Filters": [{"Name": "a", "Values": ["z"]}]}));
        assert_eq!(dms_page(Vec::new(), "Endpoints", &nothing).unwrap_err().code, "ResourceNotFoundFault");
    }
}
