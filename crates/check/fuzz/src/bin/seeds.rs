//! Writes small histories in every format, for the readers' corpus: `seeds DIRECTORY`.

use std::path::Path;

use arbitrary::Unstructured;
use glomers_check::Operation;
use glomers_check_fuzz::histories;

/// Histories of each format.
const COUNT: u64 = 64;

fn main() -> std::io::Result<()> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "corpus/readers".to_owned());
    let directory = Path::new(&directory);
    std::fs::create_dir_all(directory)?;
    for number in 0..COUNT {
        let bytes = bytes(number);
        let Ok(history) = histories::history(&mut Unstructured::new(&bytes)) else { continue };
        let formats = [
            ("edn", edn(&history)),
            ("json", json(&history)),
            ("txt", columns(&history)),
            ("awdit", awdit(&bytes)),
        ];
        for (extension, text) in formats {
            std::fs::write(directory.join(format!("{number}.{extension}")), text)?;
        }
    }
    Ok(())
}

/// Bytes that differ from number to number and from place to place (SplitMix64).
fn bytes(number: u64) -> Vec<u8> {
    let word = |place: u64| {
        let mut mixed = (number << 32 | place).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)).to_le_bytes()
    };
    (0..64).flat_map(word).collect()
}

fn edn(history: &[Operation]) -> String {
    history.iter().map(|operation| format!("{operation}\n")).collect()
}

fn json(history: &[Operation]) -> String {
    let line = |operation: &Operation| {
        glomers_check::edn::read(&operation.to_string())
            .map_or_else(|_| String::new(), |value| value.to_json() + "\n")
    };
    history.iter().map(line).collect()
}

fn columns(history: &[Operation]) -> String {
    history.iter().map(|operation| operation.to_text_line() + "\n").collect()
}

fn awdit(bytes: &[u8]) -> String {
    let line = |byte: &u8| match byte % 8 {
        0 => "-----\n".to_owned(),
        1 => "=====\n".to_owned(),
        2..=4 => format!("w {} {}\n", byte / 8 % 3, byte / 32),
        _ => format!("r {} {}\n", byte / 8 % 3, byte / 32),
    };
    bytes.iter().take(40).map(line).collect()
}
