//! A folder with a pipeline file, and the built program run in it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cdc_doctor::pipeline::Endpoint;
use secrecy::{ExposeSecret, SecretString};

use super::{Source, Target};

/// Longer than any run of the program in a test; a hang becomes a failure.
const LIMIT: Duration = Duration::from_secs(180);

/// A folder of its own with `cdc-doctor.toml`. Passwords are in the variables that the file names.
pub struct Project {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Project {
    /// A sound pipeline from `source` to `target` as their superusers, TLS verified, all of schema `public`.
    pub fn new(source: &Source, target: &Target) -> Self {
        let text = format!(
            "name = \"test\"\n\n[source]\n{}password = {{ env = \"SOURCE_PASSWORD\" }}\n\n[target]\n{}\
             password = {{ env = \"TARGET_PASSWORD\" }}\n\n[tables]\ninclude = [\"public.*\"]\n",
            endpoint(&source.endpoint),
            endpoint(&target.endpoint),
        );
        let mut project = Self::with_text(&text);
        project.set("SOURCE_PASSWORD", &source.password);
        project.set("TARGET_PASSWORD", &target.password);
        project
    }

    /// A folder with this pipeline file, whatever it says.
    pub fn with_text(text: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() };
        fs::write(project.path(), text).unwrap();
        project
    }

    /// Sets an environment variable for the runs.
    pub fn set(&mut self, name: &'static str, value: &SecretString) {
        self.variables.retain(|(n, _)| *n != name);
        self.variables.push((name, value.expose_secret().to_owned()));
    }

    /// What was set for the runs.
    pub fn variables(&self) -> &[(&'static str, String)] {
        &self.variables
    }

    /// The folder, which is also the program's working directory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The pipeline file.
    pub fn path(&self) -> PathBuf {
        self.folder().join("cdc-doctor.toml")
    }

    /// The pipeline file's text as it is now.
    pub fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    /// Replaces a part of the pipeline file, which must be there.
    pub fn edit(&self, from: &str, to: &str) {
        let text = self.text();
        assert!(text.contains(from), "the pipeline file has no {from:?}:\n{text}");
        fs::write(self.path(), text.replace(from, to)).unwrap();
    }

    /// Runs the program to its end, standard input empty.
    pub fn run(&self, args: &[&str]) -> Ran {
        let output = self.command().args(args).timeout(LIMIT).output().unwrap();
        Ran {
            status: output.status.code().unwrap_or_else(|| panic!("cdc-doctor {args:?} was killed: {output:?}")),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The program as [`Project::run`] runs it.
    pub fn command(&self) -> assert_cmd::Command {
        assert_cmd::Command::from_std(self.program())
    }

    /// The program, ready to run in the folder: nothing of this process's own set-up reaches it.
    pub fn program(&self) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cdc-doctor"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CDC_DOCTOR_")) {
            command.env_remove(name);
        }
        // No test reaches AWS: its endpoints are in the pipeline file, and where they are missing nobody answers.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
            command.env_remove(name);
        }
        command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").env("AWS_EC2_METADATA_DISABLED", "true");
        command.current_dir(self.folder()).env("NO_COLOR", "1");
        command.envs(self.variables.iter().map(|(name, value)| (*name, value.as_str())));
        command
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}\n-- out\n{}\n-- err\n{}", self.status, self.out, self.err)
    }
}

fn endpoint(e: &Endpoint) -> String {
    let ca_file = e.ca_file.as_ref().map(|f| format!("ca_file = {:?}\n", f.display().to_string())).unwrap_or_default();
    format!(
        "host = {:?}\nport = {}\ndatabase = {:?}\nuser = {:?}\ntls = {:?}\n{ca_file}",
        e.host,
        e.port,
        e.database,
        e.user,
        e.tls.as_str(),
    )
}
