//! Rules over events: the six that come with tlsight, the modifiers, the conditions, and what a faulty rule is told.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use tlsight::Error;
use tlsight::capture::Timestamp;
use tlsight::detect::{Alert, Level, Rules};
use tlsight::event::{
    Anomaly, ClientPrints, ClientShape, ClientSide, Endpoint, Event, Handshake, HelloFormat, Missing, Part, Protocol,
    Reason, Resumption, ServerPrints, ServerShape, ServerSide,
};
use tlsight::fingerprint::{Ja3, Ja3s, Ja4, Stable};
use tlsight::x509::Facts;
use tlsight::x509::certificate::Parsed;
use tlsight::x509::{Certificate, Key};

const NOW: i64 = 1_700_000_000; // 2023-11-14T22:13:20Z

#[test]
fn an_ordinary_session_is_quiet() {
    assert_eq!(titles(&event()), Vec::<String>::new());
}

#[test]
fn an_expired_certificate_is_told_from_its_last_second_on() {
    let ending = |not_after| with(|e| e.server_chain = vec![certificate(|c| c.not_after = Some(not_after))]);
    assert_eq!(titles(&ending(NOW - 1)), ["Expired certificate"]);
    assert_eq!(titles(&ending(NOW)), ["Expired certificate"], "the hello came half a second later");
    assert!(titles(&ending(NOW + 1)).is_empty());
    let alerts = alerts(&shipped(), &ending(NOW - 1));
    assert_eq!(
        alerts[0].message,
        "93.184.216.34:443 showed 10.0.0.5 a certificate for CN=www.example.org that ended on 2023-11-14T22:13:19Z"
    );
}

#[test]
fn an_expired_certificate_further_up_the_chain_is_not_the_servers() {
    let chain = vec![certificate(|_| ()), certificate(|c| c.not_after = Some(NOW - 1))];
    assert!(titles(&with(|e| e.server_chain = chain.clone())).is_empty());
}

#[test]
fn a_self_signed_certificate_counts_on_public_addresses_only() {
    let at = |address: &str| {
        with(|e| {
            e.server.ip = ip(address);
            e.server_chain = vec![certificate(|c| c.issuer = c.subject.clone())];
        })
    };
    for address in ["93.184.216.34", "2606:2800:220:1::1", "100.128.0.1", "172.32.0.1"] {
        assert_eq!(titles(&at(address)), ["Self-signed certificate on a public address"], "{address}");
    }
    for address in
        ["10.1.2.3", "172.31.255.255", "192.168.1.1", "127.0.0.1", "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1"]
    {
        assert!(titles(&at(address)).is_empty(), "{address}");
    }
}

#[test]
fn versions_up_to_tls_1_0_are_old() {
    let chose = |version| with(|e| server(e, |shape| shape.version = version));
    for version in [0x0301, 0x0300, 0x0002] {
        assert_eq!(titles(&chose(version)), ["TLS 1.0 or older negotiated"], "{version:04x}");
    }
    for version in [0x0302, 0x0303, 0x0304, 0x7f1c] {
        assert!(titles(&chose(version)).is_empty(), "{version:04x}");
    }
    assert!(titles(&with(|e| e.server_hello = None)).is_empty());
}

#[test]
fn a_weak_cipher_is_told_when_it_was_offered_and_chosen() {
    let session = |offered: &[u16], chosen| {
        with(|e| {
            client(e, |shape| shape.cipher_suites = offered.into());
            server(e, |shape| shape.cipher_suite = chosen);
        })
    };
    // RC4, 3DES, EXPORT, NULL, anon, the integrity-only suite of TLS 1.3.
    for weak in [0x0005, 0x000a, 0x0008, 0x0002, 0x0034, 0xc0b4] {
        assert_eq!(titles(&session(&[0x1301, weak], weak)), ["Weak cipher offered and chosen"], "{weak:04x}");
        assert!(titles(&session(&[0x1301, weak], 0x1301)).is_empty(), "{weak:04x} was offered only");
    }
    // The signalling values 00ff and 5600 are no ciphers.
    assert!(titles(&session(&[0x00ff, 0x5600, 0xc02f], 0xc02f)).is_empty());
}

