//! How balanced weights change with the weights: implicit differentiation through the optimum.
//!
//! Let A map log-scales to the log-multipliers of all connections, and let C hold the curvatures of their costs at the
//! optimum. The gradient `A^T (slopes)` stays zero when the weights change by `d ln w`, so `A^T C (d ln w + A dx) = 0`, and
//! the balanced weights change by
//!
//! ```text
//! d ln w* = d ln w + A dx = (I - A (A^T C A)^-1 A^T C) d ln w
//! ```
//!
//! the oblique projection that forgets rescalings: it is zero on the manifold.

use super::{add_form, add_square};
use crate::error::{Error, ErrorKind, Result};
use crate::manifold::Form;
use crate::network::{Biases, Network};
use crate::problem::{Gauge, Problem};
use crate::regularizer::Regularizer;
use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

/// The derivative of the logarithms of the balanced weights by those of the weights.
///
/// Entries are those of a problem ([`at`](Self::at)) or the parameters of a network ([`of_network`](Self::of_network)).
#[derive(Clone, Debug)]
pub struct Sensitivity {
    forms: Vec<Form>,
    curvatures: Vec<f64>,
    factor: Option<Cholesky<f64, Dyn>>,
    /// The variables that the factor is of: all but pins and those that no weight depends on.
    moving: Vec<usize>,
    gauge: Gauge,
}

impl Sensitivity {
    /// The derivative at the optimum, whose log-scales are `x`.
    ///
    /// Entries are connections in the order of [`Problem::for_each_entry`]. Under a sum of powers a weight has one entry for
    /// every power; give them the same change.
    ///
    /// Complexity: O(n^3 + connections) in n variables, once.
    ///
    /// # Errors
    /// When double precision finds no positive definite curvature there.
    ///
    /// # Panics
    /// When `x` has the wrong length.
    pub fn at(problem: &Problem, x: &[f64]) -> Result<Self> {
        let point = problem.point(x);
        let (mut forms, mut curvatures) = (vec![], vec![]);
        problem.for_each_entry(|e| {
            forms.push(problem.form(&e));
            curvatures.push(point.curvature(e.block, e.index, [e.head, e.tail]).to_f64());
        });
        Self::new(Gauge::of(problem)?, forms, curvatures)
    }

    /// The derivative at a network that is balanced: whose optimum is at log-scales zero.
    ///
    /// Entries are the parameters in the order of [`Network::parameters`], each once, however many connections share it and
    /// whatever sum its cost is. Zero weights and free biases have no say in the scales, but move with them: the change of
    /// a zero weight is that of its multiplier's logarithm.
    ///
    /// Complexity: O(n^3 + connections) in n variables, once, and that of [`Network::lower`].
    ///
    /// # Errors
    /// As for [`Network::lower`]; when double precision finds no positive definite curvature there.
    pub fn of_network(balanced: &Network, regularizer: &Regularizer, biases: Biases) -> Result<Self> {
        let gauge = Gauge::of(&balanced.lower(regularizer, biases)?.problem)?;
        let curvature =
            |(parameter, &weight): (usize, &f64)| match biases == Biases::Free && balanced.is_bias(parameter) {
                true => 0.0,
                false => regularizer.curvature(weight),
            };
        let curvatures = balanced.parameters().iter().enumerate().map(curvature).collect();
        Self::new(gauge, balanced.log_multipliers()?, curvatures)
    }

    /// The same from the form and the curvature of every entry.
    fn new(gauge: Gauge, forms: Vec<Form>, curvatures: Vec<f64>) -> Result<Self> {
        let variables = gauge.active.len();
        let mut hessian = DMatrix::zeros(variables, variables);
        forms.iter().zip(&curvatures).for_each(|(form, &c)| add_square(&mut hessian, c, form));
        let moves = |&v: &usize| hessian[(v, v)] > 0.0 && !gauge.pins.contains(&(v as u32));
        let moving: Vec<usize> = (0..variables).filter(moves).collect();
        let n = moving.len();
        let reduced = DMatrix::from_fn(n, n, |i, j| hessian[(moving[i], moving[j])]);
        let is_finite = reduced.iter().all(|h| h.is_finite());
        let factor = match n {
            0 => None,
            _ => Some(reduced.cholesky().filter(|_| is_finite).ok_or_else(indefinite)?),
        };
        Ok(Self { forms, curvatures, factor, moving, gauge })
    }

    /// The change of the balanced weights' logarithms that a change of the weights' logarithms brings: one solve.
    ///
    /// # Panics
    /// When there is not one number for every entry.
    #[must_use]
    pub fn forward(&self, change: &[f64]) -> Vec<f64> {
        let right: Vec<f64> = change.iter().zip(&self.curvatures).map(|(d, c)| d * c).collect();
        let dx = self.solve(&right);
        change.iter().zip(&self.forms).map(|(d, form)| d - form.at(&dx)).collect()
    }

    /// The gradient by the weights' logarithms, given that by the balanced weights' logarithms: the transposed map, one solve.
    ///
    /// # Panics
    /// When there is not one number for every entry.
    #[must_use]
    pub fn backward(&self, gradient: &[f64]) -> Vec<f64> {
        let dx = self.solve(gradient);
        let back = |((g, form), c): ((&f64, &Form), &f64)| g - c * form.at(&dx);
        gradient.iter().zip(&self.forms).zip(&self.curvatures).map(back).collect()
    }

    /// `(A^T C A)^-1 A^T right`, in the gauge.
    fn solve(&self, right: &[f64]) -> Vec<f64> {
        assert_eq!(right.len(), self.forms.len(), "one number for every entry");
        let mut sums = DVector::zeros(self.gauge.active.len());
        right.iter().zip(&self.forms).for_each(|(&r, form)| add_form(&mut sums, r, form));
        // shifts that change no weight that counts change those that do not: into the gauge and out of it alike
        self.gauge.apply(sums.as_mut_slice());
        let mut dx = vec![0.0; sums.len()];
        if let Some(factor) = &self.factor {
            let solved = factor.solve(&DVector::from_iterator(self.moving.len(), self.moving.iter().map(|&v| sums[v])));
            self.moving.iter().zip(solved.iter()).for_each(|(&v, &d)| dx[v] = d);
        }
        self.gauge.apply(&mut dx);
        dx
    }
}

fn indefinite() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "curvature at the optimum",
        "it is not positive definite in double precision",
        "the weights differ by too many decades, or are too large; scale them by the balanced log-scales first",
    )
}
