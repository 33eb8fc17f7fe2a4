//! What a run of Jepsen or Maelstrom was told to do, as the beginning of its log shows it.

use std::io::{self, BufRead, Read};

use crate::{Value, edn};

/// How much of a log is looked at, in bytes: the options stand before the first operation.
const BEGINNING_BYTES: u64 = 4 << 20;

/// The options of a run of Jepsen or Maelstrom, from the beginning of the `jepsen.log` in its directory.
///
/// Jepsen logs its command line there, as `lein run test …`, and then the whole test as a map. A run's history says
/// neither which workload it is of nor which consistency models were promised; this does.
///
/// ```
/// use glomers_check::RunOptions;
/// let log = "2026-01-02 03:04:05,678{GMT}\tINFO\t[main] jepsen.core: Command line:\n\
///            lein run test -w txn-list-append --consistency-models read-committed --rate 100\n";
/// let options = RunOptions::from_log(log.as_bytes())?.expect("a command line");
/// assert_eq!(options.workload().as_deref(), Some("txn-list-append"));
/// assert_eq!(options.consistency_models(), ["read-committed"]);
/// assert_eq!(options.get(&["--rate"]), Some("100"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunOptions {
    /// The words of the command line, from `test` on; empty if the log has none.
    pub arguments: Vec<String>,
    /// The map of the test; nil if the log has none, or it cannot be read.
    pub test: Value,
}

impl RunOptions {
    /// Reads the options from a log. None if it shows neither a command line nor a test.
    ///
    /// # Errors
    /// The source cannot be read.
    pub fn from_log(source: impl BufRead) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        source.take(BEGINNING_BYTES).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let mut options = Self::default();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if options.arguments.is_empty()
                && let Some(command) = line.strip_prefix("lein run ")
            {
                options.arguments = words(command);
            } else if line.ends_with("Running test:") {
                // The map stands on the lines that follow; so does all else, which is not read.
                let from = lines
                    .clone()
                    .next()
                    .map_or(text.len(), |next| next.as_ptr() as usize - text.as_ptr() as usize);
                if let Some(Ok(test)) = edn::read_forms(&text[from..]).next() {
                    options.test = test;
                }
                break;
            }
        }
        Ok((options != Self::default()).then_some(options))
    }

    /// The name of the workload, if one was named: Maelstrom's `-w`, or what the test map says.
    pub fn workload(&self) -> Option<String> {
        self.get(&["--workload", "-w"]).map(str::to_owned).or_else(|| name(self.test.get("workload")?))
    }

    /// The consistency models that were promised, by their names; empty if none were named.
    pub fn consistency_models(&self) -> Vec<String> {
        if let Some(models) = self.get(&["--consistency-models"]) {
            return models.split(',').map(|model| model.trim().trim_start_matches(':').to_owned()).collect();
        }
        let models = self.test.get("consistency-models").and_then(Value::as_elements);
        models.unwrap_or_default().iter().filter_map(name).collect()
    }

    /// The value of an option of the command line that goes by any of these names; of several the last. What comes after
    /// `--` are no options of the run.
    pub fn get(&self, names: &[&str]) -> Option<&str> {
        let options: Vec<&str> =
            self.arguments.iter().map(String::as_str).take_while(|word| *word != "--").collect();
        let mut found = None;
        for (place, word) in options.iter().enumerate() {
            if names.contains(word) {
                found = options.get(place + 1).copied().or(found);
            } else if let Some((name, value)) = word.split_once('=')
                && names.contains(&name)
            {
                found = Some(value);
            }
        }
        found
    }
}

/// The name that a keyword, a symbol or a string is.
fn name(value: &Value) -> Option<String> {
    match value {
        Value::Keyword(name) | Value::Symbol(name) => Some(name.as_str().to_owned()),
        Value::String(text) => Some(text.as_str().to_owned()),
        _ => None,
    }
}

/// The words of a command line, as a shell divides them: Jepsen quotes what it has to.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(characters.next()),
            ('"' | '\'', None) => {
                word.get_or_insert_default();
                quote = Some(character);
            }
            (_, Some(open)) if character == open => quote = None,
            (_, None) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_map_tells_what_the_command_line_does_not() {
        let log = "INFO [main] jepsen.core: Command line:\nlein run test --bin \"a b\" -- -w no\n\
                   INFO [main] jepsen.core: Running test:\n{:workload :lin-kv\n :consistency-models [:linearizable]}\n\nINFO x\n";
        let options = RunOptions::from_log(log.as_bytes()).unwrap().unwrap();
        assert_eq!(options.workload().as_deref(), Some("lin-kv"));
        assert_eq!(options.consistency_models(), ["linearizable"]);
        assert_eq!(options.get(&["--bin"]), Some("a b"));
    }

    #[test]
    fn a_test_that_cannot_be_read_leaves_the_command_line() {
        let log = "Command line:\nlein run test --workload=echo -w kafka\nRunning test:\n{:a #=(x)\n";
        let options = RunOptions::from_log(log.as_bytes()).unwrap().unwrap();
        assert_eq!((options.workload().as_deref(), &options.test), (Some("kafka"), &Value::Nil));
        assert_eq!(RunOptions::from_log("INFO nothing\n".as_bytes()).unwrap(), None);
    }
}
