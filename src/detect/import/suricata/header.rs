//! Protocol, addresses and ports of a rule, as demands on a session.

use super::super::sigma::{Rule as Sigma, Sign};
use super::buffer::Side;
use super::grammar::{Party, Rule};

/// Adds what the header restricts; `sender` is whose packets the rule looks at.
pub fn demands(rule: &Rule, sender: Side, sigma: &mut Sigma) -> Result<(), String> {
    match rule.protocol.as_str() {
        "tls" | "ssl" => sigma.demand(Sign::Wanted, "network.protocol", vec!["tls".to_owned()]),
        "quic" => sigma.demand(Sign::Wanted, "network.protocol", vec!["quic".to_owned()]),
        "tcp" | "tcp-pkt" | "tcp-stream" => sigma.demand(Sign::Wanted, "network.transport", vec!["tcp".to_owned()]),
        "udp" => sigma.demand(Sign::Wanted, "network.transport", vec!["udp".to_owned()]),
        "ip" => {}
        other => return Err(format!("the protocol `{other}` is not looked at")),
    }
    let (client, server) = match sender {
        Side::Client => (&rule.source, &rule.destination),
        Side::Server => (&rule.destination, &rule.source),
    };
    let is_open = |party: &Party| !restricts(&party.address) && !restricts(&party.ports);
    if rule.arrow == "<>" && !(is_open(client) && is_open(server)) {
        return Err("addresses or ports in both directions (`<>`) have no counterpart".to_owned());
    }
    for (party, name) in [(client, "source"), (server, "destination")] {
        addresses(&party.address, name, sigma)?;
        ports(&party.ports, name, sigma)?;
    }
    Ok(())
}

fn restricts(text: &str) -> bool {
    let (wanted, refused) = split(text);
    !wanted.is_empty() || !refused.is_empty()
}

/// The values that are wanted and those that are not. `any` and variables are neither.
fn split(text: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut wanted, mut refused) = (Vec::new(), Vec::new());
    let mut turned = vec![false];
    for piece in text.split_inclusive(['[', ']', ',']) {
        let word = piece.trim_end_matches(['[', ']', ',']).trim();
        let not = word.starts_with('!');
        let is_refused = turned.last().copied().unwrap_or_default() != not;
        let value = word.trim_start_matches('!');
        if !value.is_empty() && value != "any" && !value.starts_with('$') {
            if is_refused { refused.push(value) } else { wanted.push(value) }
        }
        match piece.chars().next_back() {
            Some('[') => turned.push(is_refused),
            Some(']') => drop(turned.pop()),
            _ => {}
        }
    }
    (wanted, refused)
}

/// Beside a variable, what is wanted is but a part of it.
fn has_wanted_variable(text: &str) -> bool {
    text.split(['[', ']', ',']).any(|word| word.trim().starts_with('$') || word.trim() == "any")
}

fn addresses(text: &str, name: &str, sigma: &mut Sigma) -> Result<(), String> {
    let (wanted, refused) = split(text);
    let key = format!("{name}.ip|cidr");
    for address in wanted.iter().chain(&refused) {
        let (ip, prefix) = address.split_once('/').unwrap_or((address, "0"));
        if ip.parse::<std::net::IpAddr>().is_err() || prefix.parse::<u8>().is_err() {
            return Err(format!("`{address}` is no address or network"));
        }
    }
    let texts = |values: Vec<&str>| values.into_iter().map(str::to_owned).collect::<Vec<_>>();
    if !wanted.is_empty() && !has_wanted_variable(text) {
        sigma.demand(Sign::Wanted, key.clone(), texts(wanted));
    }
    if !refused.is_empty() {
        sigma.demand(Sign::Refused, key, texts(refused));
    }
    Ok(())
}

fn ports(text: &str, name: &str, sigma: &mut Sigma) -> Result<(), String> {
    let (wanted, refused) = split(text);
    for (values, sign) in [(wanted, Sign::Wanted), (refused, Sign::Refused)] {
        if values.is_empty() || sign == Sign::Wanted && has_wanted_variable(text) {
            continue;
        }
        let (mut single, mut ranges) = (Vec::new(), Vec::new());
        for value in values {
            match range(value) {
                Some((from, to)) if from == to => single.push(from.to_string()),
                Some(range) => ranges.push(range),
                None => return Err(format!("`{value}` is no port")),
            }
        }
        match ranges.as_slice() {
            [] => sigma.demand(sign, format!("{name}.port"), single),
            [(from, to)] if single.is_empty() && sign == Sign::Wanted => {
                sigma.demand(sign, format!("{name}.port|gte"), vec![from.to_string()]);
                sigma.demand(sign, format!("{name}.port|lte"), vec![to.to_string()]);
            }
            _ => return Err("several ranges of ports, or one that is refused, have no counterpart".to_owned()),
        }
    }
    Ok(())
}

/// `443`, `1024:65535`, `:1024`, `1024:`.
fn range(text: &str) -> Option<(u16, u16)> {
    match text.split_once(':') {
        None => text.parse().ok().map(|port| (port, port)),
        Some((from, to)) => {
            let end = |text: &str, open: u16| if text.is_empty() { Some(open) } else { text.parse().ok() };
            Some((end(from, 0)?, end(to, u16::MAX)?)).filter(|(from, to)| from <= to)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_may_be_nested_and_refused() {
        assert_eq!(split("any"), (vec![], vec![]));
        assert_eq!(split("$HOME_NET"), (vec![], vec![]));
        assert_eq!(split("![10.0.0.0/8,!10.1.0.0/16]"), (vec!["10.1.0.0/16"], vec!["10.0.0.0/8"]));
        assert_eq!(split("[443,!8443]"), (vec!["443"], vec!["8443"]));
    }

    #[test]
    fn ranges_have_open_ends() {
        assert_eq!(range("443"), Some((443, 443)));
        assert_eq!(range("1024:"), Some((1024, u16::MAX)));
        assert_eq!(range(":1024"), Some((0, 1024)));
        assert_eq!((range("5:1"), range("http"), range("70000")), (None, None, None));
    }
}
