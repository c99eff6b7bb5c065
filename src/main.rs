//! The binary: sets the process up, hands over to the command line, answers with an exit status.

use std::process::ExitCode;

/// Exit status for a bug in the program.
const BUG: u8 = 70;

fn main() -> ExitCode {
    // Without the hook a panic would still be printed, only without its own words; not worth failing for.
    let _ = color_eyre::config::HookBuilder::default()
        .panic_section("This is a bug in cdc-doctor. Nothing that was already written is undone by it; the journal and the target say what was done.")
        .display_env_section(false)
        .install();
    match std::panic::catch_unwind(cdc_doctor::cli::main) {
        Ok(code) => code,
        Err(_) => ExitCode::from(BUG),
    }
}
