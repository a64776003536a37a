//! The interfaces of a sensor, opened: rings where that is possible, else libpcap.

use std::sync::Arc;

use super::args::{LiveArgs, TimestampSource, Way};
use super::console::Console;
use super::watch::{Sensor, Timed, Watched};
use crate::Error;
#[cfg(target_os = "linux")]
use crate::capture::ring::Finished;
use crate::capture::tap::{Stamps, TapMode};
#[cfg(target_os = "linux")]
use crate::capture::{Batch, Fill, Ring, Source, ring};
use crate::capture::{LinkType, Tap, TapOptions, Timestamp};
#[cfg(target_os = "linux")]
use crate::event::{Event, Protocol};
#[cfg(target_os = "linux")]
use crate::runtime::Aside;
use crate::runtime::{self, Outcome, Plan};

/// What packets come out of.
pub enum Listening {
    /// One thread reads, and deals out.
    Pcap { sensor: Box<Timed<Sensor<Tap>>>, links: Vec<LinkType> },
    /// The kernel deals out.
    #[cfg(target_os = "linux")]
    Rings {
        sensors: Vec<Timed<Sharing>>,
        /// What is applied to what the rings give, as the kernel cannot.
        filter: Option<String>,
        links: Vec<LinkType>,
    },
}

/// The rings of a thread, and what it tells them of connections.
#[cfg(target_os = "linux")]
pub struct Sharing {
    sensor: Sensor<Ring>,
    finished: Arc<Finished>,
}

#[cfg(target_os = "linux")]
impl Source for Sharing {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Error> {
        self.sensor.fill(batch)
    }
}

#[cfg(target_os = "linux")]
impl Sharing {
    fn new(mut rings: Vec<Ring>, watched: &Watched) -> Self {
        let finished = Arc::new(Finished::default());
        rings.iter_mut().for_each(|ring| ring.shed(Arc::clone(&finished)));
        Self { sensor: Sensor::new(rings, watched.clone()), finished }
    }

    /// An established session over TCP has told all that it can.
    fn told(&self, events: &[Event]) {
        let over = events.iter().filter(|event| event.protocol == Protocol::Tls && event.handshake.established);
        over.for_each(|event| {
            self.finished.mark((event.client.ip, event.client.port), (event.server.ip, event.server.port));
        });
    }
}

impl Listening {
    /// Opens every interface of the arguments. Where several threads can read, as many do as the ledger has places for.
    pub fn open(args: &LiveArgs, filter: Option<String>, watched: &Watched, console: &Console) -> Result<Self, Error> {
        let threads = watched.ledger.shards();
        let options = |interface: &String| TapOptions {
            interface: interface.clone(),
            filter: filter.clone(),
            snap_len: args.snap_bytes,
            buffer_bytes: args.buffer_bytes,
            mode: if args.no_promiscuous { TapMode::OwnTraffic } else { TapMode::Promiscuous },
            stamps: match args.timestamp_source {
                TimestampSource::Kernel => Stamps::Kernel,
                TimestampSource::Hardware => Stamps::Hardware,
            },
        };
        let options: Vec<TapOptions> = args.interface.iter().map(options).collect();
        for options in &options {
            watched.ledger.add_interface(Arc::from(&*options.interface));
        }
        match args.capture {
            Way::Pcap => Self::pcap(&options, watched),
            Way::Ring => Self::rings(&options, threads, watched),
            Way::Auto => match Self::rings(&options, threads, watched) {
                Ok(rings) => Ok(rings),
                // What is wrong for both is told in libpcap's words.
                Err(error) => {
                    let pcap = Self::pcap(&options, watched)?;
                    console.note(&format!("listening through libpcap: {error}"));
                    Ok(pcap)
                }
            },
        }
    }

    fn pcap(options: &[TapOptions], watched: &Watched) -> Result<Self, Error> {
        let taps = options.iter().map(|options| Tap::open(options, Arc::clone(&watched.end)));
        let taps = taps.collect::<Result<Vec<_>, _>>()?;
        let links = taps.iter().map(Tap::link).collect();
        Ok(Self::Pcap { sensor: Box::new(Timed::new(Sensor::new(taps, watched.clone()))), links })
    }

    #[cfg(target_os = "linux")]
    fn rings(options: &[TapOptions], threads: usize, watched: &Watched) -> Result<Self, Error> {
        // By interface; the first of each belongs to the first thread, and so on: all of a pair of addresses to one.
        let mut interfaces = Vec::new();
        for options in options {
            interfaces.push(Ring::open(options, threads, &watched.end)?.into_iter());
        }
        let of_thread = |_| Sharing::new(interfaces.iter_mut().filter_map(Iterator::next).collect(), watched);
        let sensors = (0..threads).map(of_thread).map(Timed::new).collect();
        let filter = options.first().and_then(|options| options.filter.clone());
        let links = vec![LinkType::ETHERNET; options.len()];
        Ok(Self::Rings { sensors, filter: filter.filter(|filter| ring::asks_for_tags(filter)), links })
    }

    #[cfg(not(target_os = "linux"))]
    fn rings(_: &[TapOptions], _: usize, _: &Watched) -> Result<Self, Error> {
        Err(Error::Input("rings are there on Linux alone".to_owned()))
    }

    /// How it is done, in a few words.
    pub fn way(&self) -> String {
        match self {
            Self::Pcap { .. } => "through libpcap".to_owned(),
            #[cfg(target_os = "linux")]
            Self::Rings { sensors, .. } if sensors.len() == 1 => "through a ring".to_owned(),
            #[cfg(target_os = "linux")]
            Self::Rings { sensors, .. } => format!("through {} rings", sensors.len()),
        }
    }

    /// What the frames of each interface begin with, in the order of the interfaces.
    pub fn links(&self) -> &[LinkType] {
        match self {
            Self::Pcap { links, .. } => links,
            #[cfg(target_os = "linux")]
            Self::Rings { links, .. } => links,
        }
    }

    /// Listens to the end. Gives when the first and the last packet came, too.
    pub fn run(self, plan: Plan) -> Result<(Outcome, Option<(Timestamp, Timestamp)>), Error> {
        match self {
            Self::Pcap { mut sensor, .. } => {
                let outcome = runtime::run(&mut *sensor, plan, &mut |sensor, counters| sensor.source.count(counters))?;
                Ok((outcome, sensor.span))
            }
            #[cfg(target_os = "linux")]
            Self::Rings { sensors, filter, .. } => {
                let aside = Aside {
                    count: &|sharing: &mut Timed<Sharing>, counters| sharing.source.sensor.count(counters),
                    told: &|sharing, events| sharing.source.told(events),
                };
                let (outcome, sensors) = runtime::run_fanout(sensors, plan, filter.as_deref(), aside)?;
                let spans = sensors.iter().filter_map(|sensor| sensor.span);
                Ok((outcome, spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))))
            }
        }
    }
}
