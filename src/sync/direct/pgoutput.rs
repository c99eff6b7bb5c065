//! Decoding PostgreSQL's output plug-in `pgoutput`, protocol versions 1 to 4, values in text form. Pure.
//!
//! The format is that of PostgreSQL's documentation, "Logical Replication Message Formats". Lengths in a message are
//! never trusted for an allocation: everything is a slice of the message itself.

use bytes::{Buf, Bytes};

use super::tuple::Tuple;
use crate::sync::Lsn;

/// A message that is not what the protocol says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source sent a change that does not have the form of pgoutput ({0}); report this as a bug")]
pub struct Malformed(&'static str);

/// A message, and within a stream the (sub)transaction that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The transaction or subtransaction; only between [`Message::StreamStart`] and [`Message::StreamStop`].
    pub xid: Option<u32>,
    /// The message.
    pub message: Message,
}

/// What the source says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A transaction that has committed begins.
    Begin {
        /// Position of its commit record.
        commit: Lsn,
        /// Its number.
        xid: u32,
    },
    /// It ends.
    Commit(Commit),
    /// It came to the source from elsewhere.
    Origin,
    /// What a table looks like from here on.
    Relation(Relation),
    /// A new row.
    Insert {
        /// The table.
        relation: u32,
        /// The row.
        new: Tuple,
    },
    /// A changed row.
    Update {
        /// The table.
        relation: u32,
        /// The old key or the old row, where it is told.
        old: Option<Old>,
        /// The new row.
        new: Tuple,
    },
    /// A row that is gone.
    Delete {
        /// The table.
        relation: u32,
        /// Its key or the whole row.
        old: Old,
    },
    /// Emptied tables.
    Truncate {
        /// The tables.
        relations: Vec<u32>,
    },
    /// A part of a transaction that is still in progress begins.
    StreamStart {
        /// The transaction.
        xid: u32,
    },
    /// The part ends.
    StreamStop,
    /// A transaction that was streamed has committed.
    StreamCommit {
        /// The transaction.
        xid: u32,
        /// Where.
        commit: Commit,
    },
    /// A transaction that was streamed, or a subtransaction of it, was rolled back.
    StreamAbort {
        /// The transaction.
        xid: u32,
        /// The subtransaction; the same number for the whole transaction.
        subxid: u32,
    },
    /// What this program has no use for: a type's name, a message of `pg_logical_emit_message`.
    Other,
}

/// Where and when a transaction committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// Position of the commit record.
    pub at: Lsn,
    /// Position behind it.
    pub end: Lsn,
    /// Microseconds since 2000.
    pub time: i64,
}

/// The old version of a changed row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Old {
    /// Only the columns of the replica identity; the others are NULL.
    Key(Tuple),
    /// All columns (`REPLICA IDENTITY FULL`).
    Row(Tuple),
}

/// A table as the changes that follow describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// `pg_class.oid`.
    pub oid: u32,
    /// Schema; empty for `pg_catalog`.
    pub schema: String,
    /// Table.
    pub name: String,
    /// Columns in the order of tuples.
    pub columns: Vec<RelationColumn>,
}

/// A column of a [`Relation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationColumn {
    /// Name.
    pub name: String,
    /// Part of the replica identity.
    pub key: bool,
    /// `pg_type.oid`.
    pub ty: u32,
    /// `atttypmod`.
    pub modifier: i32,
}

