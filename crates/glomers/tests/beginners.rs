//! The mistakes that nodes are most often written with, and what the workbench says of each: real programs in Python, Go and Rust, each
//! with one bug. The table in `docs/src/what-nodes-get-wrong.md` is held equal to this one.

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use support::{Ended, Sandbox};

/// How many runs go on at once: most of them wait for a time-out.
const PARALLEL_RUNS: usize = 8;

/// A correct node, whose functions each Python program below replaces by wrong ones.
const PYTHON: &str = r#"#!/usr/bin/env python3
import json, sys, threading, time

node_id = None

def write(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()

def send(dest, body):
    write(json.dumps({"src": node_id, "dest": dest, "body": body}))

def reply(request, body):
    body["in_reply_to"] = request["body"]["msg_id"]
    send(request["src"], body)

def init(request):
    reply(request, {"type": "init_ok"})

def handle(request):
    reply(request, {"type": "echo_ok", "echo": request["body"]["echo"]})

def main():
    global node_id
    for line in sys.stdin:
        request = json.loads(line)
        if request["body"]["type"] == "init":
            node_id = request["body"]["node_id"]
            init(request)
        else:
            handle(request)

"#;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Python,
    Go,
    Rust,
}

/// A bug and what is said of it.
struct Case {
    bug: &'static str,
    language: Language,
    /// `-w` and what differs from the usual options.
    options: &'static str,
    program: &'static str,
    /// What the output contains. The first stands in the table.
    said: &'static [&'static str],
}

const fn python(
    bug: &'static str,
    options: &'static str,
    program: &'static str,
    said: &'static [&'static str],
) -> Case {
    Case { bug, language: Language::Python, options, program, said }
}

