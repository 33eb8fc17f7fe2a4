//! Consistency models: which implies which, and what each forbids.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use super::anomaly::{self, Anomaly, UnknownAnomaly, closure};
use crate::Mode;

/// A consistency model, such as `serializable` or `read-committed`.
///
/// The lattice is Elle's, drawn from Adya (*Weak Consistency*), Bailis and others (*Highly Available Transactions*),
/// Cerone, Bernardi and Gotsman (*A Framework for Transactional Consistency Models with Atomic Visibility*), Daudjee
/// and Salem (*Lazy Database Replication with Snapshot Isolation*), and <https://jepsen.io/consistency>. Some models
/// have two names, such as Adya's `PL-3` for `serializable`: both are read, and the friendlier one is written.
///
/// ```
/// use glomers_check::txn::Model;
/// let model: Model = "PL-3".parse()?;
/// assert_eq!(model.to_string(), "serializable");
/// assert!(model.implied().contains(&"read-committed".parse()?));
/// # Ok::<(), glomers_check::txn::UnknownModel>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Model(&'static str);

/// No consistency model has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no consistency model named {name:?}; the models are: {}", Model::names().join(", "))]
pub struct UnknownModel {
    /// The name that was asked for.
    pub name: String,
}

/// Which models some anomalies rule out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Boundary {
    /// The weakest of them: what a result lists under `:not`.
    pub not: BTreeSet<Model>,
    /// All stronger ones, which therefore do not hold either: `:also-not`.
    pub also_not: BTreeSet<Model>,
}

impl Model {
    /// What Maelstrom checks when nothing else is asked for.
    pub const STRICT_SERIALIZABLE: Self = Self("PL-SS");

    /// Every name that is read as a model, sorted.
    pub fn names() -> Vec<&'static str> {
        let canonical = vertices().map(|model| model.0);
        let friendly = CANONICAL_NAMES.iter().map(|(friendly, _)| *friendly);
        canonical.chain(friendly).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The friendlier name of the model.
    pub fn name(self) -> &'static str {
        CANONICAL_NAMES
            .iter()
            .find(|(_, canonical)| *canonical == self.0)
            .map_or(self.0, |(friendly, _)| friendly)
    }

    /// Every model that holds where this one does, itself included.
    pub fn implied(self) -> BTreeSet<Self> {
        self.implied_in(Mode::Strict)
    }

    fn implied_in(self, mode: Mode) -> BTreeSet<Self> {
        closure([self], |model| edges(mode).filter(move |edge| edge.0 == model).map(|edge| edge.1))
    }

    /// Every anomaly that must not occur where all of these models hold.
    pub fn prohibited(models: impl IntoIterator<Item = Self>) -> BTreeSet<Anomaly> {
        Self::prohibited_in(Mode::Strict, models)
    }

    /// The same by the lattice of this mode.
    pub(crate) fn prohibited_in(mode: Mode, models: impl IntoIterator<Item = Self>) -> BTreeSet<Anomaly> {
        let implied: BTreeSet<Self> = models.into_iter().flat_map(|model| model.implied_in(mode)).collect();
        let direct = proscriptions().filter(|(model, _)| implied.contains(model)).map(|(_, anomaly)| anomaly);
        Anomaly::implying(direct)
    }

    /// The models that these anomalies rule out.
    ///
    /// ```
    /// use glomers_check::txn::{Anomaly, Model};
    /// let boundary = Model::boundary([Anomaly::LOST_UPDATE]);
    /// let not: Vec<_> = boundary.not.iter().map(|model| model.name()).collect();
    /// assert_eq!(not, ["cursor-stability", "update-atomic"]);
    /// ```
    pub fn boundary(anomalies: impl IntoIterator<Item = Anomaly>) -> Boundary {
        Self::boundary_in(Mode::Strict, anomalies)
    }

    /// The same by the lattice of this mode.
    pub(crate) fn boundary_in(mode: Mode, anomalies: impl IntoIterator<Item = Anomaly>) -> Boundary {
        let impossible = Self::ruled_out(mode, anomalies);
        let is_weakest = |model: &Self| {
            !model.implied_in(mode).iter().any(|weaker| weaker != model && impossible.contains(weaker))
        };
        let (not, also_not) = impossible.iter().partition(|model| is_weakest(model));
        Boundary { not, also_not }
    }

    /// Every model that these anomalies rule out.
    pub(crate) fn ruled_out(mode: Mode, anomalies: impl IntoIterator<Item = Anomaly>) -> BTreeSet<Self> {
        let implied = Anomaly::implied_by(anomalies);
        let direct = proscriptions().filter(|(_, anomaly)| implied.contains(anomaly)).map(|(model, _)| model);
        closure(direct, |model| edges(mode).filter(move |edge| edge.1 == model).map(|edge| edge.0))
    }

    /// The model of this name, friendly or canonical, for names that the tables of this crate spell.
    pub(crate) fn known(name: &'static str) -> Self {
        CANONICAL_NAMES
            .iter()
            .find(|(friendly, _)| *friendly == name)
            .map_or(Self(name), |(_, canonical)| Self(canonical))
    }
}

