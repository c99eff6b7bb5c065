//! `cdc-doctor provision`: the DMS side as plan → apply → destroy.

use clap::ValueEnum;

use super::check::print;
use super::{Answer, Context, Failure};
use crate::aws::Session;
use crate::pipeline::Pipeline;
use crate::provision::apply::{Site, Told};
use crate::provision::{self, Plan, ProvisionError, Verb, export};
use crate::text::safe;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// plan shows what apply would do · apply does it · status lists what is there · destroy deletes what apply made
    #[arg(value_enum)]
    action: Action,
    /// Apply or destroy without asking
    #[arg(long)]
    yes: bool,
    /// How to print the plan
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// With plan: print the same resources as code instead
    #[arg(long, value_enum)]
    export: Option<Export>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    Plan,
    Apply,
    Status,
    Destroy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Export {
    Terraform,
    Cloudformation,
}

impl Args {
    /// Shows the plan.
    pub(super) fn plan() -> Self {
        Self { action: Action::Plan, yes: false, format: Format::Text, export: None }
    }

    /// Applies it without asking.
    pub(super) fn apply() -> Self {
        Self { action: Action::Apply, yes: true, ..Self::plan() }
    }

    /// Deletes without asking.
    pub(super) fn destroy() -> Self {
        Self { action: Action::Destroy, yes: true, ..Self::plan() }
    }
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<Answer, Failure> {
    if args.export.is_some() && args.action != Action::Plan {
        return Err(Failure::usage("--export goes with plan").hint("cdc-doctor provision plan --export terraform"));
    }
    let pipeline = context.pipeline()?;
    if pipeline.dms.is_none() {
        return Err(Failure::usage(color_eyre::Report::new(ProvisionError::NoDms)));
    }
    let Some(aws) = &pipeline.aws else {
        return Err(Failure::usage(color_eyre::Report::new(ProvisionError::NoAws)));
    };
    let session = Session::open(aws).await;
    if aws.endpoint_url.is_some() {
        eprintln!(
            "AWS here is {}: a simulation, or whatever answers there",
            safe(aws.endpoint_url.as_deref().unwrap_or_default())
        );
    }
    match args.action {
        Action::Plan => plan(&args, context, &pipeline, &session).await,
        Action::Apply => apply(&args, context, &pipeline, &session).await,
        Action::Status => status(&args, &pipeline, &session).await,
        Action::Destroy => destroy(&args, context, &pipeline, &session).await,
    }
}

async fn plan(args: &Args, context: &Context, pipeline: &Pipeline, session: &Session) -> Result<Answer, Failure> {
    let passwords = context.passwords(pipeline)?;
    let plan = provision::plan(pipeline, &passwords, session).await.map_err(failure)?;
    match args.export {
        Some(Export::Terraform) => print(&export::terraform(&plan, session.aws())),
        Some(Export::Cloudformation) => print(&export::cloudformation(&plan)),
        None => show(args, context, &plan),
    }
    if args.export.is_none() && !plan.is_empty() {
        eprintln!("to do it: cdc-doctor provision apply");
    }
    Ok(Answer::Done)
}

fn show(args: &Args, context: &Context, plan: &Plan) {
    match args.format {
        Format::Text => print(&plan.to_text(context.style())),
        Format::Json => print(&(serde_json::to_string_pretty(plan).unwrap_or_default() + "\n")),
    }
}

async fn apply(args: &Args, context: &Context, pipeline: &Pipeline, session: &Session) -> Result<Answer, Failure> {
    let passwords = context.passwords(pipeline)?;
    let plan = provision::plan(pipeline, &passwords, session).await.map_err(failure)?;
    show(args, context, &plan);
    if !plan.is_empty() && !args.yes && !agree(context, "Apply this plan?", "apply")? {
        eprintln!("nothing was changed");
        return Ok(Answer::Done);
    }
    let site = Site { pipeline, passwords: &passwords, session };
    provision::apply::apply(&site, &plan, &mut tell).await.map_err(failure)?;
    if !plan.is_empty() {
        eprintln!("everything is there; to move the rows: cdc-doctor sync --engine dms");
    }
    Ok(Answer::Done)
}

async fn status(args: &Args, pipeline: &Pipeline, session: &Session) -> Result<Answer, Failure> {
    let items = provision::status(pipeline, session).await.map_err(failure)?;
    if args.format == Format::Json {
        let line = |i: &provision::Item| serde_json::json!({"kind": i.kind, "name": i.name, "arn": i.arn, "status": i.status, "ours": i.ours});
        print(&(serde_json::Value::Array(items.iter().map(line).collect()).to_string() + "\n"));
        return Ok(Answer::Done);
    }
    if items.is_empty() {
        print("nothing of this pipeline is there; cdc-doctor provision plan shows what would be made\n");
    }
    for item in &items {
        print(&(safe(&provision::apply::line(item)) + "\n"));
    }
    Ok(Answer::Done)
}

async fn destroy(args: &Args, context: &Context, pipeline: &Pipeline, session: &Session) -> Result<Answer, Failure> {
    let plan = provision::destruction(pipeline, session).await.map_err(failure)?;
    if plan.steps.is_empty() {
        print("nothing here carries this pipeline's tag, so there is nothing to delete\n");
        return Ok(Answer::Done);
    }
    show(args, context, &plan);
    if !args.yes && !agree(context, "Delete all of these?", "destroy")? {
        eprintln!("nothing was deleted");
        return Ok(Answer::Done);
    }
    provision::destroy(session, &plan, &mut tell).await.map_err(failure)?;
    eprintln!("all of it is gone");
    Ok(Answer::Done)
}

fn agree(context: &Context, question: &str, action: &str) -> Result<bool, Failure> {
    if !context.interactive {
        return Err(Failure::usage("nobody can be asked here: standard input is no terminal; nothing was changed")
            .hint(format!("cdc-doctor provision {action} --yes")));
    }
    let agreed = inquire::Confirm::new(question).with_default(false).prompt();
    agreed.map_err(|e| Failure::job(format!("{e}; nothing was changed")))
}

fn tell(told: &Told) {
    let sign = match told.verb {
        Verb::Create => '+',
        Verb::Change => '~',
        Verb::Keep => '=',
        Verb::Delete => '-',
    };
    let elapsed = told.elapsed.as_secs();
    let after = if elapsed > 0 { format!("  {}:{:02}", elapsed / 60, elapsed % 60) } else { String::new() };
    eprintln!("{sign} {}: {}{after}", safe(&told.what), safe(&told.state));
}

fn failure(error: ProvisionError) -> Failure {
    let hint = match &error {
        ProvisionError::Test { decoded: Some(decoded), .. } => Some(format!(
            "{}: {} cdc-doctor explain {}",
            decoded.cause.trim_end_matches('.'),
            decoded.fix,
            decoded.code
        )),
        ProvisionError::Aws(_) | ProvisionError::Late { .. } => {
            Some("cdc-doctor provision apply   (it goes on with what is there)".to_owned())
        }
        _ => None,
    };
    let usage = matches!(error, ProvisionError::Refused(_) | ProvisionError::Secret(_));
    let report = color_eyre::Report::new(error);
    let failure = if usage { Failure::usage(report) } else { Failure::job(report) };
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