/// Decodes one message. `streaming` says whether it stands between the start and the stop of a stream.
///
/// # Errors
/// It has not the form of the protocol.
pub fn decode(mut m: Bytes, streaming: bool) -> Result<Decoded, Malformed> {
    let tag = u8_of(&mut m)?;
    let xid = if streaming && b"RYIUDTM".contains(&tag) { Some(u32_of(&mut m)?) } else { None };
    let message = match tag {
        b'B' => {
            let (commit, _time) = (lsn(&mut m)?, i64_of(&mut m)?);
            Message::Begin { commit, xid: u32_of(&mut m)? }
        }
        b'C' => Message::Commit(commit(&mut m)?),
        b'O' => Message::Origin,
        b'R' => Message::Relation(relation(&mut m)?),
        b'I' => {
            let relation = u32_of(&mut m)?;
            expect(&mut m, b'N')?;
            Message::Insert { relation, new: tuple(&mut m)? }
        }
        b'U' => update(&mut m)?,
        b'D' => {
            let relation = u32_of(&mut m)?;
            let old = old(&mut m)?.ok_or(Malformed("a delete without a key"))?;
            Message::Delete { relation, old }
        }
        b'T' => truncate(&mut m)?,
        b'S' => Message::StreamStart { xid: u32_of(&mut m)? },
        b'E' => Message::StreamStop,
        b'c' => Message::StreamCommit { xid: u32_of(&mut m)?, commit: commit(&mut m)? },
        // Version 4 with parallel streaming, which is not asked for, adds position and time.
        b'A' => Message::StreamAbort { xid: u32_of(&mut m)?, subxid: u32_of(&mut m)? },
        b'Y' | b'M' => Message::Other,
        _ => return Err(Malformed("a kind of message that was not asked for")),
    };
    Ok(Decoded { xid, message })
}

fn update(m: &mut Bytes) -> Result<Message, Malformed> {
    let relation = u32_of(m)?;
    let old = old(m)?;
    expect(m, b'N')?;
    Ok(Message::Update { relation, old, new: tuple(m)? })
}

fn truncate(m: &mut Bytes) -> Result<Message, Malformed> {
    let count = u32_of(m)?;
    // CASCADE and RESTART IDENTITY: the tables that CASCADE reached are listed too.
    u8_of(m)?;
    if m.len() as u64 != u64::from(count) * 4 {
        return Err(Malformed("a list of tables of another length"));
    }
    let mut relations = Vec::with_capacity(m.len() / 4);
    while !m.is_empty() {
        relations.push(u32_of(m)?);
    }
    Ok(Message::Truncate { relations })
}

fn commit(m: &mut Bytes) -> Result<Commit, Malformed> {
    u8_of(m)?;
    Ok(Commit { at: lsn(m)?, end: lsn(m)?, time: i64_of(m)? })
}

fn relation(m: &mut Bytes) -> Result<Relation, Malformed> {
    let oid = u32_of(m)?;
    let (schema, name) = (text(m)?, text(m)?);
    // The replica identity; the columns say what it comes to.
    u8_of(m)?;
    let count = u16_of(m)?;
    let mut columns = Vec::new();
    for _ in 0..count {
        let key = u8_of(m)? & 1 != 0;
        let name = text(m)?;
        columns.push(RelationColumn { name, key, ty: u32_of(m)?, modifier: u32_of(m)?.cast_signed() });
    }
    Ok(Relation { oid, schema, name, columns })
}

/// The old key or row, if it is next.
fn old(m: &mut Bytes) -> Result<Option<Old>, Malformed> {
    match m.first() {
        Some(b'K') => {
            m.advance(1);
            Ok(Some(Old::Key(tuple(m)?)))
        }
        Some(b'O') => {
            m.advance(1);
            Ok(Some(Old::Row(tuple(m)?)))
        }
        _ => Ok(None),
    }
}

fn tuple(m: &mut Bytes) -> Result<Tuple, Malformed> {
    let width = u16_of(m)?;
    Tuple::split_from(m, width).ok_or(Malformed("a row that is cut or in binary form"))
}

fn expect(m: &mut Bytes, tag: u8) -> Result<(), Malformed> {
    if u8_of(m)? == tag { Ok(()) } else { Err(Malformed("no new row where one belongs")) }
}

