//! The command line as a person or a script meets it: what it prints, where, and its exit status.

use std::collections::HashSet;

use cdc_doctor::facts::MyFlavor;
use serde_json::Value;

use crate::support::{self, Project};

/// A file that nothing has to be reached for.
const FILE: &str = "name = \"t\"\n[source]\nhost = \"127.0.0.1\"\nport = 1\ndatabase = \"d\"\nuser = \"u\"\n\
                    [target]\nhost = \"127.0.0.1\"\nport = 1\ndatabase = \"d\"\nuser = \"u\"\n";

#[test]
fn a_missing_pipeline_file_is_status_2_and_names_what_to_do() {
    let project = Project::with_text(FILE);
    for command in [&["-c", "nowhere.toml", "check"][..], &["-c", "nowhere.toml"]] {
        let ran = project.run(command);
        assert_eq!(ran.status, 2, "{ran}");
        assert!(ran.err.contains("nowhere.toml") && ran.err.contains("cdc-doctor"), "{ran}");
        assert_eq!(ran.out, "", "{ran}");
    }
}

#[test]
fn a_slip_in_the_pipeline_file_is_status_2_with_line_key_and_the_nearest_key() {
    let project = Project::with_text(FILE);
    project.edit(
        "port = 1\ndatabase = \"d\"\nuser = \"u\"\n[target]",
        "prot = 1\ndatabase = \"d\"\nuser = \"u\"\n[target]",
    );
    let ran = project.run(&["check"]);
    assert_eq!(ran.status, 2, "{ran}");
    for part in ["cdc-doctor.toml", "4", "prot", "port"] {
        assert!(ran.err.contains(part), "{part} is not in {ran}");
    }
}

#[test]
fn a_server_that_cannot_be_reached_is_a_finding_not_a_crash() {
    let ran = Project::with_text(FILE).run(&["check", "--format", "json"]);
    assert_eq!(ran.status, 1, "{ran}");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let outcome = |code: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|c| c["code"] == code).unwrap_or_else(|| panic!("no {code}"))["outcome"].clone()
    };
    assert_eq!(outcome("NET-020"), "fail");
    assert_eq!(outcome("NET-022"), "fail");
    // The cause stands alone.
    assert_eq!(report["summary"]["fail"], 2, "{ran}");
    assert_eq!(report["schema_version"], 1);
    assert_eq!(report["tool"]["name"], "cdc-doctor");
}

#[test]
fn fail_on_never_reports_the_same_and_answers_0() {
    let ran = Project::with_text(FILE).run(&["check", "--fail-on", "never"]);
    assert_eq!(ran.status, 0, "{ran}");
    assert!(ran.out.contains("NET-020"), "{ran}");
}

