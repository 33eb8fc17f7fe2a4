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
    with_options(command_line, &["--seed", "--test-count"], ["--seed".to_owned(), seed.to_string()])
}

/// The command line of a sweep of one seed.
pub(crate) fn with_seeds(command_line: &[String], seed: u64) -> Vec<String> {
    with_options(command_line, &["--seeds"], ["--seeds".to_owned(), seed.to_string()])
}

/// The words as typed, without some options and with another.
fn with_options(command_line: &[String], left_out: &[&str], added: [String; 2]) -> Vec<String> {
    let node_arguments = command_line.iter().position(|word| word == "--").unwrap_or(command_line.len());
    let mut words: Vec<String> = Vec::new();
    let mut skip_value = false;
    for word in &command_line[..node_arguments] {
        let is_with_value =
            left_out.iter().any(|name| word.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')));
        if std::mem::take(&mut skip_value) || is_with_value {
            continue;
        }
        skip_value = left_out.contains(&word.as_str());
        if !skip_value {
            words.push(word.clone());
        }
    }
    words.extend(added);
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
