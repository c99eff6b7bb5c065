//! Transactions that the source sends while they are in progress: kept until they commit, large ones in a file without
//! a name, which goes with this process however it ends.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufReader, Read, Seek, Write};

use bytes::Bytes;
use tempfile::SpooledTempFile;

/// So much of a transaction stays in memory.
const IN_MEMORY: usize = 1 << 20;

/// The transactions in progress.
#[derive(Debug, Default)]
pub(super) struct Spills {
    open: HashMap<u32, Spill>,
}

#[derive(Debug)]
struct Spill {
    file: io::BufWriter<SpooledTempFile>,
    /// Subtransactions that were rolled back.
    aborted: HashSet<u32>,
    /// It came to the source from elsewhere.
    foreign: bool,
}

impl Spills {
    /// The transaction is there, from here on.
    pub(super) fn begin(&mut self, xid: u32) {
        self.open.entry(xid).or_insert_with(|| Spill {
            file: io::BufWriter::with_capacity(32 << 10, tempfile::spooled_tempfile(IN_MEMORY)),
            aborted: HashSet::new(),
            foreign: false,
        });
    }

    /// Keeps a message.
    pub(super) fn keep(&mut self, xid: u32, message: &[u8]) -> io::Result<()> {
        let Some(spill) = self.open.get_mut(&xid) else { return Ok(()) };
        let length = u32::try_from(message.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        spill.file.write_all(&length.to_le_bytes())?;
        spill.file.write_all(message)
    }

    /// It came to the source from elsewhere.
    pub(super) fn foreign(&mut self, xid: u32) {
        if let Some(spill) = self.open.get_mut(&xid) {
            spill.foreign = true;
        }
    }

    /// It was rolled back, or a subtransaction of it.
    pub(super) fn abort(&mut self, xid: u32, subxid: u32) {
        if xid == subxid {
            self.open.remove(&xid);
        } else if let Some(spill) = self.open.get_mut(&xid) {
            spill.aborted.insert(subxid);
        }
    }

    /// It has committed: what was kept.
    pub(super) fn commit(&mut self, xid: u32) -> io::Result<Option<Kept>> {
        let Some(spill) = self.open.remove(&xid) else { return Ok(None) };
        let mut file = spill.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        let file = BufReader::with_capacity(128 << 10, file);
        Ok(Some(Kept { file, aborted: spill.aborted, foreign: spill.foreign }))
    }
}

/// A committed transaction, read back.
#[derive(Debug)]
pub(super) struct Kept {
    file: BufReader<SpooledTempFile>,
    aborted: HashSet<u32>,
    /// It came to the source from elsewhere.
    pub(super) foreign: bool,
}

impl Kept {
    /// The next message.
    pub(super) fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut length = [0; 4];
        match self.file.read_exact(&mut length) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let mut message = vec![0; u32::from_le_bytes(length) as usize];
        self.file.read_exact(&mut message)?;
        Ok(Some(message.into()))
    }

    /// The subtransaction was not rolled back.
    pub(super) fn stands(&self, subxid: Option<u32>) -> bool {
        subxid.is_none_or(|xid| !self.aborted.contains(&xid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_are_kept_apart_until_they_end() {
        let mut spills = Spills::default();
        for xid in [1, 2, 3] {
            spills.begin(xid);
            spills.keep(xid, format!("of {xid}").as_bytes()).unwrap();
        }
        spills.begin(1);
        spills.keep(1, &[7; 3 << 20]).unwrap();
        spills.abort(2, 2);
        spills.abort(1, 9);
        spills.foreign(3);
        assert!(spills.commit(2).unwrap().is_none());
        let mut one = spills.commit(1).unwrap().unwrap();
        assert_eq!(one.next().unwrap().unwrap(), "of 1");
        assert_eq!(one.next().unwrap().unwrap().len(), 3 << 20);
        assert_eq!(one.next().unwrap(), None);
        assert!(one.stands(Some(1)) && one.stands(None) && !one.stands(Some(9)) && !one.foreign);
        assert!(spills.commit(3).unwrap().unwrap().foreign);
    }
}
