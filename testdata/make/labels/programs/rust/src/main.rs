//! HTTPS with the libraries of Rust: `clients LIBRARY URL TIMES`. Certificates are not checked where a library needs more
//! than an option for a private authority: it changes nothing in the hello.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

type Done = Result<(), Box<dyn Error>>;

fn main() -> Done {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, library, url, times] = arguments.as_slice() else { return Err("clients LIBRARY URL TIMES".into()) };
    let times: usize = times.parse()?;
    match library.as_str() {
        "reqwest-0.11-rustls" => {
            let client = reqwest_0_11::blocking::Client::builder().danger_accept_invalid_certs(true);
            let client = client.pool_max_idle_per_host(0).build()?;
            (0..times).try_for_each(|_| client.get(url).send()?.bytes().map(drop).map_err(Into::into))
        }
        "reqwest-0.12-rustls" => of_0_12(reqwest_0_12::blocking::Client::builder().use_rustls_tls(), url, times),
        "reqwest-0.12-native-tls" => of_0_12(reqwest_0_12::blocking::Client::builder().use_native_tls(), url, times),
        "reqwest-0.13" => {
            let client = reqwest_0_13::blocking::Client::builder().tls_danger_accept_invalid_certs(true);
            let client = client.pool_max_idle_per_host(0).build()?;
            (0..times).try_for_each(|_| client.get(url).send()?.bytes().map(drop).map_err(Into::into))
        }
        "ureq-2" => {
            let agent = ureq_2::AgentBuilder::new().max_idle_connections(0).build();
            (0..times).for_each(|_| drop(agent.get(url).call()));
            Ok(())
        }
        "ureq-3" => {
            let tls = ureq_3::tls::TlsConfig::builder().disable_verification(true).build();
            let config = ureq_3::Agent::config_builder().tls_config(tls).max_idle_connections(0).build();
            let agent = ureq_3::Agent::new_with_config(config);
            (0..times).for_each(|_| drop(agent.get(url).call()));
            Ok(())
        }
        "isahc" => {
            use isahc::config::{Configurable, SslOption};
            let options = SslOption::DANGER_ACCEPT_INVALID_CERTS | SslOption::DANGER_ACCEPT_INVALID_HOSTS;
            let client = isahc::HttpClient::builder().ssl_options(options).build()?;
            (0..times).try_for_each(|_| client.get(url.as_str()).map(drop).map_err(Into::into))
        }
        "rustls-0.23-ring" => of_rustls(url, times),
        "native-tls" => of_native_tls(url, times),
        "quinn" => of_quinn(url, times),
        _ => Err(format!("unknown library {library}").into()),
    }
}

fn of_0_12(builder: reqwest_0_12::blocking::ClientBuilder, url: &str, times: usize) -> Done {
    let client = builder.danger_accept_invalid_certs(true).pool_max_idle_per_host(0).build()?;
    (0..times).try_for_each(|_| client.get(url).send()?.bytes().map(drop).map_err(Into::into))
}

fn host(url: &str) -> &str {
    url.trim_start_matches("https://").trim_end_matches('/')
}

fn ask(stream: &mut (impl Read + Write), host: &str) -> Done {
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    Ok(())
}

/// With the roots of SSL_CERT_FILE.
fn roots() -> Result<rustls_ring::RootCertStore, Box<dyn Error>> {
    use rustls_ring::pki_types::{CertificateDer, pem::PemObject};
    let mut store = rustls_ring::RootCertStore::empty();
    store.add(CertificateDer::from_pem_file(std::env::var("ROOT")?)?)?;
    Ok(store)
}

fn of_rustls(url: &str, times: usize) -> Done {
    let provider = Arc::new(rustls_ring::crypto::ring::default_provider());
    let config = rustls_ring::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = Arc::new(config.with_root_certificates(roots()?).with_no_client_auth());
    for _ in 0..times {
        let name = host(url).to_owned().try_into()?;
        let connection = rustls_ring::ClientConnection::new(Arc::clone(&config), name)?;
        let mut stream = rustls_ring::StreamOwned::new(connection, TcpStream::connect((host(url), 443))?);
        ask(&mut stream, host(url))?;
    }
    Ok(())
}

fn of_native_tls(url: &str, times: usize) -> Done {
    let connector = native_tls::TlsConnector::builder().danger_accept_invalid_certs(true).build()?;
    for _ in 0..times {
        let mut stream = connector.connect(host(url), TcpStream::connect((host(url), 443))?)?;
        ask(&mut stream, host(url))?;
    }
    Ok(())
}

fn of_quinn(url: &str, times: usize) -> Done {
    let provider = Arc::new(rustls_ring::crypto::ring::default_provider());
    let config = rustls_ring::ClientConfig::builder_with_provider(provider);
    let config = config.with_protocol_versions(&[&rustls_ring::version::TLS13])?;
    let mut config = config.with_root_certificates(roots()?).with_no_client_auth();
    config.alpn_protocols = vec![b"h3".to_vec()];
    let config = quinn::crypto::rustls::QuicClientConfig::try_from(config)?;
    let config = quinn::ClientConfig::new(Arc::new(config));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into())?;
        for _ in 0..times {
            let connection = endpoint.connect_with(config.clone(), ([127, 0, 0, 1], 443).into(), host(url))?.await?;
            // Tickets come after the handshake.
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            connection.close(0u32.into(), b"");
        }
        endpoint.wait_idle().await;
        Ok(())
    })
}
