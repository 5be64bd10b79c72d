//! Flows between bounds of 192 digits, from weights that are known exactly: for the few decisions that two words leave open.

use super::block::{Amplitudes, Block, Cost, Source};
use super::{MultiplierSpans, Problem};
use crate::numeric::{Span, is_half_integer};
use rayon::prelude::*;

/// What enters and leaves every variable.
#[derive(Clone, Debug)]
pub struct ExactFlows {
    /// What the variable scales up.
    pub inflow: Vec<Span>,
    /// What the variable scales down.
    pub outflow: Vec<Span>,
}

/// The exponent of a block, and of its matrix A the products `A down` and `A^T up` with the multipliers at its ports.
type ExactSums<'a> = (f64, [Vec<Span>; 2], &'a Block);

impl Problem {
    /// Flows at multipliers of all variables that are known exactly.
    ///
    /// Complexity: one read of the weights, about a microsecond for each; the result does not depend on the number of threads.
    ///
    /// # Errors
    /// With the reason, where a cost is not known exactly: it is no power of half a whole number, its weights were summed or
    /// rounded before, or powers of two are folded into them; and where a coefficient of a form is no half of a whole number.
    ///
    /// # Panics
    /// When there is not one multiplier for every variable.
    pub fn exact_flows(&self, multipliers: &MultiplierSpans) -> Result<ExactFlows, String> {
        if self.given != 0.0 || self.origin.iter().any(|e| *e != 0) {
            return Err("weights were rounded before, or hold powers of two of the scales".into());
        }
        let at_ports: Option<Vec<Span>> = self.ports.iter().map(|form| multipliers.at(form)).collect();
        let at_ports = at_ports.ok_or("a form has a coefficient that is no half of a whole number")?;
        let zeros = || vec![Span::default(); self.ports.len()];
        let (mut at_heads, mut at_tails) = (zeros(), zeros());
        for (p, [heads, tails], block) in self.exact_sums(&at_ports)? {
            let factor = Span::exact(p);
            let pairs = block.heads.iter().zip(heads).map(|(&q, sum)| (q as usize, sum, true));
            let pairs = pairs.chain(block.tails.iter().zip(tails).map(|(&q, sum)| (q as usize, sum, false)));
            for (q, sum, head) in pairs {
                let scaled = sum.times(&at_ports[q].power(if head { halves(p) } else { -halves(p) })).times(&factor);
                let sums = if head { &mut at_heads } else { &mut at_tails };
                sums[q] = sums[q].plus(&scaled);
            }
        }
        let zeros = || vec![Span::default(); self.variables];
        let (mut inflow, mut outflow) = (zeros(), zeros());
        for (q, form) in self.ports.iter().enumerate() {
            for &(v, c) in form.terms() {
                let (v, size) = (v as usize, Span::exact(c));
                let (up, down) = if c > 0.0 { (&at_heads[q], &at_tails[q]) } else { (&at_tails[q], &at_heads[q]) };
                inflow[v] = inflow[v].plus(&size.times(up));
                outflow[v] = outflow[v].plus(&size.times(down));
            }
        }
        Ok(ExactFlows { inflow, outflow })
    }

    /// The sums of all blocks, on all threads.
    fn exact_sums(&self, at_ports: &[Span]) -> Result<Vec<ExactSums<'_>>, String> {
        let one = |block: &'_ Block| {
            let (Cost::Power(k), false) = (&block.cost, block.is_summed()) else {
                return Err(format!("the costs of {:?} are sums, or no powers", block.name));
            };
            let known = matches!(
                (&block.values, &block.source),
                (Amplitudes::Stored(_), _) | (_, Some(Source::Weights { .. }))
            );
            if !known {
                return Err(format!("the weights of {:?} are not known", block.name));
            }
            let p = self.exponents[*k];
            if !is_half_integer(p) {
                return Err(format!("the norm {p} of {:?} is no half of a whole number up to 64", block.name));
            }
            let powers = |ports: &[u32], halves: i32| -> Vec<Span> {
                ports.iter().map(|&q| at_ports[q as usize].power(halves)).collect()
            };
            let (up, down) = (powers(&block.heads, halves(p)), powers(&block.tails, -halves(p)));
            let (mut rows, mut columns) = (vec![Span::default(); up.len()], vec![Span::default(); down.len()]);
            block.for_each(|r, c, k| {
                if let Some(amplitude) = block.exact_amplitude(k, p) {
                    rows[r] = rows[r].plus(&amplitude.times(&down[c]));
                    columns[c] = columns[c].plus(&amplitude.times(&up[r]));
                }
            });
            Ok((p, [rows, columns]))
        };
        let sums: Result<Vec<_>, String> = self.blocks.par_iter().map(one).collect();
        Ok(sums?.into_iter().zip(&self.blocks).map(|((p, sums), block)| (p, sums, block)).collect())
    }
}

/// Twice an exponent.
fn halves(p: f64) -> i32 {
    (2.0 * p) as i32
}

impl Block {
    /// Amplitude `k` from its weight; none where it is zero. The block holds weights, without powers of two beside them.
    fn exact_amplitude(&self, k: usize, p: f64) -> Option<Span> {
        let weight = match (&self.values, &self.source) {
            (Amplitudes::Stored(lines), _) => lines.weight(k),
            (values, Some(Source::Weights { weights, .. })) if !values.get(k).is_zero() => weights[k],
            _ => return None,
        };
        (weight != 0.0).then(|| Span::exact(weight).power(halves(p)).times(&Span::exact(self.coefficient())))
    }
}
