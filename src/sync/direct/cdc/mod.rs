//! Following changes: PostgreSQL's logical replication into MySQL, each change once.
//!
//! [`supervise`] tries, again where that may help. A try begins with what speaks against it ([`start`]): the slot
//! ([`slot`]), the publication ([`publication`]) and what earlier runs left ([`checkpoint`]). Tables that are not loaded
//! are copied under a snapshot of a slot's starting point ([`handover`]). Then the stream is followed ([`stream`]):
//! messages are sorted to tables ([`relation`]), merged ([`batch`], into the form of [`change`]) and applied ([`apply`], [`statements`]),
//! side by side where keys do not meet ([`meeting`], [`workers`]); transactions that are sent before they commit wait in [`spill`].

mod apply;
mod batch;
mod caution;
mod change;
mod checkpoint;
mod handover;
mod lag;
mod meeting;
mod publication;
mod relation;
mod row;
mod slot;
mod spill;
mod start;
mod statements;
mod stream;
mod supervise;
mod workers;

pub(super) use checkpoint::forget_tables;
pub use checkpoint::{CHECKPOINT_TABLE, TABLES_TABLE};
pub(super) use supervise::{Done, replicate};
