//! Sigma as its specification has it (SigmaHQ/sigma-specification, version 2: rules, modifiers appendix, filters): what each
//! modifier and each form of a condition means, Zeek's names, filters; and that the index finds what the trees say.

use std::fs;
use std::sync::Arc;

use tlsight::Error;
use tlsight::detect::field::Field;
use tlsight::detect::{Detector, Rules};
use tlsight::event::{Chain, Event};
use tlsight::x509::verify::{ChainVerdict, Problem};

#[path = "samples/mod.rs"]
mod samples;

/// "The value is expected at the beginning / at the end of the field's content", "matched anywhere in the field".
#[test]
fn places() {
    on(
        &samples::tls12(),
        &[
            ("tls.client.server_name|startswith: mozilla", true),
            ("tls.client.server_name|startswith: example", false),
            ("tls.client.server_name|endswith: .example", true),
            ("tls.client.server_name|endswith: mozilla", false),
            ("tls.client.server_name|contains: illa.ex", true),
            ("tls.client.server_name|contains: illa-ex", false),
            ("tls.client.server_name|contains: 'm?zilla*le'", true),
            ("tls.client.server_name|startswith: 'm*.'", true),
            ("tls.client.server_name|endswith: '?'", true),
            ("destination.port|startswith: 44", true),
        ],
    );
}

/// "Lists of values are linked with OR. This modifier changes this to AND."
#[test]
fn all() {
    on(
        &samples::tls12(),
        &[
            ("tls.client.server_name|contains: [mozilla, nowhere]", true),
            ("tls.client.server_name|contains|all: [mozilla, nowhere]", false),
            ("tls.client.server_name|contains|all: [mozilla, example]", true),
            ("tls.client.server_name|all|contains: [mozilla, example]", true),
            ("tlsight.client.hello.groups|all: [29, 23]", true),
        ],
    );
}

/// "Default Sigma behavior is case-insensitive matching"; "values are applied case sensitively".
#[test]
fn cased() {
    on(
        &samples::tls12(),
        &[
            ("tls.client.server_name: MOZILLA.example", true),
            ("tls.client.server_name|cased: MOZILLA.example", false),
            ("tls.client.server_name|cased: mozilla.example", true),
            ("tls.server.subject|contains|cased: O=Example", true),
            ("tls.server.subject|contains|cased: o=Example", false),
            ("tls.server.subject|startswith|cased: CN=", true),
        ],
    );
}

/// "Regex is matched case-sensitive by default", `i`, `m`, `s`, and the metacharacters that are supported.
#[test]
fn re() {
    on(
        &samples::tls12(),
        &[
            ("tls.server.subject|re: 'O=Example C.rp'", true),
            ("tls.server.subject|re: 'o=example'", false),
            ("tls.server.subject|re|i: 'o=example'", true),
            ("tls.server.subject|re: '^CN=[a-z.]+,'", true),
            ("tls.server.subject|re: '^O='", false),
            ("tls.server.subject|re: 'C=US$'", true),
            ("tls.server.subject|re: '(X|L)=Moun?t{1,2}'", true),
            ("tls.server.subject|re: 'C=[^U]'", false),
            ("tls.server.subject|re: ['^none$', 'ST=.*']", true),
        ],
    );
    let lines = with(|e| e.server_chain = vec![certificate(|c| c.subject = Some("CN=a\nO=b".into()))]);
    on(
        &lines,
        &[
            ("tls.server.subject|re: '^O=b'", false),
            ("tls.server.subject|re|m: '^O=b'", true),
            ("tls.server.subject|re: 'a.O'", false),
            ("tls.server.subject|re|s: 'a.O'", true),
            ("tls.server.subject|re|i|m|s: 'A.^o'", true),
        ],
    );
}

