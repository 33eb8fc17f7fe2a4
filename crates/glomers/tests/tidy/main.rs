//! What holds for the whole repository and can be read off its files.

mod modules;

use std::{fmt::Write, fs, path::Path, process::Command};

use modules::Modules;

/// The crates of the workspace that each crate may depend on: the edges of ARCHITECTURE.md.
const EDGES: &[(&str, &[&str])] = &[
    ("crates/protocol", &[]),
    ("crates/node", &["glomers-protocol"]),
    ("crates/check", &[]),
    ("crates/lockstep", &[]),
    ("crates/world", &["glomers-lockstep", "glomers-node", "glomers-protocol"]),
    ("crates/workbench", &["glomers-check", "glomers-node", "glomers-protocol", "glomers-world"]),
    (
        "crates/glomers",
        &["glomers-check", "glomers-node", "glomers-protocol", "glomers-workbench", "glomers-world"],
    ),
    ("nodes/echo", &["glomers-node"]),
    ("nodes/crdt", &["glomers-node"]),
    ("nodes/first-steps", &["glomers-node"]),
    ("nodes/g-counter", &["glomers-node"]),
    ("nodes/g-set", &["glomers-node"]),
    ("nodes/kafka", &["glomers-node"]),
    ("nodes/pn-counter", &["glomers-node"]),
    ("nodes/txn-rw-register", &["glomers-node"]),
    ("nodes/unique-ids", &["glomers-node"]),
];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The names under `[dependencies]`, without those for tests.
fn dependencies(manifest: &str) -> Vec<&str> {
    let section = manifest.split("[dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    section
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn every_crate_keeps_to_its_edges() {
    for (directory, allowed) in EDGES {
        let manifest =
            fs::read_to_string(root().join(directory).join("Cargo.toml")).expect("a crate has a manifest");
        let dependencies = dependencies(&manifest);
        assert!(!dependencies.is_empty(), "{directory}: no dependency was found, so nothing was checked");
        for name in dependencies {
            let is_ours = name == "glomers" || name.starts_with("glomers-");
            assert!(!is_ours || allowed.contains(&name), "{directory} must not depend on {name}");
        }
    }
}

/// The crates whose modules may form no circles.
const CRATES: [&str; 7] = ["protocol", "node", "check", "lockstep", "world", "workbench", "glomers"];

/// Which modules use which, in every folder: the text that `--nocapture` prints.
#[test]
fn module_graph_has_no_circles() {
    let mut graph = String::new();
    let mut circles = Vec::new();
    for name in CRATES {
        let modules = Modules::of_crate(&root().join("crates").join(name).join("src"));
        for (folder, edges) in modules.edges() {
            let _ = writeln!(graph, "{}", [&[name.to_owned()], folder.as_slice()].concat().join("::"));
            for (module, used) in edges {
                let used: Vec<String> = used.into_iter().collect();
                let _ = writeln!(graph, "    {module} -> {}", used.join(", "));
            }
        }
        for (folder, circle) in modules.circles() {
            circles.push(format!(
                "{}: {}",
                [&[name.to_owned()], folder.as_slice()].concat().join("::"),
                circle.join(" -> ")
            ));
        }
    }
    println!("{graph}");
    assert!(graph.lines().count() > 100, "hardly any module was found, so nothing was checked:\n{graph}");
    assert!(circles.is_empty(), "modules use each other in circles:\n{}", circles.join("\n"));
}

/// Dependencies that need a newer Rust would break the promise of `rust-version` without any line of ours changing.
#[test]
fn every_dependency_is_content_with_our_oldest_rust() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let version = |text: &str| -> Vec<u64> {
        text.split('.').map(|part| part.parse().expect("a version is made of numbers")).collect()
    };
    let ours = packages.iter().find(|package| package["name"] == "glomers").expect("it is a package");
    let oldest = version(ours["rust_version"].as_str().expect("it names its oldest Rust"));
    let too_new = packages
        .iter()
        .filter(|package| package["rust_version"].as_str().is_some_and(|needed| version(needed) > oldest));
    let too_new: Vec<String> = too_new
        .map(|package| {
            format!("{} {} needs Rust {}", package["name"], package["version"], package["rust_version"])
        })
        .collect();
    assert!(packages.len() > 50, "only {} packages were looked at", packages.len());
    assert!(too_new.is_empty(), "{}", too_new.join("\n"));
}

#[test]
fn nodes_are_built_without_an_asynchronous_runtime() {
    for (directory, _) in EDGES.iter().filter(|(directory, _)| *directory != "crates/glomers") {
        let manifest =
            fs::read_to_string(root().join(directory).join("Cargo.toml")).expect("a crate has a manifest");
        assert!(!dependencies(&manifest).contains(&"tokio"), "{directory} depends on tokio");
    }
}

/// The tables of ARCHITECTURE.md: a type, the file that defines it, a sentence.
#[test]
fn the_map_of_the_code_is_true() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the page is there");
    let mut entries = 0;
    for line in map.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let code = |cell: &str| cell.strip_prefix('`')?.strip_suffix('`').map(str::to_owned);
        let (Some(name), Some(file)) = (code(cells[1]), code(cells[2])) else { continue };
        if !file.ends_with(".rs") {
            continue;
        }
        entries += 1;
        let text = fs::read_to_string(root().join(&file));
        let text = text.unwrap_or_else(|error| panic!("ARCHITECTURE.md names {file}: {error}"));
        let is_defined = ["struct", "enum", "trait", "type"].iter().any(|kind| {
            text.lines().any(|line| {
                let definition = line.split_once(&format!("{kind} {name}")).map(|(_, rest)| rest);
                definition
                    .is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
            })
        });
        assert!(is_defined, "ARCHITECTURE.md says that {file} defines {name}, which it does not");
    }
    assert!(entries > 30, "only {entries} entries of the map were found");
}

