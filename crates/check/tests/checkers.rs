//! Small histories in, results out.

use glomers_check::{
    Availability, AvailabilityGoal, Checker, Composition, Echo, Exceptions, History, HistoryError, Mode,
    Operation, Stats, Validity, Verdict, check, edn,
};

fn verdict(checker: impl Checker + 'static, history: &str) -> Verdict {
    check(&History::from_edn(history).expect("a history"), checker)
}

const WRONG_AND_FAILED: &str = r#"
    {:index 0, :time 1, :type :invoke, :process 0, :f :echo, :value "a"}
    {:index 1, :time 2, :type :ok, :process 0, :f :echo, :value {:echo "b"}}
    {:index 2, :time 3, :type :invoke, :process 1, :f :echo, :value "c"}
    {:index 3, :time 4, :type :fail, :process 1, :f :echo, :value "c", :error [:abort "no"]}
    {:index 4, :time 5, :type :invoke, :process 2, :f :echo, :value "d"}
    {:index 5, :time 6, :type :info, :process 2, :f :echo, :value "d", :error :net-timeout}"#;

#[test]
fn echo_names_the_reply_that_was_wrong() {
    let verdict = verdict(Echo::new(Mode::Strict), WRONG_AND_FAILED);
    assert_eq!(verdict.validity, Validity::Invalid);
    assert_eq!(verdict.findings.len(), 1);
    assert_eq!(verdict.findings[0].operations, [0, 1]);
    insta::assert_snapshot!(verdict.findings[0].sentence, @r#"Process 0 asked to echo "a" and received {:echo "b"}."#);
}

#[test]
fn compat_echo_counts_a_definite_error_as_wrong() {
    let verdict = verdict(Echo::new(Mode::Compat), WRONG_AND_FAILED);
    insta::assert_snapshot!(edn::pretty(&verdict.results), @r#"
    {:valid? false,
     :errors (["Expected a message with :echo"
               "a"
               "But received"
               {:echo "b"}]
              ["Expected a message with :echo" "c" "But received" "c"])}
    "#);
}

#[test]
fn a_missing_payload_is_wrong_even_where_nil_was_sent_as_text() {
    let history =
        "{:type :invoke, :process 0, :f :echo, :value \"nil\"}\n{:type :ok, :process 0, :f :echo, :value {}}";
    assert_eq!(verdict(Echo::new(Mode::Strict), history).validity, Validity::Invalid);
}

#[test]
fn stats_need_a_success_of_each_function() {
    let verdict = verdict(Stats::default(), WRONG_AND_FAILED);
    assert_eq!(verdict.validity, Validity::Valid);
    insta::assert_snapshot!(verdict.results, @"{:valid? true, :count 3, :ok-count 1, :fail-count 1, :info-count 1, :by-f {:echo {:valid? true, :count 3, :ok-count 1, :fail-count 1, :info-count 1}}}");
}

#[test]
fn availability_of_an_empty_history_is_complete() {
    let verdict = verdict(Availability::new(AvailabilityGoal::Total), "");
    insta::assert_snapshot!(verdict.results, @"{:valid? true, :ok-fraction 1}");
}

#[test]
fn exceptions_are_grouped_by_class_and_never_invalidate() {
    let history = r#"{:type :info, :process 0, :f :echo, :value 1, :exception {:via [{:type :malformed-reply}]}, :error "e"}
        {:type :info, :process 1, :f :echo, :value 2, :exception {:via [{:type :malformed-reply}]}, :error "f"}"#;
    let verdict = verdict(Exceptions::default(), history);
    assert_eq!(verdict.validity, Validity::Valid);
    insta::assert_snapshot!(edn::pretty(&verdict.results), @r#"
    {:valid? true,
     :exceptions ({:count 2,
                   :class :malformed-reply,
                   :example #jepsen.history.Op{:index 0,
                                               :time 0,
                                               :type :info,
                                               :process 0,
                                               :f :echo,
                                               :value 1,
                                               :exception {:via [{:type :malformed-reply}]},
                                               :error "e"}})}
    "#);
}

#[test]
fn a_checker_that_crashes_makes_the_whole_unknown_and_spares_the_others() {
    struct CrashesAt(u64);
    impl Checker for CrashesAt {
        fn observe(&mut self, operation: &Operation) {
            assert!(operation.index < self.0, "too many operations");
        }
        fn finish(self: Box<Self>) -> Verdict {
            Verdict::bare(Validity::Valid)
        }
    }
    let checker = Composition::new().with("stats", Stats::default()).with("workload", CrashesAt(3));
    let verdict = verdict(checker, WRONG_AND_FAILED);
    assert_eq!(verdict.validity, Validity::Unknown);
    insta::assert_snapshot!(verdict.results.get("workload").unwrap(), @r#"{:valid? :unknown, :error "The checker crashed at operation 3: too many operations"}"#);
    assert_eq!(verdict.results.get("stats").unwrap().get("valid?").unwrap().as_bool(), Some(true));
}

#[test]
fn a_history_may_be_lines_or_one_vector() {
    let operations = "{:type :invoke, :process 3, :f :read, :value nil}\n\n; a comment\n#jepsen.history.Op{:type :ok, :process 3, :f :read, :value 7}\n";
    let lines = History::from_edn(operations).unwrap();
    let vector = History::from_edn(&format!("[{operations}]")).unwrap();
    assert_eq!(lines, vector);
    assert_eq!(lines.operations().iter().map(|operation| operation.index).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_line_that_is_no_operation_is_named_with_what_was_expected() {
    let error = |text: &str| History::from_edn(text).unwrap_err();
    assert!(matches!(error("{:type :ok}\n"), HistoryError::NotAnOperation { line: 1, .. }));
    insta::assert_snapshot!(error("{:type :ok, :process 0, :f :read}\n\n{:type :done, :process 0, :f :read}"), @"line 3 of the history is not an operation: :type is :done; expected, for example, {:type :invoke, :process 0, :f :read, :value nil}");
    insta::assert_snapshot!(error("\n\n{:type :ok"), @"the history was cut short: the entry that begins on line 3 has no end; remove it to check what comes before");
}

#[test]
fn text_lines_have_tabs_between_their_fields() {
    let history = History::from_edn(WRONG_AND_FAILED).unwrap();
    let lines: Vec<String> = history.operations().iter().map(Operation::to_text_line).collect();
    assert_eq!(lines[0], "0\t:invoke\t:echo\t\"a\"");
    assert_eq!(lines[3], "1\t:fail\t:echo\t\"c\"\t[:abort \"no\"]");
}
