//! Any bytes, as a history and as single values: nothing panics, and what was read and is written is read again as the
//! same.

#![no_main]

use glomers_check::{
    Operation, RunOptions, Value, edn,
    formats::{Reader, otlp},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(reader) = Reader::new(bytes) {
        for operation in reader {
            match operation {
                Ok(operation) => written_and_read(&operation),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
    if let Err(error) = otlp::read(bytes, &otlp::Mapping::default()) {
        assert!(!error.to_string().is_empty());
    }
    assert!(RunOptions::from_log(bytes).is_ok());
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for value in edn::read_forms(text).map_while(Result::ok) {
        assert_eq!(edn::read(&edn::pretty(&value)).as_ref(), Ok(&value));
        assert_eq!(edn::read(&value.to_string()), Ok(value));
    }
    for value in [Value::from_json(text), Value::from_json_body(text)].into_iter().flatten() {
        assert!(Value::from_json(&value.to_json()).is_ok());
        assert_eq!(value, value.clone());
    }
});

fn written_and_read(operation: &Operation) {
    let line = operation.to_string();
    let again = edn::read(&line).expect("what is written is EDN");
    assert_eq!(again.to_string(), line);
    assert!(!operation.to_text_line().is_empty());
}