/// "Supports both IPv4 and IPv6 notations."
#[test]
fn cidr() {
    on(
        &samples::tls12(),
        &[
            ("destination.ip|cidr: 66.35.0.0/16", true),
            ("destination.ip|cidr: 66.36.0.0/16", false),
            ("destination.ip|cidr: [10.0.0.0/8, 66.35.250.204/32]", true),
            ("destination.ip|cidr: ['2001:db8::/32']", false),
        ],
    );
    on(
        &samples::tls13(),
        &[
            ("destination.ip|cidr: '2001:db8::/32'", true),
            ("destination.ip|cidr: 0.0.0.0/0", false),
            ("destination.ip|cidr: '2001:db8::2'", true),
        ],
    );
}

/// "Field is less than / less or equal / greater / greater or equal than the value"; of several values any.
#[test]
fn numeric() {
    on(
        &samples::tls12(),
        &[
            ("destination.port|lt: 443", false),
            ("destination.port|lt: 444", true),
            ("destination.port|lte: 443", true),
            ("destination.port|gt: 443", false),
            ("destination.port|gt: 442", true),
            ("destination.port|gte: 443", true),
            ("destination.port|gte: [444, 443]", true),
            ("tls.server.not_after|lt: '2025-03-01T00:00:00Z'", true),
            ("tls.server.not_after|lt: 1740787199", false),
            ("tls.server.not_after|lte: 1740787199", true),
            ("tls.server.not_after|gt: 1740787198.5", true),
        ],
    );
}

/// "The field is different from the specified values", texts or numbers, also with `fieldref`. What is not there differs from
/// nothing.
#[test]
fn neq() {
    on(
        &samples::tls12(),
        &[
            ("tls.client.server_name|neq: other.example", true),
            ("tls.client.server_name|neq: mozilla.example", false),
            ("tls.client.server_name|neq: [other.example, mozilla.example]", false),
            ("tls.client.server_name|neq: '*.example'", false),
            ("tls.client.server_name|contains|neq: zilla", false),
            ("destination.port|neq: 443", false),
            ("destination.port|neq: 80", true),
            ("source.port|fieldref|neq: destination.port", true),
            ("tls.curve|fieldref|neq: tls.curve", false),
            ("tlsight.client.hello.groups|neq: 29", false),
            ("tlsight.quic.version|neq: '1'", false),
        ],
    );
}

/// "This check only verifies the presence of a field, not its value."
#[test]
fn exists() {
    on(
        &samples::tls12(),
        &[
            ("tls.client.server_name|exists: true", true),
            ("tls.client.server_name|exists: false", false),
            ("tlsight.quic.version|exists: true", false),
            ("tlsight.quic.version|exists: false", true),
        ],
    );
}

/// "An empty value is defined with ''", "a null value with null".
#[test]
fn empty_and_null() {
    on(
        &samples::tls12(),
        &[
            ("tls.client.server_name: ''", false),
            ("tls.client.server_name: null", false),
            ("tlsight.quic.version: null", true),
            ("tlsight.quic.version: ''", false),
            ("tlsight.quic.version: ['1', null]", true),
            ("tls.client.server_name|contains: ''", true),
        ],
    );
    assert!(holds("sel:\n    tlsight.quic.version: null\n  other:\n    tls.curve: null", "sel and not other"));
}

/// "A field reference can be used to compare fields of matched events directly."
#[test]
fn fieldref() {
    on(
        &samples::tls12(),
        &[
            ("tls.server.x509.subject.common_name|fieldref: tls.client.server_name", true),
            ("tls.server.subject|fieldref: tls.client.server_name", false),
            ("tls.server.subject|fieldref|contains: tls.client.server_name", true),
            ("tls.server.subject|contains|fieldref: tls.client.server_name", true),
            ("tls.server.x509.alternative_names|fieldref|endswith: tls.client.server_name", true),
            ("tls.server.x509.subject.common_name|fieldref|startswith: tls.client.server_name", true),
            ("tls.server.subject|fieldref|startswith: tls.client.server_name", false),
            ("source.port|fieldref|gt: destination.port", true),
            ("tls.client.server_name|fieldref: tlsight.quic.version", false),
        ],
    );
    let cased =
        with(|e| e.server_chain = vec![certificate(|c| c.subject_common_name = Some("MOZILLA.example".into()))]);
    on(
        &cased,
        &[
            ("tls.server.x509.subject.common_name|fieldref: tls.client.server_name", true),
            ("tls.server.x509.subject.common_name|fieldref|cased: tls.client.server_name", false),
        ],
    );
}