#[test]
fn a_listed_ja3_is_told() {
    let mut bytes = [0u8; 16];
    for (byte, pair) in bytes.iter_mut().zip("b386946a5a44d1ddcc843bc75336dfce".as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    }
    let ja3 = |ja3| with(|e| prints(e, |prints| prints.ja3 = ja3));
    assert_eq!(titles(&ja3(Some(Ja3(bytes)))), ["Fingerprint known from malware"]);
    bytes[15] ^= 1;
    assert!(titles(&ja3(Some(Ja3(bytes)))).is_empty());
    assert!(titles(&ja3(None)).is_empty());
}

#[test]
fn a_scripted_client_is_told_at_names_for_browsers() {
    let session = |name: &[u8], ja4: &[u8; 36]| {
        with(|e| {
            e.client_hello.as_mut().unwrap().server_name = Some(name.into());
            prints(e, |prints| prints.ja4 = Ja4(*ja4));
        })
    };
    let (requests, chrome) = (b"t13d1812h1_85036bcba153_b26ce05bbdd6", b"t13d1517h2_8daaf6152771_cb7bf5808d99");
    let title = ["Scripted client where browsers are expected"];
    assert_eq!(titles(&session(b"login.example.org", requests)), title);
    assert_eq!(titles(&session(b"LOGIN.example.org", requests)), title);
    assert!(titles(&session(b"login.example.org", chrome)).is_empty());
    assert!(titles(&session(b"api.example.org", requests)).is_empty());
    assert!(titles(&session(b"mylogin.example.org", requests)).is_empty());
}

#[test]
fn an_alert_carries_its_rule_and_its_session() {
    let rules = load("title: Any\nlevel: HIGH", "sel: {destination.port: 443}", "sel");
    assert!(rules.is_err(), "Sigma's levels are written small");
    let rules = load("title: Any\nlevel: high\ntags: [attack.t1573]", "sel: {destination.port: 443}", "sel").unwrap();
    let event = event();
    let [alert] = alerts(&rules, &event).try_into().unwrap();
    assert_eq!((alert.rule.title.as_str(), alert.rule.level), ("Any", Level::High));
    assert_eq!(alert.rule.tags, ["attack.t1573"]);
    assert_eq!((&*alert.sessions, alert.count), (&[event.id][..], 1));
    assert_eq!(alert.timestamp, event.timestamp);
    assert_eq!((alert.source, alert.destination), (event.client, event.server));
    assert_eq!(alert.fingerprint.unwrap().as_str(), "t13d1517h2_8daaf6152771_cb7bf5808d99");
    assert_eq!(alert.message, "Any: 10.0.0.5 -> www.example.org (93.184.216.34:443)");
}

#[test]
fn a_message_is_filled_in_and_cleaned() {
    let head = "title: T\nlevel: low\ncustom:\n  message: \"{tls.client.server_name} {tls.client.supported_ciphers} {{{tls.curve}}} {tls.client.x509.not_after}\"";
    let rules = load(head, "sel: {destination.port: 443}", "sel").unwrap();
    let mut event = event();
    event.client_hello.as_mut().unwrap().server_name = Some(b"a\x1b[1m\xffb".as_slice().into());
    let alerts = alerts(&rules, &event);
    let expected =
        "a\\x1b[1m\\xffb 0x1a1a, TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 {x25519} unknown";
    assert_eq!(alerts[0].message, expected);
}

