//! The figures of a running sensor for Prometheus, and whether it is healthy and ready, over HTTP.
//!
//! `/metrics` is Prometheus' text format 0.0.4; `/healthz` is 200 while every thread gives signs of life and 503 with the
//! names of those that do not; `/readyz` is 200 from when the interfaces are open until the sensor stops; `/top` is what
//! `tlsight top` shows, in JSON. A thread of its own reads the [`Figures`]: it is never waited for.

mod text;

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;

use super::figures::Figures;
use super::status::{self, STUCK};
use crate::Error;
use crate::stats::Phase;

/// Answers at the address from now on; gives the address.
pub fn serve(door: TcpListener, figures: Figures) -> Result<SocketAddr, Error> {
    let failed = |why: std::io::Error| Error::Input(format!("metrics: {why}"));
    let address = door.local_addr().map_err(failed)?;
    door.set_nonblocking(true).map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let work = move || {
        runtime.block_on(answer(door, figures));
    };
    thread::Builder::new().name("metrics".to_owned()).spawn(work).map_err(failed)?;
    Ok(address)
}

async fn answer(door: TcpListener, figures: Figures) {
    let Ok(door) = tokio::net::TcpListener::from_std(door) else { return };
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = door.accept().await else {
            // No descriptor is free: one may be, a little later.
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let figures = figures.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let response = respond(&request, &figures);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .max_headers(64)
                .serve_connection(TokioIo::new(stream), service);
            // Whoever asks for longer, or breaks off, asks again.
            let _ = tokio::time::timeout(LIFE, connection).await;
            drop(place);
        });
    }
}

fn respond<B>(request: &Request<B>, figures: &Figures) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
    }
    let ledger = &*figures.ledger;
    match request.uri().path() {
        "/metrics" => {
            let mut response = plain(StatusCode::OK, text::exposition(figures));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(EXPOSITION));
            response
        }
        "/healthz" => match status::stuck(ledger, STUCK) {
            stuck if stuck.is_empty() => plain(StatusCode::OK, "healthy\n".to_owned()),
            stuck => plain(StatusCode::SERVICE_UNAVAILABLE, stuck.join("\n") + "\n"),
        },
        "/readyz" => match ledger.phase() {
            Phase::Running => plain(StatusCode::OK, "ready\n".to_owned()),
            Phase::Starting => plain(StatusCode::SERVICE_UNAVAILABLE, "starting\n".to_owned()),
            Phase::Stopping => plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned()),
        },
        "/top" => match serde_json::to_string(&figures.snapshot()) {
            Ok(document) => {
                let mut response = plain(StatusCode::OK, document + "\n");
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        },
        _ => plain(StatusCode::NOT_FOUND, "there are /metrics, /healthz, /readyz and /top\n".to_owned()),
    }
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Connections that are open at once; the next wait.
const CONNECTIONS: usize = 16;
/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection may stay.
const LIFE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(200);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;
    use crate::sink::Overview;
    use crate::sink::overview::{Snapshot, Span};
    use crate::stats::{Counters, Lane, Ledger};

    fn figures(ledger: &Arc<Ledger>) -> Figures {
        Figures::of(&[], ledger, Overview::new(Span::Whole).board(), "here")
    }

    fn ask(address: SocketAddr, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "{request}\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    #[test]
    fn figures_health_and_readiness_are_answered() {
        let ledger = Arc::new(Ledger::new(1));
        ledger.tell(Lane::Shard(0), Counters { packets: 12, ..Counters::default() });
        let door = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = serve(door, figures(&ledger)).unwrap();
        let (status, body) = ask(address, "GET /metrics HTTP/1.1");
        assert_eq!(status, 200);
        assert!(body.contains("\ntlsight_packets_total 12\n"), "{body}");
        assert_eq!(ask(address, "GET /healthz HTTP/1.1"), (200, "healthy\n".to_owned()));
        assert_eq!(ask(address, "GET /readyz HTTP/1.1"), (503, "starting\n".to_owned()));
        ledger.set_phase(Phase::Running);
        assert_eq!(ask(address, "GET /readyz HTTP/1.1").0, 200);
        assert_eq!(ask(address, "HEAD /metrics HTTP/1.1"), (200, String::new()));
        let (status, body) = ask(address, "GET /top HTTP/1.1");
        let snapshot: Snapshot = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, snapshot.counters.packets, &*snapshot.sensor, snapshot.phase),
            (200, 12, "here", Phase::Running)
        );
        assert_eq!(ask(address, "POST /metrics HTTP/1.1").0, 405);
        assert_eq!(ask(address, "GET / HTTP/1.1").0, 404);
    }

    #[test]
    fn who_says_nothing_keeps_nobody_else_from_asking() {
        let door = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = serve(door, figures(&Arc::new(Ledger::new(1)))).unwrap();
        let _silent: Vec<TcpStream> = (0..CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect();
        assert_eq!(ask(address, "GET /healthz HTTP/1.1").0, 200);
    }
}
