//! Where the server is and who we are there.
//!
//! In: the URL of `--clickhouse` and variables of the environment. Out: a client. Does not connect.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clickhouse::{Client, Compression};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::Error;
use crate::sink::trust;

/// A server, a database, a user.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Scheme, host and port: what messages show.
    pub url: String,
    pub database: String,
    pub user: Option<String>,
    password: Option<String>,
    token: Option<String>,
    /// The server is to gather the rows of many small INSERTs before it makes a part of them.
    pub gathers: bool,
    /// Whose certificates are trusted for https, where it is not the authorities that Mozilla trusts.
    authorities: Option<PathBuf>,
}

/// What the environment says, where the URL does not.
#[derive(Debug, Clone, Default)]
pub struct Login {
    pub user: Option<String>,
    pub password: Option<String>,
    /// A bearer token, as ClickHouse Cloud has them.
    pub token: Option<String>,
}

impl Login {
    /// From `TLSIGHT_CLICKHOUSE_USER`, `TLSIGHT_CLICKHOUSE_PASSWORD` and `TLSIGHT_CLICKHOUSE_TOKEN`.
    pub fn from_env() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self { user: variable(USER_VARIABLE), password: variable(PASSWORD_VARIABLE), token: variable(TOKEN_VARIABLE) }
    }
}

impl Target {
    /// Reads `http[s]://[user[:password]@]host[:port][/database][?database=name&async_insert=1]`. Port 8123 (8443 for https) and database
    /// `default` are taken where none is named; user and password in the URL (percent-encoded) go before those of `login`,
    /// and both before its token.
    pub fn parse(text: &str, login: Login) -> Result<Self, Error> {
        let wrong = |why: &str| Error::ClickHouse { url: without_login(text), why: why.to_owned() };
        let schemes = [("http", ":8123"), ("https", ":8443")].into_iter();
        let (scheme, usual_port, rest) = schemes
            .filter_map(|(scheme, port)| Some((scheme, port, text.strip_prefix(scheme)?.strip_prefix("://")?)))
            .next()
            .ok_or_else(|| wrong("the URL must begin with http:// or https://, as in http://localhost:8123/tls"))?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (userinfo, host) = authority.rsplit_once('@').map_or((None, authority), |(info, host)| (Some(info), host));
        if host.is_empty() || host.starts_with(':') || host.contains(char::is_whitespace) {
            return Err(wrong("the URL names no host"));
        }
        let (user, password) =
            match userinfo.map(|info| info.split_once(':').map_or((info, None), |(u, p)| (u, Some(p)))) {
                Some((user, password)) => (decoded(user), password.and_then(decoded)),
                None => (None, None),
            };
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        let mut database = decoded(path.trim_matches('/'));
        let mut gathers = false;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("database", name)) => database = decoded(name),
                Some(("async_insert", "0" | "1")) => gathers = pair.ends_with('1'),
                _ => {
                    let known = "`database=name` and `async_insert=1` are";
                    return Err(wrong(&format!("`{pair}` in the URL is not known; {known}")));
                }
            }
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let port = if has_port { "" } else { usual_port };
        Ok(Self {
            url: format!("{scheme}://{host}{port}"),
            database: database.unwrap_or_else(|| "default".to_owned()),
            user: user.or(login.user),
            password: password.or(login.password),
            token: login.token,
            gathers,
            authorities: None,
        })
    }

    /// A client with LZ4 and without the crate's own validation, which costs more than the rows: the tables' columns are
    /// looked at once, in [`schema`](super::schema).
    ///
    /// # Errors
    /// A file of authorities that cannot be read.
    pub fn client(&self) -> Result<Client, Error> {
        let client = if self.url.starts_with("https") { self.secure()? } else { Client::default() };
        let mut client = client
            .with_url(&self.url)
            .with_database(&self.database)
            .with_compression(Compression::Lz4)
            .with_validation(false)
            .with_product_info("tlsight", env!("CARGO_PKG_VERSION"));
        if let Some(user) = &self.user {
            client = client.with_user(user);
        }
        if let Some(password) = &self.password {
            client = client.with_password(password);
        }
        if let (true, Some(token)) = (self.is_by_token(), &self.token) {
            client = client.with_access_token(token);
        }
        Ok(client)
    }

    /// Whether it is a token that logs in.
    pub fn is_by_token(&self) -> bool {
        self.user.is_none() && self.password.is_none() && self.token.is_some()
    }

    /// Trusts the authorities of a PEM file, and no other, for https.
    pub fn trusting(self, authorities: &Path) -> Self {
        Self { authorities: Some(authorities.to_owned()), ..self }
    }

    /// A client whose connections are TLS, which shows itself in the server's certificate.
    fn secure(&self) -> Result<Client, Error> {
        let failed = |why: String| Error::ClickHouse { url: self.url.clone(), why };
        let config = trust::client(self.authorities.as_deref()).map_err(failed)?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_keepalive(Some(KEEP_ALIVE));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1().wrap_connector(tcp);
        let http = legacy::Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build(connector);
        Ok(Client::with_http_client(http))
    }
}