impl FromStr for Model {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Self, UnknownModel> {
        let known = Self::names().into_iter().find(|known| *known == name);
        known.map(Self::known).ok_or_else(|| UnknownModel { name: name.to_owned() })
    }
}

impl fmt::Display for Model {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Some anomalies are known only because a model proscribes them, so this is where names are looked up.
impl FromStr for Anomaly {
    type Err = UnknownAnomaly;

    fn from_str(name: &str) -> Result<Self, UnknownAnomaly> {
        let proscribed = PROSCRIPTIONS.iter().flat_map(|(_, anomalies)| anomalies.iter().copied());
        let alone = [Self::EMPTY_TRANSACTION_GRAPH.name()];
        let mut known = anomaly::names().chain(proscribed).chain(alone);
        known
            .find(|known| *known == name)
            .map(Self::known)
            .ok_or_else(|| UnknownAnomaly { name: name.to_owned() })
    }
}

fn vertices() -> impl Iterator<Item = Model> {
    edges(Mode::Strict).flat_map(|(stronger, weaker)| [stronger, weaker])
}

/// The lattice by canonical names, which would otherwise be looked up again for every edge that is followed.
fn edges(mode: Mode) -> impl Iterator<Item = (Model, Model)> {
    type Edges = Vec<(Model, Model)>;
    static EDGES: LazyLock<(Edges, Edges)> = LazyLock::new(|| {
        let known = |(stronger, weaker): &(&'static str, &'static [&'static str])| {
            let stronger = Model::known(stronger);
            weaker.iter().map(move |weaker| (stronger, Model::known(weaker)))
        };
        let of = |implications: &[(&'static str, &'static [&'static str])]| {
            implications.iter().flat_map(known).collect()
        };
        (of(IMPLICATIONS), of(FURTHER_IMPLICATIONS))
    });
    let further = if mode == Mode::Strict { EDGES.1.as_slice() } else { &[] };
    EDGES.0.iter().chain(further).copied()
}

fn proscriptions() -> impl Iterator<Item = (Model, Anomaly)> {
    static PAIRS: LazyLock<Vec<(Model, Anomaly)>> = LazyLock::new(|| {
        let known = |(model, anomalies): &(&'static str, &'static [&'static str])| {
            let model = Model::known(model);
            anomalies.iter().map(move |anomaly| (model, Anomaly::known(anomaly)))
        };
        PROSCRIPTIONS.iter().flat_map(known).collect()
    });
    PAIRS.iter().copied()
}

/// Friendly names, each with the canonical one. Of two friendly names for one model, the first is written.
#[rustfmt::skip]
const CANONICAL_NAMES: &[(&str, &str)] = &[
    ("consistent-view",                 "PL-2+"),
    ("serializable",                    "PL-3"),
    ("conflict-serializable",           "PL-3"),
    ("cursor-stability",                "PL-CS"),
    ("forward-consistent-view",         "PL-FCV"),
    ("monotonic-snapshot-read",         "PL-MSR"),
    ("monotonic-view",                  "PL-2L"),
    ("read-committed",                  "PL-2"),
    ("read-uncommitted",                "PL-1"),
    ("repeatable-read",                 "PL-2.99"),
    ("snapshot-isolation",              "PL-SI"),
    ("strong-serializable",             "PL-SS"),
    ("strict-serializable",             "PL-SS"),
    ("update-serializable",             "PL-3U"),
    ("strong-session-read-uncommitted", "strong-session-PL-1"),
    ("strong-session-read-committed",   "strong-session-PL-2"),
    ("strong-read-uncommitted",         "strong-PL-1"),
    ("strong-read-committed",           "strong-PL-2"),
];

/// Each model with weaker ones that hold wherever it does.
#[rustfmt::skip]
const IMPLICATIONS: &[(&str, &[&str])] = &[
    ("causal-cerone",               &["read-atomic"]),
    ("consistent-view",             &["cursor-stability", "monotonic-view"]),
    ("conflict-serializable",       &["view-serializable"]),
    ("cursor-stability",            &["read-committed"]),
    ("forward-consistent-view",     &["consistent-view"]),
    ("read-committed",              &["read-uncommitted"]),
    ("serializable",                &["repeatable-read", "update-serializable", "snapshot-isolation", "view-serializable"]),
    ("update-serializable",         &["forward-consistent-view"]),
    ("monotonic-atomic-view",       &["read-committed"]),
    ("monotonic-view",              &["read-committed"]),
    ("monotonic-snapshot-read",     &["read-committed"]),
    ("parallel-snapshot-isolation", &["causal-cerone", "update-atomic"]),
    ("prefix",                      &["causal-cerone"]),
    ("read-atomic",                 &["monotonic-atomic-view"]),
    ("repeatable-read",             &["cursor-stability", "monotonic-atomic-view"]),
    ("update-atomic",               &["read-atomic"]),
    ("session-serializable",        &["1SR"]),
    ("snapshot-isolation",          &["forward-consistent-view", "monotonic-atomic-view", "monotonic-snapshot-read",
                                      "parallel-snapshot-isolation", "prefix"]),
    ("strict-serializable",         &["serializable", "linearizable", "snapshot-isolation", "strong-snapshot-isolation",
                                      "strong-session-serializable", "session-serializable"]),
    ("strong-session-PL-1",         &["read-uncommitted"]),
    ("strong-session-PL-2",         &["read-committed", "strong-session-PL-1"]),
    ("strong-PL-1",                 &["strong-session-PL-1"]),
    ("strong-PL-2",                 &["strong-session-PL-2", "strong-PL-1"]),
    ("strong-session-serializable", &["serializable", "strong-session-snapshot-isolation"]),
    ("strong-session-snapshot-isolation", &["snapshot-isolation", "strong-session-PL-2"]),
    ("strong-snapshot-isolation",   &["strong-session-snapshot-isolation", "strong-PL-2"]),
    ("linearizable",                &["sequential"]),
    ("sequential",                  &["causal"]),
    ("causal",                      &["writes-follow-reads", "PRAM"]),
    ("PRAM",                        &["monotonic-reads", "monotonic-writes", "read-your-writes"]),
];

/// Implications that Elle's lattice leaves out. Maelstrom's verdict is drawn without them.
#[rustfmt::skip]
const FURTHER_IMPLICATIONS: &[(&str, &[&str])] = &[
    // Whoever sees something sees what led to it, by sessions or not.
    ("causal",                      &["causal-cerone"]),
    // A transaction that sees a snapshot not older than its process's last transaction sees all that led to it.
    ("strong-session-snapshot-isolation", &["causal"]),
    ("strong-session-serializable", &["sequential"]),
];

/// Each model with the anomalies that it adds to those forbidden by the weaker models it implies.
#[rustfmt::skip]
const PROSCRIPTIONS: &[(&str, &[&str])] = &[
    ("causal-cerone",               &["internal", "G1a", "no-causal-order"]),
    ("causal",                      &["no-causal-order-process"]),
    ("cursor-stability",            &["G1", "G-cursor", "lost-update"]),
    // A transaction that saw another sees all of it from then on: what the exact level demands.
    ("monotonic-atomic-view",       &["no-monotonic-view-order"]),
    ("monotonic-view",              &["G1", "G-monotonic"]),
    ("monotonic-snapshot-read",     &["G1", "G-MSR"]),
    ("consistent-view",             &["G1", "G-single"]),
    ("forward-consistent-view",     &["G1", "G-SIb"]),
    ("parallel-snapshot-isolation", &["internal", "G1a"]),
    ("serializable",                &["G1", "G2", "predicate-read-miss", "internal"]),
    ("read-committed",              &["G1"]),
    // Adya's histories have neither duplicates nor versions without a total order, so no model of theirs allows
    // them. The last two are a node that makes things up, which no model allows either.
    ("read-uncommitted",            &["G0", "duplicate-elements", "cyclic-versions",
                                      "unwritten-read", "reply-mismatch", "append-order"]),
    ("prefix",                      &["internal", "G1a"]),
    ("snapshot-isolation",          &["internal", "G1", "G-SI", "G-nonadjacent"]),
    ("read-atomic",                 &["internal", "G1a", "future-read", "no-read-atomic-order"]),
    ("repeatable-read",             &["G1", "G2-item", "lost-update"]),
    ("update-atomic",               &["lost-update"]),
    ("strict-serializable",         &["G1", "G1c-realtime", "G2-realtime"]),
    ("strong-session-PL-1",         &["G0-process"]),
    ("strong-session-PL-2",         &["G1c-process"]),
    ("strong-PL-1",                 &["G0-realtime"]),
    ("strong-PL-2",                 &["G1c-realtime"]),
    ("strong-session-snapshot-isolation", &["internal", "G1-process", "G-nonadjacent-process",
                                            "no-sequential-key-order"]),
    ("strong-snapshot-isolation",   &["internal", "G1-realtime", "G-nonadjacent-realtime",
                                            "no-linearizable-key-order"]),
    ("strong-session-serializable", &["G1-process", "G2-process"]),
    ("update-serializable",         &["G1", "G-update"]),
    ("sequential",                  &["no-sequential-key-order"]),
    ("linearizable",                &["no-linearizable-key-order"]),
];
