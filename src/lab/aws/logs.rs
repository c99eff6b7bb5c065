//! CloudWatch Logs: what tasks say. The last few thousand lines of each.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::{Account, empty};
use super::errors::{Answer, AwsError};
use super::input::Input;

/// Lines that are kept of a stream.
const KEPT: usize = 5_000;

/// The days for which a group can keep its lines.
const DAYS: [i64; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// Groups by name.
#[derive(Debug, Default)]
pub(super) struct State(BTreeMap<String, Group>);

#[derive(Debug, Default)]
struct Group {
    streams: BTreeMap<String, Stream>,
    /// For ever where there is none. Nothing is deleted here that soon.
    days: Option<i64>,
}

#[derive(Debug, Default)]
struct Stream {
    /// How many lines went before those that are kept.
    dropped: usize,
    /// Milliseconds since 1970 and the line.
    lines: VecDeque<(i64, String)>,
}

impl State {
    /// Adds a line.
    pub(super) fn add(&mut self, group: &str, stream: &str, line: String) {
        let stream = self.0.entry(group.to_owned()).or_default().streams.entry(stream.to_owned()).or_default();
        stream.lines.push_back((Timestamp::now().as_millisecond(), line));
        if stream.lines.len() > KEPT {
            stream.lines.pop_front();
            stream.dropped += 1;
        }
    }

    /// The bytes of a stream.
    pub(super) fn size(&self, group: &str, stream: &str) -> usize {
        self.0.get(group).and_then(|g| g.streams.get(stream)).map_or(0, Stream::size)
    }

    fn group(&self, input: &Input) -> Result<(&str, &BTreeMap<String, Stream>), AwsError> {
        let found = self.0.get_key_value(named(input)?).map(|(name, group)| (name.as_str(), &group.streams));
        found.ok_or_else(no_group)
    }

    fn group_mut(&mut self, input: &Input) -> Result<&mut Group, AwsError> {
        self.0.get_mut(named(input)?).ok_or_else(no_group)
    }
}

fn named(input: &Input) -> Result<&str, AwsError> {
    let name = input.text("logGroupName").or(input.text("logGroupIdentifier"));
    let name = name.ok_or_else(|| AwsError::bad("InvalidParameterException", "A log group must be named."))?;
    // An identifier may be an ARN.
    Ok(name.rsplit("log-group:").next().unwrap_or(name).trim_end_matches(":*"))
}

fn no_group() -> AwsError {
    AwsError::bad("ResourceNotFoundException", "The specified log group does not exist.")
}

impl Stream {
    fn size(&self) -> usize {
        self.lines.iter().map(|(_, line)| line.len()).sum()
    }

    /// The lines within the call's times, each with its number.
    fn within(&self, input: &Input) -> impl DoubleEndedIterator<Item = (usize, &(i64, String))> {
        let from = input.number("startTime").unwrap_or(i64::MIN);
        let to = input.number("endTime").unwrap_or(i64::MAX);
        let numbered = self.lines.iter().enumerate().map(|(place, line)| (place + self.dropped, line));
        numbered.filter(move |(_, (at, _))| (from..to).contains(at))
    }
}

/// Answers a call; nothing where there is none of that name.
pub(super) fn answer(account: &Arc<Account>, operation: &str, input: &Input) -> Option<Answer> {
    let state = &mut account.state().logs;
    Some(match operation {
        "DescribeLogGroups" => Ok(groups(account, state, input)),
        "DescribeLogStreams" => streams(account, state, input),
        "GetLogEvents" => events(state, input),
        "FilterLogEvents" => filtered(state, input),
        "PutRetentionPolicy" => keep(state, input),
        "DeleteRetentionPolicy" => keep_for_ever(state, input),
        _ => return None,
    })
}

fn groups(account: &Account, state: &State, input: &Input) -> Value {
    let prefix = input.text("logGroupNamePrefix").unwrap_or_default();
    let pattern = input.text("logGroupNamePattern").unwrap_or_default();
    let wanted = state.0.iter().filter(|(name, _)| name.starts_with(prefix) && name.contains(pattern));
    let all: Vec<Value> = wanted
        .map(|(name, group)| {
            let streams = &group.streams;
            let size: usize = streams.values().map(Stream::size).sum();
            let arn = account.arn("logs", "log-group", name);
            let created = streams.values().filter_map(|s| s.lines.front()).map(|(at, _)| *at).min().unwrap_or_default();
            let mut shown = json!({"logGroupName": name, "creationTime": created, "storedBytes": size,
                                   "metricFilterCount": 0, "logGroupClass": "STANDARD", "arn": format!("{arn}:*"),
                                   "logGroupArn": arn});
            if let Some(days) = group.days {
                shown["retentionInDays"] = days.into();
            }
            shown
        })
        .collect();
    json!({ "logGroups": all })
}

/// `PutRetentionPolicy`.
fn keep(state: &mut State, input: &Input) -> Answer {
    let days = input.number("retentionInDays").unwrap_or_default();
    if !DAYS.contains(&days) {
        let known = DAYS.map(|days| days.to_string()).join(", ");
        let why = format!(
            "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: Member must \
             satisfy enum value set: [{known}]"
        );
        return Err(AwsError::bad("InvalidParameterException", why));
    }
    state.group_mut(input)?.days = Some(days);
    empty()
}

/// `DeleteRetentionPolicy`.
fn keep_for_ever(state: &mut State, input: &Input) -> Answer {
    state.group_mut(input)?.days = None;
    empty()
}

fn streams(account: &Account, state: &State, input: &Input) -> Answer {
    let (group, streams) = state.group(input)?;
    let prefix = input.text("logStreamNamePrefix").unwrap_or_default();
    let all: Vec<Value> = streams
        .iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, stream)| {
            let arn = format!("{}:log-stream:{name}", account.arn("logs", "log-group", group));
            let (first, last) = (stream.lines.front().map(|l| l.0), stream.lines.back().map(|l| l.0));
            json!({"logStreamName": name, "arn": arn, "creationTime": first, "firstEventTimestamp": first,
                   "lastEventTimestamp": last, "lastIngestionTime": last, "storedBytes": stream.size()})
        })
        .collect();
    Ok(json!({ "logStreams": all }))
}

