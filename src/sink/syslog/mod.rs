//! Alerts to a syslog receiver, over UDP (RFC 5426), TCP with octet counting (RFC 6587, section 3.4.1) or a Unix socket.
//!
//! In: alerts. Out: messages of RFC 5424, whose text is a sentence beside structured data, or CEF. A thread of its own sends
//! them. UDP and sockets of datagrams tell nobody what was lost on the way.

mod message;
mod target;
mod transport;

use std::ops::ControlFlow;

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

impl Syslog {
    /// Starts the thread; a receiver that is away is tried again.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn open(target: &Target, header: Header, style: Style, options: Options) -> Result<Self, Error> {
        let name = format!("syslog at {target}");
        let carrier = transport::Transport::new(target.clone());
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
