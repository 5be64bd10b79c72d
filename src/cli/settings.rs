//! What the shared options mean.

use super::args::{Reading, Solving};
use crate::error::{Error, ErrorKind, Result};
use crate::lowered::Layer;
use crate::regularizer::{EXPONENTS, Power, Regularizer};
use crate::report::number;
use crate::solve::{Method, Schedule, Settings, Step};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use std::num::NonZero;
use std::ops::ControlFlow;

/// The norm: a sum of powers, or the largest weight.
#[derive(Clone, Debug, PartialEq)]
pub enum Norm {
    /// `sum |w|^p`, or a sum of several powers with coefficients.
    Powers(Vec<Power>),
    /// `max |w|`.
    Infinity,
}

impl Norm {
    /// The norm as typed.
    pub fn of(reading: &Reading) -> Result<Self> {
        match reading.norm.as_str() {
            "inf" | "infinity" => Ok(Self::Infinity),
            text => powers(text).map(Self::Powers).ok_or_else(|| wrong_norm("--norm", text)),
        }
    }

    /// The regularizer; for the largest weight the magnitudes themselves.
    pub fn regularizer(&self) -> Result<Regularizer> {
        match self {
            Self::Powers(terms) => Regularizer::powers(terms),
            Self::Infinity => Regularizer::lp(1.0),
        }
    }

    /// The largest exponent.
    pub fn steepest(&self) -> f64 {
        match self {
            Self::Powers(terms) => terms.iter().fold(0.0, |p, term| p.max(term.exponent)),
            Self::Infinity => f64::INFINITY,
        }
    }

    /// As JSON: a number for a plain power, else what is typed for it.
    pub fn json(&self) -> serde_json::Value {
        let Self::Powers(terms) = self else { return "inf".into() };
        match terms[..] {
            [Power { exponent, coefficient: 1.0 }] => number(exponent),
            _ => {
                let term = |t: &Power| format!("{}*{}", t.coefficient, t.exponent);
                terms.iter().map(term).collect::<Vec<String>>().join("+").into()
            }
        }
    }
}

/// A sum of powers as it is typed, like `2` or `0.1*1+0.5*2`: exponents, behind the coefficients that are not 1.
pub fn powers(text: &str) -> Option<Vec<Power>> {
    let positive = |text: &str| text.trim().parse().ok().filter(|v: &f64| v.is_finite() && *v > 0.0);
    let term = |text: &str| {
        let (coefficient, exponent) = text.split_once('*').unwrap_or(("1", text));
        let (coefficient, exponent) = (positive(coefficient)?, positive(exponent)?);
        EXPONENTS.contains(&exponent).then_some(Power { exponent, coefficient })
    };
    // a plus sign in a number like 1e+2 is allowed where the number stands alone
    term(text).map_or_else(|| text.split('+').map(term).collect(), |one| Some(vec![one]))
}

/// What is no norm.
pub fn wrong_norm(option: &str, text: &str) -> Error {
    let (least, most) = (EXPONENTS.start(), EXPONENTS.end());
    let problem = format!("{text:?} is no sum of powers with exponents from {least:e} to {most:e}");
    let remedy = "write 2, or '0.1*1+0.5*2' for 0.1 |w| + 0.5 |w|^2; for a whole network also inf, the largest weight";
    Error::new(ErrorKind::Parameter, option, problem, remedy)
}

/// The solver's settings as typed.
pub fn settings(solving: &Solving, layers: &[Layer]) -> Result<Settings> {
    let known = |what: &str, text: &str, names: &[&str]| {
        let problem = format!("{text:?} is no {what}");
        Error::new(ErrorKind::Parameter, format!("--{what}"), problem, format!("choose one of {}", names.join(", ")))
    };
    let methods = Method::ALL.map(|(_, name)| name);
    let method = Method::ALL.iter().find(|(_, name)| *name == solving.method);
    let method = method.ok_or_else(|| known("method", &solving.method, &methods))?.0;
    let by_layer = || layers.iter().map(|l| l.variables.iter().map(|&v| v as usize).collect()).collect();
    let schedule = match solving.schedule.as_str() {
        "cyclic" => Schedule::Cyclic,
        "permutation" => Schedule::Permutation,
        "uniform" => Schedule::Uniform,
        "greedy" => Schedule::Greedy,
        "forward" => Schedule::Forward(by_layer()),
        "backward" => Schedule::Backward(by_layer()),
        "parallel" => Schedule::Parallel(by_layer()),
        "poisson" => Schedule::Poisson,
        other => {
            let names = ["cyclic", "permutation", "uniform", "greedy", "forward", "backward", "parallel", "poisson"];
            return Err(known("schedule", other, &names));
        }
    };
    if !(solving.tolerance > 0.0 && solving.tolerance < 1.0) {
        let problem = format!("{} is not between 0 and 1", solving.tolerance);
        return Err(Error::new(ErrorKind::Parameter, "--tolerance", problem, "the default is 1e-12"));
    }
    Ok(Settings {
        method,
        schedule,
        tolerance: solving.tolerance,
        max_iterations: solving.max_iterations,
        seed: solving.seed,
        canonical: solving.canonical.then_some(true),
        ..Settings::default()
    })
}

/// Starting more threads than this takes longer than most solves.
const MOST_THREADS: usize = 1024;

/// Makes the threads of this process: as many as were asked for, this one among them.
///
/// Otherwise every parallel loop would begin with this thread going to sleep, and another one waking up: on a small model that
/// took a quarter of a solve.
pub fn make_threads(reading: &Reading) -> Result<()> {
    let refused = |problem, remedy| Err(Error::new(ErrorKind::Parameter, "--threads", problem, remedy));
    let threads = match reading.threads {
        Some(0) => return refused("0 threads do nothing".to_string(), "give at least 1".to_string()),
        Some(n) if n > MOST_THREADS => return refused(format!("{n} threads"), format!("give at most {MOST_THREADS}")),
        Some(n) => n,
        None => {
            // as the library of threads would count them
            let set = std::env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
            let all = || std::thread::available_parallelism().map_or(1, NonZero::get);
            set.unwrap_or_else(all).min(MOST_THREADS)
        }
    };
    // fails only when the pool exists already, which cannot be at the start of a command
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    // were this thread the only one, others that ask for a loop would wait for it, and it may wait for them
    let _ = if threads > 1 { pool.use_current_thread() } else { pool }.build_global();
    Ok(())
}

/// A callback that shows progress on standard error, where that is a terminal.
pub fn progress() -> impl FnMut(&Step) -> ControlFlow<()> {
    // drawn on standard error, and only where that is a terminal; cleared when it is dropped
    let bar = ProgressBar::new_spinner().with_finish(ProgressFinish::AndClear);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    move |step| {
        let Step { iteration, residual, passes, seconds, .. } = step;
        bar.set_message(format!("iteration {iteration}: residual {residual:.1e}, {passes:.0} passes, {seconds:.1} s"));
        bar.tick();
        ControlFlow::Continue(())
    }
}
