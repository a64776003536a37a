//! One rule of Suricata as a Sigma rule.

use std::fs;
use std::path::{Component, Path};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::super::sigma::{Rule as Sigma, Sign};
use super::buffer::{self, Buffer, Content, Kind, Side};
use super::grammar::{Opt, Rule};
use super::header;
use super::options::{Bounds, Expression, bytes, dates, quoted};
use crate::wire::text::printable;

/// A rule that is done.
pub struct Done {
    pub rule: Sigma,
    pub lists: Vec<(String, String)>,
    pub notes: Vec<String>,
}

/// Converts; datasets are looked for below the folder of `path`.
///
/// # Errors
/// In words, why the rule has no counterpart.
pub fn sigma(rule: &Rule, path: &Path) -> Result<Done, String> {
    if matches!(rule.action.as_str(), "pass" | "config" | "dynamic" | "activate") {
        return Err(format!("a rule that says `{}` tells of nothing", rule.action));
    }
    let mut work = Work::in_folder(path.parent().unwrap_or(Path::new("")));
    for option in &rule.options {
        work.option(option)?;
    }
    work.flush()?;
    let sender = work.sender();
    header::demands(rule, sender, &mut work.sigma)?;
    if !work.is_about_tls {
        return Err("none of its keywords is about TLS".to_owned());
    }
    work.finish(rule)
}

/// A rule on its way.
struct Work<'a> {
    folder: &'a Path,
    sigma: Sigma,
    lists: Vec<(String, String)>,
    notes: Vec<String>,
    /// The sticky buffer that contents belong to.
    buffer: Option<Buffer>,
    contents: Vec<Content>,
    /// Of the buffer.
    size: Option<Bounds>,
    dotted: bool,
    lower: bool,
    /// Whose packets `flow` says it looks at.
    flow: Option<Side>,
    /// Whose the first buffer is.
    side: Option<Side>,
    is_about_tls: bool,
}

impl<'a> Work<'a> {
    fn in_folder(folder: &'a Path) -> Self {
        Self {
            folder,
            sigma: Sigma::new(),
            lists: Vec::new(),
            notes: Vec::new(),
            buffer: None,
            contents: Vec::new(),
            size: None,
            dotted: false,
            lower: false,
            flow: None,
            side: None,
            is_about_tls: false,
        }
    }

    fn option(&mut self, option: &Opt) -> Result<(), String> {
        let value = option.value.as_deref().unwrap_or_default();
        if let Some(buffer) = Buffer::named(&option.name) {
            self.flush()?;
            self.buffer = Some(buffer);
            self.about(buffer.side);
            return Ok(());
        }
        match option.name.as_str() {
            "content" => self.content(value),
            "pcre" => self.expression(value),
            "nocase" => self.modify("nocase", |content| content.nocase = true),
            "startswith" => self.modify("startswith", |content| content.starts = true),
            "endswith" => self.modify("endswith", |content| content.ends = true),
            "isdataat" if value.replace(' ', "") == "!1,relative" => {
                self.modify("isdataat", |content| content.ends = true)
            }
            "depth" => self.depth(value),
            "offset" if value == "0" => Ok(()),
            "bsize" => {
                self.size = Some(Bounds::read(value).ok_or_else(|| format!("`bsize:{value}` cannot be read"))?);
                Ok(())
            }
            "dotprefix" => {
                self.dotted = true;
                Ok(())
            }
            "to_lowercase" => {
                self.lower = true;
                Ok(())
            }
            "dataset" => self.dataset(value),
            "flow" => self.flow(value),
            name => self.whole(name, value).or_else(|| self.metadata(name, value)).unwrap_or_else(|| {
                Err(match name {
                    "distance" | "within" | "offset" | "isdataat" | "byte_test" | "byte_jump" => {
                        format!("`{name}` looks at places within a text")
                    }
                    _ => format!("the keyword `{name}` has no counterpart"),
                })
            }),
        }
    }

