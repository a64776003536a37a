//! Alerts to a syslog receiver, over UDP (RFC 5426), TCP with octet counting (RFC 6587, section 3.4.1), TLS (RFC 5425) or a
//! Unix socket.
//!
//! In: alerts. Out: messages of RFC 5424, whose text is a sentence beside structured data, or CEF. A thread of its own sends
//! them. UDP and sockets of datagrams tell nobody what was lost on the way.

mod message;
mod target;
mod transport;

use std::ops::ControlFlow;
use std::path::Path;

use super::courier::{Courier, Options};
use super::{Gauge, Sink};
use crate::Error;
use crate::detect::Alert;

pub use message::{Header, Style};
pub use target::Target;

/// A receiver, and the thread that writes to it.
#[derive(Debug)]
pub struct Syslog {
    courier: Courier,
    header: Header,
    style: Style,
    max_bytes: usize,
}

/// A receiver, and whom it is believed by.
#[derive(Debug, Clone, Copy)]
pub struct Receiver<'a> {
    pub target: &'a Target,
    /// Over TLS: the authorities of a PEM file, and no other, in the place of Mozilla's.
    pub authorities: Option<&'a Path>,
}

impl<'a> Receiver<'a> {
    pub fn new(target: &'a Target) -> Self {
        Self { target, authorities: None }
    }
}

impl Syslog {
    /// Starts the thread; a receiver that is away is tried again.
    ///
    /// # Errors
    /// Authorities that cannot be read, or are for no receiver over TLS; no thread to be had.
    pub fn open(receiver: Receiver<'_>, header: Header, style: Style, options: Options) -> Result<Self, Error> {
        let Receiver { target, authorities } = receiver;
        let name = format!("syslog at {target}");
        let carrier = transport::Transport::new(target, authorities)?;
        let courier = Courier::start("syslog", &name, carrier, options)
            .map_err(|why| Error::Input(format!("{name}: no thread for it: {why}")))?;
        Ok(Self { courier, header, style, max_bytes: target.max_bytes() })
    }
}

impl Sink for Syslog {
    fn alert(&mut self, alert: &Alert) -> Result<ControlFlow<()>, Error> {
        self.courier.offer(self.header.message(alert, self.style, self.max_bytes).into());
        Ok(ControlFlow::Continue(()))
    }

    fn gauge(&self) -> Option<Gauge> {
        Some(self.courier.gauge())
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>, Error> {
        Ok(self.courier.finish())
    }
}