/// `expand`: placeholders stand for the values of a list, within a text too; `\%` is a percent sign.
#[test]
fn expand() {
    let lists: &[(&str, &str)] =
        &[("hosts", "mozilla\nfirefox\n"), ("tops", "org\nexample\n"), ("nets", "66.35.0.0/16\n")];
    let cases = [
        ("tls.client.server_name|expand: '%hosts%'", false),
        ("tls.client.server_name|expand: '%hosts%.example'", true),
        ("tls.client.server_name|expand: '%hosts%.%tops%'", true),
        ("tls.client.server_name|expand: 'www.%hosts%.%tops%'", false),
        ("tls.client.server_name|expand|startswith: '%hosts%'", true),
        ("tls.client.server_name: '%hosts%.example'", false),
        ("destination.ip|cidr|expand: '%nets%'", true),
        ("tls.client.server_name|expand|re: '^%hosts%\\.'", true),
    ];
    for (item, expected) in cases {
        let rules = load(&[("rule.yml", &rule(1, &format!("sel:\n    {item}"), "sel"))], lists);
        let rules = rules.unwrap_or_else(|why| panic!("{item}: {why}"));
        assert_eq!(!titles(&rules, &samples::tls12()).is_empty(), expected, "{item}");
    }
    let percent = with(|e| e.server_chain = vec![certificate(|c| c.subject = Some("%plain%mozilla".into()))]);
    let rules = load(&[("rule.yml", &rule(1, r"sel: {tls.server.subject|expand: '\%plain\%%hosts%'}", "sel"))], lists);
    assert_eq!(titles(&rules.unwrap(), &percent).len(), 1);
}

/// `base64`, `base64offset`, `wide` / `utf16le`, `utf16be`, `utf16`: the texts are those of the specification's example (`cmd`)
/// and of RFC 4648.
#[test]
fn encodings() {
    let subject = |text: &str| with(|e| e.server_chain = vec![certificate(|c| c.subject = Some(text.into()))]);
    let cases = [
        ("base64: foobar", "Zm9vYmFy", true),
        ("base64|contains: foobar", "xx Zm9vYmFy xx", true),
        ("base64: foobar", "xx Zm9vYmFy xx", false),
        ("base64: fooba", "Zm9vYmE=", true),
        // `some http://` and on, at each place in a group of three.
        ("base64offset|contains: http://", "aHR0cDovL3g=", true),
        ("base64offset|contains: http://", "eGh0dHA6Ly94", true),
        ("base64offset|contains: http://", "eHhodHRwOi8veA==", true),
        ("base64offset: http://", "eHhodHRwOi8veA==", true),
        ("base64offset|contains: http://", "aHR0cHM6Ly94", false),
        ("wide: cmd", "c\0m\0d\0", true),
        ("utf16le: cmd", "c\0m\0d\0", true),
        ("utf16be: cmd", "\0c\0m\0d", true),
        ("wide|contains: cmd", "xc\0m\0d\0x", true),
        ("wide|base64: cmd", "YwBtAGQA", true),
        ("utf16be|base64: cmd", "AGMAbQBk", true),
        ("utf16|base64: cmd", "//5jAG0AZAA=", true),
        ("wide|base64offset|contains: cmd", "eGMAbQBkAHg=", true),
        ("wide: 'c*d'", "c\0m\0d\0", true),
    ];
    for (item, text, expected) in cases {
        let (modifiers, value) = item.split_once(": ").expect("a value");
        on(&subject(text), &[(&format!("tls.server.subject|{modifiers}: {value}"), expected)]);
    }
}

