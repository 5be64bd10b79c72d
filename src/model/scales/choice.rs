//! What the user wants left alone, and what tied.

use crate::error::{Error, ErrorKind, Result};
use wildmatch::WildMatch;

/// Which nodes take part in balancing; patterns over node names know `*` and `?`.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Nodes whose weights stay as they are.
    pub freeze: Vec<String>,
    /// When not empty: the only nodes whose weights may change.
    pub only: Vec<String>,
    /// All channels whose names match one of these patterns have one scale, pattern by pattern.
    pub ties: Vec<String>,
    /// All channels that one node creates have one scale.
    pub tie_layers: bool,
    /// Batch normalization keeps the scale of its input, and its gamma costs nothing.
    pub batchnorm_fixed: bool,
}

impl Choice {
    /// Why the weights of a node stay as they are; none when they may change.
    pub(super) fn refusal(&self, node: &str) -> Option<String> {
        if let Some(pattern) = self.freeze.iter().find(|p| matches(p, node)) {
            return Some(format!("it was asked for: --freeze {pattern}"));
        }
        let named = self.only.is_empty() || self.only.iter().any(|p| matches(p, node));
        (!named).then(|| "it is not among the nodes that were asked for: --only".into())
    }

    /// The patterns that match no node.
    pub(super) fn unused<'a>(&'a self, nodes: &[&str]) -> impl Iterator<Item = &'a String> {
        let idle = |p: &&String| !nodes.iter().any(|n| matches(p, n));
        self.freeze.iter().chain(&self.only).filter(idle).collect::<Vec<_>>().into_iter()
    }
}

/// Ties what the user wants tied: of things with names, which share one scale, pattern by pattern.
///
/// # Errors
/// When a pattern matches fewer than two names.
pub fn tied(patterns: &[String], names: &[&str]) -> Result<Vec<Vec<usize>>> {
    let group = |pattern: &String| {
        let found: Vec<usize> = (0..names.len()).filter(|&i| matches(pattern, names[i])).collect();
        if found.len() > 1 {
            return Ok(found);
        }
        let problem = format!("the pattern {pattern:?} matches {} units or channels that have a scale", found.len());
        let remedy = "name them as `synbal balance --scales` does; at least two are tied";
        Err(Error::new(ErrorKind::Parameter, "--tie", problem, remedy))
    };
    patterns.iter().map(group).collect()
}

/// Whether a pattern matches a whole name; `*` and `?` match any text and any character.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    WildMatch::new(pattern).matches(name)
}
