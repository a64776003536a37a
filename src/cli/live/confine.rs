//! What a sensor gives up once its interfaces are open: its user, its capabilities, and most of what the system offers.
//!
//! Done before any thread is started: threads inherit it. What the kernel does not know is said, and no error; what was
//! asked for by name (`--user`) and cannot be had is one.

#[cfg(target_os = "linux")]
mod calls;

use std::path::{Path, PathBuf};

use super::args::{AnalysisArgs, LiveArgs, OutputArgs};
use crate::Error;
use crate::sink::clickhouse::default_spool;

/// What is to be given up, and what stays.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
#[derive(Debug, PartialEq, Eq)]
pub struct Confinement {
    user: Option<String>,
    /// Everything but the user stays.
    off: bool,
    /// Read again on SIGHUP, beside what a program needs.
    reads: Vec<PathBuf>,
    /// Folders that outputs are written to.
    writes: Vec<PathBuf>,
}

/// Lines about what was given up, and about what could not be.
#[derive(Debug, Default)]
pub struct Report {
    pub done: Vec<String>,
    pub missing: Vec<String>,
}

impl Confinement {
    pub fn of(args: &LiveArgs) -> Self {
        // Each option is named: which files a new one needs has to be said here.
        let OutputArgs {
            json: _,
            sessions: _,
            table: _,
            output,
            clickhouse,
            // Read when the output is opened.
            clickhouse_ca,
            spool,
            spool_size: _,
            syslog: _,
            syslog_format: _,
            // Read when the output is opened.
            syslog_ca,
            cef,
            webhook: _,
            // Read when the output is opened.
            webhook_ca,
            top: _,
        } = &args.output;
        let AnalysisArgs {
            filter: _,
            rules,
            threat_list,
            state,
            labels,
            no_labels: _,
            fail_on: _,
            ca_file,
            threads: _,
            config,
            print_config: _,
            max_flows: _,
        } = &args.analysis;
        let lists = threat_list.iter().map(|list| &list.path);
        let files = [rules, webhook_ca, clickhouse_ca, syslog_ca, config]
            .into_iter()
            .flatten()
            .chain(labels)
            .chain(ca_file)
            .chain(lists);
        let outputs = [output, cef, state].into_iter().flatten().filter(|path| *path != Path::new("-"));
        let keep = args.keep.as_deref().map(nearest);
        let spool = clickhouse.as_ref().map(|_| spool.clone().unwrap_or_else(default_spool)).map(|path| nearest(&path));
        Self {
            user: args.user.clone(),
            off: args.no_confinement,
            reads: files.map(|path| folder(path)).collect(),
            writes: outputs.map(|path| parent(path)).chain(spool).chain(keep).collect(),
        }
    }
}

#[cfg(target_os = "linux")]
impl Confinement {
    /// Gives it up.
    ///
    /// # Errors
    /// Where the user cannot be taken on, or rights stay that were to be given up.
    pub fn enter(&self) -> Result<Report, Error> {
        let mut report = Report::default();
        let failed = |what: &str, why: &dyn std::fmt::Display| Error::Input(format!("{what}: {why}"));
        if !self.off {
            // Only who may set capabilities can take them out of the set that bounds all others.
            if caps::has_cap(None, caps::CapSet::Effective, caps::Capability::CAP_SETPCAP).unwrap_or(false) {
                caps::clear(None, caps::CapSet::Bounding)
                    .map_err(|why| failed("capabilities cannot be dropped", &why))?;
            }
        }
        if let Some(name) = &self.user {
            let user = become_user(name).map_err(|why| failed(&format!("user {name}"), &why))?;
            report.done.push(format!("confined: user {user}"));
        }
        if self.off {
            return Ok(report);
        }
        for set in [caps::CapSet::Ambient, caps::CapSet::Effective, caps::CapSet::Inheritable, caps::CapSet::Permitted]
        {
            caps::clear(None, set).map_err(|why| failed("capabilities cannot be dropped", &why))?;
        }
        report.done.push("confined: no capabilities".to_owned());
        nix::sys::prctl::set_no_new_privs().map_err(|why| failed("no_new_privs", &why))?;
        report.done.push("confined: no new privileges".to_owned());
        match self.fence_files() {
            Ok(line) => report.done.push(line),
            Err(why) => report.missing.push(format!("not confined by Landlock: {why}")),
        }
        match calls::fence() {
            Ok(count) => report.done.push(format!("confined: seccomp allows {count} system calls")),
            Err(why) => report.missing.push(format!("not confined by seccomp: {why}")),
        }
        Ok(report)
    }

