//! Which check an error message belongs to, its cause and its remedy. Pure; the patterns are an asset.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};

/// What an error message means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decoded {
    /// The check that it belongs to; `TLS-001`. The rule book may not have it yet.
    pub code: String,
    /// The check's name.
    pub name: String,
    /// What it means. May quote the message: make it [safe](crate::text::safe) before it reaches a terminal.
    pub cause: String,
    /// What to do.
    pub fix: String,
}

/// One entry of the patterns file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    code: String,
    name: String,
    r#match: Vec<String>,
    cause: String,
    fix: String,
}

#[derive(Deserialize)]
struct Entries {
    pattern: Vec<Entry>,
}

struct Pattern {
    any: Vec<Regex>,
    entry: Entry,
}

/// The patterns in order. The asset is part of the program, and every test here would fail if it were malformed: hence
/// `expect`.
static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let entries: Entries =
        toml::from_str(include_str!("../assets/error-patterns.toml")).expect("the patterns file is TOML");
    let compile = |text: &String| Regex::new(&with_numbers(text)).expect("the pattern is a regular expression");
    entries
        .pattern
        .into_iter()
        .map(|entry| Pattern { any: entry.r#match.iter().map(compile).collect(), entry })
        .collect()
});

/// No message is longer. Of a whole log so much of its beginning is searched, and so many errors wherever they stand.
const LONGEST: usize = 1 << 16;
const MOST: usize = 500;

/// The check, cause and remedy of an error message, a log excerpt or what DMS wraps around one.
///
/// Of several errors the first that is known counts: what follows is mostly its consequence.
#[must_use]
pub fn decode(text: &str) -> Option<Decoded> {
    let text = innermost(text);
    let whole = fold(&text[..text.floor_char_boundary(LONGEST)]);
    blocks(text).iter().map(|block| fold(block)).chain([whole]).find_map(|block| {
        PATTERNS.iter().find_map(|pattern| {
            let caught = pattern.any.iter().find_map(|regex| regex.captures_iter(&block).find(same))?;
            Some(Decoded {
                code: pattern.entry.code.clone(),
                name: pattern.entry.name.clone(),
                cause: fill(&pattern.entry.cause, &caught),
                fix: fill(&pattern.entry.fix, &caught),
            })
        })
    })
}

/// What DMS wraps: all its connection failures are 1020912 with state 08001, and only the text after the last
/// `Message:` tells them apart.
#[must_use]
pub fn innermost(text: &str) -> &str {
    let wrapped = text.contains("1020912") || text.contains("RetCode: SQL_ERROR");
    match text.rfind("Message:") {
        Some(at) if wrapped && !text[at + 8..].trim().is_empty() => &text[at + 8..],
        _ => text,
    }
}

/// The errors in a text of several: each line with FATAL or ERROR and the lines that belong to it (detail, hint,
/// statement), in order.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    for line in text.lines() {
        if starts_error(line) {
            if blocks.len() == MOST {
                break;
            }
            blocks.push(line[..line.floor_char_boundary(LONGEST)].to_owned());
        } else if let Some(block) = blocks.last_mut()
            && block.len() + line.len() < LONGEST / 16
        {
            block.push('\n');
            block.push_str(line);
        }
    }
    blocks
}

fn starts_error(line: &str) -> bool {
    ["FATAL", "ERROR", "PANIC"].iter().any(|word| {
        line.match_indices(word).any(|(at, _)| {
            let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            !letter(line[..at].chars().next_back()) && !letter(line[at + word.len()..].chars().next())
        })
    })
}

/// White space of any kind becomes single spaces.
fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `@1045` in a pattern: the number as clients of MySQL write it, so that a 1045 elsewhere in a text is none.
fn with_numbers(pattern: &str) -> String {
    static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"@(\d{4})").ok());
    let spelled = r"(?:(?i:\b(?:error|errno|code|nativeerror)\b)[ :=#]*(?:[0-9A-Z]{5} )?\(?$1\b|\($1[,)]|\[$1\]|\b$1 \([0-9A-Z]{5}\))";
    NUMBER.as_ref().map_or_else(|| pattern.to_owned(), |number| number.replace_all(pattern, spelled).into_owned())
}

/// Groups `a` and `b`, where a pattern has both, caught the same text.
fn same(caught: &Captures<'_>) -> bool {
    match (caught.name("a"), caught.name("b")) {
        (Some(a), Some(b)) => a.as_str() == b.as_str(),
        _ => true,
    }
}

