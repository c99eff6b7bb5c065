//! Passwords that AWS has: in Secrets Manager, or as tokens for IAM database authentication.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_rds::auth_token::{AuthTokenGenerator, Config};
use aws_sdk_rds::error::BoxError;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::Session;
use crate::pipeline::secrets::{KeepPassword, Password, Passwords, SecretError};
use crate::pipeline::{Aws, Endpoint, PasswordSource, Pipeline};
use crate::text;

/// How long a secret is taken to be the same; rotation is noticed after that.
const FRESH: Duration = Duration::from_secs(5 * 60);

/// Fetches both passwords; those that AWS has are asked for at each login. `ask` is as in [`Passwords::resolve`].
///
/// # Errors
/// As [`Passwords::resolve`].
pub fn resolve(
    pipeline: &Pipeline,
    ask: &mut dyn FnMut(&str) -> Result<SecretString, SecretError>,
) -> Result<Passwords, SecretError> {
    let session = Arc::new(OnceCell::new());
    let keeper = |source: &PasswordSource| {
        let way = Way { aws: pipeline.aws.clone(), session: Arc::clone(&session) };
        match source {
            PasswordSource::Secret(id) => {
                Password::Kept(Arc::new(Secret { way, id: id.clone(), seen: Mutex::default() }))
            }
            _ => Password::Kept(Arc::new(Token { way })),
        }
    };
    Passwords::resolve(pipeline, &keeper, ask)
}

/// The session, opened when the first password is asked for, one for both sides.
struct Way {
    aws: Option<Aws>,
    session: Arc<OnceCell<Session>>,
}

impl Way {
    async fn session(&self) -> Result<&Session, SecretError> {
        let Some(aws) = &self.aws else {
            return Err(SecretError::Aws("the pipeline file has no section [aws]; add it, with region".to_owned()));
        };
        Ok(self.session.get_or_init(|| Session::open(aws)).await)
    }
}

/// A secret in Secrets Manager.
struct Secret {
    way: Way,
    id: String,
    seen: Mutex<Option<(Instant, SecretString)>>,
}

impl Secret {
    async fn read(&self) -> Result<SecretString, SecretError> {
        let session = self.way.session().await?;
        let send = session.secrets().get_secret_value().secret_id(&self.id).send();
        let answer = session.call("secretsmanager:GetSecretValue", send).await;
        let answer = answer.map_err(|e| SecretError::Aws(e.to_string()))?;
        let name = text::safe(&self.id);
        let Some(value) = answer.secret_string else {
            return Err(SecretError::Aws(format!("the secret {name} is binary; it must be text or JSON")));
        };
        password_in(value).map_err(|why| SecretError::Aws(format!("the secret {name} {why}")))
    }

    fn fresh(&self) -> Option<SecretString> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.as_ref().filter(|(at, _)| at.elapsed() < FRESH).map(|(_, password)| password.clone())
    }
}

impl KeepPassword for Secret {
    fn password<'a>(&'a self, _: &'a Endpoint) -> BoxFuture<'a, Result<SecretString, SecretError>> {
        async move {
            if let Some(password) = self.fresh() {
                return Ok(password);
            }
            let password = self.read().await?;
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), password.clone()));
            Ok(password)
        }
        .boxed()
    }
}

/// The password in a secret: the whole text, or `password` of the JSON that RDS writes.
fn password_in(value: String) -> Result<SecretString, String> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(&value) else {
        let empty = value.is_empty();
        return if empty { Err("is empty".to_owned()) } else { Ok(SecretString::from(value)) };
    };
    match fields.remove("password") {
        Some(Value::String(password)) if !password.is_empty() => Ok(SecretString::from(password)),
        Some(_) => Err("is JSON whose \"password\" is empty or no text".to_owned()),
        None => {
            let names: Vec<String> = fields.keys().map(|k| text::safe(k)).collect();
            let has = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            Err(format!("is JSON without \"password\"; it has {has}. Another secret may be meant"))
        }
    }
}

/// A token for IAM database authentication. It is good for 15 minutes, and only a login asks for it, so each login gets
/// its own. Signed here: no call is made, but for the credentials.
struct Token {
    way: Way,
}

impl KeepPassword for Token {
    fn password<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<SecretString, SecretError>> {
        async move {
            let session = self.way.session().await?;
            token(session.config(), endpoint)
                .await
                .map_err(|error| SecretError::Aws(super::Error::signing(session.aws(), error.as_ref()).to_string()))
        }
        .boxed()
    }
}

/// What a query string holds as it is (RFC 3986); the generator puts the user in unchanged.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