/// Tokens say the number of the next line forward (`f/`) and of the line after the page backward (`b/`).
fn events(state: &State, input: &Input) -> Answer {
    let name = input.text("logStreamName").unwrap_or_default();
    let missing = || AwsError::bad("ResourceNotFoundException", "The specified log stream does not exist.");
    let stream = state.group(input)?.1.get(name).ok_or_else(missing)?;
    let limit = usize::try_from(input.number("limit").unwrap_or(10_000)).unwrap_or(1).clamp(1, 10_000);
    let token = input.text("nextToken").map(read_token);
    if token == Some(None) {
        return Err(AwsError::bad("InvalidParameterException", "The specified nextToken is invalid."));
    }
    let all: Vec<_> = stream.within(input).collect();
    let end = stream.dropped + stream.lines.len();
    let (begin, stop) = match token.flatten() {
        Some(('f', from)) => (from, usize::MAX),
        Some((_, to)) => (0, to),
        None if input.flag("startFromHead") => (0, usize::MAX),
        None => (end.saturating_sub(limit), usize::MAX),
    };
    let mut page: Vec<_> = all.into_iter().filter(|(n, _)| (begin..stop).contains(n)).collect();
    if stop == usize::MAX {
        page.truncate(limit);
    } else {
        page.drain(..page.len().saturating_sub(limit));
    }
    let forward = page.last().map_or(if stop == usize::MAX { begin.max(end) } else { stop }, |(n, _)| n + 1);
    let backward = page.first().map_or(begin, |(n, _)| *n);
    let shown: Vec<Value> =
        page.iter().map(|(_, (at, line))| json!({"timestamp": at, "message": line, "ingestionTime": at})).collect();
    Ok(
        json!({"events": shown, "nextForwardToken": format!("f/{forward}"), "nextBackwardToken": format!("b/{backward}")}),
    )
}

fn read_token(token: &str) -> Option<(char, usize)> {
    let (way, number) = token.split_once('/')?;
    Some((way.chars().next().filter(|c| "fb".contains(*c))?, number.parse().ok()?))
}

/// `filterPattern`: all words (or phrases in quotes) must be in the line; `?word` is any of them; `-word` none.
fn filtered(state: &State, input: &Input) -> Answer {
    let names = input.texts("logStreamNames");
    let prefix = input.text("logStreamNamePrefix").unwrap_or_default();
    let limit = usize::try_from(input.number("limit").unwrap_or(10_000)).unwrap_or(1).clamp(1, 10_000);
    let skip: usize = input.text("nextToken").and_then(|token| token.parse().ok()).unwrap_or_default();
    let pattern = input.text("filterPattern").unwrap_or_default();
    let mut all: Vec<(i64, &str, usize, &str)> = Vec::new();
    for (name, stream) in state.group(input)?.1 {
        if name.starts_with(prefix) && (names.is_empty() || names.contains(&name.as_str())) {
            let wanted = stream.within(input).filter(|(_, (_, line))| matches(pattern, line));
            all.extend(wanted.map(|(n, (at, line))| (*at, name.as_str(), n, line.as_str())));
        }
    }
    all.sort_unstable();
    let more = all.len() > skip + limit;
    let shown: Vec<Value> = all
        .into_iter()
        .skip(skip)
        .take(limit)
        .map(|(at, stream, n, line)| {
            json!({"logStreamName": stream, "timestamp": at, "message": line, "ingestionTime": at,
                   "eventId": format!("{stream}-{n}")})
        })
        .collect();
    let mut answer = json!({"events": shown, "searchedLogStreams": []});
    if more {
        answer["nextToken"] = (skip + limit).to_string().into();
    }
    Ok(answer)
}

