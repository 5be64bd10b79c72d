//! The log-scales of a tensor that is read in another shape.

use super::mixed::Mixture;
use super::size::{Size, Sizes, Volume};
use super::value::Scales;
use crate::manifold::{Form, Forms};
use std::ops::Range;

/// A tensor with more elements than this along the axes that a reshape joins is frozen.
const MAX_JOINED: usize = 1 << 24;

/// Mixtures with more elements than this are not carried through a reshape of several of their axes.
const MAX_SPANNED: usize = 1 << 20;

/// The scales after a reshape from `source` to `target`, with a mixture where they do not follow single axes; `None`
/// where that takes several, or unknown sizes.
pub(super) fn mix(
    scales: &Scales,
    mixture: Option<&Mixture>,
    source: &Sizes,
    target: &Sizes,
) -> Option<(Scales, Option<Mixture>)> {
    let (mut result, mut mixed) = (Scales::zero(), None);
    let (mut from, mut to) = (source.len(), target.len());
    let mut spanned = vec![];
    while from > 0 || to > 0 {
        let (from_end, to_end) = (from, to);
        let matched = next_group(source, target, &mut from, &mut to);
        let inside = (source.len() - from_end)..(source.len() - from);
        let carried: Vec<(usize, &Forms)> = scales.axes().filter(|(axis, _)| inside.contains(axis)).collect();
        let mixture = mixture.map(|m| m.inside(&inside).map(|inside| (m, inside)));
        let mixture = match mixture {
            Some(None) if matched => {
                spanned.push((from..from_end, to..to_end));
                continue;
            }
            Some(None) => return None,
            Some(Some((m, true))) => Some(m),
            Some(Some((_, false))) | None => None,
        };
        if mixture.is_none() && carried.iter().all(|(axis, _)| !scales.varies(*axis)) {
            let whole = carried.iter().fold(Form::zero(), |sum, (_, f)| sum.plus(1.0, &f[0]));
            result = if whole.is_zero() { result } else { result.shifted(&whole) };
            continue;
        }
        if !matched {
            return None;
        }
        let mut joined = join(scales, source, from..from_end)?;
        if let Some(mixture) = mixture {
            mixture.add_to(&mut joined, source, from..from_end)?;
        }
        match split(result.clone(), &joined, target, to..to_end) {
            Some(sum) => result = sum,
            None if mixed.is_none() => mixed = Some(Mixture::new(joined, target, to..to_end)?),
            None => return None,
        }
    }
    match mixture.filter(|_| !spanned.is_empty()) {
        None => Some((result, mixed)),
        Some(_) if mixed.is_some() => None,
        Some(mixture) => Some((result, span(scales, mixture, (source, target), &spanned)?)),
    }
}

/// The mixture over several groups of axes, each of which a reshape takes from a range of the source to one of the
/// target; the log-scales of these axes of the source go into it.
fn span(
    scales: &Scales,
    mixture: &Mixture,
    (source, target): (&Sizes, &Sizes),
    groups: &[(Range<usize>, Range<usize>)],
) -> Option<Option<Mixture>> {
    let known = |sizes: &Sizes, axes: &Range<usize>| -> Option<Vec<(usize, usize)>> {
        axes.clone().map(|i| Some((sizes.len() - 1 - i, sizes[i].known().filter(|&n| n > 0)?))).collect()
    };
    let mut axes = vec![];
    let mut parts = vec![];
    for (from, to) in groups {
        let (from, to) = (known(source, from)?, known(target, to)?);
        parts.push((from, to.iter().map(|a| a.1).product::<usize>()));
        axes.extend(to);
    }
    let count = axes.iter().try_fold(1usize, |all, a| all.checked_mul(a.1)).filter(|&n| n <= MAX_SPANNED)?;
    let mut forms = Vec::with_capacity(count);
    for element in 0..count {
        let (mut rest, mut index) = (element, vec![]);
        for (from, volume) in parts.iter().rev() {
            let mut inside = rest % volume;
            rest /= volume;
            for &(axis, size) in from.iter().rev() {
                index.push((axis, inside % size));
                inside /= size;
            }
        }
        let place = |axis: usize| index.iter().find(|i| i.0 == axis).map_or(0, |i| i.1);
        let mut form = mixture.at(place).clone();
        for &(axis, at) in &index {
            if let Some(own) = scales.axis(axis) {
                form = form.plus(1.0, own.get(if own.len() > 1 { at } else { 0 })?);
            }
        }
        forms.push(form);
    }
    let wide: Vec<(usize, usize)> = axes.into_iter().filter(|a| a.1 > 1).collect();
    Some(Mixture::along(&wide, forms))
}

