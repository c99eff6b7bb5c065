//! Where the collectors of both sides put what they find.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::aws::AwsFacts;
use super::{Attempt, Fact, Facts, Kept, SourceFacts, TargetFacts, Unknown, UnknownKind};

/// How long a collector waits for the answer to one query. The servers are told a shorter limit, which says more.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The facts so far, and who is told of them.
pub(super) struct Board<'a> {
    facts: Mutex<Facts>,
    update: &'a (dyn Fn(&Facts) + Send + Sync),
}

impl<'a> Board<'a> {
    pub(super) fn new(facts: Facts, update: &'a (dyn Fn(&Facts) + Send + Sync)) -> Self {
        Self { facts: Mutex::new(facts), update }
    }

    /// Changes the source's facts and tells.
    pub(super) fn source(&self, change: impl FnOnce(&mut SourceFacts)) {
        self.change(|facts| change(&mut facts.source));
    }

    /// Changes the target's facts and tells.
    pub(super) fn target(&self, change: impl FnOnce(&mut TargetFacts)) {
        self.change(|facts| change(&mut facts.target));
    }

    /// Changes what AWS says, where the pipeline has such a part, and tells.
    pub(super) fn aws(&self, change: impl FnOnce(&mut AwsFacts)) {
        self.change(|facts| {
            if let Some(aws) = &mut facts.aws {
                change(aws);
            }
        });
    }

    /// Puts in what was kept of the target's tables, and tells.
    pub(super) fn kept(&self, kept: Fact<Option<Kept>>) {
        self.change(|facts| facts.kept = kept);
    }

    fn change(&self, change: impl FnOnce(&mut Facts)) {
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut facts);
        (self.update)(&facts);
    }

    pub(super) fn into_facts(self) -> Facts {
        self.facts.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives what is still pending a final reason.
pub(super) trait Settle {
    fn settle(&mut self, why: &Unknown);
}

impl<T> Settle for Fact<T> {
    fn settle(&mut self, why: &Unknown) {
        if matches!(self, Self::Unknown(unknown) if unknown.kind == UnknownKind::Pending) {
            *self = Self::Unknown(why.clone());
        }
    }
}

impl Settle for Attempt {
    fn settle(&mut self, why: &Unknown) {
        if matches!(self, Self::NotTried(unknown) if unknown.kind == UnknownKind::Pending) {
            *self = Self::NotTried(why.clone());
        }
    }
}

impl Settle for SourceFacts {
    fn settle(&mut self, why: &Unknown) {
        self.host.addresses.settle(why);
        self.host.tcp.settle(why);
        self.plaintext.settle(why);
        self.encrypted.settle(why);
        self.configured.settle(why);
        self.replication.settle(why);
        self.databases.settle(why);
        self.session.settle(why);
        self.settings.settle(why);
        self.role.settle(why);
        self.rights.settle(why);
        self.system_identifier.settle(why);
        self.slots.settle(why);
        self.publication.settle(why);
        self.wal.settle(why);
        self.wal_senders_used.settle(why);
        self.transactions.settle(why);
        self.prepared.settle(why);
        self.relations.settle(why);
        self.tables.settle(why);
        self.installed.settle(why);
        self.written.settle(why);
    }
}

impl Settle for TargetFacts {
    fn settle(&mut self, why: &Unknown) {
        self.host.addresses.settle(why);
        self.host.tcp.settle(why);
        self.plaintext.settle(why);
        self.encrypted.settle(why);
        self.configured.settle(why);
        self.databases.settle(why);
        self.session.settle(why);
        self.variables.settle(why);
        self.account.settle(why);
        self.grants.settle(why);
        self.transactions.settle(why);
        self.schemas.settle(why);
        self.tables.settle(why);
        self.checkpoint.settle(why);
        self.synced.settle(why);
        self.apply_exceptions.settle(why);
    }
}

/// A query's answer as a fact.
pub(super) fn fact<T>(answer: Result<T, Unknown>) -> Fact<T> {
    match answer {
        Ok(value) => Fact::Known(value),
        Err(why) => Fact::Unknown(why),
    }
}
