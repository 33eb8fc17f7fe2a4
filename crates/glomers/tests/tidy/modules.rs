//! Which modules of a crate use which: the sources are parsed, every path is resolved to the module that it names, and among the modules of
//! one folder no circle may remain.
//!
//! `cargo test -p glomers --test tidy -- --nocapture module_graph` prints the graph of every crate.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    slice,
};

use syn::{ItemMod, ItemUse, UseTree, visit::Visit};

/// A module by its path in the crate: `["verdict", "perf"]`. The crate's root is empty.
type ModulePath = Vec<String>;

/// The modules of one crate, and the paths that each of them mentions.
pub(crate) struct Modules {
    mentions: BTreeMap<ModulePath, BTreeSet<ModulePath>>,
}

/// Siblings that use each other in a circle, each with the next.
pub(crate) type Circle = Vec<String>;

impl Modules {
    /// Reads a crate from its `src` directory.
    pub(crate) fn of_crate(source: &Path) -> Self {
        let mut modules = Self { mentions: BTreeMap::new() };
        let root = source.join("lib.rs");
        modules.read(&root, source, &[]);
        modules
    }

    /// For every folder, which of its modules use which of their siblings.
    pub(crate) fn edges(&self) -> BTreeMap<ModulePath, BTreeMap<String, BTreeSet<String>>> {
        let mut edges: BTreeMap<ModulePath, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (module, mentions) in &self.mentions {
            for mentioned in mentions.iter().filter_map(|path| self.module_of(path)) {
                let shared = module.iter().zip(mentioned).take_while(|(one, other)| one == other).count();
                // Both lie below the same folder, in different branches.
                if shared < module.len() && shared < mentioned.len() {
                    let siblings = edges.entry(module[..shared].to_vec()).or_default();
                    siblings.entry(module[shared].clone()).or_default().insert(mentioned[shared].clone());
                }
            }
        }
        edges
    }

    /// The circles among siblings, the shortest from each module that lies on one.
    pub(crate) fn circles(&self) -> Vec<(ModulePath, Circle)> {
        let mut circles = Vec::new();
        for (folder, edges) in self.edges() {
            let mut told: BTreeSet<String> = BTreeSet::new();
            for start in edges.keys() {
                if told.contains(start) {
                    continue;
                }
                if let Some(circle) = shortest_circle(&edges, start) {
                    told.extend(circle.iter().cloned());
                    circles.push((folder.clone(), circle));
                }
            }
        }
        circles
    }

    fn read(&mut self, file: &Path, folder: &Path, module: &[String]) {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut visitor = Mentions { module: module.to_vec(), found: BTreeSet::new(), children: Vec::new() };
        visitor.visit_file(&syntax);
        self.mentions.insert(module.to_vec(), visitor.found);
        for child in visitor.children {
            let beside: [PathBuf; 2] =
                [folder.join(format!("{child}.rs")), folder.join(&child).join("mod.rs")];
            let file = beside.iter().find(|file| file.exists());
            let file = file.unwrap_or_else(|| panic!("{module:?} declares {child}, which has no file"));
            let path = [module, slice::from_ref(&child)].concat();
            self.read(file, &folder.join(&child), &path);
        }
    }

    /// The module that a path lies in: `verdict::perf::Perf` is in `verdict::perf`.
    fn module_of<'a>(&self, path: &'a [String]) -> Option<&'a [String]> {
        (1..=path.len()).rev().map(|length| &path[..length]).find(|path| self.mentions.contains_key(*path))
    }
}

fn shortest_circle(edges: &BTreeMap<String, BTreeSet<String>>, start: &str) -> Option<Circle> {
    let mut paths = vec![vec![start.to_owned()]];
    let mut seen = BTreeSet::new();
    while !paths.is_empty() {
        let mut longer = Vec::new();
        for path in paths {
            for next in edges.get(&path[path.len() - 1]).into_iter().flatten() {
                if next == start {
                    return Some(path);
                }
                if seen.insert(next.clone()) {
                    longer.push([path.as_slice(), slice::from_ref(next)].concat());
                }
            }
        }
        paths = longer;
    }
    None
}

/// Collects the paths into its own crate that a module mentions, and the modules that it declares. Tests may use whatever they like.
struct Mentions {
    module: ModulePath,
    found: BTreeSet<ModulePath>,
    children: Vec<String>,
}

impl Mentions {
    /// The path from the crate's root that a path beginning with `crate`, `super` or `self` means.
    fn resolve(&self, segments: &[String]) -> Option<ModulePath> {
        let supers = segments.iter().take_while(|segment| *segment == "super").count();
        let (mut base, rest) = match segments.first().map(String::as_str) {
            Some("crate") => (Vec::new(), &segments[1..]),
            Some("self") => (self.module.clone(), &segments[1..]),
            Some("super") => {
                (self.module[..self.module.len().checked_sub(supers)?].to_vec(), &segments[supers..])
            }
            _ => return None,
        };
        base.extend_from_slice(rest);
        Some(base)
    }

    fn mention(&mut self, segments: &[String]) {
        self.found.extend(self.resolve(segments));
    }

    fn mention_tree(&mut self, prefix: &[String], tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                self.mention_tree(&[prefix, &[path.ident.to_string()]].concat(), &path.tree);
            }
            UseTree::Name(name) => self.mention(&[prefix, &[name.ident.to_string()]].concat()),
            UseTree::Rename(name) => self.mention(&[prefix, &[name.ident.to_string()]].concat()),
            UseTree::Glob(_) => self.mention(prefix),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.mention_tree(prefix, tree);
                }
            }
        }
    }
}

impl<'ast> Visit<'ast> for Mentions {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let is_test = item.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
        });
        if is_test {
            return;
        }
        match &item.content {
            None => self.children.push(item.ident.to_string()),
            Some((_, items)) => items.iter().for_each(|item| self.visit_item(item)),
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.mention_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.mention(&segments);
        syn::visit::visit_path(self, path);
    }
}
