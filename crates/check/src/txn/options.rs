//! What to check a history of transactions for.

use std::collections::BTreeSet;

use super::{Anomaly, Model};
use crate::Mode;

/// What a history of transactions promises, and how kindly it is judged.
///
/// ```
/// use glomers_check::txn::{Model, Options};
/// let options = Options { models: vec!["serializable".parse::<Model>()?], ..Options::default() };
/// assert!(options.prohibited().contains(&"G2-item".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether upstream's leniencies count as faults.
    pub mode: Mode,
    /// The models that must hold.
    pub models: Vec<Model>,
    /// Anomalies that must not occur, besides those that the models forbid.
    pub anomalies: Vec<Anomaly>,
    /// How many dependencies may be built, twelve bytes each, before the checker gives up and says `unknown`.
    pub edge_limit: u64,
}

impl Default for Options {
    /// Strict serializability, as Maelstrom checks it when nothing else is asked for.
    fn default() -> Self {
        Self {
            mode: Mode::Strict,
            models: vec![Model::STRICT_SERIALIZABLE],
            anomalies: Vec::new(),
            edge_limit: 50_000_000,
        }
    }
}

impl Options {
    /// Every anomaly that makes the history invalid.
    pub fn prohibited(&self) -> BTreeSet<Anomaly> {
        let mut prohibited = Model::prohibited_in(self.mode, self.models.iter().copied());
        prohibited.extend(Anomaly::implying(self.anomalies.iter().copied()));
        if self.mode == Mode::Strict {
            // Whatever was promised, nobody promised to make things up.
            prohibited.extend([Anomaly::REPLY_MISMATCH, Anomaly::UNWRITTEN_READ]);
        }
        prohibited
    }

    /// Whether each model implies one that the search for cycles decides, so that it does not rest on the exact levels alone.
    pub(crate) fn are_searched(&self) -> bool {
        let searched = ["snapshot-isolation", "repeatable-read"].map(Model::known);
        self.models.iter().all(|model| searched.iter().any(|searched| model.implied().contains(searched)))
    }
}
