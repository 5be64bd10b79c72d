//! The claims of the theory, one file each: the names of the tests are its sentences.
//!
//! Claims and hypotheses after Baldi, Alexos, Domingo, Rahmansetayesh, "A Theory of Synaptic Neural Balance" (arXiv 2405.09688).

#[path = "../bank/mod.rs"]
mod bank;
#[path = "../support/mod.rs"]
mod support;

mod claim_1_homogeneity;
mod claim_2_scaling;
mod claim_3_local_balance;
mod claim_4_training_with_cost;
mod claim_5_training_without_cost;
mod claim_6_layers;
mod claim_6_order;
mod claim_7_coordinates;
mod claim_7_manifold;
mod claim_8_architectures;
mod claim_8_each;
mod claim_9_tied_layers;
mod perceptron;
mod tied_layers;

use bank::{Raw, solve_checked};
use std::ops::ControlFlow;
use synbal::balance::{Balanced, balance};
use synbal::existence::existence;
use synbal::lowered::Lowered;
use synbal::network::{Biases, Network};
use synbal::regularizer::Regularizer;
use synbal::solve::{Method, Schedule, Settings, Solution};

fn local(schedule: Schedule, sweeps: usize) -> Settings {
    Settings { method: Method::Local, schedule, max_iterations: sweeps, ..Settings::default() }
}

/// The part of a problem whose minimum is attained.
fn attained(raw: &Raw) -> Raw {
    match existence(&raw.problem()).direction() {
        Some(direction) => raw.without_falling(direction),
        None => raw.clone(),
    }
}

/// The solution from a start; the problem is the same one throughout.
fn from(raw: &Raw, settings: Settings, start: &[f64]) -> Solution {
    solve_checked(raw, &raw.problem(), &Settings { start: Some(start.to_vec()), ..settings })
}

fn lowered(network: &Network, p: f64) -> Lowered {
    network.lower(&Regularizer::lp(p).unwrap(), Biases::Counted).unwrap()
}

fn balanced(lowered: &Lowered) -> Balanced {
    let settings = Settings { max_iterations: 300, ..Settings::default() };
    balance(&lowered.problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap()
}
