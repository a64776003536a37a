//! The questions of `dashboards/queries`, asked of a real ClickHouse that the program has filled.

use std::fs;
use std::path::Path;
use std::process::Command;

#[allow(dead_code)]
mod store;

use store::Store;

#[test]
fn every_question_has_an_answer() {
    let store = Store::shared();
    store.database("questions");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let captures = ["chromium_nginx_tls13", "curl_http2_nginx_tls12", "cert_expired", "old_tls10_3des"];
    let done = Command::new(env!("CARGO_BIN_EXE_tlsight"))
        .arg("read")
        .args(captures.map(|name| root.join(format!("testdata/captures/{name}.pcap"))))
        .args(["--json", "-o", "/dev/null", "--rules"])
        .arg(root.join("rules"))
        .arg("--clickhouse")
        .arg(format!("http://{}/questions", store.address))
        .output()
        .expect("the program runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let mut asked = 0;
    for entry in fs::read_dir(root.join("dashboards/queries")).expect("a folder").flatten() {
        let question = fs::read_to_string(entry.path()).expect("text");
        assert!(question.starts_with("-- "), "{}: no sentence that says what it answers", entry.path().display());
        let question = question
            .replace("FROM sessions", "FROM questions.sessions")
            .replace("FROM alerts", "FROM questions.alerts");
        assert!(!store.ask(&question).is_empty(), "{}: no rows", entry.path().display());
        asked += 1;
    }
    assert!(asked >= 4);
}
