//! The questions of `dashboards/queries`, asked of a real ClickHouse that the program has filled.

use std::fs;
use std::path::Path;

#[allow(dead_code)]
mod store;

use store::Store;

#[test]
fn every_question_has_an_answer() {
    let store = Store::shared();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (captures, rules) = (root.join("testdata/captures"), root.join("rules"));
    let [captures, rules] = [&captures, &rules].map(|path| path.to_str().expect("UTF-8"));
    let url = format!("http://{}/questions", store.address);
    Store::tlsight(&["clickhouse", "init", &url]);
    Store::tlsight(&["read", captures, "--json", "-o", "/dev/null", "--rules", rules, "--clickhouse", &url]);

    let mut asked = 0;
    for entry in fs::read_dir(root.join("dashboards/queries")).expect("a folder").flatten() {
        let path = entry.path();
        let question = fs::read_to_string(&path).expect("text");
        assert!(question.starts_with("-- "), "{}: no sentence that says what it answers", path.display());
        let answer = store.answer("questions", &question).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        assert!(!answer.is_empty(), "{}: no rows", path.display());
        asked += 1;
    }
    assert!(asked >= 21, "{asked}");
}