#[test]
fn only_and_skip_take_codes_names_and_areas_and_refuse_slips() {
    let project = Project::with_text(FILE);
    let ran = project.run(&["check", "--only", "net", "--skip", "target-unreachable,NET-021", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let codes: Vec<_> = report["checks"].as_array().unwrap().iter().map(|c| c["code"].clone()).collect();
    assert_eq!(
        codes,
        [
            "NET-019", "NET-020", "NET-001", "NET-002", "NET-007", "NET-010", "NET-011", "NET-009", "NET-003",
            "NET-004", "NET-005", "NET-006", "NET-008", "NET-012", "NET-013", "NET-016", "NET-017", "NET-015",
            "NET-014", "NET-018"
        ]
    );
    let ran = project.run(&["check", "--only", "NET-02"]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.err.contains("NET-02") && ran.err.contains("cdc-doctor checks"), "{ran}");
}

#[test]
fn facts_saved_here_are_judged_the_same_elsewhere() {
    let source = support::source();
    source.run("CREATE TABLE no_key (a int)");
    let target = support::target(MyFlavor::MariaDb);
    let project = Project::new(&source, &target);
    let here = project.run(&["check", "--format", "json", "--save-facts", "facts.json"]);
    assert_eq!(here.status, 1, "{here}");
    let elsewhere = Project::with_text("not a pipeline file");
    let saved = project.folder().join("facts.json");
    let there = elsewhere.run(&["check", "--format", "json", "--facts", saved.to_str().unwrap()]);
    let checks = |text: &str| serde_json::from_str::<Value>(text).unwrap()["checks"].clone();
    assert_eq!(checks(&here.out), checks(&there.out));
    let facts = std::fs::read_to_string(saved).unwrap();
    use secrecy::ExposeSecret;
    assert!(!facts.contains(source.password.expose_secret()), "the facts hold a password");

    std::fs::write(elsewhere.folder().join("bad.json"), "{").unwrap();
    let ran = elsewhere.run(&["check", "--facts", "bad.json"]);
    assert_eq!(ran.status, 2, "{ran}");
}

#[test]
fn the_rule_book_is_listed_as_text_and_json() {
    let project = Project::with_text(FILE);
    let ran = project.run(&["checks", "--format", "json"]);
    assert_eq!(ran.status, 0, "{ran}");
    let all: Value = serde_json::from_str(&ran.out).unwrap();
    let listed = project.run(&["checks"]).out;
    for check in all.as_array().unwrap() {
        let keys: Vec<_> = check.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["code", "name", "area", "severity", "title"]);
        assert!(listed.contains(check["code"].as_str().unwrap()), "{listed}");
    }
    let codes: HashSet<_> = all.as_array().unwrap().iter().map(|c| c["code"].as_str().unwrap()).collect();
    for code in ["TLS-001", "AUT-005", "TBL-001", "TSC-001", "TSC-002", "TCF-012"] {
        assert!(codes.contains(code), "{code} is missing");
    }
}

#[test]
fn explain_takes_a_code_or_a_name_in_any_case() {
    let project = Project::with_text(FILE);
    let by_code = project.run(&["explain", "tls-001"]);
    assert_eq!(by_code.status, 0, "{by_code}");
    assert_eq!(by_code.out, project.run(&["explain", "plaintext-to-tls-only-source"]).out);
    assert!(by_code.out.contains("Why it matters"), "{by_code}");
    let slip = project.run(&["explain", "TLS-0001"]);
    assert_eq!(slip.status, 2, "{slip}");
    assert!(slip.err.contains("TLS-001"), "{slip}");
}

#[test]
fn explain_error_reads_a_message_from_the_argument_or_standard_input() {
    let message = "FATAL: no pg_hba.conf entry for host \"10.0.0.1\", user \"dms\", database \"x\", no encryption";
    let project = Project::with_text(FILE);
    let ran = project.run(&["explain", "--error", message, "--format", "json"]);
    assert_eq!(ran.status, 0, "{ran}");
    let value: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(value["code"], "TLS-001");
    let piped = project.command().args(["explain", "--error", "-"]).write_stdin(message).output().unwrap();
    assert!(String::from_utf8_lossy(&piped.stdout).contains("TLS-001"), "{piped:?}");
    let none = project.run(&["explain", "--error", "all is well", "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&none.out).unwrap()["code"], Value::Null);
}

#[test]
fn where_nobody_can_be_asked_a_prompt_is_an_error_that_names_the_way() {
    let source = support::source();
    source.run("CREATE TABLE no_key (a int NOT NULL UNIQUE)");
    let project = Project::new(&source, &support::target(MyFlavor::MariaDb));
    let ran = project.run(&["fix", "TBL-001"]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.err.contains("cdc-doctor fix --yes"), "{ran}");
    project.edit("password = { env = \"SOURCE_PASSWORD\" }", "password = { prompt = true }");
    let ran = project.run(&["check"]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.err.contains("terminal"), "{ran}");
    let ran = project.run(&[]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.err.contains("terminal") && ran.err.contains("cdc-doctor check"), "{ran}");
}

#[test]
fn completions_and_the_manual_name_every_command() {
    let project = Project::with_text(FILE);
    let commands = ["check", "checks", "explain", "fix", "schema", "sync", "lab", "completions", "man"];
    for shell in ["bash", "zsh", "fish"] {
        let ran = project.run(&["completions", shell]);
        assert!(commands.iter().all(|c| ran.out.contains(c)), "{shell}");
    }
    let man = project.run(&["man"]);
    for part in commands.iter().chain(&["truncate\\-target", "allow\\-reboot", "EXIT STATUS"]) {
        assert!(man.out.contains(part), "{part} is not in the manual");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let project = Project::with_text(FILE);
    let exe = env!("CARGO_BIN_EXE_cdc-doctor");
    let out = std::process::Command::new("sh")
        .args(["-c", &format!("{{ {exe} checks; echo $? >&2; }} | head -n 1")])
        .current_dir(project.folder())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stderr).trim(), "0", "{out:?}");
}

#[test]
fn what_this_version_cannot_do_is_refused_before_anything_is_read() {
    for (args, says) in [
        (&["sync", "--engine", "dms"][..], "cdc-doctor sync --engine direct"),
        (&["sync", "--mode", "full-load", "--drop-slot"], "cdc-doctor sync --mode full-load-and-cdc --drop-slot"),
        (&["sync", "--mode", "full-load", "--reload", "public.t"], "--reload is for following changes"),
    ] {
        let ran = Project::with_text(FILE).run(args);
        assert_eq!(ran.status, 2, "{ran}");
        assert!(ran.err.contains(says), "{ran}");
    }
}
