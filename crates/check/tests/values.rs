//! Values and operations survive every form they are written in.

use glomers_check::{MAX_DEPTH, Name, Operation, OperationKind, Process, Value, edn};
use proptest::prelude::*;

fn name() -> impl Strategy<Value = Name> {
    "[a-z][a-z0-9?_-]{0,8}(/[a-z]{1,4})?".prop_map(Name::from)
}

/// Values as they come from JSON or EDN: keys and elements all different.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<i128>().prop_map(Value::Int),
        "-?[1-9][0-9]{17,60}".prop_map(|digits| Value::integer(&digits).expect("digits")),
        (any::<i64>(), 1..=u32::MAX).prop_map(|(numerator, denominator)| {
            edn::read(&format!("{numerator}/{denominator}")).expect("a ratio")
        }),
        ("-?[0-9]{1,30}\\.[0-9]{1,30}", -500..500).prop_map(|(mantissa, exponent)| {
            edn::read(&format!("{mantissa}E{exponent}M")).expect("a decimal")
        }),
        any::<f64>()
            .prop_filter("a NaN has many bit patterns", |float| !float.is_nan())
            .prop_map(Value::Float),
        any::<String>().prop_map(Value::from),
        name().prop_map(Value::Keyword),
        name()
            .prop_filter("words with a meaning", |name| !["nil", "true", "false"].contains(&name.as_str()))
            .prop_map(Value::Symbol),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let items = prop::collection::vec(inner.clone(), 0..6);
        prop_oneof![
            items.clone().prop_map(Value::List),
            items.prop_map(Value::Vector),
            prop::collection::btree_set(inner.clone(), 0..6)
                .prop_map(|items| Value::Set(items.into_iter().collect())),
            prop::collection::btree_map(inner.clone(), inner.clone(), 0..6)
                .prop_map(|entries| Value::Map(entries.into_iter().collect())),
            (name(), inner).prop_map(|tagged| Value::Tagged(Box::new(tagged))),
        ]
    })
}

fn has_ratio(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_str().contains('/'),
        Value::List(items) | Value::Vector(items) | Value::Set(items) => items.iter().any(has_ratio),
        Value::Map(entries) => entries.iter().any(|(key, value)| has_ratio(key) || has_ratio(value)),
        Value::Tagged(tagged) => has_ratio(&tagged.1),
        _ => false,
    }
}

fn operation() -> impl Strategy<Value = Operation> {
    let kind = prop::sample::select(vec![
        OperationKind::Invoke,
        OperationKind::Ok,
        OperationKind::Fail,
        OperationKind::Info,
    ]);
    let process = prop_oneof![any::<u64>().prop_map(Process::Client), Just(Process::Nemesis)];
    let error = prop_oneof![Just(None), value().prop_map(Some)];
    (any::<u64>(), any::<u64>(), kind, process, name(), value(), error).prop_map(
        |(index, time_ns, kind, process, f, value, error)| {
            let index = index / 2;
            let extra =
                if index % 2 == 0 { Vec::new() } else { vec![(Name::from("final?"), Value::Bool(true))] };
            Operation { index, time_ns, kind, process, f, value, error, extra }
        },
    )
}

