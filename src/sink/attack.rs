//! What a rule's tags say in the terms of MITRE ATT&CK: `attack.command-and-control`, `attack.t1071.001`.

/// Tactics by their names in ATT&CK's own spelling: `Command And Control`.
pub fn tactics(tags: &[String]) -> Vec<String> {
    named(tags)
        .filter(|name| {
            !is_number(name, 't') && name.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'))
        })
        .map(|name| {
            let words = name.split(['-', '_']).filter(|word| !word.is_empty());
            words.map(capital).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

/// `T1071`, of a subtechnique too, each once.
pub fn techniques(tags: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for name in named(tags).filter(|name| is_number(name, 't')) {
        let technique = name.split('.').next().unwrap_or(name).to_ascii_uppercase();
        if !found.contains(&technique) {
            found.push(technique);
        }
    }
    found
}

/// `T1071.001`
pub fn subtechniques(tags: &[String]) -> Vec<String> {
    named(tags).filter(|name| is_number(name, 't') && name.contains('.')).map(str::to_ascii_uppercase).collect()
}

fn named(tags: &[String]) -> impl Iterator<Item = &str> {
    tags.iter().filter_map(|tag| tag.strip_prefix("attack."))
}

/// A letter and digits; groups and software (`g0016`, `s0154`) have others.
fn is_number(name: &str, letter: char) -> bool {
    name.strip_prefix([letter, letter.to_ascii_uppercase()]).is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_digit()) && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    })
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_tactics_and_techniques() {
        let tags = [
            "attack.command-and-control",
            "attack.t1071.001",
            "attack.T1071",
            "attack.s0154",
            "cve.2024-1",
            "attack.g0016",
        ];
        let tags = tags.map(str::to_owned);
        assert_eq!(tactics(&tags), ["Command And Control"]);
        assert_eq!(techniques(&tags), ["T1071"]);
        assert_eq!(subtechniques(&tags), ["T1071.001"]);
    }
}