const CASES: &[Case] = &[
    python(
        "debug output on stdout",
        "echo",
        "def handle(r):\n    print('got', r['body']['echo'])\n    reply(r, {'type': 'echo_ok', 'echo': r['body']['echo']})",
        &["printed a line that is not a message", "log to stderr"],
    ),
    python(
        "stdout is not flushed",
        "echo",
        "def write(text):\n    sys.stdout.write(text + '\\n')",
        &["did not answer its init message within 10 s", "flush"],
    ),
    python(
        "no newline after a message",
        "echo",
        "def write(text):\n    sys.stdout.write(text)\n    sys.stdout.flush()",
        &["did not answer its init message within 10 s"],
    ),
    python(
        "`in_reply_to` is missing",
        "echo",
        "def handle(r):\n    send(r['src'], {'type': 'echo_ok', 'echo': r['body']['echo']})",
        &["had no `in_reply_to`; it must be the `msg_id` of the request", "timed out (outcome unknown)"],
    ),
    python(
        "`in_reply_to` is a string",
        "echo",
        "def handle(r):\n    send(r['src'], {'type': 'echo_ok', 'echo': r['body']['echo'], 'in_reply_to': str(r['body']['msg_id'])})",
        &["had an `in_reply_to` that is not an integer", "`in_reply_to` was \"1\""],
    ),
    python(
        "`in_reply_to` is a fraction",
        "echo",
        "def handle(r):\n    send(r['src'], {'type': 'echo_ok', 'echo': r['body']['echo'], 'in_reply_to': float(r['body']['msg_id'])})",
        &["had an `in_reply_to` that is not an integer", "was 1.0"],
    ),
    python(
        "`in_reply_to` is the node's own counter",
        "echo",
        "count = 1000\ndef handle(r):\n    global count\n    count += 1\n    send(r['src'], {'type': 'echo_ok', 'echo': r['body']['echo'], 'in_reply_to': count})",
        &["had an `in_reply_to` of no request that the client had sent", "was 1001"],
    ),
    python(
        "the reply has no `type`",
        "echo",
        "def handle(r):\n    reply(r, {'echo': r['body']['echo']})",
        &["had no `type`"],
    ),
    python(
        "the reply's type is misspelt",
        "echo",
        "def handle(r):\n    reply(r, {'type': 'echo_okay', 'echo': r['body']['echo']})",
        &["`type` should be \"echo_ok\", but is \"echo_okay\""],
    ),
    python(
        "a field has another name",
        "echo",
        "def handle(r):\n    reply(r, {'type': 'echo_ok', 'text': r['body']['echo']})",
        &["`text` is not a key of this reply; `echo` is missing"],
    ),
    python(
        "a request is answered twice",
        "echo",
        "def handle(r):\n    for _ in range(2):\n        reply(r, {'type': 'echo_ok', 'echo': r['body']['echo']})",
        &["came after the request had been answered; the client took the first reply"],
    ),
    python(
        "the reply goes to a name that nobody has",
        "echo",
        "def handle(r):\n    send('client', {'type': 'echo_ok', 'echo': r['body']['echo'], 'in_reply_to': r['body']['msg_id']})",
        &["sent a message to \"client\", but nobody in this cluster has that name"],
    ),
    python(
        "`src` is another node's id",
        "echo",
        "def send(dest, body):\n    write(json.dumps({'src': node_id if body['type'] == 'init_ok' else 'n9', 'dest': dest, 'body': body}))",
        &["\"n9\""],
    ),
    python(
        "init is answered before the id is stored",
        "echo",
        "def send(dest, body):\n    write(json.dumps({'src': None, 'dest': dest, 'body': body}))",
        &["`src` is missing"],
    ),
    python(
        "init is answered twice",
        "echo",
        "def init(r):\n    reply(r, {'type': 'init_ok'})\n    reply(r, {'type': 'init_ok'})",
        &["answered init twice"],
    ),
    python(
        "init is not answered",
        "echo",
        "def init(r):\n    pass",
        &["did not answer its init message within 10 s", "does it read stdin"],
    ),
    python(
        "init is answered with another type",
        "echo",
        "def init(r):\n    reply(r, {'type': 'init_okay'})",
        &["answered its init message with type \"init_okay\" instead of \"init_ok\""],
    ),
    python(
        "topology is not answered",
        "broadcast",
        "def handle(r):\n    pass",
        &["did not answer its \"topology\" message as it should", "no usable reply within 5 s"],
    ),
    python(
        "an exception ends the node",
        "echo",
        "def handle(r):\n    reply(r, {'type': 'echo_ok', 'echo': r['body']['ecko']})",
        &["exited with status 1", "KeyError: 'ecko'"],
    ),
    python(
        "an exception is answered with error 13",
        "echo",
        "def handle(r):\n    reply(r, {'type': 'error', 'code': 13, 'text': \"KeyError: 'ecko'\"})",
        &["`echo` requests failed with error 13 (crash)", "KeyError: 'ecko'", "node-logs/n0.log"],
    ),
    python(
        "no handler for a type",
        "echo",
        "def handle(r):\n    reply(r, {'type': 'error', 'code': 10, 'text': 'what is echo?'})",
        &["`echo` requests failed with error 10 (not-supported)", "what is echo?"],
    ),
    python(
        "the node is never ready",
        "lin-kv",
        "def handle(r):\n    reply(r, {'type': 'error', 'code': 11, 'text': 'no leader yet'})",
        &["failed with error 11 (temporarily-unavailable)", "no leader yet"],
    ),
    python(
        "an error's code is a string",
        "echo",
        "def handle(r):\n    reply(r, {'type': 'error', 'code': '11', 'text': 'later'})",
        &["an error needs an integer `code`"],
    ),
    python(
        "the node ends after its first message",
        "echo",
        "def init(r):\n    reply(r, {'type': 'init_ok'})\n    time.sleep(0.2)\n    sys.exit(0)",
        &["exited with status 0"],
    ),
    python(
        "a number is sent as a string",
        "g-counter",
        "def handle(r):\n    reply(r, {'type': 'add_ok'} if r['body']['type'] == 'add' else {'type': 'read_ok', 'value': '0'})",
        &["`value` should be an integer, but is \"0\""],
    ),
    python(
        "a set is sent as an object",
        "g-set",
        "def handle(r):\n    reply(r, {'type': 'add_ok'} if r['body']['type'] == 'add' else {'type': 'read_ok', 'value': {'1': True}})",
        &["`value` should be [any JSON value, …], but is {\"1\":true}"],
    ),
    python(
        "nodes share a counter that is not shared",
        "unique-ids --node-count 2",
        "count = 0\ndef handle(r):\n    global count\n    count += 1\n    reply(r, {'type': 'generate_ok', 'id': count})",
        &["more than once"],
    ),
    python(
        "a handler sleeps in the reading loop",
        "echo --time-limit 7 --rate 2",
        "def handle(r):\n    time.sleep(5.5)\n    reply(r, {'type': 'echo_ok', 'echo': r['body']['echo']})",
        &["came after the client had given up", "keeps all other messages waiting"],
    ),
    python(
        "a handler waits for a reply that only the reading loop could give it",
        "echo",
        "def handle(r):\n    threading.Event().wait()",
        &["timed out: no usable reply from n0 within 5 s"],
    ),
    python(
        "the thread that reads has died",
        "echo",
        "def handle(r):\n    raise ValueError('bad request')\nreading = main\ndef main():\n    threading.Thread(target=reading).start()\n    threading.Event().wait()",
        &["timed out: no usable reply from n0 within 5 s"],
    ),
    python(
        "a reply carries a whole state",
        "echo --rate 2",
        "def handle(r):\n    reply(r, {'type': 'echo_ok', 'echo': 'x' * (17 << 20)})",
        &["printed a line of more than 16 MiB"],
    ),
    python(
        "a reply is megabytes long and wrong",
        "echo --rate 2",
        "def handle(r):\n    reply(r, {'type': 'echo_okay', 'echo': 'x' * (3 << 20)})",
        &["`type` should be \"echo_ok\"", "bytes)"],
    ),
    python(
        "bytes that are not UTF-8",
        "echo",
        "def handle(r):\n    sys.stdout.buffer.write(b'\\xff\\xfe\\n')\n    sys.stdout.buffer.flush()",
        &["printed a line that is not UTF-8"],
    ),
    python(
        "a byte order mark",
        "echo",
        "def write(text):\n    sys.stdout.buffer.write(('\\ufeff' + text + '\\n').encode())\n    sys.stdout.buffer.flush()",
        &["not JSON at column 1"],
    ),
    python(
        "JSON over several lines",
        "echo",
        "def send(dest, body):\n    write(json.dumps({'src': node_id, 'dest': dest, 'body': body}, indent=1))",
        &["printed a line that is not a message", "a message spread over several lines"],
    ),
    python(
        "NaN in JSON",
        "echo",
        "def handle(r):\n    reply(r, {'type': 'echo_ok', 'echo': float('nan')})",
        &["not JSON at column"],
    ),
    python(
        "a reserved key twice",
        "echo",
        "def handle(r):\n    n = r['body']['msg_id']\n    write('{\"src\":\"n0\",\"dest\":\"%s\",\"body\":{\"type\":\"echo_ok\",\"in_reply_to\":%d,\"in_reply_to\":%d}}' % (r['src'], n, n))",
        &["had `type`, `msg_id` or `in_reply_to` twice or malformed"],
    ),
    python(
        "lines end with CR LF (which is allowed)",
        "echo",
        "def write(text):\n    sys.stdout.write(text + '\\r\\n')\n    sys.stdout.flush()",
        &["all of them ok"],
    ),
    Case {
        bug: "Go: a `bufio.Writer` is not flushed",
        language: Language::Go,
        options: "echo",
        program: r#"package main

import ("bufio"; "fmt"; "os")

func main() {
	in, out := bufio.NewScanner(os.Stdin), bufio.NewWriter(os.Stdout)
	for in.Scan() {
		fmt.Fprintln(out, `{"src":"n0","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}`)
	}
}
"#,
        said: &["did not answer its init message within 10 s", "flush"],
    },
    Case {
        bug: "Go: `fmt.Println` for debugging",
        language: Language::Go,
        options: "echo",
        program: r#"package main

import ("bufio"; "fmt"; "os")

func main() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		fmt.Println("received", in.Text())
		fmt.Println(`{"src":"n0","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}`)
	}
}
"#,
        said: &["printed a line that is not a message", "log to stderr"],
    },
    Case {
        bug: "Go: a nil map is written to",
        language: Language::Go,
        options: "echo",
        program: r#"package main

import ("bufio"; "fmt"; "os")

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Scan()
	fmt.Println(`{"src":"n0","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}`)
	var seen map[string]bool
	for in.Scan() {
		seen[in.Text()] = true
	}
}
"#,
        said: &["exited with status 2", "assignment to entry in nil map"],
    },
    Case {
        bug: "Rust: `unwrap` on what is not there",
        language: Language::Rust,
        options: "echo",
        program: r##"fn main() {
    for (number, line) in std::io::stdin().lines().enumerate() {
        let line = line.unwrap();
        if number == 0 {
            println!(r#"{{"src":"n0","dest":"c0","body":{{"type":"init_ok","in_reply_to":1}}}}"#);
        } else {
            line.find("no such key").unwrap();
        }
    }
}
"##,
        said: &["exited with status 101", "called `Option::unwrap()` on a `None` value"],
    },
    Case {
        bug: "Rust: `print!` without a newline",
        language: Language::Rust,
        options: "echo",
        program: r##"fn main() {
    for line in std::io::stdin().lines() {
        let _ = line;
        print!(r#"{{"src":"n0","dest":"c0","body":{{"type":"init_ok","in_reply_to":1}}}}"#);
    }
}
"##,
        said: &["did not answer its init message within 10 s"],
    },
];

