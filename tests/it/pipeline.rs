//! The pipeline file as the program meets it: files that cannot be used end with status 2 and one clear message.

use std::path::Path;

use crate::support::Project;

const GOOD: &str = "name = \"x\"\n[source]\nhost = \"127.0.0.1\"\nport = 1\ndatabase = \"d\"\nuser = \"u\"\ntls = \"disable\"\n\
                    [target]\nhost = \"127.0.0.1\"\nport = 1\ndatabase = \"d\"\nuser = \"u\"\n";

/// Status 2, nothing on standard output, and the error's words.
fn refused(project: &Project, args: &[&str]) -> String {
    let ran = project.run(args);
    assert_eq!(ran.status, 2, "{ran}");
    assert_eq!(ran.out, "", "standard output is data");
    ran.err
}

#[test]
fn a_missing_file_names_the_next_command() {
    let project = Project::with_text(GOOD);
    let error = refused(&project, &["-c", "none.toml", "check"]);
    assert!(error.contains("none.toml") && error.contains("cdc-doctor setup") && error.contains("-c FILE"), "{error}");
}

#[test]
fn a_folder_is_no_file() {
    let project = Project::with_text(GOOD);
    let error = refused(&project, &["-c", ".", "check"]);
    assert!(error.contains("is a folder") && error.contains("-c ./cdc-doctor.toml"), "{error}");
}

#[test]
fn bytes_that_are_no_text_name_their_line() {
    let project = Project::with_text(GOOD);
    std::fs::write(project.path(), b"name = \"x\"\nx = \"\xff\xfe\"\n").unwrap();
    let error = refused(&project, &["check"]);
    assert!(error.contains("cdc-doctor.toml:2: not UTF-8"), "{error}");
    std::fs::write(project.path(), vec![b'#'; 2 * 1024 * 1024]).unwrap();
    assert!(refused(&project, &["check"]).contains("larger than 1 MiB"));
}

#[test]
fn all_problems_come_at_once_and_passwords_never() {
    let project = Project::with_text(GOOD);
    project.edit("user = \"u\"\ntls", "usr = \"u\"\npassword = \"hunter2\"\ntls");
    project.edit("\"disable\"", "\"off\"");
    let error = refused(&project, &["check"]);
    for expected in [
        "toml:6: [source] usr",
        "did you mean user?",
        "toml:7: [source] password is given in clear",
        "toml:8: [source] tls",
    ] {
        assert!(error.contains(expected), "{expected} in {error}");
    }
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_variable_overrides_a_key_and_is_named_when_wrong() {
    let project = Project::with_text(GOOD);
    let run = |name: &str, value: &str| {
        let output = project.command().env(name, value).args(["check", "--format", "json"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text)
    };
    let (status, text) = run("CDC_DOCTOR_SOURCE_PORT", "0");
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("CDC_DOCTOR_SOURCE_PORT"), "{text}");
    let (status, text) = run("CDC_DOCTOR_NAME", "from the variable");
    assert_eq!(status, Some(1), "nobody listens there, which is a finding: {text}");
    assert!(text.contains("from the variable"), "{text}");
}

#[test]
fn a_password_that_cannot_be_had_names_the_variable() {
    let project = Project::with_text(GOOD);
    project.edit("tls = \"disable\"", "password = { env = \"NO_SUCH_PASSWORD\" }");
    let ran = project.run(&["check"]);
    assert_ne!(ran.status, 0, "{ran}");
    assert!(ran.err.contains("NO_SUCH_PASSWORD"), "{ran}");
    assert!(Path::new(&project.path()).exists());
}
