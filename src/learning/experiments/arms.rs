//! The arms of the published tables: three regularizers, each with three ways to balance.

use super::{Options, small};
use crate::learning::balancing::{Balancing, Extent, When};
use crate::learning::data::Dataset;
use crate::learning::output::{Claim, Verdict};
use crate::learning::penalty::Penalty;
use crate::learning::plan::Plan;
use crate::learning::statistics::Mean;

/// One way to train.
#[derive(Clone, Debug)]
pub struct Arm {
    /// Name in tables.
    pub name: String,
    /// Index of the arm with the same regularizer and no balancing.
    pub base: usize,
    /// The regularizer.
    pub penalty: Penalty,
    /// Balancing.
    pub balancing: Balancing,
}

impl Arm {
    /// The plan of the arm that differs from `plan` in regularizer, balancing and name.
    pub fn of(&self, plan: &Plan, name: String) -> Plan {
        Plan { name, penalty: self.penalty, balancing: self.balancing, ..plan.clone() }
    }

    /// The name as part of a file name.
    pub fn key(&self) -> String {
        self.name.replace(", ", "-").replace(' ', "-")
    }
}

/// Factors of the regularizers.
pub const BETA: [f64; 2] = [1e-5, 1e-5];

/// Plain, L1 and L2; each without balancing, balanced to the optimum at the start, and by one sweep after every epoch. The
/// cost that is balanced is that of the regularizer, L2 for none.
pub fn arms() -> Vec<Arm> {
    let penalties = [
        ("plain", Penalty::NONE),
        ("L1", Penalty { exponent: 1.0, beta: BETA[0] }),
        ("L2", Penalty { exponent: 2.0, beta: BETA[1] }),
    ];
    let mut arms = vec![];
    for (name, penalty) in penalties {
        let base = arms.len();
        let exponent = penalty.exponent;
        let during = Balancing { when: When::Epochs(1), extent: Extent::Sweep, exponent };
        let ways = [
            (name.to_string(), Balancing::NEVER),
            (format!("{name}, start"), Balancing::full(When::Start, exponent)),
            (format!("{name}, during"), during),
        ];
        arms.extend(ways.map(|(name, balancing)| Arm { name, base, penalty, balancing }));
    }
    arms
}

/// Networks of two, three and five layers of weights, unless others are asked for.
pub fn networks(data: &Dataset, options: &Options) -> Vec<String> {
    if !options.layers.is_empty() {
        return options.layers.clone();
    }
    let words = if small(data) { ["32", "32,24", "32,24,20,16"] } else { ["256", "256,128", "256,128,64,32"] };
    words.map(String::from).to_vec()
}

/// All training images and one in a hundred (at least 100), unless other numbers are asked for.
pub fn samples(data: &Dataset, options: &Options) -> Vec<Option<usize>> {
    if !options.samples.is_empty() {
        return options.samples.clone();
    }
    vec![None, Some((data.train.len() / 100).max(100))]
}

/// What is in a file name of a network and a number of images.
pub fn key(layers: &str, samples: Option<usize>) -> String {
    let count = samples.map_or("all".to_string(), |n| n.to_string());
    format!("{}-{count}", layers.replace(',', "_").replace('/', "s"))
}

/// How a number of images is shown.
pub fn images(data: &Dataset, samples: Option<usize>) -> String {
    samples.unwrap_or(data.train.len()).to_string()
}

/// The claim that an arm is better than its base: it holds where every interval is above zero, and is undecided where every one
/// holds zero.
pub fn claim(sentence: String, rises: &[Mean]) -> Claim {
    let above = rises.iter().filter(|r| r.above_zero()).count();
    let below = rises.iter().filter(|r| r.below_zero()).count();
    let verdict = match (above, below) {
        (a, _) if a == rises.len() => Verdict::Reproduced,
        (0, 0) => Verdict::Undecided,
        _ => Verdict::NotReproduced,
    };
    let shown: Vec<String> = rises.iter().map(|r| r.show(100.0, 2)).collect();
    let count = rises.len();
    let found = format!("better in {above} of {count} settings, worse in {below}: {} %", shown.join(", "));
    Claim { claim: sentence, verdict, found }
}