/// Writes or builds a program. `None` where its language is not installed, which is said.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn build(case: &Case, directory: &Path) -> Option<PathBuf> {
    let (source, program) = match case.language {
        Language::Python => (directory.join("node.py"), directory.join("node.py")),
        Language::Go => (directory.join("node.go"), directory.join("node")),
        Language::Rust => (directory.join("node.rs"), directory.join("node")),
    };
    let (compiler, probe) = match case.language {
        Language::Python => ("python3", "--version"),
        Language::Go => ("go", "version"),
        Language::Rust => ("rustc", "--version"),
    };
    if !Command::new(compiler).arg(probe).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no {compiler} on this machine, so nothing is known of {:?}", case.bug);
        return None;
    }
    if case.language == Language::Python {
        fs::write(&source, format!("{PYTHON}{}\n\nmain()\n", case.program)).expect("writable");
        fs::set_permissions(&source, fs::Permissions::from_mode(0o755)).expect("writable");
        return Some(program);
    }
    fs::write(&source, case.program).expect("writable");
    let mut command = Command::new(compiler);
    match case.language {
        Language::Go => command.args(["build", "-o"]).arg(&program).arg(&source),
        _ => command.args(["--edition", "2024", "-o"]).arg(&program).arg(&source),
    };
    let built = command.current_dir(directory).output().expect("the compiler starts");
    assert!(built.status.success(), "{}: {}", case.bug, String::from_utf8_lossy(&built.stderr));
    Some(program)
}

