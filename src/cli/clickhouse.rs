//! `tlsight clickhouse`: the store's tables, how it stands, and what waits for it.

use std::path::Path;

use super::args::{ClickHouseArgs, ClickHouseCommand};
use super::console::Console;
use super::{Status, print};
use crate::Error;
use crate::sink::clickhouse::{self, Census, Keep, Login, Target};
use crate::sink::screen::{bytes as size, counted, duration};

/// Does what was asked, and says what came of it.
pub fn run(args: &ClickHouseArgs, console: &Console) -> Result<Status, Error> {
    let target = |url: &str| {
        let target = Target::parse(url, Login::from_env())?;
        Ok::<_, Error>(match &args.clickhouse_ca {
            Some(authorities) => target.trusting(authorities),
            None => target,
        })
    };
    match &args.command {
        ClickHouseCommand::Init { url, cluster, keep, keep_randoms, dry_run } => {
            let target = target(url)?;
            let keep = Keep { rows: *keep, randoms: *keep_randoms };
            if *dry_run {
                let statements = clickhouse::statements(&target, cluster.as_deref(), keep);
                print(&statements.iter().map(|statement| format!("{statement};\n")).collect::<Vec<_>>().join("\n"))?;
                return Ok(Status::Done);
            }
            init(&target, cluster.as_deref(), keep)
        }
        ClickHouseCommand::Status { url, spool } => {
            let usual = clickhouse::default_spool();
            let (folder, is_named) = spool.as_deref().map_or((&*usual, false), |folder| (folder, true));
            status(&target(url)?, folder, is_named, console)
        }
        ClickHouseCommand::Replay { url, paths, sensor } => {
            let done = clickhouse::replay(&target(url)?, paths, sensor)?;
            print(&format!("{} sent, in {} batches\n", counted(done.rows as u64, "row"), done.batches))?;
            for run in &done.busy {
                console.warn(&format!("{}: its tlsight is running, and sends by itself", run.display()));
            }
            for (path, why) in &done.refused {
                console.error(&Error::Input(format!("{}: {why}", path.display())));
            }
            Ok(if done.refused.is_empty() { Status::Done } else { Status::Failed })
        }
    }
}

fn init(target: &Target, cluster: Option<&str>, keep: Keep) -> Result<Status, Error> {
    let ready = clickhouse::init(target, cluster, keep)?;
    let what = match &*ready.applied {
        [] => "was there already".to_owned(),
        applied => format!("after {}", applied.join(", ")),
    };
    let place = ready.cluster.map(|cluster| format!(" on cluster {cluster}")).unwrap_or_default();
    print(&format!("{} {}{place}: version {}, {what}\n", target.url, target.database, ready.version))?;
    Ok(Status::Done)
}

/// What can be said is said, though the server is down.
fn status(target: &Target, folder: &Path, is_named: bool, console: &Console) -> Result<Status, Error> {
    let mut text = String::new();
    let mut status = Status::Done;
    match clickhouse::status(target) {
        Ok(store) => text += &told(&store),
        Err(error) => {
            console.error(&error);
            status = Status::Failed;
        }
    }
    // Without a sensor on this machine there is no spool.
    if is_named || folder.exists() {
        let Census { batches, rows, bytes, quarantined, quarantined_rows, quarantined_bytes, runs } =
            clickhouse::spool_status(folder)?;
        text += &line("spool", &folder.display().to_string());
        text += &line("  waiting", &format!("{batches} batches, {rows} rows, {}", size(bytes)));
        text += &line(
            "  quarantine",
            &format!("{quarantined} batches, {quarantined_rows} rows, {}", size(quarantined_bytes)),
        );
        text += &line("  running", &counted(runs as u64, "sensor"));
    }
    print(&text)?;
    Ok(status)
}

fn told(store: &clickhouse::Status) -> String {
    let version = match (store.version, store.latest) {
        (0, _) => "no tables: `tlsight clickhouse init` makes them".to_owned(),
        (version, latest) if version < latest => {
            format!("{version}; `tlsight clickhouse init` brings it to {latest}")
        }
        (version, latest) if version > latest => format!("{version}, newer than this program's {latest}"),
        (version, _) => version.to_string(),
    };
    let mut text = line("server", &format!("ClickHouse {}, up for {} s", store.server, store.uptime));
    text += &line("schema", &version);
    if !store.altered.is_empty() {
        let versions: Vec<_> = store.altered.iter().map(u32::to_string).collect();
        text += &line("  altered", &format!("versions {} were made by another text", versions.join(", ")));
    }
    if let Some(cluster) = &store.cluster {
        text += &line("cluster", cluster);
    }
    let lag = store.lag.map(|seconds| duration(seconds.max(0).unsigned_abs().saturating_mul(NANOSECONDS)));
    text += &line("lag", &lag.unwrap_or_else(|| "no sessions".to_owned()));
    text += &line("sessions", &format!("{:.1} a minute, over the last ten", store.rows_a_minute));
    text += &line(
        "inserts",
        &format!("{}, of which {} failed, since the server started", store.inserts, store.failed_inserts),
    );
    for table in &store.tables {
        let clickhouse::TableStatus { name, rows, bytes, parts } = table;
        text += &line(&format!("  {name}"), &format!("{rows} rows, {}, {parts} parts", size(*bytes)));
    }
    text
}

fn line(name: &str, value: &str) -> String {
    format!("{name:<24}{value}\n")
}

const NANOSECONDS: u64 = 1_000_000_000;