/// "Creates all possible permutations of the `-`, `/`, `–`, `—`, and `―` characters."
#[test]
fn windash() {
    let subject = |text: &str| with(|e| e.server_chain = vec![certificate(|c| c.subject = Some(text.into()))]);
    for dash in ["-", "/", "\u{2013}", "\u{2014}", "\u{2015}"] {
        on(
            &subject(&format!("a {dash}b /c")),
            &[
                ("tls.server.subject|windash|contains: ' -b'", true),
                ("tls.server.subject|windash: 'a /b -c'", true),
                ("tls.server.subject|windash|endswith: '-d'", false),
            ],
        );
    }
    on(&subject("a +b"), &[("tls.server.subject|windash|contains: ' -b'", false)]);
}

/// "It extracts a numeric value from a date": 2024-02-29T23:59:59Z is a Thursday of week 9.
#[test]
fn parts_of_times() {
    on(
        &samples::tls12(),
        &[
            ("'@timestamp|minute': 59", true),
            ("'@timestamp|hour': 23", true),
            ("'@timestamp|hour': [1, 2]", false),
            ("'@timestamp|day': 29", true),
            ("'@timestamp|week': 9", true),
            ("'@timestamp|month': 2", true),
            ("'@timestamp|year': 2024", true),
            ("'@timestamp|hour|gte': 22", true),
            ("'@timestamp|hour|lt': 6", false),
            ("'@timestamp|day|neq': 29", false),
            ("tls.server.not_before|year|lt: 2004", true),
        ],
    );
}

/// "Strings that are applied to the full log message and are linked with a logical OR"; AND with `|all`.
#[test]
fn keywords() {
    let cases = [
        ("sel: [mozilla.example, nowhere]", true),
        ("sel: [ZILLA]", true),
        ("sel: [nowhere]", false),
        ("sel: mozilla.example", true),
        ("sel:\n    - 'm?zilla.*e'", true),
        ("sel:\n    '|all': [mozilla.example, O=Example Corp]", true),
        ("sel:\n    '|all': [mozilla.example, nowhere]", false),
        ("sel:\n    '|re': 'ST=Cal.*,'", true),
        ("sel:\n    '|cased': 'o=example corp'", false),
        ("sel:\n    - tls.curve: none\n    - mozilla.example", true),
    ];
    for (selection, expected) in cases {
        assert_eq!(holds(selection, "sel"), expected, "{selection}");
    }
}

/// `*` and `?`, and the six cases of "Escaping".
#[test]
fn wildcards_and_their_escapes() {
    let cases = [
        ("a*c", "abbc", true),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        (r"a\*c", "a*c", true),
        (r"a\*c", "abc", false),
        (r"a\?c", "a?c", true),
        (r"a\?c", "abc", false),
        (r"a\c", r"a\c", true),
        (r"a\\c", r"a\c", true),
        (r"a\\*c", r"a\bbc", true),
        (r"a\\*c", "abbc", false),
        (r"a\\\*c", r"a\*c", true),
        (r"a\\\*c", r"a\bc", false),
        (r"a\\\\c", r"a\\c", true),
        (r"\\\\", r"\\", true),
    ];
    for (pattern, text, expected) in cases {
        let event = with(|e| e.server_chain = vec![certificate(|c| c.subject = Some(text.into()))]);
        on(&event, &[(&format!("tls.server.subject: '{pattern}'"), expected)]);
    }
}

/// Maps are joined with AND, lists of maps with OR.
#[test]
fn maps_and_lists() {
    assert!(holds("sel: {destination.port: 443, tls.curve: x25519}", "sel"));
    assert!(!holds("sel: {destination.port: 443, tls.curve: other}", "sel"));
    assert!(holds("sel: [{destination.port: 1}, {tls.curve: x25519}]", "sel"));
    assert!(holds("sel: [{destination.port: 443, tls.curve: other}, {tls.curve: x25519}]", "sel"));
    assert!(!holds("sel: [{destination.port: 443, tls.curve: other}, {tls.curve: none}]", "sel"));
}