/// What the workbench says of a program; nothing where its language is not installed.
fn run(case: &Case) -> Option<Ended> {
    let sandbox = Sandbox::new();
    let program = build(case, sandbox.path())?;
    let mut arguments = vec!["test", "--bin", program.to_str().expect("a plain path")];
    arguments.extend([
        "--node-count",
        "1",
        "--time-limit",
        "1",
        "--rate",
        "20",
        "--recovery-time",
        "0",
        "-w",
    ]);
    arguments.extend(case.options.split_whitespace());
    let mut command = sandbox.glomers(&arguments);
    command.env_remove("PYTHONUNBUFFERED");
    Some(sandbox.run(command))
}

/// What should have been said of a program and was not.
fn what_is_missing(case: &Case) -> Option<String> {
    let ended = run(case)?;
    let is_said = |words: &&&str| ended.stdout.contains(**words);
    let missing: Vec<&&str> = case.said.iter().filter(|words| !is_said(words)).collect();
    let is_short = ended.stdout.len() < 64 << 10;
    (!missing.is_empty() || !is_short)
        .then(|| format!("{}: {missing:?} is not in\n{}\n{}", case.bug, ended.stdout, ended.stderr))
}

#[test]
fn every_bug_is_named_in_words() {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL_RUNS {
            scope.spawn(|| {
                while let Some(case) = CASES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let missing = what_is_missing(case);
                    failures.lock().expect("no run panics").extend(missing);
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no run panics");
    assert!(failures.is_empty(), "{} of {}:\n\n{}", failures.len(), CASES.len(), failures.join("\n\n"));
}

/// The page's table. With `GLOMERS_UPDATE_DOCS` set it is written anew.
#[test]
fn the_table_of_the_book_is_this_one() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/what-nodes-get-wrong.md");
    let text = fs::read_to_string(&page).expect("the page is there");
    let rows = CASES.iter().map(|case| format!("| {} | {} |\n", case.bug, case.said[0].replace('|', "\\|")));
    let table = format!("| the bug | what is said |\n|---|---|\n{}", rows.collect::<String>());
    let heading = "## Bugs and what is said of them\n";
    let (before, _) = text.split_once(heading).expect("the page has the section, as its last");
    let expected = format!("{before}{heading}\n{table}");
    if std::env::var_os("GLOMERS_UPDATE_DOCS").is_some() {
        fs::write(&page, &expected).expect("writable");
    } else {
        assert_eq!(text, expected, "run this test with GLOMERS_UPDATE_DOCS=1 to write the table anew");
    }
}