    fn about(&mut self, side: Side) {
        self.is_about_tls = true;
        self.side.get_or_insert(side);
    }

    /// Whose packets the header's source sends.
    fn sender(&self) -> Side {
        self.flow.or(self.side).unwrap_or(Side::Client)
    }

    fn content(&mut self, value: &str) -> Result<(), String> {
        if self.buffer.is_none() {
            return Err("a `content` without a buffer of TLS before it looks at the packets themselves".to_owned());
        }
        let (text, negated) = quoted(value);
        let bytes = bytes(&text)?;
        let content = Content { bytes, negated, nocase: self.lower, starts: false, ends: false, dotted: self.dotted };
        self.contents.push(content);
        Ok(())
    }

    fn modify(&mut self, name: &str, change: impl Fn(&mut Content)) -> Result<(), String> {
        self.contents.last_mut().map(change).ok_or_else(|| format!("there is no `content` before `{name}`"))
    }

    /// As long as the content: it begins the buffer.
    fn depth(&mut self, value: &str) -> Result<(), String> {
        let content = self.contents.last_mut().ok_or("there is no `content` before `depth`")?;
        if value.parse() != Ok(content.bytes.len()) {
            return Err("`depth` looks at places within a text".to_owned());
        }
        content.starts = true;
        Ok(())
    }

    fn expression(&mut self, value: &str) -> Result<(), String> {
        let buffer = self.buffer.ok_or("a `pcre` without a buffer of TLS before it looks at the packets themselves")?;
        let Expression { pattern, flags, negated } = Expression::read(value)?;
        let is_written_alike = match buffer.kind {
            Kind::Text => !self.dotted,
            Kind::Hex(_) => true,
            // The order of the parts, and what stands between them, differ.
            Kind::Name => !pattern.contains(['^', '$', ',']),
            Kind::Octets(_) => false,
        };
        if !is_written_alike {
            return Err(format!("its `pcre` is over {} as Suricata writes it", buffer.field));
        }
        let sign = if negated { Sign::Refused } else { Sign::Wanted };
        let flags = if self.lower && !flags.contains("|i") { format!("{flags}|i") } else { flags };
        self.sigma.demand(sign, format!("{}|re{flags}", buffer.field), vec![pattern]);
        self.present(buffer, sign);
        Ok(())
    }

    /// A buffer that is not there is not looked at: what must not be in it has to be missing from something.
    fn present(&mut self, buffer: Buffer, sign: Sign) {
        if sign == Sign::Refused {
            self.sigma.demand(Sign::Wanted, format!("{}|exists", buffer.field), vec!["true".to_owned()]);
        }
    }

    /// The end of a buffer's keywords.
    fn flush(&mut self) -> Result<(), String> {
        let (contents, size) = (std::mem::take(&mut self.contents), self.size.take());
        self.dotted = false;
        self.lower = false;
        let Some(buffer) = self.buffer.take() else {
            return size.map_or(Ok(()), |_| Err("`bsize` without a buffer of TLS before it".to_owned()));
        };
        let exact = size.filter(|size| size.from == size.to).and_then(|size| usize::try_from(size.from).ok());
        let mut is_sized = false;
        for content in &contents {
            let sign = if content.negated { Sign::Refused } else { Sign::Wanted };
            is_sized |= !content.negated && exact == Some(content.bytes.len());
            buffer::demand(&mut self.sigma, buffer, content, exact)?;
            self.present(buffer, sign);
        }
        match size {
            Some(size) if !is_sized => self.sized(buffer, size),
            _ => Ok(()),
        }
    }

    /// A length without a content that is as long.
    fn sized(&mut self, buffer: Buffer, size: Bounds) -> Result<(), String> {
        if !matches!(buffer.kind, Kind::Text) {
            return Err(format!("`bsize` is over {} as Suricata writes it", buffer.field));
        }
        let to = match size.to {
            u64::MAX => String::new(),
            to => to.to_string(),
        };
        if size.from > LONGEST || size.to != u64::MAX && size.to > LONGEST || size.from > size.to {
            return Err("its `bsize` is too large".to_owned());
        }
        let pattern = format!("(?s)^.{{{},{to}}}$", size.from);
        self.sigma.demand(Sign::Wanted, format!("{}|re", buffer.field), vec![pattern]);
        Ok(())
    }