/// Text up to a zero byte.
fn text(m: &mut Bytes) -> Result<String, Malformed> {
    let end = memchr::memchr(0, m).ok_or(Malformed("a name without an end"))?;
    let text = m.split_to(end);
    m.advance(1);
    String::from_utf8(text.into()).map_err(|_| Malformed("a name that is not UTF-8"))
}

const CUT: Malformed = Malformed("a message that is cut");

fn u8_of(m: &mut Bytes) -> Result<u8, Malformed> {
    m.try_get_u8().map_err(|_| CUT)
}

fn u16_of(m: &mut Bytes) -> Result<u16, Malformed> {
    m.try_get_u16().map_err(|_| CUT)
}

fn u32_of(m: &mut Bytes) -> Result<u32, Malformed> {
    m.try_get_u32().map_err(|_| CUT)
}

fn i64_of(m: &mut Bytes) -> Result<i64, Malformed> {
    m.try_get_i64().map_err(|_| CUT)
}

fn lsn(m: &mut Bytes) -> Result<Lsn, Malformed> {
    m.try_get_u64().map(Lsn).map_err(|_| CUT)
}

#[cfg(test)]
mod tests {
    use super::super::tuple::Field;
    use super::*;
    use proptest::prelude::*;

    /// A message from its parts.
    fn bytes(parts: &[&[u8]]) -> Bytes {
        Bytes::from(parts.concat())
    }

    fn message(parts: &[&[u8]]) -> Message {
        decode(bytes(parts), false).unwrap().message
    }

