//! Suricata's rules over TLS: those whose keywords have a field here.
//!
//! The grammar is that of Suricata's user guide (chapters "Rules Format", "SSL/TLS Keywords", "JA3/JA4 Keywords", "Payload
//! Keywords", "Datasets"). Addresses and ports that are written out are kept; variables such as `$HOME_NET` are not known
//! here and do not restrict.

mod buffer;
mod convert;
mod grammar;
mod header;
mod options;

use std::path::Path;

use super::Import;

/// Makes Sigma rules of a file's text. Datasets are read from files below the folder of `path`.
pub fn read(path: &Path, text: &str) -> Import {
    let mut import = Import::default();
    let mut sids = ahash::AHashSet::new();
    let name = path.display();
    for line in grammar::lines(text) {
        let at = format!("{name}:{}", line.number);
        match line.rule {
            None => import.commented = import.commented.saturating_add(1),
            Some(Err(why)) => import.left_out.push(format!("{at}: {why}")),
            Some(Ok(rule)) => match convert::sigma(&rule, path) {
                Err(why) => import.left_out.push(format!("{at}: {}{why}", rule.said())),
                Ok(done) if !sids.insert(done.rule.id.clone()) => {
                    import.left_out.push(format!("{at}: {}its sid is that of a rule before", rule.said()));
                }
                Ok(done) if done.lists.iter().any(|list| clashes(&import, list)) => {
                    import.left_out.push(format!("{at}: {}its `dataset` is called as another one", rule.said()));
                }
                Ok(done) => {
                    import.notes.extend(done.notes.iter().map(|note| format!("{at}: {}{note}", rule.said())));
                    for list in done.lists {
                        if !import.lists.contains(&list) {
                            import.lists.push(list);
                        }
                    }
                    let part = if import.count == 0 { "" } else { "---\n" };
                    import.rules.push_str(&format!("{part}{}", done.rule.write()));
                    import.count = import.count.saturating_add(1);
                }
            },
        }
    }
    import
}

