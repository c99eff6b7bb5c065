//! What several screens say of the same thing. Pure.

use crate::facts::{CanaryEnd, CanaryRun};
use crate::sync::Phase;

/// A phase of a run.
pub fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Prepare => "preparing",
        Phase::FullLoad => "full load",
        Phase::CatchUp => "catching up",
        Phase::Streaming => "streaming",
        Phase::Stopping => "stopping",
    }
}

/// How a canary fared, in one line.
pub fn canary(run: &CanaryRun) -> String {
    match &run.end {
        CanaryEnd::NotSelected => "[tables] leaves its table out".to_owned(),
        CanaryEnd::NotPublished { .. } => "the publication leaves its table out".to_owned(),
        CanaryEnd::NotRunning(why) => format!("nothing carries it: {why}"),
        CanaryEnd::NotCarried => "the sync began before its table was there: stop it and start it again".to_owned(),
        CanaryEnd::Refused { doing, why } => format!("{doing}: {why}"),
        CanaryEnd::Followed(legs) => {
            let each = legs.iter().map(|leg| match leg.delay_ms {
                Some(ms) if leg.changed.is_empty() => format!("{} {ms} ms", leg.change.as_str()),
                Some(ms) => format!("{} {ms} ms, {} values changed", leg.change.as_str(), leg.changed.len()),
                None => format!("{} not within {} s", leg.change.as_str(), run.limit_seconds),
            });
            each.collect::<Vec<_>>().join(" · ")
        }
    }
}
