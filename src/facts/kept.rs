//! The target's tables as they were at a moment when they were right, in a file beside the pipeline file. `schema --keep`
//! writes it, RUN-020 compares the target with it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::board::{Board, fact};
use super::{MyTable, Unknown, UnknownKind};
use crate::text;

/// The version of the file's layout.
const VERSION: u32 = 1;

/// The kept definitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Version of this layout.
    pub version: u32,
    /// When the tables looked so.
    pub kept_at: Timestamp,
    /// By database and table.
    pub tables: Vec<KeptTable>,
}

/// One table as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptTable {
    /// What `information_schema` said, without what changes by itself.
    pub table: MyTable,
    /// What the source wanted of it then.
    #[serde(default)]
    pub wanted: Wanted,
    /// The text of `SHOW CREATE TABLE`, without its `AUTO_INCREMENT` counter.
    pub definition: String,
}

/// What the source wants of a target table; what else the table has is its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The columns, each with its type and NULL or NOT NULL.
    pub columns: BTreeMap<String, String>,
    /// The columns of the primary key.
    pub key: Vec<String>,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// It cannot be read.
    #[error("the kept definitions in {} cannot be read: {why}. Make the file readable", text::safe(&path.display().to_string()))]
    Read {
        /// The file.
        path: PathBuf,
        /// In the system's words.
        why: String,
    },
    /// It cannot be written.
    #[error("the kept definitions cannot be written to {}: {why}. Make the file and its folder writable", text::safe(&path.display().to_string()))]
    Write {
        /// The file.
        path: PathBuf,
        /// In the system's words.
        why: String,
    },
    /// It is not such a file.
    #[error("{} holds no kept definitions: {why}. Bring back the file that was committed, or move it away and run cdc-doctor schema --keep", text::safe(&path.display().to_string()))]
    Broken {
        /// The file.
        path: PathBuf,
        /// Where it could not be understood.
        why: String,
    },
    /// A later version of this program wrote it.
    #[error("{} has the layout {version}, and this cdc-doctor knows none after {VERSION}. Use the later cdc-doctor that wrote it", text::safe(&path.display().to_string()))]
    Later {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

impl Kept {
    /// The tables, as they are now.
    #[must_use]
    pub fn new(kept_at: Timestamp, tables: impl IntoIterator<Item = KeptTable>) -> Self {
        let mut tables: Vec<KeptTable> = tables.into_iter().collect();
        tables.sort_by(|a, b| (&a.table.schema, &a.table.name).cmp(&(&b.table.schema, &b.table.name)));
        Self { version: VERSION, kept_at, tables }
    }
}

impl KeptTable {
    /// A table, what the source wants of it, and its definition.
    #[must_use]
    pub fn new(table: MyTable, wanted: Wanted, definition: &str) -> Self {
        let table = MyTable { estimated_rows: 0, created: None, ..table };
        Self { table, wanted, definition: without_counter(definition) }
    }
}

/// A definition without the counter, which moves with every row.
fn without_counter(definition: &str) -> String {
    let counter = || {
        let options = definition.rfind("\n) ENGINE=")? + 1;
        let start = options + definition[options..].find(" AUTO_INCREMENT=")?;
        // A comment that speaks of a counter comes after other options.
        let first = definition[options..start].matches(' ').count() == 1;
        let digits = definition[start..].trim_start_matches(" AUTO_INCREMENT=");
        let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
        first.then(|| definition[..start].to_owned() + rest)
    };
    counter().unwrap_or_else(|| definition.to_owned())
}

/// The kept definitions of a pipeline file: `charts.toml` has `charts.target.json` beside it.
#[must_use]
pub fn path_of(pipeline_file: &Path) -> PathBuf {
    pipeline_file.with_extension("target.json")
}

/// What was kept for a pipeline file; none where there is no such file.
///
/// # Errors
/// It cannot be read, or is of a later version.
pub fn read(pipeline_file: &Path) -> Result<Option<Kept>, KeptError> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let path = path_of(pipeline_file);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(KeptError::Read { path, why: why.to_string() }),
    };
    let broken = |why: serde_json::Error| KeptError::Broken { path: path.clone(), why: why.to_string() };
    let Head { version } = serde_json::from_str(&text).map_err(broken)?;
    if version > VERSION {
        return Err(KeptError::Later { path, version });
    }
    serde_json::from_str(&text).map(Some).map_err(broken)
}

/// Writes them beside the pipeline file in one step, and says where. A file that is there is replaced.
///
/// # Errors
/// It cannot be written, or was made read-only; then it is as it was.
pub fn write(pipeline_file: &Path, kept: &Kept) -> Result<PathBuf, KeptError> {
    let path = path_of(pipeline_file);
    match put(&path, kept) {
        Ok(()) => Ok(path),
        Err(why) => Err(KeptError::Write { path, why: why.to_string() }),
    }
}

