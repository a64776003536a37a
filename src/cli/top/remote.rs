//! A sensor's `/top`, asked for over HTTP.

use std::time::Duration;

use ureq::Agent;

use crate::Error;
use crate::cli::args::address;
use crate::sink::overview::Snapshot;

/// A sensor somewhere.
pub struct Remote {
    agent: Agent,
    url: String,
    /// As it is shown.
    address: String,
}

impl Remote {
    /// `9464`, `host:9464` or `http://host:9464`.
    pub fn at(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Input(format!("`{text}` is no address: write a port, HOST:PORT or http://HOST:PORT"));
        let base = match (address(text), text) {
            (Ok(address), _) => format!("http://{address}"),
            (Err(_), url) if url.starts_with("http://") || url.starts_with("https://") => {
                url.trim_end_matches('/').trim_end_matches("/top").to_owned()
            }
            (Err(_), host) => {
                let (name, port) = host.rsplit_once(':').ok_or_else(wrong)?;
                let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_');
                if name.is_empty() || !name.chars().all(is_name) || port.parse::<u16>().is_err() {
                    return Err(wrong());
                }
                format!("http://{host}")
            }
        };
        // A sensor is no web site: no proxy of the environment's is asked.
        let agent = Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None).build().new_agent();
        let address = base.split_once("://").map_or(&*base, |(_, rest)| rest).to_owned();
        Ok(Self { agent, url: format!("{base}/top"), address })
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// How it stands now.
    pub fn ask(&self) -> Result<Snapshot, Error> {
        let failed = |why: String| Error::Input(format!("sensor at {}: {why}", self.address));
        let mut response = self.agent.get(&self.url).call().map_err(|error| failed(self.advice(&error)))?;
        let text = response.body_mut().with_config().limit(DOCUMENT_BYTES).read_to_string();
        let text = text.map_err(|error| failed(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| failed(format!("its /top is none of tlsight's: {error}")))
    }

    fn advice(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::StatusCode(404) => {
                "it has no /top: it is of an older version, or no sensor of tlsight".to_owned()
            }
            ureq::Error::Io(why) if why.kind() == std::io::ErrorKind::ConnectionRefused => {
                "nobody listens there: start it with --metrics, or name its address".to_owned()
            }
            other => other.to_string(),
        }
    }
}

/// The longest document that is read; a sensor's has some twenty thousand bytes.
pub const DOCUMENT_BYTES: u64 = 4 << 20;
const PATIENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_port_a_host_or_a_url() {
        for (text, url) in [
            ("9464", Some("http://127.0.0.1:9464/top")),
            ("[::1]:9464", Some("http://[::1]:9464/top")),
            ("sensor.example.org:80", Some("http://sensor.example.org:80/top")),
            ("https://sensor.example.org/top", Some("https://sensor.example.org/top")),
            ("http://a:1/", Some("http://a:1/top")),
            ("sensor", None),
            ("a b:1", None),
            (":1", None),
            ("host:70000", None),
            ("", None),
        ] {
            assert_eq!(Remote::at(text).ok().map(|remote| remote.url).as_deref(), url, "{text}");
        }
    }
}