    fn flow(&mut self, value: &str) -> Result<(), String> {
        for word in value.split(',').map(str::trim) {
            match word {
                "to_server" | "from_client" => self.flow = Some(Side::Client),
                "to_client" | "from_server" => self.flow = Some(Side::Server),
                "established" | "stateless" | "only_stream" | "no_stream" | "only_frag" | "no_frag" | "" => {}
                "not_established" => return Err("`flow:not_established` has no counterpart".to_owned()),
                other => return Err(format!("`flow:{other}` cannot be read")),
            }
        }
        Ok(())
    }

    /// `isset,name,type string,load file`
    fn dataset(&mut self, value: &str) -> Result<(), String> {
        let buffer = self.buffer.ok_or("a `dataset` without a buffer of TLS before it")?;
        let words: Vec<&str> = value.split(',').map(str::trim).collect();
        let word = |key: &str| {
            words.iter().find_map(|word| word.strip_prefix(key)).map(|rest| rest.trim_start_matches([' ', ':']).trim())
        };
        let sign = match words.first() {
            Some(&"isset") => Sign::Wanted,
            Some(&"isnotset") => Sign::Refused,
            _ => return Err("a `dataset` that is written to has no counterpart".to_owned()),
        };
        let name = words.get(1).copied().unwrap_or_default();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return Err(format!("the name of its `dataset` cannot be that of a list: `{name}`"));
        }
        if word("type ") != Some("string") || word("format ").is_some_and(|format| format != "csv") {
            return Err("of datasets only those of `type string` in the plain format are read".to_owned());
        }
        let file = word("load ").ok_or("its `dataset` names no file to load")?;
        let is_below =
            Path::new(file).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !is_below {
            return Err(format!("its `dataset` is not below the folder of the rules: `{file}`"));
        }
        let text = read_capped(&self.folder.join(file)).map_err(|why| format!("its `dataset` {file}: {why}"))?;
        let mut list = format!("# From {file}: tlsight rules import suricata\n");
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let decoded = STANDARD.decode(line).map_err(|_| format!("{file} holds what is no base64"))?;
            let value = match buffer.kind {
                Kind::Octets(_) => String::from_utf8_lossy(&decoded).replace(':', ""),
                Kind::Name => return Err("a `dataset` of distinguished names has no counterpart".to_owned()),
                Kind::Text | Kind::Hex(_) => printable(&decoded).into_owned(),
            };
            let value = super::super::sigma::literal(value.trim());
            if value.contains('#') {
                return Err(format!("{file} holds a `#`, which begins a comment in lists"));
            }
            list.push_str(&value);
            list.push('\n');
        }
        let case = if matches!(buffer.kind, Kind::Text) { "|cased" } else { "" };
        self.sigma.demand(sign, format!("{}|expand{case}", buffer.field), vec![format!("%{name}%")]);
        self.present(buffer, sign);
        self.lists.push((format!("{name}.txt"), list));
        Ok(())
    }

    /// Keywords that are a demand by themselves.
    fn whole(&mut self, name: &str, value: &str) -> Option<Result<(), String>> {
        const NOW: &str = "@timestamp";
        let time = |field: &str| (format!("{field}|exists"), vec!["true".to_owned()]);
        match name {
            "tls_cert_expired" | "tls.cert_expired" => {
                self.sigma.demand(Sign::Wanted, "tls.server.not_after|lt|fieldref", vec![NOW.to_owned()]);
            }
            "tls_cert_valid" | "tls.cert_valid" => {
                let (key, values) = time("tls.server.not_after");
                self.sigma.demand(Sign::Wanted, key, values);
                self.sigma.demand(Sign::Refused, "tls.server.not_after|lt|fieldref", vec![NOW.to_owned()]);
            }
            "tls_cert_notbefore" | "tls_cert_notafter" => {
                let field = if name.ends_with("before") { "tls.server.not_before" } else { "tls.server.not_after" };
                match dates(value) {
                    Ok(bounds) => bounds.into_iter().for_each(|(modifier, time)| {
                        self.sigma.demand(Sign::Wanted, format!("{field}{modifier}"), vec![time]);
                    }),
                    Err(why) => return Some(Err(why)),
                }
            }
            "tls.version" => {
                let version = value.trim_matches('"').trim();
                match version {
                    "1.0" | "1.1" | "1.2" | "1.3" => {
                        self.sigma.demand(Sign::Wanted, "tls.version", vec![version.to_owned()]);
                    }
                    _ if version.strip_prefix("0x").is_some_and(|digits| u16::from_str_radix(digits, 16).is_ok()) => {
                        self.sigma.demand(Sign::Wanted, "tlsight.server.hello.version", vec![version.to_owned()]);
                    }
                    _ => return Some(Err(format!("`tls.version:{version}` cannot be read"))),
                }
            }
            "tls.subject" | "tls.issuerdn" | "tls.fingerprint" => return Some(self.legacy(name, value)),
            _ => return None,
        }
        self.about(Side::Server);
        Some(Ok(()))
    }

    /// `tls.subject:"…"`: a buffer and its content in one.
    fn legacy(&mut self, name: &str, value: &str) -> Result<(), String> {
        let name = match name {
            "tls.subject" => "tls.cert_subject",
            "tls.issuerdn" => "tls.cert_issuer",
            _ => "tls.cert_fingerprint",
        };
        self.flush()?;
        self.buffer = Buffer::named(name);
        self.about(Side::Server);
        self.content(value)?;
        self.flush()
    }

    /// What a rule says of itself, and what has no part in whether it fires.
    fn metadata(&mut self, name: &str, value: &str) -> Option<Result<(), String>> {
        match name {
            "msg" => self.sigma.title = quoted(value).0.trim().to_owned(),
            "reference" => self.sigma.references.extend(reference(value)),
            "classtype" => {
                self.sigma.level = level(value);
                self.sigma.description = format!("Class {value}.");
            }
            "priority" => {
                self.sigma.level = match value.trim() {
                    "1" => "high",
                    "2" => "medium",
                    _ => "low",
                }
            }
            "metadata" => self.own_words(value),
            "threshold" if value.replace(' ', "").contains("typelimit") => {
                self.notes.push("`threshold` of type limit is dropped: every hit is told".to_owned());
            }
            "threshold" | "detection_filter" => {
                return Some(Err(format!("`{name}` counts hits: write a correlation rule")));
            }
            "flowbits" | "xbits" | "hostbits" | "flowint" => {
                if !value.trim_start().starts_with("set,") {
                    return Some(Err(format!("`{name}:{value}` looks at what other rules have seen")));
                }
                self.notes.push(format!("`{name}:{value}` is dropped: no rule here looks at it"));
            }
            "noalert" => return Some(Err("it tells nothing by itself (`noalert`)".to_owned())),
            "tls.store" => self.notes.push("`tls.store` is dropped: certificates are told of anyway".to_owned()),
            "sid" | "gid" | "rev" | "fast_pattern" | "prefilter" | "target" | "requires" | "rawbytes" | "tag" => {}
            "app-layer-protocol" if value == "tls" => {}
            _ => return None,
        }
        Some(Ok(()))
    }

    /// `created_at 2020_01_02, mitre_technique_id T1573, …`
    fn own_words(&mut self, value: &str) {
        for entry in value.split(',').map(str::trim) {
            let Some((key, value)) = entry.split_once(char::is_whitespace) else { continue };
            let value = value.trim();
            match key {
                "created_at" => {
                    let date = value.replace('_', "-");
                    if date.len() == 10 && crate::detect::Moment::parse(&date).is_some() {
                        self.sigma.date = Some(date);
                    }
                }
                "mitre_technique_id" => {
                    let id = value.to_ascii_lowercase();
                    let is_technique = id.strip_prefix('t').is_some_and(|rest| {
                        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
                    });
                    self.sigma.tags.extend(is_technique.then(|| format!("attack.{id}")));
                }
                _ => {}
            }
        }
    }

    fn finish(mut self, rule: &Rule) -> Result<Done, String> {
        let sid = rule.option("sid").ok_or("the rule has no `sid`")?.trim();
        if sid.is_empty() || !sid.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("`{sid}` is no `sid`"));
        }
        if !self.sigma.wants_something() {
            return Err("nothing is left of what it asks for".to_owned());
        }
        let gid = rule.option("gid").unwrap_or("1").trim();
        self.sigma.id = id(gid, sid);
        if self.sigma.title.is_empty() {
            self.sigma.title = format!("Suricata rule {sid}");
        }
        let class = std::mem::take(&mut self.sigma.description);
        let revision = rule.option("rev").unwrap_or("0").trim();
        let from = format!(
            "{} {} {} -> {} {}",
            rule.protocol, rule.source.address, rule.source.ports, rule.destination.address, rule.destination.ports
        );
        self.sigma.description =
            format!("Suricata rule {sid}, revision {revision}: {from}. {class}").trim_end().to_owned();
        self.sigma.false_positives.push("Those of the rule that it was made from".to_owned());
        self.sigma.tags.sort_unstable();
        self.sigma.tags.dedup();
        Ok(Done { rule: self.sigma, lists: self.lists, notes: self.notes })
    }
}

