//! TLS as the pipeline file asks for it, for the checks of either side.

use super::logins::on_rds;
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::pipeline::{Endpoint, EngineKind, TlsMode};

/// The engine connects without TLS: the file says so, or it says `prefer` and the engine is DMS, which has no such
/// mode and takes it as `none`.
pub(super) fn speaks_plaintext(endpoint: &Endpoint, engine: EngineKind) -> bool {
    match endpoint.tls {
        TlsMode::Disable => true,
        TlsMode::Prefer => engine == EngineKind::Dms,
        TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => false,
    }
}

/// Sets `tls` of the side to `verify-full`.
pub(super) fn use_tls(side: &str, endpoint: &Endpoint, choices: &[&str]) -> Fix {
    let key = format!("{side}.tls");
    let edit = Action::EditPipeline {
        key: key.clone(),
        value: "verify-full".into(),
        choices: choices.iter().map(|&c| c.to_owned()).collect(),
    };
    let mut step = Step::new(Cost::None, edit).undo(Action::edit(key, endpoint.tls.as_str()));
    if endpoint.ca_file.is_none() && !on_rds(endpoint) {
        step = step.note(format!(
            "for a certificate of your own authority set ca_file in [{side}] as well, or take require, which \
             encrypts without checking who answers"
        ));
    }
    Fix::new(Mode::Auto, format!("set tls = \"verify-full\" in [{side}]"), vec![step])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::healthy;

    #[test]
    fn prefer_is_plaintext_for_dms_only() {
        let mut endpoint = healthy().pipeline.source;
        for (tls, direct, dms) in [
            (TlsMode::Disable, true, true),
            (TlsMode::Prefer, false, true),
            (TlsMode::Require, false, false),
            (TlsMode::VerifyFull, false, false),
        ] {
            endpoint.tls = tls;
            assert_eq!(speaks_plaintext(&endpoint, EngineKind::Direct), direct, "{tls:?}");
            assert_eq!(speaks_plaintext(&endpoint, EngineKind::Dms), dms, "{tls:?}");
        }
    }

    #[test]
    fn a_private_authority_is_mentioned_only_where_there_can_be_one() {
        let mut endpoint = healthy().pipeline.source;
        assert!(use_tls("source", &endpoint, &[]).steps[0].note.is_some());
        endpoint.ca_file = Some("ca.pem".into());
        assert!(use_tls("source", &endpoint, &[]).steps[0].note.is_none());
        endpoint.ca_file = None;
        endpoint.host = "charts.abc.eu-west-2.rds.amazonaws.com".into();
        assert!(use_tls("source", &endpoint, &[]).steps[0].note.is_none());
    }
}
