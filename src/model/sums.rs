//! Sums of costs over the entries of a tensor that share both ports: kernel places, and what a flatten merges.

use super::amplitudes::{not_finite, weight};
use super::files::Files;
use super::runs::{Sums, quick_sums};
use super::scales::WeightUse;
use super::tensor::Tensor;
use crate::error::Result;
use crate::numeric::Double;
use crate::regularizer::Power;
use std::collections::HashMap;

/// Where the entries of a tensor are summed: the row of every head, and the column of every tail.
pub(super) struct Places<'a> {
    pub head_of: &'a [u32],
    pub tail_of: &'a [u32],
    pub rows: usize,
    pub columns: usize,
}

impl Places<'_> {
    /// Whether the runs of these axes lie in the places, one by one.
    pub(super) fn in_order(&self, axes: &[[usize; 3]]) -> bool {
        matches!(axes, [head, tail, [_, 0, 0]] if *head == [self.rows, 1, 0] && *tail == [self.columns, 0, 1])
            && Self::one_by_one(self.head_of)
            && Self::one_by_one(self.tail_of)
    }

    /// The axes with the fastest one in two, where groups of neighbours along it have one place each: what a flatten merges.
    pub(super) fn split(&self, mut axes: Vec<[usize; 3]>) -> Vec<[usize; 3]> {
        let Some(&[length, head, tail]) = axes.last() else { return axes };
        let of = match (head, tail) {
            (0, 1) => self.tail_of,
            (1, 0) => self.head_of,
            _ => return axes,
        };
        let group = of.iter().take_while(|&&place| place == of[0]).count();
        let is_one = |group: &[u32]| group.iter().all(|&place| place == group[0]);
        if group > 1 && group < length && length % group == 0 && of.chunks(group).all(is_one) {
            axes.pop();
            axes.extend([[length / group, head * group, tail * group], [group, head, tail]]);
        }
        axes
    }

    pub(super) fn one_by_one(of: &[u32]) -> bool {
        of.iter().enumerate().all(|(i, &place)| i == place as usize)
    }

    /// Whether every run along the fastest of these axes has one place; `which` of the strides are those of the ports.
    pub(super) fn alike(of: &[u32], axes: &[[usize; 3]], which: usize) -> bool {
        let Some((&[length, ..], outer)) = axes.split_last() else { return true };
        match axes[outer.len()][which] {
            0 => true,
            1 => {
                let aligned = outer.iter().all(|axis| axis[which] % length == 0);
                aligned && of.chunks(length).all(|run| run.iter().all(|&place| place == run[0]))
            }
            _ => false,
        }
    }

    pub(super) fn of(&self, head: usize, tail: usize) -> usize {
        self.head_of[head] as usize * self.columns + self.tail_of[tail] as usize
    }

    /// A bound on how many entries lie in one place: the entries of a pair of forms, times the forms that share ports.
    pub(super) fn most(&self, one: &WeightUse) -> usize {
        let most = |of: &[u32], places: usize| {
            let mut count = vec![0; places];
            of.iter().for_each(|&i| count[i as usize] += 1);
            count.into_iter().max().unwrap_or(1)
        };
        let each = match one.stored_axes() {
            Some(axes) => axes.iter().filter(|a| a[1] == 0 && a[2] == 0).map(|a| a[0]).product(),
            None => {
                let mut count: HashMap<(usize, usize), usize> = HashMap::new();
                one.visit(|_, head, tail| *count.entry((head, tail)).or_default() += 1);
                count.into_values().max().unwrap_or(1)
            }
        };
        each * most(self.head_of, self.rows) * most(self.tail_of, self.columns)
    }
}

/// Weights whose squares, and sums of them, are well inside the range of `f64`: 2^200.
pub(super) const SAFE: f64 = f64::from_bits((1023 + 200) << 52);

/// Sums of `|w|^p`, p = 1 or 2, over the entries of every place, row by row; none where one is beyond the range in which sums
/// are safe.
///
/// # Errors
/// When a weight is not finite.
pub(super) fn sums<'a>(
    one: &WeightUse,
    tensor: &'a Tensor,
    files: &'a Files,
    places: &Places,
    power: Power,
) -> Result<Option<Sums<'a>>> {
    let square = power.exponent == 2.0;
    let quick = if square {
        quick_sums::<true>(one, tensor, files, places)
    } else {
        quick_sums::<false>(one, tensor, files, places)
    };
    if let Some(sums) = quick {
        return Ok(Some(sums));
    }
    let mut sums = vec![Double::default(); places.rows * places.columns];
    let (mut faulty, mut safe) = (None, true);
    one.visit(|element, head, tail| {
        let stored = tensor.number(files, element);
        let size = weight(one, stored).abs();
        if !size.is_finite() {
            faulty.get_or_insert((element, stored));
        }
        safe &= size == 0.0 || (SAFE.recip()..SAFE).contains(&size);
        let cost = if square { Double::product(size, size) } else { Double::from(size) };
        let sum = &mut sums[places.of(head, tail)];
        *sum = *sum + cost;
    });
    match faulty {
        Some(fault) => Err(not_finite(tensor, fault)),
        None => Ok(safe.then_some(Sums::Made(sums))),
    }
}