/// The grammar of conditions, with the precedence "or, and, not, x of, brackets" from least to most binding.
#[test]
fn conditions() {
    let selections = "t1: {destination.port: 443}\n  t2_x: {tls.curve: x25519}\n  f1: {destination.port: 1}\n  f2_x: {tls.curve: no}\n  _t3: {destination.port: 443}";
    let cases = [
        ("t1 and t2_x", true),
        ("t1 and f1", false),
        ("f1 or t1", true),
        ("not f1", true),
        ("not t1", false),
        ("t1 or t1 and f1", true),
        ("(t1 or t1) and f1", false),
        ("not f1 and f2_x", false),
        ("not (f1 and f2_x)", true),
        ("1 of them", true),
        ("all of them", false),
        ("any of them", true),
        ("1 of t*", true),
        ("all of t*", true),
        ("all of *_x", false),
        ("1 of *_x", true),
        ("all of t*_x", true),
        ("all of *2*", false),
        ("1 of *2*", true),
        ("2 of t*", true),
        ("2 of f*", false),
        ("3 of them", false),
        ("1 of t* and not 1 of f*", true),
        ("all of _t*", true),
        ("not 1 of f* or f1", true),
    ];
    for (condition, expected) in cases {
        assert_eq!(holds(selections, condition), expected, "{condition}");
    }
    // "The condition can be a list … linked with OR."
    assert!(holds(selections, "[f1, t1]"));
    assert!(!holds(selections, "[f1, f2_x]"));
}

/// Filters: added to the rules they name, or to all of their log source, by AND.
#[test]
fn filters() {
    let filter = |logsource: &str, rules: &str, condition: &str| {
        format!(
            "title: F\nlogsource: {logsource}\nfilter:\n  rules: {rules}\n  selection:\n    source.ip|cidr: 128.232.0.0/16\n  condition: {condition}\n"
        )
    };
    let named = rule(1, "sel: {destination.port: 443}", "sel").replace("title: T1", "title: T1\nname: first");
    let (two, three) = (
        rule(2, "sel: {destination.port: 443}", "sel"),
        rule(3, "sel: {id.resp_p: 443}", "sel").replace(OURS, "{product: zeek, service: ssl}"),
    );
    let told = |filter: &str| {
        let text = [&named, &two, &three].map(String::as_str).join("---\n");
        // It stands before the rules it is for.
        load(&[("a.yml", filter), ("b.yml", &text)], &[]).map(|rules| titles(&rules, &samples::tls12()).join(" "))
    };
    assert_eq!(told(&filter(OURS, "[first]", "not selection")).unwrap(), "T2 T3");
    assert_eq!(told(&filter(OURS, &format!("[{}]", id(2)), "not selection")).unwrap(), "T1 T3");
    assert_eq!(told(&filter(OURS, "any", "not selection")).unwrap(), "T3");
    assert_eq!(told(&filter("{product: zeek, service: ssl}", "any", "not selection")).unwrap(), "T1 T2");
    assert_eq!(told(&filter(OURS, "any", "selection")).unwrap(), "T1 T2 T3");
    assert_eq!(told(&filter(OURS, "first", "selection and not selection")).unwrap(), "T2 T3");
    let faults = |filter: &str| match told(filter) {
        Err(Error::Rules(faults)) => faults.join("\n"),
        other => panic!("{other:?}"),
    };
    assert!(
        faults(&filter(OURS, "[second]", "selection"))
            .contains("a.yml:4: there is no rule with the id or name `second`")
    );
    assert!(
        faults(&filter("{product: windows}", "any", "selection"))
            .contains("a.yml:2: the rule is for another log source")
    );
    assert!(faults(&filter(OURS, "any", "other")).contains("a.yml:7: the condition names `other`"));
}

