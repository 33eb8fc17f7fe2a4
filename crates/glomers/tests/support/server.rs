//! `glomers serve`, with a browser to look at its pages.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use crate::support::Sandbox;

/// `glomers serve` on a sandbox's store, until it is dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
}

impl Server {
    pub(crate) fn start(sandbox: &Sandbox) -> Self {
        let mut child = sandbox.glomers(&["serve", "--port", "0"]).spawn().expect("the server starts");
        let stderr = child.stderr.take().expect("it is piped");
        let mut line = String::new();
        BufReader::new(stderr).read_line(&mut line).expect("the server says where it is");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address = address.unwrap_or_else(|| panic!("no address in {line:?}")).to_owned();
        Self { child, address }
    }

    /// The head and the body of an answer.
    pub(crate) fn get(&self, path: &str) -> (String, Vec<u8>) {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address))
    }

    /// The head and the body of the answer to a request.
    pub(crate) fn send(&self, request: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).expect("the server listens");
        stream.write_all(request.as_bytes()).expect("writable");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the server answers");
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("an answer has a head");
        (String::from_utf8_lossy(&answer[..end]).into_owned(), answer[end + 4..].to_vec())
    }

    /// The page as Chromium has it after its scripts have run.
    pub(crate) fn browse(&self, sandbox: &Sandbox, path: &str) -> String {
        let output = Command::new("chromium")
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--dump-dom",
                "--virtual-time-budget=10000",
            ])
            .arg(format!("--user-data-dir={}", sandbox.path().join("browser").display()))
            .arg(format!("http://{}{path}", self.address))
            .stderr(Stdio::null())
            .output()
            .expect("chromium starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// What a browser is to do with a page, for `browser/drive.mjs`.
#[derive(Clone, Copy)]
pub(crate) struct Visit<'a> {
    /// An expression that holds when the page is ready.
    pub(crate) until: &'a str,
    /// Asked for then.
    pub(crate) then: &'a str,
    pub(crate) width: u32,
    pub(crate) is_dark: bool,
    /// Run before.
    pub(crate) script: Option<&'a str>,
}

impl Server {
    /// What an expression gives on a page in Chromium. Nothing on the page may have failed.
    pub(crate) fn visit(&self, sandbox: &Sandbox, path: &str, visit: Visit<'_>) -> serde_json::Value {
        let Visit { until, then, width, is_dark, script } = visit;
        let profile = tempfile::tempdir_in(sandbox.path()).expect("writable");
        let wanted = serde_json::json!({
            "url": format!("http://{}{path}", self.address), "until": until, "then": then, "width": width, "dark": is_dark,
            "script": script, "profile": profile.path(),
        });
        let output = Command::new("node")
            .args(["--experimental-websocket", "--no-warnings"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/drive.mjs"))
            .arg(wanted.to_string())
            .output()
            .expect("node starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{path}: {said}");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
        assert_eq!(answer["complaints"], serde_json::json!([]), "{path}");
        answer["value"].clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
