//! `elle/`: pictures of the cycles of transactions that the checker found.

use std::path::Path;

use glomers_check::{Name, Value, txn::draw_cycle};

use super::{ReportError, write_file};

/// The directory of the pictures, inside that of the run.
pub const DIRECTORY: &str = "elle";

/// How many cycles of one anomaly are drawn. The results name them all.
const MAX_CYCLES: usize = 16;

/// Draws the cycles in these results into files named by anomaly, such as `elle/G1c-1.svg`. Returns how many there are.
///
/// # Errors
/// A file can't be written.
pub fn write_cycles(results: &Value, run_directory: &Path) -> Result<usize, ReportError> {
    let directory = run_directory.join(DIRECTORY);
    let anomalies = results.get("workload").and_then(|workload| workload.get("anomalies"));
    let mut count = 0;
    for (anomaly, cases) in anomalies.and_then(Value::as_map).unwrap_or_default() {
        // The name becomes a file name, and the results may come from an untrusted file.
        let Some(name) = anomaly.as_keyword().filter(|name| is_file_name(name)) else { continue };
        let drawings = cases.as_elements().unwrap_or_default().iter().filter_map(draw_cycle);
        for (place, drawing) in drawings.take(MAX_CYCLES).enumerate() {
            if count == 0 {
                std::fs::create_dir_all(&directory)
                    .map_err(|source| ReportError::Write { path: directory.clone(), source })?;
            }
            write_file(&directory.join(format!("{name}-{}.svg", place + 1)), drawing.as_bytes())?;
            count += 1;
        }
    }
    Ok(count)
}

fn is_file_name(name: &str) -> bool {
    Name::is_plain(name) && !name.contains('/') && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use glomers_check::edn;

    use super::*;

    #[test]
    fn each_cycle_is_drawn_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let cycle = "{:cycle [{:index 1, :value [[:append :x 1]]} {:index 3, :value [[:append :y 2]]}], \
                      :steps ({:type :wr, :key :x} {:type :wr, :key :y}), :type :G1c}";
        let results = format!(
            "{{:workload {{:anomalies {{:G1c [{cycle} {cycle}], :internal [{{:op 1}}], \"../up\" [{cycle}]}}}}}}"
        );
        let results = edn::read(&results).unwrap();
        assert_eq!(write_cycles(&results, directory.path()).unwrap(), 2);
        let mut files: Vec<_> = std::fs::read_dir(directory.path().join(DIRECTORY))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        assert_eq!(files, ["G1c-1.svg", "G1c-2.svg"]);
        assert_eq!(write_cycles(&Value::Nil, directory.path()).unwrap(), 0);
    }
}