#[test]
fn modifiers_and_values() {
    let cases = [
        // text
        ("tls.client.server_name: www.example.org", true),
        ("tls.client.server_name: WWW.Example.ORG", true),
        ("tls.client.server_name|cased: WWW.Example.ORG", false),
        ("tls.client.server_name|cased|contains: Example", false),
        ("tls.client.server_name: '*.example.org'", true),
        ("tls.client.server_name: '*.example.com'", false),
        ("tls.client.server_name: 'www?example*'", true),
        (r"tls.client.server_name: 'www\?example.org'", false),
        ("tls.client.server_name|contains: EXAMPLE", true),
        ("tls.client.server_name|startswith: WWW.", true),
        ("tls.client.server_name|endswith: .org", true),
        ("tls.client.server_name|endswith: [.net, .com]", false),
        ("tls.client.server_name|contains|all: [www, org]", true),
        ("tls.client.server_name|contains|all: [www, net]", false),
        ("tls.client.server_name: [a, b, www.example.org]", true),
        ("tls.client.server_name|re: '^www\\.'", true),
        ("tls.client.server_name|re: '^WWW\\.'", false),
        ("tls.client.server_name|re|i: '^WWW\\.'", true),
        ("tls.client.server_name|re: ['^x', 'e.a']", true),
        ("TLS.Client.Server_Name: www.example.org", true),
        // numbers
        ("destination.port: 443", true),
        ("destination.port: '443'", true),
        ("destination.port: [80, 8443]", false),
        ("destination.port: '4*'", true),
        ("destination.port|lt: 444", true),
        ("destination.port|lt: 443", false),
        ("destination.port|lte: 443", true),
        ("destination.port|gt: 442", true),
        ("destination.port|gte: 444", false),
        ("source.port|gt|fieldref: destination.port", true),
        ("destination.port|gt|fieldref: source.port", false),
        ("tlsight.server.hello.version: 0x0303", true),
        ("tlsight.server.hello.version: '0x0303'", true),
        ("tlsight.server.hello.version: 771", true),
        ("tlsight.server.hello.version: '0x03*'", true),
        ("tlsight.server.hello.version|gte: 0x0304", false),
        ("tlsight.handshake.latency|lt: 1000000", false),
        // truth
        ("tls.established: true", true),
        ("tls.established: 'false'", false),
        ("tls.resumed: false", true),
        // addresses
        ("destination.ip: 93.184.216.34", true),
        ("destination.ip: 93.184.*", true),
        ("destination.ip|cidr: [10.0.0.0/8, 93.184.0.0/16]", true),
        ("source.ip|cidr: 10.0.0.0/31", false),
        ("source.ip|cidr: 10.0.0.4/31", true),
        // times
        ("tls.server.not_after|gt: '2024-01-01T00:00:00Z'", true),
        ("tls.server.not_after|lt|fieldref: '@timestamp'", false),
        ("tls.server.not_before|lt|fieldref: '@timestamp'", true),
        ("tls.server.not_before: '2023-11-14T22:13:00Z'", true),
        ("tls.server.not_before: 2023-11-14", false),
        ("'@timestamp|gte': 2023-11-14", true),
        // presence
        ("tls.server.ja3s|exists: true", true),
        ("tls.next_protocol|exists: false", true),
        ("tls.next_protocol: null", true),
        ("tls.client.server_name: null", false),
        ("tls.next_protocol: [null, h2]", true),
        ("tls.client.server_name: ''", false),
        // arrays
        ("tls.client.supported_ciphers: TLS_AES_128_GCM_SHA256", true),
        ("tls.client.supported_ciphers: '0x1a1a'", true),
        ("tls.client.supported_ciphers|all: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]", true),
        ("tls.client.supported_ciphers|all: [TLS_AES_128_GCM_SHA256, TLS_RSA_WITH_NULL_MD5]", false),
        ("tlsight.client.hello.ciphers: 0xc02f", true),
        ("tlsight.client.hello.extensions|all: [0x0000, 0x0010]", true),
        ("tlsight.client.hello.psk_modes: 1", true),
        ("tlsight.client.hello.alpn: h2", true),
        ("tlsight.client.hello.alpn: '\\x00*'", true),
        ("tlsight.client.hello.sslv2_ciphers: '0x010080'", true),
        ("tlsight.missing: client_certificate:not_seen", true),
        ("tlsight.anomaly|startswith: 'tcp:'", true),
        ("tls.server.x509.alternative_names: '*.example.org'", true),
        ("tls.server.x509.alternative_names: 192.0.2.7", true),
        ("tlsight.server.chain.subject: CN=authority", true),
        ("tls.server.subject: CN=authority", false),
        ("tlsight.server.chain.is_ca: true", true),
        // other fields
        ("tls.server.subject|fieldref: tls.server.issuer", false),
        ("tls.server.subject|fieldref: tls.server.x509.subject.distinguished_name", true),
        ("tls.server.subject|endswith|fieldref: tls.client.server_name", true),
        ("tls.server.x509.alternative_names|fieldref: tls.client.server_name", true),
        // the rest of the names
        ("tls.version: '1.2'", true),
        ("tls.version: 1.2", true),
        ("tls.version_protocol: tls", true),
        ("tls.cipher: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", true),
        ("tls.curve: x25519", true),
        ("tls.client.ja4.a: t13d1517h2", true),
        ("tls.client.ja4.b: 8daaf6152771", true),
        ("tls.client.ja4.c: cb7bf5808d99", true),
        ("tls.client.ja3: 00112233445566778899aabbccddeeff", true),
        ("tls.server.ja3s: 0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f", true),
        ("tlsight.client.stable|startswith: t13d", true),
        ("tls.server.x509.serial_number: 'ABCD01'", true),
        ("tls.server.x509.public_key_size|lt: 2048", false),
        ("tls.server.x509.subject.common_name: www.example.org", true),
        ("tls.server.hash.sha1: abababababababababababababababababababab", true),
        ("network.transport: tcp", true),
        ("network.type: ipv4", true),
        ("network.vlan.id: 12", true),
        ("network.inner.vlan.id: null", true),
        ("event.id: 07070707070707070707070707070707", true),
        ("tlsight.handshake.alert.description: 48", true),
    ];
    let event = event();
    for (item, expected) in cases {
        let rules = load("title: T\nlevel: low", &format!("sel:\n    {item}"), "sel");
        let rules = rules.unwrap_or_else(|why| panic!("{item}: {why}"));
        assert_eq!(!alerts(&rules, &event).is_empty(), expected, "{item}");
    }
}