proptest! {
    #[test]
    fn edn_is_read_as_it_was_written(value in value()) {
        let line = value.to_string();
        prop_assert_eq!(edn::read(&line).unwrap().to_string(), line);
        prop_assert_eq!(edn::read(&edn::pretty(&value)).unwrap(), value);
    }

    #[test]
    fn any_reader_of_edn_reads_what_is_written(value in value()) {
        let text = value.to_string();
        // Infinities and ratios are Clojure's extensions.
        prop_assume!(!text.contains("##") && !has_ratio(&value));
        prop_assert!(edn_format::parse_str(&text).is_ok(), "{}", text);
    }

    #[test]
    fn text_that_is_not_edn_is_an_error_and_not_a_panic(text in any::<String>(), mixed in "[\\[\\](){}#\"\\\\:;_a1. ]{0,40}") {
        let _ = edn::read(&text);
        let _ = edn::read(&mixed);
    }

    #[test]
    fn the_compact_form_gives_the_same_operation_back(operation in operation()) {
        let bytes = postcard::to_stdvec(&operation).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Operation>(&bytes).unwrap(), operation);
    }

    #[test]
    fn an_operation_is_read_from_its_line(operation in operation()) {
        let read = Operation::from_value(edn::read(&operation.to_string()).unwrap()).unwrap();
        prop_assert_eq!(read, operation);
    }

    #[test]
    fn an_integer_of_json_is_written_as_it_was_read(digits in "-?[1-9][0-9]{0,60}") {
        let value = Value::from_json(&digits).unwrap();
        prop_assert!(value.is_integer());
        prop_assert_eq!(value.to_json(), digits.clone());
        prop_assert_eq!(edn::read(&value.to_string()).unwrap(), value.clone());
        prop_assert_eq!(edn::read(&format!("{digits}N")).unwrap(), value);
    }

    #[test]
    fn integers_are_in_the_order_of_numbers_whatever_their_size(a in "-?[1-9][0-9]{0,45}", b in "-?[1-9][0-9]{0,45}") {
        // Padded digits, with the digits of negative numbers turned round, are in the order of the numbers.
        let padded = |text: &str| match text.strip_prefix('-') {
            Some(digits) => (false, format!("{digits:0>50}").bytes().map(|digit| b'9' - digit).collect::<Vec<u8>>()),
            None => (true, format!("{text:0>50}").bytes().map(|digit| digit - b'0').collect()),
        };
        let (left, right) = (Value::integer(&a).unwrap(), Value::integer(&b).unwrap());
        prop_assert_eq!(left.cmp(&right), padded(&a).cmp(&padded(&b)));
    }

    #[test]
    fn what_is_written_as_json_is_json(value in value()) {
        prop_assert!(serde_json::from_str::<serde_json::Value>(&value.to_json()).is_ok(), "{}", value.to_json());
    }

    #[test]
    fn equal_values_have_equal_hashes(a in value(), b in value()) {
        use std::hash::BuildHasher;
        let hasher = rustc_hash::FxBuildHasher;
        prop_assert_eq!(hasher.hash_one(&a), hasher.hash_one(edn::read(&a.to_string()).unwrap()));
        prop_assert!(a != b || hasher.hash_one(&a) == hasher.hash_one(&b));
    }

    #[test]
    fn equality_and_order_agree(a in value(), b in value()) {
        prop_assert_eq!(a == b, a.cmp(&b).is_eq());
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
    }
}

#[test]
fn deep_nesting_is_refused_by_every_reader() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(edn::read(&nested(MAX_DEPTH)).is_ok());
    let error = edn::read(&nested(100_000)).unwrap_err();
    assert!(error.reason.contains("levels deep"), "{error}");
    assert!(edn::read(&"#_".repeat(100_000)).is_err());
    assert!(edn::read(&"#a ".repeat(100_000)).is_err());

    // In the compact form a vector of one vector is its tag and its length.
    let vector = postcard::to_stdvec(&Value::Vector(vec![Value::Nil])).unwrap();
    let deep = vector[..2].repeat(100_000);
    assert!(postcard::from_bytes::<Value>(&deep).is_err());
}

#[test]
fn control_characters_have_no_place_in_names() {
    for text in ["a\u{1b}[31m", ":a\u{7}", "\\\u{1b}", "#a\u{1b} 1"] {
        let error = edn::read(text).unwrap_err();
        assert!(error.reason.contains("control character"), "{error}");
    }
}

#[test]
fn numbers_of_an_entry_beyond_64_bits_are_marked_as_edn_asks_for_it() {
    let line = Operation::invoke(u64::MAX, "read", ()).at(u64::MAX, u64::MAX).to_string();
    assert_eq!(edn::read(&line).unwrap().to_string(), line);
}

#[test]
fn a_character_literal_has_a_character() {
    // Whatever came next in the line of an entry would have become the character.
    for text in ["\\", "\\ ", "[\\\n]"] {
        assert!(edn::read(text).is_err(), "{text:?}");
    }
    for text in ["\\a", "\\newline", "[\\} \\\"]"] {
        assert_eq!(edn::read(text).unwrap().to_string(), text);
    }
}