fn matches(pattern: &str, line: &str) -> bool {
    let mut words = Vec::new();
    for (place, part) in pattern.split('"').enumerate() {
        if place % 2 == 1 {
            words.push(part);
        } else {
            words.extend(part.split_whitespace());
        }
    }
    let any: Vec<&str> = words.iter().filter_map(|w| w.strip_prefix('?')).collect();
    let fits = |word: &&str| match word.chars().next() {
        Some('?') => true,
        Some('-') => !line.contains(&word[1..]),
        _ => line.contains(*word),
    };
    words.iter().all(fits) && (any.is_empty() || any.iter().any(|word| line.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(lines: usize) -> State {
        let mut state = State::default();
        (0..lines).for_each(|n| state.add("g", "s", format!("line {n}")));
        state
    }

    fn messages(answer: &Value) -> Vec<&str> {
        answer["events"].as_array().unwrap().iter().map(|e| e["message"].as_str().unwrap()).collect()
    }

    #[test]
    fn a_stream_is_read_forward_until_the_token_stays() {
        let state = state(5);
        let ask = |more: Value| {
            let mut input = json!({"logGroupName": "g", "logStreamName": "s", "limit": 2, "startFromHead": true});
            input["nextToken"] = more;
            events(&state, &Input(input)).unwrap()
        };
        let first = ask(Value::Null);
        assert_eq!(messages(&first), ["line 0", "line 1"]);
        let second = ask(first["nextForwardToken"].clone());
        let third = ask(second["nextForwardToken"].clone());
        assert_eq!(messages(&third), ["line 4"]);
        let last = ask(third["nextForwardToken"].clone());
        assert!(messages(&last).is_empty());
        assert_eq!(last["nextForwardToken"], third["nextForwardToken"]);
        let back = ask(third["nextBackwardToken"].clone());
        assert_eq!(messages(&back), ["line 2", "line 3"]);
    }

    #[test]
    fn without_a_token_the_newest_lines_come() {
        let input = Input(json!({"logGroupName": "g", "logStreamName": "s", "limit": 1}));
        assert_eq!(messages(&events(&state(3), &input).unwrap()), ["line 2"]);
        let missing = Input(json!({"logGroupName": "x", "logStreamName": "s"}));
        assert_eq!(events(&state(3), &missing).unwrap_err().code, "ResourceNotFoundException");
    }

    #[test]
    fn a_group_keeps_its_lines_for_days_that_aws_knows() {
        let mut state = state(1);
        let ask = |group: &str, days: i64| Input(json!({"logGroupName": group, "retentionInDays": days}));
        assert_eq!(keep(&mut state, &ask("g", 31)).unwrap_err().code, "InvalidParameterException");
        assert_eq!(keep(&mut state, &ask("x", 30)).unwrap_err().code, "ResourceNotFoundException");
        keep(&mut state, &ask("g", 30)).unwrap();
        assert_eq!(state.0["g"].days, Some(30));
        keep_for_ever(&mut state, &ask("g", 0)).unwrap();
        assert_eq!(state.0["g"].days, None);
    }

    #[test]
    fn only_the_newest_lines_are_kept() {
        let state = state(KEPT + 3);
        let input = Input(json!({"logGroupName": "g", "logStreamName": "s", "limit": 1, "startFromHead": true}));
        assert_eq!(messages(&events(&state, &input).unwrap()), ["line 3"]);
    }

    #[test]
    fn patterns_are_words_phrases_and_exclusions() {
        for (pattern, fits) in [
            ("", true),
            ("one", true),
            ("one three", false),
            ("\"one two\"", true),
            ("\"two one\"", false),
            ("?three ?two", true),
            ("?three ?four", false),
            ("one -two", false),
        ] {
            assert_eq!(matches(pattern, "one two"), fits, "{pattern}");
        }
    }
}