/// Whether another list has the name.
fn clashes(import: &Import, (name, text): &(String, String)) -> bool {
    import.lists.iter().any(|(known, other)| known == name && other != text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::detect::Rules;
    use crate::detect::sample::{Place, Sample};
    use crate::event::Event;

    const JA3: &str = "b386946a5a44d1ddcc843bc75336dfce";

    fn session(fields: &[(&str, &str)]) -> Event {
        let mut sample = Sample::default();
        for (name, value) in fields {
            sample.set(name, vec![(*value).to_owned()]).unwrap();
        }
        sample.event(Place { number: 1, nth: 1, after: 0 }).unwrap()
    }

    /// Loads what was imported, as `rules check` does.
    fn load(folder: &Path, import: &Import) -> Rules {
        fs::write(folder.join("imported.yml"), &import.rules).unwrap();
        fs::create_dir_all(folder.join("lists")).unwrap();
        import.lists.iter().for_each(|(name, text)| fs::write(folder.join("lists").join(name), text).unwrap());
        Rules::load(&folder.join("imported.yml")).unwrap_or_else(|why| panic!("{why}\n{}", import.rules))
    }

    fn fires(options: &str, fields: &[(&str, &str)]) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("alert tls any any -> any any (msg:\"t\"; {options} sid:1; rev:1;)\n");
        let import = read(&folder.path().join("a.rules"), &text);
        assert_eq!(import.left_out, Vec::<String>::new(), "{options}");
        let mut count = 0;
        load(folder.path(), &import).check(&session(fields), &mut |_| count += 1);
        count == 1
    }

    #[test]
    fn every_keyword_means_here_what_it_means_there() {
        const NAME: &str = "tls.client.server_name";
        const SUBJECT: &str = "tls.server.subject";
        const SERIAL: &str = "tls.server.x509.serial_number";
        const SHA1: &str = "tls.server.hash.sha1";
        const UNTIL: &str = "tls.server.not_after";
        let print = "000102030405060708090a0b0c0d0e0f10111213";
        let with_colons = "00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13";
        let subject = "CN=evil.test,O=Acme\\, Inc.,C=US";
        // Options, a field, a value with which the rule fires, and one with which it does not.
        let cases: &[(&str, &str, &str, &str)] = &[
            (&format!("ja3.hash; content:\"{JA3}\";"), "tls.client.ja3", JA3, "00000000000000000000000000000000"),
            (
                &format!("ja3_hash; content:\"{}\";", JA3.to_uppercase()),
                "tls.client.ja3",
                JA3,
                "00000000000000000000000000000000",
            ),
            (&format!("ja3s.hash; content:\"{JA3}\";"), "tls.server.ja3s", JA3, "00000000000000000000000000000000"),
            ("ja3.string; content:\"19-20-21\";", "tlsight.client.ja3_full", "771,19-20-21-22,0,,", "771,19-20,0,,"),
            ("ja3.string; content:\"771,\"; startswith;", "tlsight.client.ja3_full", "771,19,0,,", "769,771,0,,"),
            ("ja3s.string; content:\"771,23\";", "tlsight.server.ja3s_full", "771,23-35", "769,23-35"),
            (
                "ja4.hash; content:\"t13d1812h1_85036bcba153_b26ce05bbdd6\";",
                "tls.client.ja4",
                "t13d1812h1_85036bcba153_b26ce05bbdd6",
                "t13d1812h2_85036bcba153_b26ce05bbdd6",
            ),
            ("tls.sni; content:\"evil\";", NAME, "www.evil.test", "www.EVIL.test"),
            ("tls.sni; content:\"EVIL\"; nocase;", NAME, "www.evil.test", "www.good.test"),
            ("tls.sni; to_lowercase; content:\"evil\";", NAME, "www.EVIL.test", "www.good.test"),
            ("tls_sni; content:\"evil.test\"; startswith;", NAME, "evil.test.example", "x.evil.test"),
            ("tls.sni; content:\"evil.test\"; depth:9;", NAME, "evil.test.example", "x.evil.test"),
            ("tls.sni; content:\"evil.test\"; endswith;", NAME, "x.evil.test", "evil.test.example"),
            ("tls.sni; content:\"evil.test\"; isdataat:!1,relative;", NAME, "x.evil.test", "evil.test.example"),
            ("tls.sni; content:\"evil.test\"; bsize:9;", NAME, "evil.test", "x.evil.test"),
            ("tls.sni; content:\"evil.test\"; startswith; endswith;", NAME, "evil.test", "x.evil.test"),
            ("tls.sni; bsize:<5;", NAME, "evil", "evil.test"),
            ("tls.sni; content:\"t\"; bsize:3<>5;", NAME, "test", "tests"),
            ("tls.sni; dotprefix; content:\".evil.test\"; endswith;", NAME, "evil.test", "notevil.test"),
            ("tls.sni; dotprefix; content:\".evil.test\"; endswith;", NAME, "a.evil.test", "evil.test.example"),
            ("tls.sni; content:!\"good\";", NAME, "evil.test", "good.test"),
            ("tls.sni; content:\"evil\"; content:\".test\"; endswith;", NAME, "evil.x.test", "evil.x.example"),
            ("tls.sni; pcre:\"/^[a-f0-9]{8}\\.test$/i\";", NAME, "0A1B2C3D.test", "0a1b.test"),
            ("tls.sni; pcre:!\"/^good/\";", NAME, "evil.test", "good.test"),
            ("tls.sni; content:\"a*b\";", NAME, "xa*bx", "xaxbx"),
            ("tls.sni; content:\"|65 76|il\";", NAME, "evil.test", "e.vil.test"),
            ("tls.cert_subject; content:\"CN=evil\";", SUBJECT, subject, "CN=good.test,O=Acme,C=US"),
            (
                "tls.cert_subject; content:\"C=US, O=Acme, Inc., CN=evil.test\"; bsize:32;",
                SUBJECT,
                subject,
                "CN=evil.test,O=Acme,C=US",
            ),
            (
                "tls.cert_subject; content:\"O=Acme, Inc., CN=ev\";",
                SUBJECT,
                subject,
                "CN=good.test,O=Acme\\, Inc.,C=US",
            ),
            ("tls.cert_subject; content:\"C=US\"; startswith;", SUBJECT, subject, "C=US,CN=evil.test"),
            ("tls.cert_subject; content:\"evil.test\"; endswith;", SUBJECT, subject, "CN=evil.test.example,C=US"),
            ("tls_cert_subject; content:\"cn=EVIL\"; nocase;", SUBJECT, subject, "CN=good"),
            ("tls.cert_issuer; content:\"WoSign\";", "tls.server.issuer", "CN=WoSign CA", "CN=Other CA"),
            ("tls.subject:\"CN=evil\";", SUBJECT, subject, "CN=good"),
            ("tls.issuerdn:!\"CN=good\";", "tls.server.issuer", "CN=evil", "CN=good"),
            ("tls.cert_serial; content:\"5C:19:B7:B1\"; bsize:11;", SERIAL, "5C19B7B1", "005C19B7"),
            ("tls.cert_serial; content:\"19:B7\";", SERIAL, "5C19B7B1", "5C19B8B1"),
            (
                &format!("tls.cert_fingerprint; content:\"{with_colons}\";"),
                SHA1,
                print,
                "010102030405060708090a0b0c0d0e0f10111213",
            ),
            (&format!("tls.fingerprint:\"{with_colons}\";"), SHA1, print, "010102030405060708090a0b0c0d0e0f10111213"),
            ("tls_cert_expired;", UNTIL, "2025-12-31T23:59:59Z", "2026-01-01T00:00:01Z"),
            ("tls_cert_valid;", UNTIL, "2026-01-01T00:00:01Z", "2025-12-31T23:59:59Z"),
            ("tls_cert_notbefore:1998-05-01<>2008-05-01;", "tls.server.not_before", "2000-01-01", "2008-05-01"),
            ("tls_cert_notafter:>2015;", UNTIL, "2015-01-02", "2014-12-31"),
            ("tls.version:1.2;", "tls.version", "1.2", "1.3"),
            ("tls.version:0x0300;", "tlsight.server.hello.version", "0x0300", "0x0301"),
            ("tls.subjectaltname; content:\"evil\";", "tls.server.x509.alternative_names", "evil.test", "good.test"),
        ];
        for (options, field, hit, miss) in cases {
            assert!(fires(options, &[(field, hit)]), "{options} on {hit}");
            assert!(!fires(options, &[(field, miss)]), "{options} on {miss}");
            assert!(!fires(options, &[]), "{options} on nothing");
        }
    }

    fn import(text: &str) -> Import {
        read(Path::new("x/a.rules"), text)
    }

    #[test]
    fn addresses_ports_and_directions_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let text = "alert tls 10.0.0.0/8 any -> !192.0.2.0/24 443 (ja3.hash; content:\"b386946a5a44d1ddcc843bc75336dfce\"; sid:1;)\n\
            alert tls 198.51.100.0/24 [443,8443] -> $HOME_NET any (flow:established,to_client; tls.cert_subject; content:\"CN=x\"; sid:2;)\n\
            alert tls $HOME_NET any -> $EXTERNAL_NET 1024: (tls.sni; content:\"x\"; sid:3;)\n\
            alert quic any any -> any any (tls.sni; content:\"x\"; sid:4;)\n";
        let import = read(&folder.path().join("a.rules"), text);
        assert_eq!((import.count, import.left_out.len()), (4, 0), "{:?}", import.left_out);
        let rules = load(folder.path(), &import);
        let told = |fields: &[(&str, &str)]| {
            let mut told = String::new();
            rules.check(&session(fields), &mut |alert| {
                told.push_str(alert.rule.title.trim_start_matches("Suricata rule "))
            });
            told
        };
        let (from, to, port) = ("source.ip", "destination.ip", "destination.port");
        let ja3 = ("tls.client.ja3", JA3);
        assert_eq!(told(&[ja3, (from, "10.1.1.1"), (to, "203.0.113.1")]), "1");
        assert_eq!(told(&[ja3, (from, "10.1.1.1"), (to, "192.0.2.9")]), "");
        assert_eq!(told(&[ja3, (from, "11.1.1.1"), (to, "203.0.113.1")]), "");
        assert_eq!(told(&[ja3, (from, "10.1.1.1"), (to, "203.0.113.1"), (port, "444")]), "");
        let subject = ("tls.server.subject", "CN=x");
        assert_eq!(told(&[subject, (to, "198.51.100.9"), (port, "8443")]), "2");
        assert_eq!(told(&[subject, (to, "198.51.101.9")]), "");
        let name = ("tls.client.server_name", "x");
        assert_eq!((told(&[name, (port, "1024")]), told(&[name, (port, "443")])), ("3".to_owned(), String::new()));
        assert_eq!(told(&[name, ("network.protocol", "quic"), (port, "443")]), "4");
    }

    #[test]
    fn what_has_no_counterpart_is_left_out_with_its_line_and_reason() {
        let cases = [
            ("content:\"GET \";", "packets themselves"),
            ("tls.sni; content:\"a\"; content:\"b\"; distance:0;", "places within a text"),
            ("tls.sni; content:\"a\"; offset:3;", "places within a text"),
            ("tls.sni; content:\"\";", "empty content"),
            ("tls.sni; content:\"a|zz|\";", "hexadecimal"),
            ("tls.sni; nocase;", "no `content` before"),
            ("tls.sni; pcre:\"/(?=a)b/\";", "do not know"),
            ("tls.cert_subject; pcre:\"/CN=a$/\";", "as Suricata writes it"),
            ("tls.cert_serial; content:\"xyz\";", "octets"),
            ("tls.certs; content:\"|01|\";", "`tls.certs` has no counterpart"),
            ("ja3.hash; content:\"nothex\";", "in no hash"),
            ("tls.sni; content:\"a\"; flowbits:isset,x;", "other rules"),
            ("tls.sni; content:\"a\"; noalert;", "noalert"),
            ("tls.sni; content:\"a\"; threshold:type both, track by_src, count 5, seconds 60;", "correlation"),
            ("tls.sni; dataset:isset,x,type string,load ../../etc/passwd;", "not below the folder"),
            ("tls.sni; dataset:isset,x,type string,load /etc/passwd;", "not below the folder"),
            ("tls.sni; dataset:set,x,type string,load a;", "written to"),
            ("tls.sni; dataset:isset,../x,type string,load a;", "name of its `dataset`"),
            ("iprep:src,C2,>,30; tls.sni; content:\"a\";", "`iprep` has no counterpart"),
            ("dsize:>5;", "`dsize` has no counterpart"),
            ("flow:established;", "about TLS"),
            ("tls_cert_notafter:soon;", "no date"),
            ("tls.version:9;", "cannot be read"),
        ];
        for (options, why) in cases {
            let import = import(&format!("\nalert tls any any -> any any (msg:\"t\"; {options} sid:7;)\n"));
            let [told] = import.left_out.as_slice() else { panic!("{options}: {}", import.rules) };
            assert!(told.starts_with("x/a.rules:2: sid 7: ") && told.contains(why), "{options}: {told}");
        }
        for (rule, why) in [
            ("pass tls any any -> any any (tls.sni; content:\"a\"; sid:7;)", "tells of nothing"),
            ("alert http any any -> any any (tls.sni; content:\"a\"; sid:7;)", "not looked at"),
            ("alert tls 1.2.3 any -> any any (tls.sni; content:\"a\"; sid:7;)", "no address"),
            ("alert tls any any <> 192.0.2.1 any (tls.sni; content:\"a\"; sid:7;)", "both directions"),
            ("alert tls any any -> any any (tls.sni; content:\"a\";)", "no `sid`"),
        ] {
            let told = import(rule).left_out;
            assert!(told.len() == 1 && told[0].contains(why), "{rule}: {told:?}");
        }
    }

    #[test]
    fn what_a_rule_says_of_itself_is_kept() {
        let text = "alert tls any any -> any any (msg:\"It's \\\"evil\\\": x\"; tls.sni; content:\"a\"; \
            reference:url,example.com/a; reference:cve,2020-1; classtype:misc-activity; \
            metadata:created_at 2020_01_02, mitre_technique_id T1573; sid:9; rev:3;)\n# alert tls any any -> any any (sid:10;)\n\
            alert tls any any -> any any (tls.sni; content:\"b\"; sid:9;)\n";
        let import = import(text);
        assert_eq!((import.count, import.commented, import.left_out.len()), (1, 1, 1));
        assert!(import.left_out[0].contains("its sid is that of a rule before"));
        for line in [
            "title: 'It''s \"evil\": x'",
            "  - 'https://example.com/a'",
            "  - 'https://nvd.nist.gov/vuln/detail/CVE-2020-1'",
            "date: 2020-01-02",
            "  - 'attack.t1573'",
            "level: low",
        ] {
            assert!(import.rules.lines().any(|written| written == line), "{line}\n{}", import.rules);
        }
    }

    #[test]
    fn a_dataset_becomes_a_list() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("names.lst"), "ZXZpbC50ZXN0\nYSpi\n").unwrap();
        let text =
            "alert tls any any -> any any (tls.sni; dataset:isset,bad-names,type string,load names.lst; sid:1;)\n";
        let import = read(&folder.path().join("a.rules"), text);
        assert_eq!(import.left_out, Vec::<String>::new());
        let rules = load(folder.path(), &import);
        let fires = |name: &str| {
            let mut count = 0;
            rules.check(&session(&[("tls.client.server_name", name)]), &mut |_| count += 1);
            count == 1
        };
        assert!(fires("evil.test") && fires("a*b") && !fires("axb") && !fires("good.test"));
    }

    const PARTS: &[&str] = &[
        "alert",
        "tls",
        "any",
        "->",
        "<>",
        "10.0.0.0/8",
        "![443,1:5]",
        "$X",
        "(",
        ")",
        ";",
        ":",
        "\"",
        "\\",
        "|",
        "|41|",
        "\n",
        " ",
        "#",
        "!",
        "[",
        "]",
        "msg:\"a'b\";",
        "tls.sni;",
        "content:\"a*?\\\\b\";",
        "content:!\"é\";",
        "nocase;",
        "endswith;",
        "startswith;",
        "bsize:3;",
        "bsize:<9;",
        "dotprefix;",
        "content:\".a\";",
        "tls.cert_subject;",
        "content:\"C=X, CN=y\";",
        "tls.cert_serial;",
        "content:\"00:A1\";",
        "pcre:\"/a+'\\d/i\";",
        "tls_cert_notafter:>2015;",
        "tls.version:1.2;",
        "sid:1;",
        "sid:2;",
        "reference:url,a;",
        "metadata:created_at 2020_01_01;",
        "classtype:misc-activity;",
        "flow:to_client;",
    ];

    proptest! {
        #[test]
        fn any_text_is_read(text in proptest::collection::vec(proptest::sample::select(PARTS), 0..60)) {
            let _ = read(Path::new("a.rules"), &text.concat());
        }

        #[test]
        fn what_is_taken_over_loads(options in proptest::collection::vec(proptest::sample::select(&PARTS[22..]), 1..12)) {
            let folder = tempfile::tempdir().unwrap();
            let text = format!("alert tls any any -> any any ({} sid:3;)\n", options.concat());
            let import = read(&folder.path().join("a.rules"), &text);
            if import.count > 0 {
                load(folder.path(), &import);
            }
        }
    }
}