fn put(path: &Path, kept: &Kept) -> std::io::Result<()> {
    // A link stays a link.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let permissions = match fs::metadata(&path) {
        // Renaming over it would work on a read-only file; it was made read-only for a reason.
        Ok(old) if old.permissions().readonly() => return Err(std::io::Error::other("it is read-only")),
        Ok(old) => old.permissions(),
        Err(_) => fs::Permissions::from_mode(0o666),
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".cdc-doctor-").permissions(permissions).tempfile_in(folder)?;
    let text = serde_json::to_string_pretty(kept)? + "\n";
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&path).map(|_| ()).map_err(|why| why.error)
}

/// Fills in what was kept.
pub(super) async fn collect(board: &Board<'_>, pipeline_file: &Path) {
    let path = pipeline_file.to_owned();
    let failed = |why: String| Unknown::new(UnknownKind::Failed, why);
    // The file of a target with thousands of tables takes a while, in which the servers are asked.
    let read = tokio::task::spawn_blocking(move || read(&path)).await;
    board.kept(fact(match read {
        Ok(read) => read.map_err(|why| failed(why.to_string())),
        Err(why) => Err(failed(format!("the kept definitions could not be read: {why}"))),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::my_table;

    fn file() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("charts.toml");
        (folder, file)
    }

    #[test]
    fn what_is_written_is_read_without_what_changes_by_itself() {
        let (_folder, file) = file();
        assert_eq!(read(&file).unwrap(), None);
        let mut table = my_table("charts", "b");
        table.estimated_rows = 1200;
        table.created = Some(Timestamp::UNIX_EPOCH);
        let kept = Kept::new(
            Timestamp::UNIX_EPOCH,
            [
                KeptTable::new(table, Wanted::default(), "CREATE TABLE `b` (\n) ENGINE=InnoDB"),
                KeptTable::new(my_table("charts", "a"), Wanted::default(), ""),
            ],
        );
        let path = write(&file, &kept).unwrap();
        assert_eq!(path, file.with_file_name("charts.target.json"));
        assert_eq!(read(&file).unwrap().as_ref(), Some(&kept));
        let names: Vec<&str> = kept.tables.iter().map(|t| t.table.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("estimated_rows") && !text.contains("created") && text.ends_with("}\n"), "{text}");
        assert!(text.lines().count() > 50, "one value a line");
        assert_ne!(fs::metadata(&path).unwrap().permissions().mode() & 0o044, 0, "others may read what is committed");
    }

    #[test]
    fn the_counter_is_left_out_and_a_comment_about_one_is_not() {
        let of = |options: &str| without_counter(&format!("CREATE TABLE `t` (\n  `id` int\n) {options}"));
        assert!(of("ENGINE=InnoDB AUTO_INCREMENT=17 DEFAULT CHARSET=x").ends_with(") ENGINE=InnoDB DEFAULT CHARSET=x"));
        let commented = "ENGINE=InnoDB DEFAULT CHARSET=x COMMENT='an AUTO_INCREMENT=7'";
        assert!(of(commented).ends_with(commented));
    }

    /// It is committed beside pipeline files: later versions must read it.
    #[test]
    fn a_file_of_the_first_layout_is_read() {
        let (_folder, file) = file();
        let column = r#"{"name": "id", "data_type": "int", "column_type": "int", "nullable": false, "default": null,
            "extra": "", "charset": null, "collation": null, "char_length": null, "numeric_precision": 10,
            "numeric_scale": 0, "datetime_precision": null, "generated": false}"#;
        let text = format!(
            r#"{{"version": 1, "kept_at": "2026-11-27T08:14:25Z", "tables": [{{"table": {{"schema": "charts", "name": "a",
            "engine": "InnoDB", "collation": "utf8mb4_bin", "columns": [{column}], "primary_key": ["id"],
            "unique_keys": [], "foreign_keys": false, "triggers": []}},
            "definition": "CREATE TABLE `a` (\n  `id` int NOT NULL\n)"}}]}}"#
        );
        fs::write(path_of(&file), text).unwrap();
        let kept = read(&file).unwrap().unwrap();
        assert_eq!(kept.tables[0].table.primary_key, ["id"]);
        assert!(kept.tables[0].wanted == Wanted::default() && kept.tables[0].definition.contains("NOT NULL"));
    }

    #[test]
    fn a_later_layout_and_a_broken_file_are_refused_with_what_to_do() {
        let (_folder, file) = file();
        let said = |text: &str| {
            fs::write(path_of(&file), text).unwrap();
            read(&file).unwrap_err().to_string()
        };
        let later = said(r#"{"version": 2, "tables": {}}"#);
        assert!(later.contains("has the layout 2") && later.contains("later cdc-doctor"), "{later}");
        let broken = said("{\"version\": 1,\n<<<<<<< HEAD\n");
        assert!(broken.contains("line 2") && broken.contains("schema --keep"), "{broken}");
    }

    #[test]
    fn a_read_only_file_stays_as_it_is() {
        let (_folder, file) = file();
        let kept = Kept::new(Timestamp::UNIX_EPOCH, []);
        let path = write(&file, &kept).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        let later = Kept::new(Timestamp::MAX, []);
        let why = write(&file, &later).unwrap_err().to_string();
        assert!(why.contains("read-only") && why.contains("writable"), "{why}");
        assert_eq!(read(&file).unwrap(), Some(kept));
    }
}
