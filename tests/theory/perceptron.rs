//! A network of one hidden layer of leaky ReLU units with its exact gradient, for the claims about training.

/// Inputs, hidden units, outputs.
pub const SIZES: (usize, usize, usize) = (3, 5, 2);
const SLOPE: f64 = 0.3;

/// Weights `hidden x inputs` and `outputs x hidden`.
#[derive(Clone, Debug)]
pub struct Perceptron {
    pub first: Vec<Vec<f64>>,
    pub second: Vec<Vec<f64>>,
}

/// Inputs and what should come out.
pub type Data = Vec<(Vec<f64>, Vec<f64>)>;

impl Perceptron {
    pub fn random(seed: u16) -> Self {
        let (n, h, m) = SIZES;
        let weight = |k: usize| (f64::from(seed) * 0.77 + k as f64 * 2.13).sin() * 1.2 + 0.1;
        let matrix = |rows: usize, columns: usize, from: usize| {
            (0..rows).map(|r| (0..columns).map(|c| weight(from + r * columns + c)).collect()).collect()
        };
        Self { first: matrix(h, n, 0), second: matrix(m, h, 100) }
    }

    /// Scales every hidden unit such that its incoming and outgoing weights have equal sums of squares.
    pub fn balance(&mut self) {
        for unit in 0..SIZES.1 {
            let [enters, leaves] = self.squares(unit);
            let scale = (leaves / enters).powf(0.25);
            self.first[unit].iter_mut().for_each(|w| *w *= scale);
            self.second.iter_mut().for_each(|row| row[unit] /= scale);
        }
    }

    /// Sums of squares of what enters and leaves a hidden unit.
    pub fn squares(&self, unit: usize) -> [f64; 2] {
        [self.first[unit].iter().map(|w| w * w).sum(), self.second.iter().map(|row| row[unit] * row[unit]).sum()]
    }

    /// The deficits of all hidden units: sum of squares of what enters, minus that of what leaves.
    pub fn deficits(&self) -> Vec<f64> {
        (0..SIZES.1).map(|unit| self.squares(unit)).map(|[enters, leaves]| enters - leaves).collect()
    }

    /// The sum of the squares of all deficits.
    pub fn deficit(&self) -> f64 {
        self.deficits().iter().map(|d| d * d).sum()
    }

    /// The mean squared error and its gradient.
    pub fn gradient(&self, data: &Data) -> (f64, Self) {
        let zero = |m: &Vec<Vec<f64>>| m.iter().map(|row| vec![0.0; row.len()]).collect::<Vec<_>>();
        let mut gradient = Self { first: zero(&self.first), second: zero(&self.second) };
        let mut error = 0.0;
        let share = 1.0 / data.len() as f64;
        for (input, target) in data {
            let dot = |row: &[f64], x: &[f64]| row.iter().zip(x).map(|(w, v)| w * v).sum::<f64>();
            let z: Vec<f64> = self.first.iter().map(|row| dot(row, input)).collect();
            let y: Vec<f64> = z.iter().map(|&z| if z > 0.0 { z } else { SLOPE * z }).collect();
            let off: Vec<f64> = self.second.iter().zip(target).map(|(row, t)| dot(row, &y) - t).collect();
            error += share * off.iter().map(|d| d * d).sum::<f64>();
            for (h, (&z, &y)) in z.iter().zip(&y).enumerate() {
                let mut back = 0.0;
                for (o, d) in off.iter().enumerate() {
                    gradient.second[o][h] += 2.0 * share * d * y;
                    back += 2.0 * share * d * self.second[o][h];
                }
                let slope = if z > 0.0 { 1.0 } else { SLOPE };
                gradient.first[h].iter_mut().zip(input).for_each(|(g, x)| *g += back * slope * x);
            }
        }
        (error, gradient)
    }

    /// One step of gradient descent on the error plus `beta` times the sum of all squares.
    pub fn step(&mut self, gradient: &Self, rate: f64, beta: f64) {
        let both = [(&mut self.first, &gradient.first), (&mut self.second, &gradient.second)];
        for (weights, gradient) in both {
            for (w, g) in weights.iter_mut().flatten().zip(gradient.iter().flatten()) {
                *w -= rate * (g + 2.0 * beta * *w);
            }
        }
    }
}

/// A dozen examples of some function.
pub fn data(seed: u16) -> Data {
    let value = |k: usize| (f64::from(seed) + k as f64 * 1.37).cos();
    let one = |k: usize| {
        let x: Vec<f64> = (0..SIZES.0).map(|i| value(7 * k + i)).collect();
        let y = vec![(x[0] - x[1]).abs() + 0.3 * x[2], x[0].max(x[2])];
        (x, y)
    };
    (0..12).map(one).collect()
}