    /// Landlock: files can be read where a program needs it and where rules and lists are, and written where outputs go.
    /// No port can be listened at any more.
    fn fence_files(&self) -> Result<String, String> {
        use landlock::{
            ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
            RulesetStatus, path_beneath_rules,
        };
        let abi = ABI::V5;
        let write = AccessFs::from_all(abi) & !landlock::BitFlags::from(AccessFs::Execute);
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let status = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(abi))
            .and_then(|rules| rules.handle_access(AccessNet::BindTcp))
            .and_then(Ruleset::create)
            .and_then(|rules| rules.add_rules(path_beneath_rules(SYSTEM, read)))
            .and_then(|rules| rules.add_rules(path_beneath_rules(&self.reads, read)))
            .and_then(|rules| rules.add_rules(path_beneath_rules(&self.writes, write)))
            .and_then(|rules| rules.restrict_self())
            .map_err(|why| why.to_string())?;
        let shown = |paths: &[PathBuf]| match paths {
            [] => "nowhere".to_owned(),
            paths => paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
        };
        match status.ruleset {
            RulesetStatus::NotEnforced => Err("this kernel does not have it".to_owned()),
            enforced => {
                let partly =
                    if enforced == RulesetStatus::PartiallyEnforced { " (as far as this kernel knows)" } else { "" };
                Ok(format!("confined: Landlock{partly}: files are written {}", shown(&self.writes)))
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Confinement {
    pub fn enter(&self) -> Result<Report, Error> {
        match &self.user {
            Some(name) => Err(Error::Input(format!("user {name}: this is there on Linux alone"))),
            None => Ok(Report::default()),
        }
    }
}

/// Takes on the user and the user's own group, and no other.
#[cfg(target_os = "linux")]
fn become_user(name: &str) -> Result<String, String> {
    use nix::unistd::{User, setgroups, setresgid, setresuid};
    let user = User::from_name(name).map_err(|why| why.to_string())?.ok_or("there is no such user")?;
    setgroups(&[user.gid])
        .and_then(|()| setresgid(user.gid, user.gid, user.gid))
        .and_then(|()| setresuid(user.uid, user.uid, user.uid))
        .map_err(|why| why.to_string())?;
    Ok(format!("{name} ({}:{})", user.uid, user.gid))
}

/// A folder itself, and of a file the folder that it is in: a file that is replaced is another one.
fn folder(path: &Path) -> PathBuf {
    if path.is_dir() { path.to_owned() } else { parent(path) }
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The folder, or where it is still to be made, the nearest above it that is there.
fn nearest(path: &Path) -> PathBuf {
    path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new(".")).to_owned()
}

/// What names are resolved with, interfaces are counted by, and processes are told of.
#[cfg(target_os = "linux")]
const SYSTEM: &[&str] = &[
    "/etc",
    "/lib",
    "/lib64",
    "/usr",
    "/run/systemd/resolve",
    "/proc/self",
    "/proc/sys/kernel",
    "/sys/class/net",
    "/sys/devices",
    "/dev/null",
    "/dev/urandom",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_reached_by_its_folder() {
        assert_eq!(folder(Path::new("rules.yml")), Path::new("."));
        assert_eq!(folder(Path::new("/etc/passwd")), Path::new("/etc"));
        assert_eq!(folder(Path::new("/etc")), Path::new("/etc"));
        assert_eq!(parent(Path::new("/x.ndjson")), Path::new("/"));
    }
}