/// Zeek's names and spellings, as rules for its `ssl` and `x509` logs have them.
#[test]
fn zeek() {
    let event = with(|e| {
        let verdict = ChainVerdict { problems: [Problem::SelfSigned].into_iter().collect(), name: None };
        e.security.server_chain = Some(Chain::Judged(verdict));
        e.server_chain = vec![
            certificate(|c| {
                c.serial = [0x08, 0xbb, 0x00, 0xee].into();
                c.subject = Some("CN=Major Cobalt Strike,OU=AdvancedPenTesting,O=cobaltstrike,C=Earth".into());
            }),
            certificate(|c| c.is_ca = Some(true)),
        ];
    });
    let told = |service: &str, selections: &str, condition: &str| {
        let text = rule(1, selections, condition).replace(OURS, &format!("{{product: zeek, service: {service}}}"));
        let rules = load(&[("rule.yml", &text)], &[]).unwrap_or_else(|why| panic!("{selections}: {why}"));
        let by_tree = !titles(&rules, &event).is_empty();
        let mut seen = 0;
        Detector::new(rules).see(&event, &mut |_| seen += 1);
        assert_eq!(seen > 0, by_tree, "{selections}: the index");
        by_tree
    };
    let ssl = [
        ("version: TLSv12", true),
        ("version: [SSLv2, SSLv3, TLSv10, TLSv11]", false),
        ("cipher|contains: _AES_128_", true),
        ("curve: x25519", true),
        ("server_name|endswith: .example", true),
        ("established: true", true),
        ("established: T", true),
        ("resumed: 'F'", true),
        ("next_protocol: h2", true),
        ("validation_status: self signed certificate", true),
        ("validation_status|contains: 'self-signed'", true),
        ("validation_status: ok", false),
        ("ja3: 579ccef312d18482fc42e2b822ca2430", true),
        ("ja3s: a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5", true),
        ("ja4|startswith: t13d1715h2", true),
        ("subject|contains: cobaltstrike", true),
        ("issuer|contains: Example Trust", true),
        ("id.orig_h: 128.232.110.120", true),
        ("id.orig_p: 34855", true),
        ("id.resp_h|cidr: 66.35.0.0/16", true),
        ("id.resp_p: 443", true),
        ("ts|gt: 1709251199", true),
        ("uid: 00112233445566778899aabbccddeeff", true),
        ("client_ciphers: 4865", true),
        ("ssl_client_exts: 51", true),
        ("cert_chain_fps: '3333333333333333333333333333333333333333333333333333333333333333'", true),
    ];
    for (item, expected) in ssl {
        assert_eq!(told("ssl", &format!("sel:\n    {item}"), "sel"), expected, "{item}");
    }
    let x509 = [
        ("certificate.serial: 8BB00EE", true),
        ("certificate.serial: 08BB00EE", true),
        ("certificate.serial: BB00EE", false),
        ("certificate.subject|contains: cobaltstrike", true),
        ("certificate.issuer|contains: Example Trust", true),
        ("certificate.cn: mozilla.example", true),
        ("certificate.not_valid_after|lt: 1740787200", true),
        ("certificate.not_valid_before|year: 2003", true),
        ("certificate.key_alg: id-ecPublicKey", true),
        ("certificate.key_type: ecdsa", true),
        ("certificate.key_length|lt: 2048", true),
        ("certificate.curve: prime256v1", true),
        ("certificate.sig_alg: sha256WithRSAEncryption", true),
        ("certificate.version: 3", true),
        ("san.dns|endswith: .mozilla.example", true),
        ("san.ip: 192.0.2.7", true),
        ("san.email: admin@mozilla.example", true),
        ("basic_constraints.ca: true", true),
        ("host_cert: true", true),
        ("client_cert: true", false),
        ("fingerprint: '3333333333333333333333333333333333333333333333333333333333333333'", true),
    ];
    for (item, expected) in x509 {
        assert_eq!(told("x509", &format!("sel:\n    {item}"), "sel"), expected, "{item}");
    }
    // A line of x509.log is one certificate: what two of them say does not add up.
    let apart = "serial: {certificate.serial: 8BB00EE}\n  authority: {basic_constraints.ca: true}";
    assert!(told("x509", apart, "serial and not authority"));
    assert!(!told("x509", apart, "serial and authority"));
    assert!(told("ssl", apart, "serial and authority"));
}