#[test]
fn conditions() {
    let selections = "yes1: {destination.port: 443}\n  yes2: {tls.established: true}\n  no1: {destination.port: 1}\n  no2: {source.port: 1}\n  _hidden: {source.port: 2}\n  either: [{source.port: 1}, {destination.port: 443}]\n  both: {destination.port: 443, source.port: 1}";
    let cases = [
        ("yes1", true),
        ("no1", false),
        ("not no1", true),
        ("not not yes1", true),
        ("yes1 and yes2", true),
        ("yes1 and no1", false),
        ("no1 or yes1", true),
        ("no1 or yes1 and no2", false),
        ("(no1 or yes1) and yes2", true),
        ("not (yes1 and no1)", true),
        ("not yes1 or yes2", true),
        ("1 of yes*", true),
        ("any of no*", false),
        ("all of yes*", true),
        ("all of them", false),
        ("1 of them", true),
        ("2 of yes*", true),
        ("2 of *1", false),
        ("4 of them", false),
        ("3 of them", true),
        ("not 1 of no*", true),
        ("all of yes* and not 1 of no*", true),
        ("either and not both", true),
        ("_hidden or yes1", true),
    ];
    let event = event();
    for (condition, expected) in cases {
        let rules = load("title: T\nlevel: low", selections, condition);
        let rules = rules.unwrap_or_else(|why| panic!("{condition}: {why}"));
        assert_eq!(!alerts(&rules, &event).is_empty(), expected, "{condition}");
    }
}

