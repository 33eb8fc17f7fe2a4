//! Command lines that can be copied into a shell.

/// Words as one command line, quoted so that a shell splits it into the same words.
pub(crate) fn command_line<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    words.into_iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word, quoted for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./=:,@%+".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The command line that repeats a test: the words as typed, with the seed.
pub(crate) fn with_seed(command_line: &[String], seed: u64) -> Vec<String> {
    let node_arguments = command_line.iter().position(|word| word == "--").unwrap_or(command_line.len());
    let mut words: Vec<String> = Vec::new();
    let mut skip_value = false;
    for word in &command_line[..node_arguments] {
        if std::mem::take(&mut skip_value) || word.starts_with("--seed=") || word.starts_with("--test-count=")
        {
            continue;
        }
        skip_value = word == "--seed" || word == "--test-count";
        if !skip_value {
            words.push(word.clone());
        }
    }
    words.extend(["--seed".to_owned(), seed.to_string()]);
    words.extend_from_slice(&command_line[node_arguments..]);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(line: &[&str]) -> String {
        let line: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
        command_line(&with_seed(&line, 42))
    }

    #[test]
    fn the_command_runs_again_with_its_seed() {
        assert_eq!(again(&["glomers", "test", "-w", "echo"]), "glomers test -w echo --seed 42");
        assert_eq!(
            again(&["glomers", "test", "--seed", "7", "-w", "echo"]),
            "glomers test -w echo --seed 42"
        );
        assert_eq!(again(&["glomers", "test", "--seed=7", "--test-count", "3"]), "glomers test --seed 42");
        assert_eq!(again(&["glomers", "test", "--", "--seed", "7"]), "glomers test --seed 42 -- --seed 7");
        assert_eq!(
            again(&["glomers", "test", "--bin", "my node's"]),
            r"glomers test --bin 'my node'\''s' --seed 42"
        );
    }
}