#[test]
fn every_name_of_zeek_reads_something() {
    let events = [samples::tls12(), samples::tls13(), samples::storied(), samples::odd()].map(|mut event| {
        let authority = |c: &mut tlsight::x509::Parsed| {
            c.facts.path_length = Some(0);
            if let Some(key) = &mut c.key {
                key.exponent = Some(65_537);
            }
        };
        event.server_chain.push(certificate(authority));
        event.client_chain.insert(0, certificate(|_| ()));
        event
    });
    for field in Field::aliases() {
        let read = events.iter().any(|event| field.any(event, |_| true));
        assert!(read, "{} has no value in any sample", field.name());
    }
}

#[test]
fn other_log_sources_are_refused() {
    let fault = |source: &str| {
        let text = rule(1, "sel: {destination.port: 1}", "sel").replace(OURS, source);
        load(&[("rule.yml", &text)], &[]).err().map(|error| error.to_string()).unwrap_or_default()
    };
    for source in [
        "{product: windows}",
        "{product: zeek, service: dns}",
        "{product: zeek}",
        "{category: dns}",
        "{product: tlsight, category: dns}",
    ] {
        assert!(fault(source).contains("for another log source"), "{source}");
    }
    for source in
        ["{product: tlsight}", "{category: tls}", "{product: zeek, service: ssl}", "{product: Zeek, service: x509}"]
    {
        assert_eq!(fault(source), "", "{source}");
    }
}

/// By the trees.
fn titles(rules: &Rules, event: &Event) -> Vec<String> {
    let mut told = Vec::new();
    rules.check(event, &mut |alert| told.push(alert.rule.title.clone()));
    told
}

/// Loads each item as a rule of its own, and holds it against the event: by its tree, and through the index.
fn on(event: &Event, items: &[(&str, bool)]) {
    for (item, expected) in items {
        let rules = load(&[("rule.yml", &rule(1, &format!("sel:\n    {item}"), "sel"))], &[]);
        let rules = rules.unwrap_or_else(|why| panic!("{item}: {why}"));
        assert_eq!(!titles(&rules, event).is_empty(), *expected, "{item}");
        let mut seen = 0;
        Detector::new(rules).see(event, &mut |_| seen += 1);
        assert_eq!(seen > 0, *expected, "{item}, through the index");
    }
}

fn holds(selections: &str, condition: &str) -> bool {
    let rules = load(&[("rule.yml", &rule(1, selections, condition))], &[]);
    let rules = rules.unwrap_or_else(|why| panic!("{selections}: {why}"));
    let event = samples::tls12();
    let by_tree = !titles(&rules, &event).is_empty();
    let mut seen = 0;
    Detector::new(rules).see(&event, &mut |_| seen += 1);
    assert_eq!(seen > 0, by_tree, "{selections} {condition}: the index");
    by_tree
}

fn rule(number: u32, selections: &str, condition: &str) -> String {
    format!(
        "title: T{number}\nid: {}\nlevel: low\nlogsource: {OURS}\ndetection:\n  {selections}\n  condition: {condition}\n",
        id(number)
    )
}

fn id(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn load(files: &[(&str, &str)], lists: &[(&str, &str)]) -> Result<Rules, Error> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::create_dir(folder.path().join("lists")).unwrap();
    for (name, text) in lists {
        fs::write(folder.path().join(format!("lists/{name}.txt")), text).unwrap();
    }
    Rules::load(folder.path())
}

fn with(change: impl FnOnce(&mut Event)) -> Event {
    let mut event = samples::tls12();
    change(&mut event);
    event
}

fn certificate(change: impl FnOnce(&mut tlsight::x509::Parsed)) -> Arc<tlsight::x509::Certificate> {
    let mut certificate = (*samples::tls12().server_chain[0]).clone();
    change(certificate.parsed.as_mut().unwrap());
    Arc::new(certificate)
}

const OURS: &str = "{product: tlsight, category: tls}";
