//! Any small history, through every checker: none panics, each comes to a verdict, and the verdict can be written.

#![no_main]

use arbitrary::Unstructured;
use glomers_check::{Validity, edn};
use glomers_check_fuzz::{checkers, histories};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(history) = histories::history(&mut Unstructured::new(bytes)) else { return };
    for mut checker in checkers::all() {
        // Without a guard: a panic is what is looked for.
        history.iter().for_each(|operation| checker.observe(operation));
        let verdict = checker.finish();
        let valid = verdict.results.get("valid?").and_then(Validity::from_value);
        assert!(valid.is_none_or(|valid| valid == verdict.validity), "{}", verdict.results);
        assert!(verdict.validity == Validity::Valid || !verdict.findings.is_empty(), "{}", verdict.results);
        assert!(edn::read(&edn::pretty(&verdict.results)).is_ok());
    }
});
