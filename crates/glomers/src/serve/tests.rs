//! Requests and what they are answered with, without a socket.

use std::{
    io::{Cursor, Read},
    path::Path,
};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use nix::fcntl::{Flock, FlockArg};
use tower::ServiceExt;

use super::*;

/// What a node may print, or put into names and values, to attack the reader of a page.
const HOSTILE: &str = "<script>alert(1)</script>\u{1b}[2J\u{202e}\"'&";

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// A store with a valid, an invalid, a running and a killed run, all of them hostile where a node could be.
struct TestStore {
    root: tempfile::TempDir,
    /// What the workbench of the running run holds.
    _lock: Flock<std::fs::File>,
}

impl TestStore {
    fn path(&self) -> &Path {
        self.root.path()
    }
}

fn store() -> TestStore {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, content: &[u8]| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    write(
        "echo/20261101T000000/run.json",
        br#"{"plan":{"workload":"echo","seed":7,"nodes":["n0"]},"argv":["glomers","test","-w","echo"],"status":"finished","sentence":"All 12 echoes came back."}"#,
    );
    write(
        "echo/20261101T000000/results.edn",
        b"{:stats {:count 12, :ok-count 12}, :net {:servers {:msgs-per-op 2.5}}, :valid? true}",
    );
    write("echo/20261101T000000/elle/G1c-1.svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    write("echo/20261101T000000/node-logs/n0.log", format!("starting\n{HOSTILE}\n").as_bytes());
    write("echo/20261101T000000/latency-raw.svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    write("echo/20261101T000000/timeline.html", b"<!doctype html><title>timeline</title>");
    let trail = serde_json::json!({ "subject": format!("7 {HOSTILE}"), "left-out": 5,
        "steps": [{ "time-ns": 1_500_000, "sequence": 9, "hosts": ["n0"], "messages": [12], "text": format!("n0 sends it {HOSTILE}") }],
        "conclusions": [format!("n0 answered operation 3 without it {HOSTILE}.")] });
    let trail = glomers_workbench::trail::Trail::from_value(
        &glomers_check::Value::from_json(&trail.to_string()).unwrap(),
    );
    let results = format!("{{:trail {}, :valid? false}}", trail.unwrap().to_value());
    write("lin-kv/20261102T000000/results.edn", results.as_bytes());
    let run = serde_json::json!({ "sentence": HOSTILE, "findings": [{ "sentence": HOSTILE, "operations": [3] }],
        "warnings": [{ "kind": "time-out", "count": 1, "sentence": format!("A warning: {HOSTILE}") }] });
    write("lin-kv/20261102T000000/run.json", run.to_string().as_bytes());
    write("lin-kv/20261102T000000/evil.html", HOSTILE.as_bytes());
    write("lin-kv/20261103T000000/run.json", br#"{"plan":{"workload":"lin-kv"},"status":"running"}"#);
    write("lin-kv/20261104T000000/run.json", br#"{"plan":{"workload":"lin-kv"},"status":"running"}"#);
    std::os::unix::fs::symlink("lin-kv/20261104T000000", root.path().join("current")).unwrap();
    std::os::unix::fs::symlink("/etc", root.path().join("echo/20261101T000000/etc")).unwrap();
    write("lin-kv/20261103T000000/jepsen.log", b"");
    write("lin-kv/20261104T000000/jepsen.log", b"");
    let log = std::fs::File::open(root.path().join("lin-kv/20261104T000000/jepsen.log")).unwrap();
    let lock = Flock::lock(log, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error).unwrap();
    TestStore { root, _lock: lock }
}

async fn get(root: &Path, path: &str) -> Answer {
    let request = Request::get(path).header("host", "127.0.0.1:8080").body(Body::empty()).unwrap();
    let response = router(Store::open(root).unwrap(), Vec::new()).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
    }
}

#[tokio::test]
async fn the_index_lists_runs_with_their_verdicts() {
    let root = store();
    let index = get(root.path(), "/").await.text();
    for part in [
        "badge valid",
        "badge invalid",
        "badge running",
        "badge killed",
        "/runs/echo/20261101T000000",
        ">2.50<",
        ">12<",
    ] {
        assert!(index.contains(part), "the index lacks {part}");
    }
    assert!(index.contains("http-equiv=\"refresh\""), "a running test must keep the index fresh");
    assert!(index.find("20261104").unwrap() < index.find("20261101").unwrap());
}

#[tokio::test]
async fn the_index_is_filtered() {
    let root = store();
    let valid = get(root.path(), "/?verdict=valid").await.text();
    assert!(valid.contains("20261101T000000") && !valid.contains("20261102T000000"));
    assert!(!valid.contains("http-equiv"), "nothing changes where nothing runs");
    let workload = get(root.path(), "/?workload=lin-kv").await.text();
    assert!(!workload.contains("20261101T000000") && workload.contains("20261102T000000"));
    assert!(
        get(root.path(), "/?workload=kafka")
            .await
            .text()
            .contains("No run matches the filter (4 in the store)")
    );
}

#[tokio::test]
async fn a_run_shows_what_its_directory_has() {
    let root = store();
    let run = get(root.path(), "/runs/echo/20261101T000000").await.text();
    for part in [
        "All 12 echoes came back.",
        "glomers test -w echo",
        "/files/echo/20261101T000000/latency-raw.svg",
        "/files/echo/20261101T000000/timeline.html",
        "/text/echo/20261101T000000/node-logs/n0.log",
        "/files/echo/20261101T000000/elle/G1c-1.svg",
        "/zip/echo/20261101T000000.zip",
    ] {
        assert!(run.contains(part), "the page lacks {part}");
    }
    assert!(!run.contains("messages.svg"));
    assert!(
        get(root.path(), "/runs/lin-kv/20261103T000000").await.text().contains("The workbench was killed")
    );
}

#[tokio::test]
async fn the_trail_stands_below_the_findings_and_links_to_its_places() {
    let root = store();
    let page = get(root.path(), "/runs/lin-kv/20261102T000000").await.text();
    let trail = &page[page.find("<h2>What happened to 7 &").expect("the run has a trail")..];
    assert!(trail.contains("0.001500 s") && trail.contains("5 more left out."), "{trail}");
    assert!(!page.contains("<script>alert") && !trail.contains("#m12"), "without a journal nothing is drawn");
    std::fs::write(root.path().join("lin-kv/20261102T000000/run.journal"), "").unwrap();
    let page = get(root.path(), "/runs/lin-kv/20261102T000000").await.text();
    for link in
        [r##"<a href="#m12">0.001500 s</a>"##, r##"n0 answered <a href="#op3">operation 3</a> without it"##]
    {
        assert!(page.contains(link), "{page}");
    }
}

#[tokio::test]
async fn warnings_stand_below_the_findings() {
    let root = store();
    let page = get(root.path(), "/runs/lin-kv/20261102T000000").await.text();
    let findings = page.find("<h2>Findings</h2>").expect("the run has a finding");
    let warnings = page.find("<h2>Warnings</h2>").expect("the run has a warning");
    assert!(findings < warnings && page[warnings..].contains("A warning: &lt;script&gt;"), "{page}");
    let without = get(root.path(), "/runs/echo/20261101T000000").await.text();
    assert!(!without.contains("Warnings"));
}

#[tokio::test]
async fn a_link_leads_to_its_run() {
    let root = store();
    let answer = get(root.path(), "/runs/current").await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (StatusCode::TEMPORARY_REDIRECT, "/runs/lin-kv/20261104T000000")
    );
}

#[tokio::test]
async fn what_nodes_printed_is_escaped_on_every_page() {
    let root = store();
    for path in [
        "/runs/lin-kv/20261102T000000",
        "/text/echo/20261101T000000/node-logs/n0.log",
        "/text/lin-kv/20261102T000000/evil.html",
    ] {
        let answer = get(root.path(), path).await;
        let page = answer.text();
        assert_eq!(answer.status, StatusCode::OK);
        assert!(page.contains("&lt;script&gt;alert(1)"), "{path} does not show it");
        assert!(
            !page.contains("<script") && !page.contains(['\u{1b}', '\u{202e}']),
            "{path} lets it through"
        );
    }
}

#[tokio::test]
async fn no_answer_lets_a_script_run() {
    let root = store();
    for path in
        ["/", "/runs/echo/20261101T000000", "/files/echo/20261101T000000/timeline.html", "/files/", "/none"]
    {
        let answer = get(root.path(), path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("script-src"),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn files_are_sent_as_what_they_are_safe_as() {
    let root = store();
    for (path, expected) in [
        ("lin-kv/20261102T000000/evil.html", "text/plain; charset=utf-8"),
        ("echo/20261101T000000/timeline.html", "text/html; charset=utf-8"),
        ("echo/20261101T000000/latency-raw.svg", "image/svg+xml"),
        ("echo/20261101T000000/node-logs/n0.log", "text/plain; charset=utf-8"),
    ] {
        let answer = get(root.path(), &format!("/files/{path}")).await;
        assert_eq!(answer.header("content-type"), expected, "{path}");
        assert_eq!(answer.body, std::fs::read(root.path().join(path)).unwrap());
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_store() {
    let root = store();
    for page in ["files", "text", "zip", "runs"] {
        for path in [
            "echo/../../etc/passwd",
            "%2e%2e/%2e%2e/etc/passwd",
            "..%2f..%2fetc%2fpasswd",
            "%2fetc%2fpasswd",
            "echo/20261101T000000/etc/passwd",
            "echo/20261101T000000/etc",
        ] {
            let answer = get(root.path(), &format!("/{page}/{path}")).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "/{page}/{path}");
            assert!(!answer.text().contains("root:"));
        }
        assert_eq!(get(root.path(), &format!("/{page}/nothing")).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_large_file_is_shown_from_its_end_with_its_own_line_numbers() {
    let root = store();
    let log: String = (1..=100_000).map(|number| format!("line {number}\n")).collect();
    std::fs::write(root.path().join("echo/20261101T000000/jepsen.log"), &log).unwrap();
    let page = get(root.path(), "/text/echo/20261101T000000/jepsen.log").await.text();
    assert!(
        page.contains("id=\"L100000\"")
            && page.contains("<code>line 100000</code>")
            && !page.contains("<code>line 50000</code>")
    );
    assert_eq!(get(root.path(), "/files/echo/20261101T000000/jepsen.log").await.body, log.as_bytes());
}

#[tokio::test]
async fn a_run_is_packed_whole_and_without_links() {
    let root = store();
    let answer = get(root.path(), "/zip/echo/20261101T000000.zip").await;
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"echo-20261101T000000.zip\"");
    let mut archive = zip::ZipArchive::new(Cursor::new(answer.body)).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    let mut log = String::new();
    archive.by_name("echo-20261101T000000/node-logs/n0.log").unwrap().read_to_string(&mut log).unwrap();
    assert!(log.starts_with("starting\n"));
}

#[tokio::test]
async fn a_request_must_name_the_server_by_a_name_of_its_own() {
    let root = store();
    let status = async |host: Option<&str>| {
        let mut request = Request::get("/");
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let request = request.body(Body::empty()).unwrap();
        let router = router(Store::open(root.path()).unwrap(), vec!["build-box".to_owned()]);
        router.oneshot(request).await.unwrap().status()
    };
    for own in [
        "127.0.0.1",
        "127.0.0.1:8080",
        "localhost:1",
        "LOCALHOST",
        "[::1]:8080",
        "192.168.1.7",
        "build-box:80",
    ] {
        assert_eq!(status(Some(own)).await, StatusCode::OK, "{own}");
    }
    for foreign in
        ["evil.example", "evil.example:8080", "localhost.evil.example", "", "127.0.0.1.evil.example"]
    {
        assert_eq!(status(Some(foreign)).await, StatusCode::MISDIRECTED_REQUEST, "{foreign}");
    }
    assert_eq!(status(None).await, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn pipes_and_links_in_the_place_of_files_neither_hang_nor_lead_anywhere() {
    let root = store();
    let run = root.path().join("echo/20261105T000000");
    std::fs::create_dir_all(&run).unwrap();
    let pipe = |name: &str| nix::unistd::mkfifo(&run.join(name), nix::sys::stat::Mode::S_IRWXU).unwrap();
    pipe("run.json");
    pipe("jepsen.log");
    std::os::unix::fs::symlink("/etc/passwd", run.join("results.edn")).unwrap();
    std::os::unix::fs::symlink("/etc", run.join("node-logs")).unwrap();
    assert!(get(root.path(), "/").await.text().contains("20261105T000000"));
    let page = get(root.path(), "/runs/echo/20261105T000000").await.text();
    assert!(page.contains("it is a link, which is not followed"), "{page}");
    assert!(!page.contains("passwd"), "{page}");
    for path in ["/files/echo/20261105T000000/run.json", "/text/echo/20261105T000000/run.json"] {
        let answer = get(root.path(), path).await;
        assert!(!answer.status.is_success(), "{path}: {}", answer.status);
    }
    assert!(get(root.path(), "/zip/echo/20261105T000000.zip").await.status.is_success());
}

#[tokio::test]
async fn a_run_is_deleted_only_by_our_own_page_and_only_when_it_has_ended() {
    let root = store();
    let run = "echo/20261101T000000";
    let directory = root.path().join(run);
    let page = get(root.path(), &format!("/delete/{run}")).await.text();
    assert!(page.contains("can&#39;t be undone") || page.contains("can't be undone"), "{page}");
    assert!(directory.exists(), "asking deletes nothing");
    let delete = async |path: &str, origin: Option<&str>, site: Option<&str>| {
        let mut request = Request::post(format!("/delete/{path}")).header("host", "127.0.0.1:8080");
        for (name, value) in [("origin", origin), ("sec-fetch-site", site)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let request = request.body(Body::empty()).unwrap();
        router(Store::open(root.path()).unwrap(), Vec::new()).oneshot(request).await.unwrap().status()
    };
    let ours = Some("http://127.0.0.1:8080");
    for (origin, site) in [
        (None, None),
        (Some("null"), None),
        (Some("http://evil.example"), None),
        (Some("http://127.0.0.1:9090"), None),
        (ours, Some("cross-site")),
    ] {
        assert_eq!(delete(run, origin, site).await, StatusCode::FORBIDDEN, "{origin:?}");
    }
    std::os::unix::fs::symlink(run, root.path().join("latest")).unwrap();
    for other in ["latest", "echo", "echo/../echo/20261101T000000", "echo/missing"] {
        assert_eq!(delete(other, ours, None).await, StatusCode::NOT_FOUND, "{other}");
    }
    assert!(directory.exists());
    let log = std::fs::File::create(directory.join("jepsen.log")).unwrap();
    let lock = Flock::lock(log, FlockArg::LockExclusive).unwrap();
    assert_eq!(delete(run, ours, Some("same-origin")).await, StatusCode::CONFLICT);
    drop(lock);
    assert_eq!(delete(run, ours, Some("same-origin")).await, StatusCode::SEE_OTHER);
    assert!(!directory.exists() && root.path().join("echo").exists());
}

#[tokio::test]
async fn two_runs_have_their_figures_side_by_side() {
    let root = store();
    let page = get(root.path(), "/compare?a=echo/20261101T000000&b=lin-kv/20261102T000000").await.text();
    assert!(
        page.contains("<th scope=\"row\">workload</th><td>echo</td><td>lin-kv</td><td>differs</td>"),
        "{page}"
    );
    assert!(page.contains("The histories are not compared") && !page.contains("<script>alert"), "{page}");
    let missing = get(root.path(), "/compare?a=echo/20261101T000000&b=../x").await;
    assert_eq!(missing.status, StatusCode::FORBIDDEN);
    assert_eq!(get(root.path(), "/compare").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_index_is_searched() {
    let root = store();
    let found = get(root.path(), "/?text=ALL%2012%20echoes").await.text();
    assert!(found.contains("/runs/echo/20261101T000000") && !found.contains("/runs/lin-kv/"), "{found}");
    assert!(get(root.path(), "/?text=nowhere").await.text().contains("No run matches the filter"));
}