/// Runs a request to its end on this thread.
pub fn blocking<F: Future>(target: &Target, request: F) -> Result<F::Output, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let failed = |error| Error::ClickHouse { url: target.url.clone(), why: format!("no runtime: {error}") };
    Ok(runtime.map_err(failed)?.block_on(request))
}

/// Never shows the password.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("url", &self.url).field("database", &self.database).finish_non_exhaustive()
    }
}

/// Percent-decodes; `None` for an empty text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let pair = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match (first, pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// The URL as it may be shown.
fn without_login(url: &str) -> String {
    match (url.split_once("://"), url.rfind('@')) {
        (Some((scheme, _)), Some(at)) => format!("{scheme}://{}", &url[at + 1..]),
        _ => url.to_owned(),
    }
}

pub const USER_VARIABLE: &str = "TLSIGHT_CLICKHOUSE_USER";
pub const PASSWORD_VARIABLE: &str = "TLSIGHT_CLICKHOUSE_PASSWORD";
pub const TOKEN_VARIABLE: &str = "TLSIGHT_CLICKHOUSE_TOKEN";

const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// The server closes what is idle after three seconds.
const IDLE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Target {
        Target::parse(url, Login::default()).expect(url)
    }

    #[test]
    fn the_url_names_server_database_and_user() {
        let target = parsed("http://al%40ice:p%3Aw@db.example:9000/tls");
        assert_eq!(target.url, "http://db.example:9000");
        assert_eq!(target.database, "tls");
        assert_eq!((target.user.as_deref(), target.password.as_deref()), (Some("al@ice"), Some("p:w")));
        assert_eq!(parsed("http://[::1]:8123?database=a").database, "a");
        assert!(parsed("http://h/a?async_insert=1").gathers && !parsed("http://h/a?async_insert=0").gathers);
    }

    #[test]
    fn port_and_database_have_defaults() {
        let target = parsed("http://db.example");
        assert_eq!((&*target.url, &*target.database), ("http://db.example:8123", "default"));
        assert_eq!(parsed("http://[::1]/").url, "http://[::1]:8123");
        assert_eq!(parsed("https://db.example").url, "https://db.example:8443");
    }

    #[test]
    fn the_environment_fills_what_the_url_leaves_open() {
        let login = Login { user: Some("env".to_owned()), password: Some("secret".to_owned()), token: None };
        let target = Target::parse("http://url@localhost", login).expect("a URL");
        assert_eq!((target.user.as_deref(), target.password.as_deref()), (Some("url"), Some("secret")));
    }

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        for (url, told) in [
            ("ftp://u:secret@h", "must begin with http:// or https://"),
            ("http://u:secret@", "no host"),
            ("http://u:secret@h?databse=x", "`databse=x`"),
        ] {
            let error = Target::parse(url, Login::default()).expect_err(url).to_string();
            assert!(error.contains(told), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(!format!("{:?}", parsed("http://u:secret@h")).contains("secret"));
    }
}
