//! Whatever the source sends: the decoder refuses it or understands it, and takes no more memory than came.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

// The files of the decoder alone: they need nothing else of the program, which takes longer to build than this runs.
#[allow(dead_code)]
#[path = "../../src/sync/lsn.rs"]
mod lsn;
#[allow(dead_code)]
#[path = "../../src/sync/direct/pgoutput.rs"]
mod pgoutput;
mod sync {
    pub use crate::lsn::Lsn;
}
#[allow(dead_code)]
#[path = "../../src/sync/direct/tuple.rs"]
mod tuple;

use pgoutput::{Message, Old};
use tuple::{Field, Tuple};

fuzz_target!(|message: &[u8]| {
    for streaming in [false, true] {
        let Ok(decoded) = pgoutput::decode(Bytes::copy_from_slice(message), streaming) else { continue };
        assert!(streaming || decoded.xid.is_none());
        let sizes = match decoded.message {
            Message::Insert { new, .. } | Message::Update { old: None, new, .. } => walked(&new),
            Message::Update { old: Some(Old::Key(old) | Old::Row(old)), new, .. } => walked(&old) + walked(&new),
            Message::Delete { old: Old::Key(old) | Old::Row(old), .. } => walked(&old),
            // A column takes its flag, its name's end, its type and its modifier.
            Message::Relation(relation) => relation.columns.iter().map(|c| c.name.len() + 10).sum(),
            Message::Truncate { relations } => relations.len() * 4,
            _ => 0,
        };
        assert!(sizes <= message.len(), "{sizes} bytes of {}", message.len());
    }
});

/// The bytes of a row, after all of its columns have been looked at.
fn walked(row: &Tuple) -> usize {
    let lengths = row.fields().map(|field| match field {
        Field::Null | Field::Unchanged => 1,
        Field::Text(text) => 5 + text.len(),
    });
    let (columns, bytes) = lengths.fold((0, 0), |(n, sum), bytes| (n + 1, sum + bytes));
    assert_eq!((columns, bytes), (row.width(), row.size()));
    assert_eq!(row.whole(), row.fields().all(|field| field != Field::Unchanged));
    bytes
}