/// Takes axes from the end until both sides have the same number of elements; false when they never do.
fn next_group(source: &[Size], target: &[Size], from: &mut usize, to: &mut usize) -> bool {
    let (from_end, to_end) = (*from, *to);
    let (mut left, mut right) = (Some(Volume::one()), Some(Volume::one()));
    while let (Some(l), Some(r)) = (&left, &right) {
        if l == r && (*from, *to) != (from_end, to_end) {
            return true;
        }
        let (over, under) = (l.lacks(r), r.lacks(l));
        let source_next = if over == under { l.number <= r.number } else { over };
        if *from > 0 && (source_next || *to == 0) {
            *from -= 1;
            left = left.and_then(|l| l.times(source[*from]));
        } else if *to > 0 {
            *to -= 1;
            right = right.and_then(|r| r.times(target[*to]));
        } else {
            break;
        }
    }
    // an unknown size: everything in front belongs together
    (*from, *to) = (0, 0);
    false
}

/// The log-scale of every element of some neighbouring axes, in order.
fn join(scales: &Scales, source: &[Size], axes: Range<usize>) -> Option<Vec<Form>> {
    let mut all = vec![Form::zero()];
    for i in axes {
        let size = source[i].known()?;
        if all.len().checked_mul(size)? > MAX_JOINED {
            return None;
        }
        let forms = scales.expanded(source.len() - 1 - i, size)?;
        all = all.iter().flat_map(|f| forms.iter().map(move |g| f.plus(1.0, g))).collect();
    }
    Some(all)
}

/// Adds the log-scales of joined axes to axes of the target, where they are a sum over these.
fn split(mut result: Scales, joined: &[Form], target: &[Size], axes: Range<usize>) -> Option<Scales> {
    let mut stride = joined.len();
    let mut parts = vec![];
    for i in axes {
        let size = target[i].known()?;
        stride = stride.checked_div(size).filter(|&stride| stride > 0)?;
        let forms: Vec<Form> = (0..size).map(|k| joined[k * stride].clone()).collect();
        parts.push((target.len() - 1 - i, stride, forms));
    }
    let first = joined.first()?;
    for (element, form) in joined.iter().enumerate() {
        let all = parts.iter().map(|(_, stride, forms)| &forms[element / stride % forms.len()]);
        // all but few elements differ from the first one along a single axis
        let mut differing = all.filter(|here| *here != first);
        let same = match (differing.next(), differing.next()) {
            (None, _) => form == first,
            (Some(here), None) => form == here,
            (Some(here), Some(next)) => {
                let sum = differing.fold(here.plus(1.0, next), |sum, here| sum.plus(1.0, here).plus(-1.0, first));
                &sum.plus(-1.0, first) == form
            }
        };
        if !same {
            return None;
        }
    }
    let mut carried = false;
    for (axis, _, forms) in parts {
        // the common part belongs to one axis alone
        let varies = forms.iter().any(|f| f != first);
        if varies {
            let own = if carried { forms.iter().map(|f| f.plus(-1.0, first)).collect() } else { forms };
            carried = true;
            result = result.added(axis, &own)?;
        }
    }
    Some(if carried { result } else { result.shifted(first) })
}
