//! Alerts to a web hook: the record of each as the body of a POST, over HTTP or HTTPS.
//!
//! In: alerts. Out: requests from a thread of its own. An answer of 2xx is taken for arrived; 408, 425, 429 and 5xx are tried
//! again, later ones given up; others are refused for good, redirections among them. A token goes into the Authorization
//! header, and like the URL's path into no message.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use ureq::Agent;
use ureq::http::header::RETRY_AFTER;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::courier::{Carry, Courier, Failure, Options, one_line};
use super::record::Printer;
use super::{Gauge, Sink};
use crate::Error;
use crate::detect::Alert;

/// Where alerts are posted to.
#[derive(Clone)]
pub struct Target {
    url: String,
    /// Scheme and host: what messages show.
    shown: String,
    token: Option<String>,
    /// Whom the server's certificate must be of; `None`: Mozilla's authorities.
    authorities: Option<Vec<Certificate<'static>>>,
}

impl Target {
    /// Reads `https://host[:port]/path`. `token` is sent as `Authorization: Bearer`.
    ///
    /// # Errors
    /// No URL of HTTP, or a token that cannot stand in a header.
    pub fn parse(url: &str, token: Option<String>) -> Result<Self, Error> {
        let wrong = |why: &str| Error::Input(format!("webhook: {why}"));
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("write https://host/path"))?;
        if !matches!(scheme, "http" | "https") {
            return Err(wrong("the URL begins with http:// or https://"));
        }
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        if host.is_empty() || url.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(wrong("the URL names no host"));
        }
        let token = token.filter(|token| !token.is_empty());
        if token.as_ref().is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')) {
            return Err(wrong(&format!("{TOKEN_VARIABLE} holds what cannot stand in a header")));
        }
        Ok(Self { url: url.to_owned(), shown: format!("{scheme}://{host}"), token, authorities: None })
    }

    /// Trusts the authorities of a PEM file, and no other.
    ///
    /// # Errors
    /// A file that cannot be read, or holds no certificate.
    pub fn trusting(mut self, path: &Path) -> Result<Self, Error> {
        let pem = fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let certificates = parse_pem(&pem).filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        });
        let certificates: Vec<_> = certificates.collect();
        if certificates.is_empty() {
            return Err(Error::Input(format!("{}: there is no certificate in it", path.display())));
        }
        self.authorities = Some(certificates);
        Ok(self)
    }

    fn agent(&self) -> Agent {
        let roots = match &self.authorities {
            Some(certificates) => RootCerts::new_with_certs(certificates),
            None => RootCerts::WebPki,
        };
        Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("tlsight/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .timeout_connect(Some(CONNECT_WAIT))
            .timeout_global(Some(WHOLE_WAIT))
            .build()
            .new_agent()
    }
}

/// Shows neither path nor token.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("shown", &self.shown).finish_non_exhaustive()
    }
}

/// A web hook, and the thread that posts to it.
#[derive(Debug)]
pub struct Webhook {
    courier: Courier,
    printer: Printer,
}

impl Webhook {
    /// Starts the thread; a server that is away is tried again.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn open(target: &Target, options: Options) -> Result<Self, Error> {
        let name = format!("webhook at {}", target.shown);
        let carrier = Post { agent: target.agent(), url: target.url.clone(), token: target.token.clone() };
        let courier = Courier::start("webhook", &name, carrier, options)
            .map_err(|why| Error::Input(format!("{name}: no thread for it: {why}")))?;
        Ok(Self { courier, printer: Printer::default() })
    }
}

impl Sink for Webhook {
    fn alert(&mut self, alert: &Alert) -> Result<ControlFlow<()>, Error> {
        let mut body = Vec::new();
        self.printer.alert(alert, &mut body);
        self.courier.offer(body.into());
        Ok(ControlFlow::Continue(()))
    }

    fn gauge(&self) -> Option<Gauge> {
        Some(self.courier.gauge())
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>, Error> {
        Ok(self.courier.finish())
    }
}

struct Post {
    agent: Agent,
    url: String,
    token: Option<String>,
}

impl Carry for Post {
    fn carry(&mut self, message: &[u8]) -> Result<(), Failure> {
        let mut request = self.agent.post(&self.url).content_type("application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut answer = request.send(message).map_err(|error| match error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => Failure::Refused("the URL cannot be used".to_owned()),
            error => Failure::Away(one_line(&error)),
        })?;
        let status = answer.status();
        let wish = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        // What is read to its end leaves a connection that can be used again.
        let _ = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        let why = format!("the answer was {}", status.as_u16());
        match status.as_u16() {
            200..=299 => Ok(()),
            408 | 425 | 429 | 500..=599 => Err(Failure::Answered(why, wish.map(Duration::from_secs))),
            _ => Err(Failure::Refused(why)),
        }
    }
}

/// Holds the token.
pub const TOKEN_VARIABLE: &str = "TLSIGHT_WEBHOOK_TOKEN";

const CONNECT_WAIT: Duration = Duration::from_secs(5);
const WHOLE_WAIT: Duration = Duration::from_secs(15);
/// Bytes of an answer that are read; nobody looks at them.
const MAX_ANSWER: u64 = 64 << 10;