/// A UUID that the rule's number has each time (RFC 9562, version 8: made by rules of our own).
fn id(gid: &str, sid: &str) -> String {
    let hash = Sha1::digest(format!("suricata rule {gid}:{sid}").as_bytes());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-8{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

fn reference(value: &str) -> Option<String> {
    let (kind, what) = value.split_once(',')?;
    let what = quoted(what.trim()).0;
    Some(match kind.trim() {
        "url" if what.contains("://") => what,
        "url" => format!("https://{what}"),
        "cve" => format!("https://nvd.nist.gov/vuln/detail/CVE-{}", what.trim_start_matches("CVE-")),
        "md5" | "sha256" | "sha1" => format!("{} {what}", kind.trim()),
        other => format!("{other}: {what}"),
    })
}

/// By the priorities of Suricata's classification.config.
fn level(class: &str) -> &'static str {
    match class.trim() {
        "not-suspicious"
        | "unknown"
        | "icmp-event"
        | "misc-activity"
        | "network-scan"
        | "string-detect"
        | "tcp-connection"
        | "protocol-command-decode" => "low",
        "bad-unknown"
        | "attempted-recon"
        | "successful-recon-limited"
        | "successful-recon-largescale"
        | "attempted-dos"
        | "successful-dos"
        | "denial-of-service"
        | "non-standard-protocol"
        | "misc-attack"
        | "suspicious-login"
        | "suspicious-filename-detect"
        | "system-call-detect"
        | "unusual-client-port-connection"
        | "web-application-activity"
        | "rpc-portmap-decode"
        | "default-login-attempt"
        | "social-engineering"
        | "coin-mining"
        | "external-ip-check"
        | "pup-activity" => "medium",
        _ => "high",
    }
}

fn read_capped(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|why| why.to_string())?.len();
    if size > LARGEST_LIST {
        return Err(format!("it is larger than {LARGEST_LIST} bytes"));
    }
    fs::read_to_string(path).map_err(|why| why.to_string())
}

/// Characters that a `bsize` may name: more, and the expression for it would grow too large.
const LONGEST: u64 = 1_000;
const LARGEST_LIST: u64 = 256 << 20;
