//! What Grafana and its ClickHouse data source make of a question: variables and macros replaced, as their documentation says
//! (grafana.com/docs/plugins/grafana-clickhouse-datasource, "Macros" and "Template variables").

use std::collections::{BTreeMap, BTreeSet};

/// What a dashboard's state gives.
pub struct Expansion {
    /// Seconds since 1970.
    pub range: (i64, i64),
    /// Seconds.
    pub interval: i64,
    /// `$__all` for all values.
    pub variables: BTreeMap<String, Vec<String>>,
}

impl Expansion {
    /// The statement that the data source sends.
    pub fn of(&self, sql: &str) -> Result<String, String> {
        let with_values = self.values(&self.conditions(sql)?)?;
        let expanded = self.macros(&with_values)?;
        if expanded.contains('$') {
            return Err(format!("something is left to expand: {expanded}"));
        }
        Ok(expanded)
    }

    /// Conditions that hold only where not all is chosen: the variable's name counts, so they come before its values.
    fn conditions(&self, sql: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = sql;
        while let Some((before, tail)) = rest.split_once("$__conditionalAll") {
            out.push_str(before);
            let (given, after) = arguments(tail)?;
            let [condition, chosen] = &given[..] else { return Err(format!("two arguments, not {given:?}")) };
            let name = chosen.trim_start_matches(['$', '{']).trim_end_matches('}');
            let values = self.variables.get(name).ok_or(format!("no variable {chosen}"))?;
            out.push_str(if values.iter().any(|value| value == "$__all") { "1=1" } else { condition });
            rest = after;
        }
        Ok(out + rest)
    }

    fn values(&self, sql: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = sql;
        while let Some((before, used, after)) = next_variable(rest) {
            out.push_str(before);
            let values = self.variables.get(used.name).ok_or(format!("no variable ${}", used.name))?;
            let texts: Vec<String> = match used.format {
                "singlequote" => values.iter().map(|value| format!("'{}'", value.replace('\'', "\\'"))).collect(),
                "" => values.clone(),
                other => return Err(format!("format {other}")),
            };
            out.push_str(&texts.join(","));
            rest = after;
        }
        Ok(out + rest)
    }

    fn macros(&self, sql: &str) -> Result<String, String> {
        let (from, to) = self.range;
        let interval = self.interval;
        // The date that the range's ends have in UTC.
        let date = |second: i64| format!("toDate('{}')", day(second));
        let mut out = String::new();
        let mut rest = sql;
        while let Some((before, tail)) = rest.split_once("$__") {
            out.push_str(before);
            let end = tail.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(tail.len());
            let (name, tail) = tail.split_at(end);
            let (arguments, after) = if tail.starts_with('(') { arguments(tail)? } else { (Vec::new(), tail) };
            let seconds = |second: i64| format!("toDateTime({second})");
            let millis = |second: i64| format!("fromUnixTimestamp64Milli({})", second * 1000);
            let replaced = match (name, &arguments[..]) {
                ("fromTime", []) => seconds(from),
                ("toTime", []) => seconds(to),
                ("fromTime_ms", []) => millis(from),
                ("toTime_ms", []) => millis(to),
                ("timeFilter", [column]) => format!("{column} >= {} AND {column} <= {}", seconds(from), seconds(to)),
                ("timeFilter_ms", [column]) => format!("{column} >= {} AND {column} <= {}", millis(from), millis(to)),
                ("dateFilter", [column]) => format!("{column} >= {} AND {column} <= {}", date(from), date(to)),
                ("timeInterval", [column]) => {
                    format!("toStartOfInterval(toDateTime({column}), INTERVAL {interval} second)")
                }
                ("timeInterval_ms", [column]) => {
                    format!("toStartOfInterval(toDateTime64({column}, 3), INTERVAL {} millisecond)", interval * 1000)
                }
                ("interval_s", []) => interval.to_string(),
                _ => return Err(format!("$__{name}({}) is no macro", arguments.join(", "))),
            };
            out.push_str(&replaced);
            rest = after;
        }
        Ok(out + rest)
    }
}

/// Names of the variables that a question uses.
pub fn variables(sql: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = sql;
    while let Some((_, used, after)) = next_variable(rest) {
        names.insert(used.name.to_owned());
        rest = after;
    }
    names
}

struct Used<'a> {
    name: &'a str,
    format: &'a str,
}

/// What is before the next `$name`, `${name}` or `${name:format}`, itself, and what is after it.
fn next_variable(sql: &str) -> Option<(&str, Used<'_>, &str)> {
    let mut from = 0;
    loop {
        let at = from + sql.get(from..)?.find('$')?;
        let (before, tail) = (&sql[..at], &sql[at + 1..]);
        if let Some((inside, after)) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')) {
            let (name, format) = inside.split_once(':').unwrap_or((inside, ""));
            return Some((before, Used { name, format }, after));
        }
        if !tail.starts_with("__") {
            let end = tail.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(tail.len());
            return Some((before, Used { name: &tail[..end], format: "" }, &tail[end..]));
        }
        from = at + 1;
    }
}

/// Arguments in parentheses, and what follows.
fn arguments(text: &str) -> Result<(Vec<String>, &str), String> {
    let mut depth = 0;
    let mut quoted = false;
    let mut all = vec![String::new()];
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let all = all.into_iter().map(|argument| argument.trim().to_owned()).collect();
            return Ok((all, &text[at + 1..]));
        }
        match (c, all.last_mut()) {
            (',', _) if depth == 1 && !quoted => all.push(String::new()),
            ('(', _) if depth == 1 && at == 0 => {}
            (c, Some(last)) => last.push(c),
            _ => {}
        }
    }
    Err(format!("no end of {text}"))
}

fn day(second: i64) -> String {
    time::OffsetDateTime::from_unix_timestamp(second).expect("a time of this era").date().to_string()
}

#[test]
fn macros_are_what_the_data_source_makes_of_them() {
    let of = |sql: &str, chosen: &[&str]| {
        let values = chosen.iter().map(|value| (*value).to_owned()).collect();
        let variables = BTreeMap::from([("v".to_owned(), values)]);
        Expansion { range: (1_415_792_726, 1_447_328_726), interval: 20, variables }.of(sql).expect(sql)
    };
    // The output examples of the data source's documentation.
    assert_eq!(of("$__timeFilter(time)", &[]), "time >= toDateTime(1415792726) AND time <= toDateTime(1447328726)");
    assert_eq!(of("$__timeInterval(f(a, b))", &[]), "toStartOfInterval(toDateTime(f(a, b)), INTERVAL 20 second)");
    assert_eq!(of("$__timeInterval_ms(c)", &[]), "toStartOfInterval(toDateTime64(c, 3), INTERVAL 20000 millisecond)");
    assert_eq!(of("$__dateFilter(d)", &[]), "d >= toDate('2014-11-12') AND d <= toDate('2015-11-12')");
    assert_eq!(of("$__fromTime_ms, $__interval_s", &[]), "fromUnixTimestamp64Milli(1415792726000), 20");
    let condition = "$__conditionalAll(a IN (${v:singlequote}), $v)";
    assert_eq!(of(condition, &["$__all"]), "1=1");
    assert_eq!(of(condition, &["it's", "b"]), "a IN ('it\\'s','b')");
}