/// `$name` in a text becomes what that group caught.
fn fill(template: &str, caught: &Captures<'_>) -> String {
    let mut out = String::new();
    caught.expand(template, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::registry;

    /// Messages as servers and services print them, and the code that each belongs to. Every pattern has one.
    const MESSAGES: &[(&str, &str)] = &[
        ("AUT-001", r#"FATAL:  password authentication failed for user "dms""#),
        ("TLS-001", r#"FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "dms", database "music", no encryption"#),
        ("TLS-001", r#"FATAL: no pg_hba.conf entry for host "::1", user "dms", database "music", SSL off"#),
        (
            "AUT-004",
            r#"FATAL:  no pg_hba.conf entry for replication connection from host "10.0.0.9", user "dms", SSL encryption"#,
        ),
        (
            "AUT-002",
            r#"FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "dms", database "music", SSL encryption"#,
        ),
        ("AUT-002", r#"FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "dms", database "music", SSL on"#),
        (
            "AUT-003",
            r#"FATAL:  pg_hba.conf rejects connection for host "10.0.0.9", user "dms", database "music", SSL encryption"#,
        ),
        ("AUT-005", r#"FATAL:  database "charts-source" does not exist"#),
        ("AUT-006", r#"2026-11-22 10:00:00 UTC:10.0.0.9(4711):dms@dms:[812]:FATAL:  database "dms" does not exist"#),
        ("AUT-006", r#"connection failed: user=dms FATAL: database "dms" does not exist"#),
        ("AUT-014", r#"FATAL:  PAM authentication failed for user "dms""#),
        ("AUT-008", "FATAL:  permission denied for database \"music\"\nDETAIL:  User does not have CONNECT privilege."),
        ("AUT-009", "FATAL:  must be superuser or replication role to start walsender"),
        ("AUT-009", "ERROR:  must be superuser or replication role to use replication slots"),
        (
            "AUT-009",
            "FATAL:  permission denied to start WAL sender\nDETAIL:  Only roles with the REPLICATION attribute may start a WAL sender process.",
        ),
        ("AUT-009", "ERROR:  permission denied to use replication slots"),
        ("AUT-010", "ERROR:  permission denied for table weekly_chart"),
        ("AUT-010", "ERROR:  permission denied for schema shop\nLINE 1: select * from shop.t;"),
        ("AUT-010", "Operation:getSchemaListDetails:errType=, status=0, errMessage=, errDetails="),
        (
            "AUT-012",
            "ERROR:  permission denied for schema public\nSTATEMENT:  CREATE TABLE awsdms_ddl_audit (c_key bigserial)",
        ),
        ("AUT-012", "ERROR: permission denied to create event trigger \"awsdms_intercept_ddl\""),
        ("AUT-015", "FATAL:  remaining connection slots are reserved for non-replication superuser connections"),
        ("AUT-015", "FATAL:  sorry, too many clients already"),
        ("AUT-013", "FATAL:  too many connections for role \"cdc\""),
        ("AUT-026", "ERROR 1040 (08004): Too many connections"),
        (
            "NET-003",
            "Test Endpoint failed: Application-Status: 1020912, Application-Message: Failed to connect Network error has occurred, Application-Detailed-Message: RetCode: SQL_ERROR SqlState: 08001 NativeError: 101 Message: [unixODBC]timeout expired",
        ),
        (
            "NET-004",
            "RetCode: SQL_ERROR SqlState: HY000 NativeError: 2003 Message: [MySQL][ODBC 8.0(w) Driver]Can't connect to MySQL server on 'db:3306' (110)",
        ),
        ("NET-004", "ERROR 2002 (HY000): Can't connect to server on 'db' (111)"),
        ("NET-005", "secrets_manager get secret value failed: curlCode: 28, Timeout was reached"),
        (
            "NET-013",
            "Unable to find Secrets Manager secret 'arn:…'. secrets_manager get secret value failed: curlCode: 28, Timeout was reached",
        ),
        ("NET-001", "Application-Detailed-Message: Incorrect thread connection string: Incorrect thread value 0"),
        ("SRC-001", "ERROR:  logical decoding requires wal_level >= logical"),
        ("SRC-001", "ERROR:  logical decoding requires \"wal_level\" >= \"logical\""),
        ("SRC-005", "ERROR:  all replication slots are in use\nHINT:  Free one or increase max_replication_slots."),
        ("SRC-006", "FATAL:  number of requested standby connections exceeds max_wal_senders (currently 10)"),
        ("DEP-010", "ERROR:  replication slot \"charts\" is active for PID 4711"),
        ("SRC-014", "ERROR:  can no longer get changes from replication slot \"charts\""),
        (
            "SRC-014",
            "LOG:  invalidating slot \"charts\" because its restart_lsn 0/1000000 exceeds max_slot_wal_keep_size",
        ),
        (
            "SRC-014",
            "ERROR:  cannot read from logical replication slot \"charts\"\nDETAIL:  This slot has been invalidated because it exceeded the maximum reserved size.",
        ),
        (
            "SRC-014",
            "ERROR:  can no longer access replication slot \"charts\"\nDETAIL:  This replication slot has been invalidated due to \"wal_removed\".",
        ),
        ("SRC-014", "ERROR:  requested WAL segment 000000010000000000000003 has already been removed"),
        (
            "SRC-016",
            "ERROR:  can no longer access replication slot \"charts\"\nDETAIL:  This replication slot has been invalidated due to \"idle_timeout\".",
        ),
        (
            "SRC-016",
            "LOG:  invalidating obsolete replication slot \"charts\"\nDETAIL:  The slot's idle time of 61s exceeds the configured \"idle_replication_slot_timeout\" duration of 60s.",
        ),
        ("RUN-009", "ERROR:  publication \"cdc_doctor_charts\" does not exist"),
        ("RUN-009", "WARNING:  skipped loading publication \"cdc_doctor_charts\""),
        ("RUN-009", "ERROR:  replication slot \"charts\" was not created in this database"),
        ("SRC-022", "ERROR:  replication slot \"charts\" already exists"),
        ("SRC-024", "PANIC:  could not write to file \"pg_wal/xlogtemp.4711\": No space left on device"),
        ("RUN-017", "ERROR:  relation \"public.weekly_chart\" does not exist"),
        ("RUN-017", "ERROR:  column \"label\" of relation \"weekly_chart\" does not exist"),
        ("RUN-017", "ERROR:  column c.label does not exist\nLINE 1: SELECT c.label FROM weekly_chart c"),
        ("RUN-015", "ERROR:  replication slot \"charts\" does not exist"),
        ("SRC-026", "ERROR:  could not access file \"pglogical_output\": No such file or directory"),
        ("SRC-010", "ERROR:  canceling statement due to statement timeout"),
        (
            "SRC-012",
            "ERROR:  canceling statement due to statement timeout\nSTATEMENT:  CREATE_REPLICATION_SLOT \"charts\" LOGICAL pgoutput",
        ),
        ("TBL-020", "ERROR:  no schema has been selected to create in at character 14"),
        (
            "TLS-004",
            "ERROR 3159 (HY000): Connections using insecure transport are prohibited while --require_secure_transport=ON.",
        ),
        ("AUT-016", "ERROR 1045 (28000): Access denied for user 'dms'@'10.0.0.9' (using password: YES)"),
        ("AUT-016", "ERROR 1698 (28000): Access denied for user 'root'@'localhost'"),
        (
            "AUT-016",
            "pymysql.err.OperationalError: (1045, \"Access denied for user 'dms'@'10.0.0.9' (using password: YES)\")",
        ),
        ("AUT-017", "ERROR 1044 (42000): Access denied for user 'dms'@'%' to database 'charts'"),
        ("AUT-017", "ERROR 1049 (42000): Unknown database 'charts'"),
        (
            "TCF-001",
            "ERROR 3948 (42000): Loading local data is disabled; this must be enabled on both the client and server sides",
        ),
        (
            "TCF-001",
            "ERROR 4166 (HY000): The used command is not allowed because the MariaDB server or client has disabled the local infile capability",
        ),
        ("TCF-002", "ERROR 2006 (HY000): MySQL server has gone away"),
        ("TCF-002", "ERROR 1153 (08S01): Got a packet bigger than 'max_allowed_packet' bytes"),
        ("TCF-003", "ERROR 2013 (HY000): Lost connection to MySQL server during query"),
        (
            "TCF-008",
            "ERROR 1290 (HY000): The MySQL server is running with the --read-only option so it cannot execute this statement",
        ),
        (
            "TCF-008",
            "ERROR 1290 (HY000): The MariaDB server is running with the --read-only option so it cannot execute this statement",
        ),
        ("TBL-024", "ERROR 1062 (23000): Duplicate entry 'a@x.com' for key 'users.email'"),
        ("TYP-001", "ERROR 1366 (HY000): Incorrect integer value: 'true' for column 'active' at row 1"),
        ("TYP-018", r"ERROR 1366 (HY000): Incorrect string value: '\xF0\x9F\x8E\xB5' for column 'title' at row 1"),
        ("TSC-006", "ERROR 1406 (22001): Data too long for column 'title' at row 1"),
        ("TSC-006", "ERROR 1264 (22003): Out of range value for column 'n' at row 3"),
        ("TYP-005", "ERROR 1292 (22007): Incorrect datetime value: 'infinity' for column 'ts' at row 1"),
        (
            "TCF-004",
            "ERROR 1452 (23000): Cannot add or update a child row: a foreign key constraint fails (`charts`.`plays`)",
        ),
        (
            "TSC-015",
            "ERROR 1701 (42000): Cannot truncate a table referenced in a foreign key constraint (`charts`.`plays`)",
        ),
        ("TSC-015", "ERROR 1451 (23000): Cannot delete or update a parent row: a foreign key constraint fails"),
        (
            "TSC-015",
            "ERROR 3730 (HY000): Cannot drop table 'song' referenced by a foreign key constraint 'fk' on table 'plays'.",
        ),
        ("TBL-006", "ERROR 1170 (42000): BLOB/TEXT column 'k' used in key specification without a key length"),
        ("TBL-022", "ERROR 1071 (42000): Specified key was too long; max key length is 3072 bytes"),
        ("TBL-021", "ERROR 1118 (42000): Row size too large. The maximum row size for the used table type is 65535"),
        (
            "TBL-023",
            "ERROR 1074 (42000): Column length too big for column 'big' (max = 16383); use BLOB or TEXT instead",
        ),
        ("TBL-029", "ERROR 1059 (42000): Identifier name 'a_very_long_name' is too long"),
        (
            "TCF-012",
            "ERROR 3750 (HY000): Unable to create or change a table without a primary key, when the system variable 'sql_require_primary_key' is set.",
        ),
        ("TSC-021", "ERROR 1146 (42S02): Table 'charts.weekly_chart' doesn't exist"),
        ("TSC-005", "ERROR 1054 (42S22): Unknown column 'added' in 'field list'"),
        (
            "TBL-019",
            "No tables were found at task initialization. Either the selected table(s) or schemas(s) no longer exist or no match was found for the table selection pattern(s).",
        ),
        (
            "IAM-003",
            "AccessDeniedFault: The IAM Role arn:aws:iam::123456789012:role/dms-vpc-role is not configured properly.",
        ),
        (
            "IAM-001",
            "An error occurred (ExpiredToken) when calling the DescribeDBInstances operation: The security token is expired",
        ),
        (
            "IAM-002",
            "An error occurred (AccessDeniedException) when calling the DescribeEndpoints operation: User: \
             arn:aws:iam::123456789012:user/me is not authorized to perform: dms:DescribeEndpoints on resource: *",
        ),
        ("IAM-005", "An error occurred (S3AccessDeniedFault) when calling the CreateEndpoint operation"),
        (
            "NET-010",
            "An error occurred (ReplicationSubnetGroupDoesNotCoverEnoughAZs) when calling the CreateReplicationSubnetGroup operation",
        ),
        (
            "NET-016",
            "VPC S3 endpoint validation failed for SubnetId: subnet-0a. VPC: vpc-0b. Reason: Could not find S3 endpoint or NAT gateway",
        ),
        (
            "IAM-009",
            "LAUNCH ERROR | Error downloading from S3 for bucket: charts-scripts, key: apply.py. Access Denied (Service: Amazon S3; Status Code: 403)",
        ),
        (
            "IAM-009",
            "User: arn:aws:sts::123456789012:assumed-role/charts-glue/GlueJobRunnerSession is not authorized to perform: glue:GetConnection on resource: arn:aws:glue:eu-west-2:123456789012:catalog",
        ),
        (
            "IAM-009",
            "Role arn:aws:iam::123456789012:role/charts-glue should be given assume role permissions for Glue Service.",
        ),
        ("IAM-009", "DescribeVpcEndpoints action is unauthorized. unable to validate VPC ID vpc-0b"),
        ("AUT-020", "java.sql.SQLException: Unable to load authentication plugin 'caching_sha2_password'."),
        (
            "AUT-023",
            "org.postgresql.util.PSQLException: The authentication type 10 is not supported. Check that you have configured the pg_hba.conf file",
        ),
        (
            "NET-017",
            "At least one security group must open all ingress ports. To limit traffic, the source security group can be restricted",
        ),
        (
            "GLU-004",
            "java.io.FileNotFoundException: No such file or directory: s3://charts-cdc/raw/LOAD00000001.parquet",
        ),
        ("GLU-004", "Caused by: org.apache.spark.SparkFileNotFoundException: File file:/x.parquet does not exist"),
        (
            "GLU-012",
            "pyspark.errors.exceptions.captured.AnalysisException: [PATH_NOT_FOUND] Path does not exist: s3://charts-cdc/raw.",
        ),
        ("GLU-007", "java.sql.BatchUpdateException: (conn=12) could not complete the batch"),
        (
            "RSK-009",
            "An error occurred (ThrottlingException) when calling the DescribeTableStatistics operation: Rate exceeded",
        ),
    ];

    fn code(text: &str) -> Option<String> {
        decode(text).map(|d| d.code)
    }

    #[test]
    fn real_messages_are_known() {
        for (expected, message) in MESSAGES {
            assert_eq!(code(message).as_deref(), Some(*expected), "{message}");
        }
    }

    #[test]
    fn every_pattern_has_a_message_and_the_rule_books_name() {
        for pattern in PATTERNS.iter() {
            let Entry { code, name, cause, fix, .. } = &pattern.entry;
            assert!(MESSAGES.iter().any(|(expected, _)| expected == code), "{code} has no message in this test");
            assert!(!cause.is_empty() && !fix.is_empty(), "{code}");
            if let Some(check) = registry::find(code) {
                assert_eq!(check.name, name, "{code}");
            }
        }
    }

    #[test]
    fn every_message_is_known_inside_what_dms_wraps_around_it() {
        for (expected, message) in MESSAGES.iter().filter(|(_, m)| !m.contains("Message:")) {
            let wrapped = format!(
                "Test Endpoint failed: Application-Status: 1020912, Application-Message: Failed to connect Network error \
                 has occurred, Application-Detailed-Message: RetCode: SQL_ERROR SqlState: 08001 NativeError: 101 \
                 Message: {message}"
            );
            assert_eq!(code(&wrapped).as_deref(), Some(*expected), "{wrapped}");
        }
    }

    #[test]
    fn a_password_line_followed_by_a_pg_hba_line_is_a_password() {
        let psql = "psql: error: connection to server at \"db\" (10.0.0.5), port 5432 failed: FATAL:  password \
                    authentication failed for user \"dms\"\nconnection to server at \"db\" (10.0.0.5), port 5432 failed: \
                    FATAL:  no pg_hba.conf entry for host \"10.0.0.9\", user \"dms\", database \"music\", no encryption";
        assert_eq!(code(psql).as_deref(), Some("AUT-001"));
    }

    #[test]
    fn the_first_error_wins_even_where_a_later_one_has_an_earlier_pattern() {
        let text =
            "ERROR:  replication slot \"charts\" does not exist\nFATAL:  password authentication failed for user \"x\"";
        assert_eq!(code(text).as_deref(), Some("RUN-015"));
    }

    #[test]
    fn an_unknown_error_first_does_not_hide_a_known_one() {
        let text = "ERROR:  something nobody knows\nERROR:  all replication slots are in use";
        assert_eq!(code(text).as_deref(), Some("SRC-005"));
    }

    #[test]
    fn line_ends_of_windows_and_broken_lines_do_not_matter() {
        let text = "FATAL:  no pg_hba.conf entry for host \"10.0.0.9\",\r\n  user \"dms\", database \"music\",\r\n  no encryption\r\n";
        assert_eq!(code(text).as_deref(), Some("TLS-001"));
    }

    #[test]
    fn numbers_elsewhere_are_no_error_numbers() {
        assert_eq!(code("loaded 1045 rows in 1062 ms, 3159 left"), None);
        assert_eq!(code("NativeError: 1049").as_deref(), Some("AUT-017"));
        assert_eq!(code("Server error: `ERROR 28000 (1045): nicht erlaubt'").as_deref(), Some("AUT-016"));
    }

    #[test]
    fn the_cause_names_what_the_message_names() {
        let decoded = decode(r#"FATAL: database "charts-source" does not exist"#).unwrap();
        assert!(decoded.cause.contains("\"charts-source\""), "{}", decoded.cause);
        assert!(!decoded.cause.contains('$') && !decoded.fix.contains('$'));
    }

    #[test]
    fn nothing_matches_nothing() {
        for text in ["", "   \n\r\n", "all is well", "Message:", "1020912 Message:   ", "FATAL", "\u{0}\u{1b}[31m"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_very_long_text_is_read_in_good_time() {
        let noise = "2026-11-22 10:00:00 UTC [1] LOG:  checkpoint complete: wrote 17 buffers é\n".repeat(100_000);
        let begun = std::time::Instant::now();
        assert_eq!(
            code(&format!("FATAL:  password authentication failed for user \"x\"\n{noise}")).as_deref(),
            Some("AUT-001")
        );
        assert_eq!(code(&format!("{noise}FATAL:  all replication slots are in use")).as_deref(), Some("SRC-005"));
        assert_eq!(code(&noise), None);
        assert_eq!(code(&"user \"".repeat(200_000)), None);
        assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    }
}