async fn token(config: &SdkConfig, endpoint: &Endpoint) -> Result<SecretString, BoxError> {
    let login = Config::builder()
        // The signature covers the name, and the server knows itself in lower case.
        .hostname(endpoint.host.to_ascii_lowercase())
        .port(u64::from(endpoint.port))
        .username(utf8_percent_encode(&endpoint.user, QUERY).to_string())
        .build()?;
    let token = AuthTokenGenerator::new(login).auth_token(config).await?;
    Ok(SecretString::from(token.as_str().to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use aws_sdk_rds::config::Region;
    use aws_smithy_async::time::StaticTimeSource;
    use secrecy::ExposeSecret;

    use super::super::testing::{Answer, Stub};
    use super::*;
    use crate::pipeline::TlsMode;

    fn endpoint(user: &str) -> Endpoint {
        Endpoint {
            host: "Charts.abc.eu-west-2.rds.amazonaws.com".into(),
            port: 5432,
            database: "postgres".into(),
            user: user.into(),
            password: Some(PasswordSource::RdsIam),
            tls: TlsMode::VerifyFull,
            ca_file: None,
            rds_instance: None,
        }
    }

    /// At noon of 26 November 2026, with the keys of AWS's documentation.
    async fn signed(user: &str, session_token: Option<&str>) -> String {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let session_token = session_token.map(str::to_owned);
        let keys = Credentials::new("AKIAIOSFODNN7EXAMPLE", secret, session_token, None, "test");
        let config = SdkConfig::builder()
            .region(Region::new("eu-west-2"))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .time_source(StaticTimeSource::new(UNIX_EPOCH + Duration::from_secs(1_795_694_400)))
            .build();
        token(&config, &endpoint(user)).await.unwrap().expose_secret().to_owned()
    }

    /// The parameters in alphabetical order: their order is no part of what is signed.
    fn sorted(token: &str) -> Vec<String> {
        let mut parts: Vec<String> = token.split(['?', '&']).map(|p| p.replace("%20", "+")).collect();
        parts.sort();
        parts
    }

    /// What botocore's `generate_db_auth_token` gives for the same.
    #[tokio::test]
    async fn a_token_is_that_of_botocore() {
        let plain = "charts.abc.eu-west-2.rds.amazonaws.com:5432/?Action=connect&DBUser=dms&X-Amz-Algorithm=\
            AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261126%2Feu-west-2%2Frds-db%2Faws4_request&\
            X-Amz-Date=20261126T120000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&\
            X-Amz-Signature=838a8f969d632cdbeb29afe7a9b2b4f7c935d72da2b60e72bcd6308aa511d580";
        assert_eq!(sorted(&signed("dms", None).await), sorted(plain));
        let odd = "charts.abc.eu-west-2.rds.amazonaws.com:5432/?Action=connect&DBUser=dms%2Bx%20y%40z&X-Amz-Algorithm=\
            AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261126%2Feu-west-2%2Frds-db%2Faws4_request&\
            X-Amz-Date=20261126T120000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Security-Token=\
            SESSION%2FTOKEN%3D%3D&X-Amz-Signature=8740d2dbf14746add7b0246b67e2b2ef37d1e059aacddaf30d5a5b35deaaa2a4";
        assert_eq!(sorted(&signed("dms+x y@z", Some("SESSION/TOKEN==")).await), sorted(odd));
    }

    #[test]
    fn a_secret_is_text_or_what_rds_writes() {
        let of = |text: &str| password_in(text.to_owned()).map(|p| p.expose_secret().to_owned());
        assert_eq!(of("hunter2"), Ok("hunter2".into()));
        assert_eq!(of(r#"{"username": "dms", "password": "hunter2", "port": 5432}"#), Ok("hunter2".into()));
        assert_eq!(of("123456"), Ok("123456".into()), "a number is a password too");
        let error = of(r#"{"username": "dms", "pass": "hunter2"}"#).unwrap_err();
        assert_eq!(error, r#"is JSON without "password"; it has username, pass. Another secret may be meant"#);
        assert!(of(r#"{"password": ""}"#).is_err());
        assert!(of("").is_err());
    }

    #[tokio::test]
    async fn a_secret_is_read_at_the_login_and_kept_for_minutes() {
        let stub = Stub::start(vec![Answer::new("GetSecretValue", 200, r#"{"SecretString": "hunter2"}"#)]).await;
        let way = Way { aws: Some(stub.aws()), session: Arc::default() };
        let secret = Password::Kept(Arc::new(Secret { way, id: "prod/pg".into(), seen: Mutex::default() }));
        assert_eq!(stub.asked().len(), 0);
        for _ in 0..2 {
            assert_eq!(secret.get(&endpoint("dms")).await.unwrap().expose_secret(), "hunter2");
        }
        assert_eq!(stub.asked().len(), 1);
        assert!(stub.asked()[0].contains("prod/pg"));
    }

    #[tokio::test]
    async fn a_secret_that_may_not_be_read_names_the_permission() {
        let refusal = r#"{"__type": "AccessDeniedException", "Message": "not today"}"#;
        let stub = Stub::start(vec![Answer::new("GetSecretValue", 400, refusal)]).await;
        let way = Way { aws: Some(stub.aws()), session: Arc::default() };
        let error = Secret { way, id: "prod/pg".into(), seen: Mutex::default() }.read().await.unwrap_err().to_string();
        assert!(error.contains("Allow it the action secretsmanager:GetSecretValue in IAM"), "{error}");
    }
}
