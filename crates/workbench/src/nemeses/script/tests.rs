use super::*;
use crate::plan::numbered_nodes;

fn read(text: &str) -> Result<Vec<Statement>, ScriptError> {
    statements(&FaultScript::new(text), &numbered_nodes(4))
}

/// What a script is written down as after it has been read.
#[track_caller]
fn normal(text: &str) -> String {
    let statements = read(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    write(&statements).text().trim_end().to_owned()
}

#[test]
fn every_statement_is_read_and_written_back() {
    for text in [
        "at 2s for 4s cut n1 from n2, n3",
        "at 0s cut n0, n1 from n2, n3",
        "at 1.5s cut n0 to n1 and n1 to n2, n3",
        "at 250ms lose 20%",
        "at 1s lose 70% on n0 to n1 and n2 to n3",
        "at 1s slow n0, n3 by 200ms",
        "at 1s duplicate 10% within 1s",
        "at 1s for 0.25ms reorder 33.3% within 1.000000001s",
        "at 4s kill n2",
        "at 4s for 1s pause n0, n1",
        "at 1s kill nobody",
        "at 1s cut nobody",
        "at 8s heal",
        "when n1 sends append_entries 10 times after 50ms for 1s kill n1",
        "when n2 receives init pause n2",
    ] {
        assert_eq!(normal(text), text);
    }
}

#[test]
fn a_script_may_be_written_in_several_ways() {
    for (text, expected) in [
        (
            "at 2 s cut n1 from n2,n3; at 4 s kill n2 ;at 6 s heal",
            "at 2s cut n1 from n2, n3\nat 4s kill n2\nat 6s heal",
        ),
        ("# nothing\n\n   # more\n;;", ""),
        ("at 1min, for 1000 ms, pause all # stop", "at 60s for 1s pause n0, n1, n2, n3"),
        ("at 1s cut n1 from others", "at 1s cut n1 from n0, n2, n3"),
        ("at 1s cut all to n1", "at 1s cut n0, n2, n3 to n1"),
        ("at 1s cut n0 to n1 and n1 to n0", "at 1s cut n0 from n1"),
        ("at 1s lose 0.25", "at 1s lose 25%"),
        ("when n1 sends x 1 time, kill n1, n1", "when n1 sends x kill n1"),
        ("at 1us kill n1", "at 0.001ms kill n1"),
    ] {
        assert_eq!(normal(text), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_is_named_with_line_and_column() {
    for (text, expected) in [
        ("at 1s kill n9", "line 1, column 12: expected a node of this run (n0, n1, n2, n3), found \"n9\""),
        ("at 2s heal\n at 1s heal", "line 2, column 2: 1s is before 2s of line 1"),
        ("at 1s heal; at 1 heal", "line 1, column 16: expected a time with its unit"),
        ("at 1s; heal", "line 1, column 6: the statement ends here, where cut, lose"),
        ("kill n1", "line 1, column 1: expected `at TIME` or `when NODE sends TYPE`, found \"kill\""),
        (
            "at 1s explode n1",
            "line 1, column 7: expected cut, lose, slow, duplicate, reorder, kill, pause or heal",
        ),
        (
            "at 1s cut n1 n2",
            "line 1, column 14: expected `from` (both directions) or `to` (one direction), found \"n2\"",
        ),
        ("at 1s slow n1 200ms", "line 1, column 15: expected `by`, found \"200ms\""),
        ("at 1s lose 120%", "line 1, column 12: expected a probability such as 20% or 0.2, found \"120%\""),
        ("at 1s for 2s heal", "line 1, column 7: `heal` does not last"),
        ("at 1s kill n1 n2", "line 1, column 15: expected the end of the statement"),
        ("at 1s kill n1,", "line 1, column 15: the statement ends here, where a node of this run"),
        ("when n1 says x kill n1", "line 1, column 9: expected `sends` or `receives`, found \"says\""),
        ("when n1 sends", "line 1, column 14: the statement ends here, where the type of a message"),
        ("when n1 sends x 0 times kill n1", "line 1, column 17: expected a number above 0"),
        ("when n1 sends x 3 kill n1", "line 1, column 19: expected `times`"),
        ("at 1x kill n1", "line 1, column 4: expected a time with its unit"),
        ("at 1.s kill n1", "line 1, column 4: expected a time with its unit"),
        ("at 100000000s kill n1", "line 1, column 4: expected a time of at most a day"),
        ("at 99999999999999999999s kill n1", "line 1, column 4: expected a time of at most a day"),
        ("at é kill n1", "line 1, column 4: expected a time with its unit, such as 2s or 200ms, found \"é\""),
    ] {
        let error = read(text).expect_err(text).to_string();
        assert!(error.starts_with(expected), "{text:?}: {error}");
    }
}

#[test]
fn no_text_makes_the_reader_panic() {
    let mut random = glomers_node::Random::derive(1, "scripts");
    let pieces = [
        "at",
        "when",
        "1s",
        "0.5",
        "ms",
        "for",
        "cut",
        "from",
        "to",
        "and",
        "n0",
        "n3",
        ",",
        ";",
        "\n",
        "#",
        "kill",
        "heal",
        "lose",
        "20%",
        "on",
        "sends",
        "é",
        "\u{feff}",
        "-1s",
        "99999999999999999999999s",
        "others",
        "all",
        "nobody",
        "within",
        "\t",
    ];
    for _ in 0..20_000 {
        let count = random.below(12);
        let text: Vec<&str> = (0..count).filter_map(|_| random.choose(&pieces).copied()).collect();
        for text in [text.join(" "), text.concat()] {
            if let Ok(statements) = read(&text) {
                let written = write(&statements);
                assert_eq!(read(written.text()).as_ref(), Ok(&statements), "{text:?}");
            }
        }
    }
}