    const LSN: &[u8] = &[0, 0, 0, 1, 0, 0, 0, 2];
    const TIME: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 9];

    #[test]
    fn transactions_have_a_begin_and_an_end() {
        let at = Lsn(0x1_0000_0002);
        assert_eq!(message(&[b"B", LSN, TIME, &[0, 0, 0, 7]]), Message::Begin { commit: at, xid: 7 });
        let commit = Commit { at, end: at, time: 9 };
        assert_eq!(message(&[b"C\0", LSN, LSN, TIME]), Message::Commit(commit));
        assert_eq!(message(&[b"c", &[0, 0, 0, 7], b"\0", LSN, LSN, TIME]), Message::StreamCommit { xid: 7, commit });
        assert_eq!(message(&[b"S", &[0, 0, 0, 7], b"\x01"]), Message::StreamStart { xid: 7 });
        assert_eq!(message(&[b"E"]), Message::StreamStop);
        let abort = Message::StreamAbort { xid: 7, subxid: 8 };
        assert_eq!(message(&[b"A", &[0, 0, 0, 7, 0, 0, 0, 8]]), abort);
        assert_eq!(message(&[b"A", &[0, 0, 0, 7, 0, 0, 0, 8], LSN, TIME]), abort);
        assert_eq!(message(&[b"O", LSN, b"elsewhere\0"]), Message::Origin);
    }

    #[test]
    fn a_relation_names_its_columns() {
        let parts: &[&[u8]] =
            &[b"R", &[0, 0, 0, 5], b"public\0t\0d", &[0, 1], &[1], b"id\0", &[0, 0, 0, 23], &[0xFF; 4]];
        let column = RelationColumn { name: "id".into(), key: true, ty: 23, modifier: -1 };
        let relation = Relation { oid: 5, schema: "public".into(), name: "t".into(), columns: vec![column] };
        assert_eq!(message(parts), Message::Relation(relation));
    }

    #[test]
    fn rows_are_told_with_what_is_known_of_the_old_one() {
        let one: &[u8] = &[0, 1, b't', 0, 0, 0, 1, b'1'];
        let row = Tuple::of([Field::Text(b"1")]);
        let table: &[u8] = &[0, 0, 0, 5];
        assert_eq!(message(&[b"I", table, b"N", one]), Message::Insert { relation: 5, new: row.clone() });
        let update = |old| Message::Update { relation: 5, old, new: row.clone() };
        assert_eq!(message(&[b"U", table, b"N", one]), update(None));
        assert_eq!(message(&[b"U", table, b"K", one, b"N", one]), update(Some(Old::Key(row.clone()))));
        assert_eq!(message(&[b"U", table, b"O", one, b"N", one]), update(Some(Old::Row(row.clone()))));
        let delete = |old| Message::Delete { relation: 5, old };
        assert_eq!(message(&[b"D", table, b"K", one]), delete(Old::Key(row.clone())));
        assert_eq!(message(&[b"D", table, b"O", one]), delete(Old::Row(row.clone())));
        let truncate = [b"T", &[0, 0, 0, 2][..], &[1], table, &[0, 0, 0, 6]];
        assert_eq!(message(&truncate), Message::Truncate { relations: vec![5, 6] });
    }

    #[test]
    fn within_a_stream_changes_name_their_transaction() {
        let parts: &[&[u8]] = &[b"I", &[0, 0, 0, 9], &[0, 0, 0, 5], b"N", &[0, 1, b'n']];
        let decoded = decode(bytes(parts), true).unwrap();
        assert_eq!(decoded.xid, Some(9));
        assert_eq!(decoded.message, Message::Insert { relation: 5, new: Tuple::of([Field::Null]) });
    }

    #[test]
    fn messages_of_applications_are_passed_over() {
        assert_eq!(message(&[b"M\x01", LSN, b"p\0", &[0, 0, 0, 1], b"x"]), Message::Other);
    }

    #[test]
    fn a_length_reserves_nothing() {
        let parts: &[&[u8]] = &[b"T", &[0xFF; 4], &[0]];
        assert!(decode(bytes(parts), false).is_err());
        let parts: &[&[u8]] = &[b"I", &[0, 0, 0, 5], b"N", &[0xFF, 0xFF, b't', 0x7F, 0xFF, 0xFF, 0xFF]];
        assert!(decode(bytes(parts), false).is_err());
    }

    /// A message as a server sends it, and how many of its bytes cannot be done without.
    fn sent() -> impl Strategy<Value = (Vec<u8>, usize)> {
        let some = |least, more| prop::collection::vec(any::<u8>(), least + more);
        let fixed = move |tag: u8, least: usize, more: usize| {
            some(least, more).prop_map(move |rest| ([&[tag][..], &rest].concat(), 1 + least))
        };
        let field = prop_oneof![
            Just(b"n".to_vec()),
            Just(b"u".to_vec()),
            prop::collection::vec(any::<u8>(), 0..8)
                .prop_map(|text| { [&b"t"[..], &u32::try_from(text.len()).unwrap().to_be_bytes(), &text].concat() }),
        ];
        let counted =
            |items: Vec<Vec<u8>>| [&u16::try_from(items.len()).unwrap().to_be_bytes()[..], &items.concat()].concat();
        let row = prop::collection::vec(field, 0..5).prop_map(counted).boxed();
        let new = row.clone().prop_map(|row| [b"N", &row[..]].concat());
        let old = (prop::sample::select(&b"KO"[..]), row).prop_map(|(tag, row)| [&[tag][..], &row].concat()).boxed();
        let text = "[a-zü ]{0,9}".prop_map(|text| [text.as_bytes(), b"\0"].concat());
        let column =
            (any::<u8>(), text.clone(), some(8, 0)).prop_map(|(flag, name, ty)| [&[flag][..], &name, &ty].concat());
        let columns = prop::collection::vec(column, 0..5).prop_map(counted);
        let tables = prop::collection::vec(some(4, 0), 0..5)
            .prop_map(|oids| [&u32::try_from(oids.len()).unwrap().to_be_bytes()[..], b"\0", &oids.concat()].concat());
        let no_old = Just(Vec::new()).boxed();
        let whole = |(tag, parts): (u8, Vec<Vec<u8>>)| {
            let message = [&[tag][..], &parts.concat()].concat();
            let least = message.len();
            (message, least)
        };
        prop_oneof![
            prop_oneof![fixed(b'B', 16, 4), fixed(b'C', 25, 0), fixed(b'O', 0, 12), fixed(b'M', 0, 20)],
            prop_oneof![fixed(b'S', 4, 1), fixed(b'E', 0, 0), fixed(b'c', 29, 0), fixed(b'A', 8, 16)],
            (some(4, 0), text.clone(), text, some(1, 0), columns)
                .prop_map(|(oid, schema, name, identity, columns)| (b'R', vec![oid, schema, name, identity, columns]))
                .prop_map(whole),
            (some(4, 0), new.clone()).prop_map(|(oid, new)| (b'I', vec![oid, new])).prop_map(whole),
            (some(4, 0), prop_oneof![no_old, old.clone()], new)
                .prop_map(|(oid, old, new)| (b'U', vec![oid, old, new]))
                .prop_map(whole),
            (some(4, 0), old).prop_map(|(oid, old)| (b'D', vec![oid, old])).prop_map(whole),
            tables.prop_map(|tables| (b'T', vec![tables])).prop_map(whole),
        ]
    }

    /// The bytes of all that was decoded; the columns of rows are as many as they should be.
    fn walked(message: &Message) -> usize {
        let row = |row: &Tuple| {
            let fields: Vec<Field<'_>> = row.fields().collect();
            assert_eq!(fields.len(), row.width());
            let size = |field: &Field<'_>| if let Field::Text(text) = field { 5 + text.len() } else { 1 };
            let bytes = fields.iter().map(size).sum::<usize>();
            assert_eq!(bytes, row.size());
            bytes
        };
        match message {
            Message::Insert { new, .. } | Message::Update { old: None, new, .. } => row(new),
            Message::Update { old: Some(Old::Key(old) | Old::Row(old)), new, .. } => row(old) + row(new),
            Message::Delete { old: Old::Key(old) | Old::Row(old), .. } => row(old),
            Message::Relation(relation) => relation.columns.len() * 10,
            Message::Truncate { relations } => relations.len() * 4,
            _ => 0,
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(tag in prop::sample::select(&b"BCORYIUDTMSEcAbPKrp"[..]), rest in any::<Vec<u8>>(), streaming: bool) {
            let all = [&[tag][..], &rest].concat();
            let size = all.len();
            if let Ok(decoded) = decode(all.into(), streaming) {
                prop_assert!(walked(&decoded.message) <= size);
            }
        }

        #[test]
        fn what_is_altered_on_its_way_is_refused_or_has_the_form_of_a_message(
            (mut message, _) in sent(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            streaming: bool,
        ) {
            for (place, byte) in changes {
                let place = place.index(message.len());
                message[place] = byte;
            }
            let size = message.len();
            if let Ok(decoded) = decode(message.into(), streaming) {
                prop_assert!(walked(&decoded.message) <= size);
            }
        }

        #[test]
        fn a_message_is_understood_whole_and_refused_when_cut((message, least) in sent()) {
            let message = Bytes::from(message);
            prop_assert!(decode(message.clone(), false).is_ok());
            for length in 0..least {
                prop_assert!(decode(message.slice(..length), false).is_err(), "{length} of {} bytes", message.len());
            }
        }

        #[test]
        fn a_stream_names_the_transaction_and_changes_nothing_else((message, _) in sent(), xid: u32) {
            let alone = decode(Bytes::from(message.clone()), false);
            let named = b"RYIUDTM".contains(&message[0]);
            let head = if named { [&message[..1], &xid.to_be_bytes()].concat() } else { message[..1].to_vec() };
            let within = decode([&head, &message[1..]].concat().into(), true);
            prop_assert_eq!(within.as_ref().map(|d| d.xid), Ok(named.then_some(xid)));
            prop_assert_eq!(within.map(|d| d.message), alone.map(|d| d.message));
        }
    }
}