#[test]
fn faults_name_file_line_and_remedy() {
    // Lines: 1 title, 2 level, 3 id, 4 logsource, 5 detection, 6 sel, 7 the item, 8 condition.
    let cases = [
        (
            "tls.client.servername: a",
            7,
            "there is no field `tls.client.servername`; did you mean `tls.client.server_name`?",
        ),
        (
            "destination.port: https",
            7,
            "`https` cannot be a value of `destination.port`, which is an integer, as in 443",
        ),
        ("destination.ip: example.com", 7, "which is an address"),
        ("destination.ip: 10.0.0.0/8", 7, "write `destination.ip|cidr`"),
        ("destination.ip|cidr: 10.0.0.0/40", 7, "neither an address nor a network"),
        ("destination.port|cidr: 10.0.0.0/8", 7, "needs a field of addresses"),
        ("tls.version|lt: 1.2", 7, "no order"),
        ("tls.server.not_after|lt: tomorrow", 7, "which is a time"),
        ("tls.server.not_after|lt|fieldref: destination.port", 7, "no order between them"),
        ("tls.server.subject|fieldref: tls.server.isuer", 7, "did you mean `tls.server.issuer`?"),
        ("tls.client.server_name|re: '('", 7, "is no regular expression"),
        ("tls.client.server_name|re: '(a{1000}){1000}'", 7, "needs more than"),
        ("tls.client.server_name|base64: 'a*'", 7, "a value with wildcards has no Base64"),
        ("tls.client.server_name|utf16: a", 7, "octets that are no text"),
        ("tls.client.server_name|base64offset: a", 7, "too short for `base64offset`"),
        ("tls.client.server_name|windash: a-b-c-d-e-f-g", 7, "more than 3125 forms"),
        ("tls.client.server_name|re|wide: a", 7, "use them alone"),
        ("tls.client.server_name|hour: 3", 7, "has no minute, hour"),
        ("'@timestamp|hour': 24", 7, "from 0 to 23"),
        ("'@timestamp|hour|day': 3", 7, "one of its parts"),
        ("'@timestamp|hour|contains': 3", 7, "goes alone, or with lt"),
        ("tls.client.server_name|neq|all: [a, b]", 7, "do not go together"),
        ("tls.client.server_name|neq|exists: true", 7, "in the place of `neq`"),
        ("tls.client.server_name|sounds_like: a", 7, "Unknown modifier 'sounds_like'"),
        ("tls.client.server_name|contains|re: a", 7, "two modifiers say how to compare"),
        ("tls.client.server_name|i: a", 7, "write `|re|i`"),
        ("tls.client.server_name|contains: null", 7, "null goes without modifiers"),
        ("tls.client.ja3|exists: maybe", 7, "`exists` takes true or false"),
        ("tls.client.ja3|expand: '%nothing_here%'", 7, "there is no list `nothing_here`"),
        ("tls.client.ja3|expand: known", 7, "`expand` takes the name of a list"),
        ("tls.client.ja3|expand: '%../../etc/passwd%'", 7, "names no list"),
        ("- null", 6, "null is no keyword"),
        ("'|cidr': 10.0.0.0/8", 7, "keywords are texts"),
        ("tls.client.ja3|expand: '%known'", 7, "a placeholder without an end"),
    ];
    for (item, line, what) in cases {
        let fault = faults(load("title: T\nlevel: low", &format!("sel:\n    {item}"), "sel"));
        assert_eq!(fault.len(), 1, "{item}: {fault:?}");
        assert!(fault[0].contains(&format!("rule.yml:{line}: ")) && fault[0].contains(what), "{item}: {}", fault[0]);
        assert_eq!(fault[0].lines().count(), 1, "{item}");
    }
    for (condition, what) in [
        ("sel and other", "names `other`, which is no selection here; there are: sel"),
        ("1 of filter_*", "no selection fits"),
        ("2 of them", "can never hold"),
        ("sel and", "cannot be read at column 8"),
    ] {
        let fault = faults(load("title: T\nlevel: low", "sel:\n    destination.port: 443", condition));
        assert_eq!(fault.len(), 1, "{condition}: {fault:?}");
        assert!(fault[0].contains("rule.yml:8: ") && fault[0].contains(what), "{condition}: {}", fault[0]);
    }
}

