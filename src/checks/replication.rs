//! Whether this pipeline replicates changes from a slot, for the checks that concern slots.

use super::Verdict;
use crate::facts::{Facts, PgSetting, Unknown, UnknownKind};
use crate::pipeline::EngineKind;

/// The verdict for a pipeline that needs no replication slot on the source; `None` where it needs one.
pub(super) fn needs_no_slot(facts: &Facts) -> Option<Verdict> {
    let sync = &facts.pipeline.sync;
    if sync.engine == EngineKind::S3 {
        Some(Verdict::NotApplicable("engine s3 reads files and holds no replication slot"))
    } else if !sync.mode.has_cdc() {
        Some(Verdict::NotApplicable("mode full-load replicates no changes"))
    } else {
        None
    }
}

/// The pipeline's own slot exists already, so none has to be made.
pub(super) fn slot_exists(facts: &Facts) -> bool {
    facts.source.slots.value().is_some_and(|slots| slots.iter().any(|s| s.name == facts.pipeline.sync.slot))
}

/// A setting of the source.
///
/// # Errors
/// The settings are not known, or this one is not among them.
pub(super) fn setting<'a>(facts: &'a Facts, name: &str) -> Result<&'a PgSetting, Unknown> {
    let settings = facts.source.settings.known()?;
    settings.get(name).ok_or_else(|| Unknown::new(UnknownKind::Failed, format!("the source has no setting {name}")))
}

/// A setting of the source that is a whole number.
///
/// # Errors
/// The settings are not known, or this one is no number.
pub(super) fn number(facts: &Facts, name: &str) -> Result<u64, Unknown> {
    let value = &setting(facts, name)?.value;
    value.parse().map_err(|_| Unknown::new(UnknownKind::Failed, format!("the source's {name} is {value:?}, no number")))
}