#[test]
fn the_readme_names_only_files_that_exist() {
    for page in ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"] {
        let text = fs::read_to_string(root().join(page)).expect("the page is there");
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            assert!(root().join(target).exists(), "{page} links to {target}, which does not exist");
        }
    }
}

#[test]
fn make_runs_the_official_command_of_every_challenge() {
    for challenge in glomers::challenges::ALL {
        let workload =
            challenge.runs[0].options.split_whitespace().nth(1).expect("options begin with -w NAME");
        let is_only_one = challenge.number.ends_with(|last: char| last.is_ascii_digit());
        let name = if is_only_one { workload.to_owned() } else { format!("{workload}-{}", challenge.number) };
        let output = Command::new("make")
            .args(["-n", "run", &format!("MODULE={}", challenge.node), &format!("WORKLOAD={name}")])
            .current_dir(root())
            // The tests may themselves be run by make.
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL")
            .output()
            .expect("make starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let command = text.lines().last().expect("make prints its commands");
        let sorted = |options: &str| {
            let mut words: Vec<String> = options.split_whitespace().map(str::to_owned).collect();
            words.sort();
            words
        };
        let (_, tail) = command.split_once(" test ").unwrap_or_else(|| panic!("{name}: {command}"));
        let options: Vec<&str> =
            tail.split_whitespace().take_while(|word| *word != "--expect" && *word != "--").collect();
        let options: Vec<&str> = match options.iter().position(|word| *word == "--bin") {
            Some(place) => [&options[..place], &options[place + 2..]].concat(),
            None => panic!("{name}: {command}"),
        };
        let options = sorted(&options.join(" "));
        assert!(challenge.runs.iter().any(|run| sorted(run.options) == options), "{name}: {command}");
        for argument in challenge.node_arguments {
            assert!(command.contains(argument), "{name}: {command}");
        }
        assert!(
            challenge.runs.iter().all(|run| run.targets.iter().all(|target| command.contains(target))),
            "{name}"
        );
    }
}