#[test]
fn every_fault_of_every_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "a.yml",
        "title: A\nlevel: low\nid: nonsense\nlogsource: {product: windows}\ndetection:\n  s:\n    x: 1\n    tls.cipher|utf16: a\n  condition: s\n",
    );
    write("b.yml", "title: B\n  level: [\n");
    write("c.yaml", "");
    write(
        "d.yml",
        "title: D\nlevel: gravest\nid: 11111111-1111-4111-8111-111111111111\nlogsource: {product: tlsight, category: tls}\ndetection:\n  s: {destination.port: 1}\n  condition: s\n---\ntitle: E\nlevel: low\nid: 11111111-1111-4111-8111-111111111111\nlogsource: {product: tlsight, category: tls}\ncustom: {message: '{nothing}'}\ndetection:\n  s: {destination.port: 1}\n  condition: s\n",
    );
    write("ignored.txt", "not a rule");
    write(".hidden.yml", "not a rule");
    let told = faults(Rules::load(folder.path()));
    let expected = [
        ("a.yml:4: ", "for another log source"),
        ("a.yml:3: ", "`nonsense` is no UUID"),
        ("a.yml:7: ", "there is no field `x`"),
        ("a.yml:8: ", "octets that are no text"),
        ("b.yml:2: ", "not YAML"),
        ("c.yaml:1: ", "no rule in this file"),
        ("d.yml:2: ", "invalid level"),
        ("d.yml:11: ", "the id is that of the rule at"),
        ("d.yml:13: ", "unknown field `nothing`"),
    ];
    for (at, what) in expected {
        assert!(told.iter().any(|fault| fault.contains(at) && fault.contains(what)), "{at}{what}\n{}", told.join("\n"));
    }
    assert_eq!(told.len(), expected.len(), "{}", told.join("\n"));
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let error = Rules::load(Path::new("no/such/folder")).unwrap_err();
    assert!(matches!(error, Error::Read { .. }) && error.to_string().starts_with("no/such/folder: "));
}

#[test]
fn lists_are_looked_for_beside_the_rule_and_above() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("site");
    fs::create_dir_all(below.join("lists")).unwrap();
    fs::create_dir_all(folder.path().join("lists")).unwrap();
    fs::write(folder.path().join("lists/names.txt"), "# none of ours\n").unwrap();
    fs::write(folder.path().join("lists/nets.txt"), "93.184.0.0/16  # a network\n10.9.0.0/16\n").unwrap();
    fs::write(below.join("lists/names.txt"), "other.example\n*.example.org\t# all of it\n").unwrap();
    let rule = |names: &str, id: u8| {
        format!(
            "title: T{id}\nlevel: low\nid: 00000000-0000-4000-8000-0000000000{id:02}\nlogsource: {{product: tlsight, category: tls}}\ndetection:\n  s:\n    {names}\n  condition: s\n"
        )
    };
    fs::write(folder.path().join("1.yml"), rule("tls.client.server_name|expand: '%names%'", 1)).unwrap();
    fs::write(folder.path().join("2.yml"), rule("tls.client.server_name|all|expand: '%names%'", 2)).unwrap();
    fs::write(below.join("3.yml"), rule("tls.client.server_name|expand: '%names%'", 3)).unwrap();
    fs::write(below.join("4.yml"), rule("destination.ip|cidr|expand: '%nets%'", 4)).unwrap();
    let rules = Rules::load(folder.path()).unwrap();
    let told: Vec<_> = alerts(&rules, &event()).into_iter().map(|alert| alert.rule.title.clone()).collect();
    assert_eq!(told, ["T3", "T4"]);
}

#[test]
fn a_list_of_a_hundred_thousand_is_looked_up_at_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("lists")).unwrap();
    let list: String = (0..100_000).map(|n| format!("host{n}.example\n")).chain(["www.example.org\n".into()]).collect();
    fs::write(folder.path().join("lists/names.txt"), list).unwrap();
    for modifier in ["", "|endswith", "|contains"] {
        fs::write(
            folder.path().join("rule.yml"),
            rule_text(
                "title: T\nlevel: low",
                &format!("sel:\n    tls.client.server_name{modifier}|expand: '%names%'"),
                "sel",
            ),
        )
        .unwrap();
        let rules = Rules::load(folder.path()).unwrap();
        let event = event();
        // A walk over the list would take a hundred million comparisons.
        let count = (0..1_000).filter(|_| !alerts(&rules, &event).is_empty()).count();
        assert_eq!(count, 1_000);
    }
}

