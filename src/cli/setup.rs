//! `cdc-doctor setup`: the guided setup, or the same from flags; then the checks, and the fixes for what they find.

use std::path::{Path, PathBuf};

use super::{Answer, Context, Failure, check, fix, session};
use crate::pipeline::secrets::SecretError;
use crate::report;
use crate::setup::{self, Draft, DraftError, Given, Outcome, SetupError};
use crate::text::safe;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
--from-env takes PGHOST, PGPORT, PGUSER, PGDATABASE, PGSSLMODE and PGSSLROOTCERT for the source, and MYSQL_HOST,\n\
MYSQL_TCP_PORT, MYSQL_USER and MYSQL_DATABASE for the target; PGPASSWORD and MYSQL_PWD are written by their names only.\n\
A password's source is set as env:NAME, file:PATH, secret:NAME, rds_iam or prompt.\n\n\
  cdc-doctor setup --set name=charts --set source.host=db.example.com --set source.user=dms \\\n    \
  --set source.database=postgres --set source.password=env:SOURCE_PASSWORD --set target.host=10.0.3.7 …")]
pub(crate) struct Args {
    /// The file to write [default: the one that -c names]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Answer a key of the file without being asked; may be given many times. No question is asked then
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Take what the variables of psql and mysql say; no question is asked then
    #[arg(long)]
    from_env: bool,
    /// With --set or --from-env: replace a file that is there
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<Answer, Failure> {
    let path = args.output.clone().unwrap_or_else(|| context.config.clone());
    let mut given: Given =
        if args.from_env { setup::from_environment(&|name| std::env::var(name).ok()) } else { Given::new() };
    for word in &args.set {
        given.push(setup::given(word).map_err(Failure::usage)?);
    }
    if !given.is_empty() || args.from_env {
        return without_asking(&path, &given, args.force);
    }
    if !context.interactive {
        return Err(Failure::usage("nobody can be asked here: standard input is no terminal; nothing was written")
            .hint("cdc-doctor setup --set source.host=HOST --set … — the same without questions")
            .hint("cdc-doctor setup --from-env — from PGHOST, MYSQL_HOST and the like"));
    }
    guided(&path, context).await
}

/// The whole dialogue, then the checks.
pub(super) async fn guided(path: &Path, context: &Context) -> Result<Answer, Failure> {
    let interactive = context.interactive;
    let mut ask =
        move |question: &str| -> Result<_, SecretError> { super::context::ask_password(interactive, question) };
    match setup::run(path, &Given::new(), &mut ask).await.map_err(failure)? {
        Outcome::Kept(None) => {
            eprintln!("nothing was written");
            Ok(Answer::Done)
        }
        Outcome::Kept(Some(kept)) => {
            eprintln!(
                "the answers so far are kept in {}; to go on: {}",
                safe(&kept.display().to_string()),
                command(path, "setup")
            );
            Ok(Answer::Done)
        }
        Outcome::Written(path) => look(&path, context).await,
    }
}

/// Runs the checks on the new file, and offers the fixes.
async fn look(path: &Path, context: &Context) -> Result<Answer, Failure> {
    eprintln!("written: {}\n", safe(&path.display().to_string()));
    let context = context.with_config(path);
    let report = check::report_of(&context).await?;
    check::print(&report::text(&report, context.style()));
    let fixable = report.checks.iter().any(|c| c.outcome == "fail" && c.findings.iter().any(|f| f.fix.is_some()));
    if fixable {
        let question = "Show the plan that ends these findings? Nothing is changed before you agree to it.";
        let show = inquire::Confirm::new(question).with_default(true).prompt();
        if show.unwrap_or(false) {
            fix::run(fix::Args::ask(), &context).await?;
        }
    }
    let open = inquire::Confirm::new("Open the interactive session on it?").with_default(true).prompt();
    if open.unwrap_or(false) {
        return Box::pin(session::run(&context)).await;
    }
    eprintln!("\nthe session: {}     the checks again: {}", command(path, ""), command(path, "check"));
    Ok(Answer::Done)
}

fn without_asking(path: &Path, given: &Given, force: bool) -> Result<Answer, Failure> {
    let mut draft = Draft::new(path);
    draft.take(given).map_err(|e| Failure::usage(color_eyre::Report::new(e)))?;
    match draft.write(force) {
        Ok(()) => {
            eprintln!("written: {}     look at it: {}", safe(&path.display().to_string()), command(path, "check"));
            Ok(Answer::Done)
        }
        Err(error @ DraftError::Exists(_)) => {
            Err(Failure::usage(color_eyre::Report::new(error))
                .hint("add --force to replace it, or -o for another file"))
        }
        Err(error @ DraftError::Unsound(_)) => {
            Err(Failure::usage(color_eyre::Report::new(error))
                .hint("add --set KEY=VALUE for each; nothing was written"))
        }
        Err(error) => Err(Failure::job(color_eyre::Report::new(error))),
    }
}

fn failure(error: SetupError) -> Failure {
    Failure::job(color_eyre::Report::new(error))
}

/// A command on this file, as it is typed.
fn command(path: &Path, word: &str) -> String {
    let file = path.display().to_string();
    let config = if file == "cdc-doctor.toml" { String::new() } else { format!(" -c {}", crate::verify::shell(&file)) };
    let word = if word.is_empty() { String::new() } else { format!(" {word}") };
    format!("cdc-doctor{config}{word}")
}
