//! A server given as one url: `postgres://user@host:port/database`. A message never repeats any of
//! it, since a password may stand anywhere in a mistyped one.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Position, Url};

use super::values;

/// What a url says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    pub host: String,
    pub port: Option<u16>,
    pub database: String,
    pub user: String,
}

/// What a url stands for, by the names of the keys.
pub(super) const PARTS: [&str; 4] = ["host", "port", "database", "user"];

/// What stands for itself in a user or database name.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Reads a url with one of these schemes; an error is a sentence that follows the key's name.
pub(super) fn parse(text: &str, schemes: &[&str]) -> Result<Parts, String> {
    let scheme = schemes.first().unwrap_or(&"");
    let form = format!("{scheme}://user@host:port/database");
    let url = Url::parse(text).map_err(|why| format!("cannot be read ({why}); it takes the form \"{form}\""))?;
    if !schemes.contains(&url.scheme()) {
        return Err(format!("begins with another scheme; it takes the form \"{form}\""));
    }
    if url.password().is_some() {
        return Err("holds a password, which does not belong there: take it out of the url and add password = \
                    { env = \"VARIABLE\" }, { file = \"path\" }, { secret = \"ARN or name\" }, { rds_iam = true } \
                    or { prompt = true }"
            .to_owned());
    }
    if url[Position::BeforeUsername..Position::AfterPath].contains('@') && url.username().is_empty() {
        return Err(format!("has an @ out of place; it takes the form \"{form}\""));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(parameters(&url));
    }
    let decode = |part: &str, what: &str| {
        let text = percent_decode_str(part).decode_utf8().map_err(|_| format!("has a {what} that is not UTF-8"))?;
        match text {
            text if text.chars().any(char::is_control) => Err(format!("has a control character in its {what}")),
            text => Ok(text.into_owned()),
        }
    };
    let user = decode(url.username(), "user")?;
    let database = decode(url.path().trim_start_matches('/'), "database")?;
    let host = decode(url.host_str().unwrap_or(""), "host")?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    for (part, what) in [(&user, "user"), (&host, "host"), (&database, "database")] {
        if part.is_empty() {
            return Err(format!("names no {what}; it takes the form \"{form}\""));
        }
    }
    if url.path().trim_start_matches('/').contains('/') || url.path().contains('@') {
        return Err(format!("has more than a database behind the host; it takes the form \"{form}\""));
    }
    if url.port() == Some(0) {
        return Err("has port 0; a port is a number from 1 to 65535".to_owned());
    }
    let host = values::host(host).map_err(|_| format!("has a host that cannot be; it takes the form \"{form}\""))?;
    Ok(Parts { host, port: url.port(), database, user })
}

/// Parameters have keys of their own in the section, and only one place.
fn parameters(url: &Url) -> String {
    let has = |name: &str| url.query_pairs().any(|(k, _)| k.eq_ignore_ascii_case(name));
    if has("password") || has("passwd") {
        return "holds a password, which does not belong there: take it out of the url and add password = { env = \
                \"VARIABLE\" }, { file = \"path\" }, { secret = \"ARN or name\" }, { rds_iam = true } \
                    or { prompt = true }"
            .to_owned();
    }
    if has("sslmode") || has("ssl-mode") {
        return "holds the TLS mode as a parameter: take it out of the url and add tls = \"verify-full\" (or \"disable\", \
                \"prefer\", \"require\", \"verify-ca\") to the section"
            .to_owned();
    }
    "has parameters behind the database (from ? or # on), which are not supported: take them out; tls and ca_file are \
     keys of the section, and ? or # inside a name is written %3F or %23"
        .to_owned()
}

/// One part of a url by the name of its key, where it can be read.
pub(super) fn part(text: &str, part: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let decoded = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
    match part {
        "host" => decoded(url.host_str()?.trim_start_matches('[').trim_end_matches(']')),
        "port" => url.port().map(|p| p.to_string()),
        "database" => decoded(url.path().trim_start_matches('/')),
        "user" => decoded(url.username()),
        _ => None,
    }
}

/// The same url with another host, port, database or user; `None` when the value does not fit.
/// No value takes the port out.
pub(super) fn with(text: &str, part: &str, value: Option<&str>) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    let encoded = value.map(|v| utf8_percent_encode(v, KEPT).to_string());
    match (part, value, encoded) {
        ("host", Some(host), _) => {
            let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            url.set_host(Some(&bracketed)).ok()?;
        }
        ("port", Some(port), _) => url.set_port(Some(port.parse().ok()?)).ok()?,
        ("port", None, _) => url.set_port(None).ok()?,
        ("database", _, Some(database)) => url.set_path(&format!("/{database}")),
        ("user", _, Some(user)) => url.set_username(&user).ok()?,
        _ => return None,
    }
    Some(url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PG: &[&str] = &["postgres", "postgresql"];

    #[test]
    fn all_parts_are_decoded() {
        let parts = parse("postgresql://d%40ms@[::1]:5433/my%20db%2Fx", PG).unwrap();
        assert_eq!(
            parts,
            Parts { host: "::1".into(), port: Some(5433), database: "my db/x".into(), user: "d@ms".into() }
        );
        assert_eq!(parse("postgres://dms@db.example/charts", PG).unwrap().port, None);
    }

    #[test]
    fn no_error_repeats_a_password() {
        for bad in [
            "postgres://u:hunter2@h/d",
            "postgres://u:hun#ter2@h/d",
            "postgres://u:12/hunter2@h/d",
            "postgres://u:1?hunter2@h/d",
            "postgres:u:hunter2@h/d",
            "mysql://u:hunter2@h/d",
            "postgres://u@h:hunter2/d",
            "postgres://h/d?password=hunter2",
            "postgres://u@h/d?password=hunter2",
            "postgres://:hunter2@h/d",
            "hunter2",
            "postgres://u%3Ahunter2@h",
        ] {
            let error = parse(bad, PG).expect_err(bad);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn one_part_changes_and_the_rest_stays() {
        let old = "postgres://d%40ms@h:5433/charts-source";
        assert_eq!(with(old, "database", Some("a b/c")).unwrap(), "postgres://d%40ms@h:5433/a%20b%2Fc");
        assert_eq!(with(old, "host", Some("::1")).unwrap(), "postgres://d%40ms@[::1]:5433/charts-source");
        assert_eq!(with(old, "port", None).unwrap(), "postgres://d%40ms@h/charts-source");
        assert_eq!(with(old, "user", Some("x:y")).unwrap(), "postgres://x%3Ay@h:5433/charts-source");
        assert_eq!(with(old, "port", Some("many")), None);
    }
}