fn shipped() -> Rules {
    Rules::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")).unwrap_or_else(|why| panic!("{why}"))
}

fn titles(event: &Event) -> Vec<String> {
    alerts(&shipped(), event).into_iter().map(|alert| alert.rule.title.clone()).collect()
}

fn alerts(rules: &Rules, event: &Event) -> Vec<Alert> {
    let mut alerts = Vec::new();
    rules.check(event, &mut |alert| alerts.push(alert));
    alerts
}

fn rule_text(head: &str, selections: &str, condition: &str) -> String {
    format!(
        "{head}\nid: 00000000-0000-4000-8000-000000000001\nlogsource: {{product: tlsight, category: tls}}\ndetection:\n  {selections}\n  condition: {condition}\n"
    )
}

fn load(head: &str, selections: &str, condition: &str) -> Result<Rules, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rule.yml");
    fs::write(&path, rule_text(head, selections, condition)).unwrap();
    Rules::load(&path)
}

fn faults(loaded: Result<Rules, Error>) -> Vec<String> {
    match loaded {
        Err(Error::Rules(faults)) => faults,
        other => panic!("{other:?}"),
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn with(change: impl FnOnce(&mut Event)) -> Event {
    let mut event = event();
    change(&mut event);
    event
}

fn client(event: &mut Event, change: impl FnOnce(&mut ClientShape)) {
    change(Arc::make_mut(&mut event.client_hello.as_mut().unwrap().shape));
}

fn prints(event: &mut Event, change: impl FnOnce(&mut ClientPrints)) {
    client(event, |shape| change(shape.prints.as_mut().unwrap()));
}

fn server(event: &mut Event, change: impl FnOnce(&mut ServerShape)) {
    change(Arc::make_mut(&mut event.server_hello.as_mut().unwrap().shape));
}

fn certificate(change: impl FnOnce(&mut Parsed)) -> Arc<Certificate> {
    let mut parsed = Parsed {
        version: 3,
        serial: [0, 0xab, 0xcd, 0x01].into(),
        subject: Some("CN=www.example.org".into()),
        issuer: Some("CN=authority".into()),
        subject_common_name: Some("www.example.org".into()),
        issuer_common_name: Some("authority".into()),
        not_before: Some(NOW - 20),
        not_after: Some(NOW + 90 * 86_400),
        key: Some(Key { algorithm: "1.2.840.113549.1.1.1".into(), bits: Some(2048), curve: None, exponent: None }),
        signature_algorithm: Some("1.2.840.113549.1.1.11".into()),
        dns_names: vec!["www.example.org".into(), "static.example.org".into()],
        ip_addresses: vec![ip("192.0.2.7")],
        email_addresses: Vec::new(),
        uris: Vec::new(),
        names_left_out: 0,
        is_ca: Some(false),
        facts: Facts::default(),
        self_issued: false,
        irregular: false,
        #[cfg(feature = "ja4plus")]
        ja4x: Default::default(),
    };
    change(&mut parsed);
    Arc::new(Certificate { der: Box::default(), md5: [1; 16], sha1: [0xab; 20], sha256: [2; 32], parsed: Ok(parsed) })
}

/// A TLS 1.2 session with nothing to tell.
fn event() -> Event {
    let ja4 = Ja4(*b"t13d1517h2_8daaf6152771_cb7bf5808d99");
    let prints = ClientPrints {
        ja3: Some(Ja3([
            0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
        ])),
        ja3_full: Some("771,4865-49199,0-16,29,0".into()),
        ja3n: Some(Ja3([3; 16])),
        ja4,
        ja4_r: "t13d1517h2_1301,c02f_0005_0403".into(),
        ja4_o: ja4,
        ja4_ro: "t13d1517h2_1301,c02f_0000,0005_0403".into(),
        stable: Stable(ja4),
    };
    let shape = ClientShape {
        format: HelloFormat::Tls,
        legacy_version: 0x0303,
        cipher_suites: [0x1a1a, 0x1301, 0xc02f].into(),
        sslv2_ciphers: [0x010080].into(),
        compression_methods: [0].into(),
        extensions: Some([0x0000, 0x0010, 0x000a].into()),
        supported_versions: [0x0304, 0x0303].into(),
        supported_groups: [0x001d].into(),
        key_shares: [0x001d].into(),
        point_formats: [0].into(),
        signature_algorithms: [0x0403].into(),
        signature_algorithms_cert: Box::default(),
        alpn: [b"h2".as_slice().into(), b"\x00x".as_slice().into()].into(),
        psk_modes: [1].into(),
        certificate_compression: Box::default(),
        heartbeat: None,
        max_fragment_length: None,
        record_size_limit: None,
        prints: Some(prints),
    };
    let server = ServerShape {
        legacy_version: 0x0303,
        version: 0x0303,
        cipher_suite: 0xc02f,
        compression_method: 0,
        extensions: Some([0xff01].into()),
        key_share: None,
        alpn: None,
        selected_psk: None,
        heartbeat: None,
        max_fragment_length: None,
        record_size_limit: None,
        prints: Some(ServerPrints {
            ja3s: Ja3s([0x0f; 16]),
            ja3s_full: "771,49199,65281".into(),
            #[cfg(feature = "ja4plus")]
            ja4s: ja4s(),
            #[cfg(feature = "ja4plus")]
            ja4s_r: String::new(),
        }),
    };
    let authority = |c: &mut Parsed| {
        c.subject = Some("CN=authority".into());
        c.issuer = Some("CN=root".into());
        c.is_ca = Some(true);
    };
    Event {
        id: [7; 16],
        timestamp: Timestamp(NOW * 1_000_000_000 + 500_000_000),
        end: Timestamp(NOW * 1_000_000_000 + 600_000_000),
        decided: Timestamp::MAX,
        protocol: Protocol::Tls,
        vlans: tlsight::decode::Vlans { outer: Some(12), inner: None },
        tunnels: Vec::new(),
        upgrade: None,
        proxied: None,
        quic: None,
        client: Endpoint { ip: ip("10.0.0.5"), port: 51234 },
        server: Endpoint { ip: ip("93.184.216.34"), port: 443 },
        client_hello: Some(ClientSide {
            shape: Arc::new(shape),
            random: [0; 32],
            session_id_len: 32,
            server_name: Some(b"www.example.org".as_slice().into()),
            encrypted_hello: None,
            hybrid_share: None,
        }),
        second_hello: None,
        server_hello: Some(ServerSide { shape: Arc::new(server), random: [0; 32], session_id_len: 0 }),
        client_chain: Vec::new(),
        server_chain: vec![certificate(|_| ()), certificate(authority)],
        handshake: Handshake {
            established: true,
            resumption: Some(Resumption::None),
            group: Some(0x001d),
            alert: Some(tlsight::event::Alert { from: tlsight::event::Side::Client, level: 2, description: 48 }),
            hello_latency: Some(12_000_000),
            ..Handshake::default()
        },
        client_records: arrayvec::ArrayVec::new(),
        client_system: None,
        browser: None,
        security: tlsight::event::Security::default(),
        missing: vec![Missing { what: Part::ClientCertificate, why: Reason::NotSeen }],
        anomalies: vec![Anomaly::TcpOverlapDiffers],
        labels: Default::default(),
        #[cfg(feature = "ja4plus")]
        tcp: Default::default(),
    }
}

#[cfg(feature = "ja4plus")]
fn ja4s() -> tlsight::fingerprint::ja4plus::Ja4s {
    use tlsight::fingerprint::ja4plus::{Ja4s, ServerFacts};
    Ja4s::of(&ServerFacts { protocol: b't', version: 0x0303, extensions: &[0xff01], alpn: None, cipher: 0xc02f })
}
