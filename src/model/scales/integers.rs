//! Shape arithmetic: small integer tensors whose elements are known, or are sizes that are known when the model runs.

use super::inference::Inference;
use super::shape::{position, shape_of};
use super::size::{Size, Symbol, Volume};
use super::value::Value;
use crate::model::element::ElementType;
use crate::model::graph::Node;

/// Longer lists of integers are not followed: they are no shapes.
const MAX_LENGTH: usize = 1 << 12;

/// An integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// A number.
    Known(i64),
    /// The size of an axis that is known when the model runs.
    Symbol(Symbol),
    /// Known when the model runs.
    Open,
}

/// An integer tensor with at most one axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// Its elements.
    pub elements: Vec<Number>,
    /// Whether it has no axis.
    pub scalar: bool,
}

impl Numbers {
    /// A list of known numbers.
    pub fn list(numbers: &[i64]) -> Self {
        Self { elements: numbers.iter().map(|&n| Number::Known(n)).collect(), scalar: false }
    }

    /// The numbers, where all are known.
    pub fn known(&self) -> Option<Vec<i64>> {
        let known = |n: &Number| match n {
            Number::Known(n) => Some(*n),
            Number::Symbol(_) | Number::Open => None,
        };
        self.elements.iter().map(known).collect()
    }
}

impl From<Size> for Number {
    fn from(size: Size) -> Self {
        match size {
            Size::Known(n) => i64::try_from(n).map_or(Self::Open, Self::Known),
            Size::Symbol(s) => Self::Symbol(s),
            Size::Open => Self::Open,
        }
    }
}

impl From<Number> for Size {
    fn from(number: Number) -> Self {
        match number {
            Number::Known(n) => Self::of(usize::try_from(n).ok()),
            Number::Symbol(s) => Self::Symbol(s),
            Number::Open => Self::Open,
        }
    }
}

/// The product or quotient of sizes, where it is a number or a product of a few that are known when the model runs.
fn volume(a: Number, b: Number, divides: bool) -> Number {
    let of = |n: Number| Volume::of([n.into()]);
    let volume = match divides {
        true => of(a).zip(of(b)).and_then(|(a, b)| a.over(&b)),
        false => Volume::of([a.into(), b.into()]),
    };
    volume.map_or(Number::Open, |v| v.size().into())
}

/// The integers of an input: stored, or followed.
pub(super) fn of_input(it: &Inference<'_>, node: &Node, index: usize) -> Option<Numbers> {
    let name = node.input(index)?;
    if let Some(numbers) = it.integers.get(name) {
        return Some(numbers.clone());
    }
    let Value::Stored(view) = it.input(node, index)? else { return None };
    let tensor = &it.graph.tensors[view.tensor];
    if view.dims.len() > 1 || view.len() > MAX_LENGTH {
        return None;
    }
    Some(Numbers { scalar: view.dims.is_empty(), ..Numbers::list(&tensor.integers(it.bytes)?) })
}

/// The result of a node that computes with shapes; `None` for other nodes.
pub(super) fn follow(it: &Inference<'_>, node: &Node) -> Option<Numbers> {
    if !node.domain.is_empty() || it.graph.functions.contains(&(String::new(), node.op.clone())) {
        return None;
    }
    let input = |index: usize| of_input(it, node, index);
    match node.op.as_str() {
        "Shape" => shape(it, node),
        "Cast" => {
            let to = ElementType::from_code(node.int("to", 0));
            input(0).filter(|_| matches!(to, ElementType::I64 | ElementType::I32))
        }
        "Identity" => input(0),
        "Squeeze" => {
            let numbers = input(0)?;
            (numbers.elements.len() == 1).then_some(Numbers { scalar: true, ..numbers })
        }
        "Unsqueeze" => {
            let numbers = input(0)?;
            numbers.scalar.then_some(Numbers { scalar: false, ..numbers })
        }
        "Reshape" => {
            let (numbers, shape) = (input(0)?, input(1)?);
            let scalar = shape.elements.is_empty();
            (shape.elements.len() < 2).then_some(Numbers { scalar, ..numbers })
        }
        "Gather" => gather(&input(0)?, &input(1)?),
        "Concat" => {
            let parts: Option<Vec<Numbers>> = (0..node.inputs.len()).map(input).collect();
            let elements = parts?.into_iter().map(|p| (!p.scalar).then_some(p.elements)).collect::<Option<Vec<_>>>()?;
            Some(Numbers { elements: elements.concat(), scalar: false })
        }
        "Slice" => slice(it, node, input(0)?),
        "ReduceProd" if node.input(1).is_none() && node.ints("axes").is_none_or(|axes| axes == [0]) => {
            let all = input(0)?.elements;
            let product = all.into_iter().fold(Number::Known(1), operation("Mul")?);
            Some(Numbers { elements: vec![product], scalar: node.int("keepdims", 1) == 0 })
        }
        op @ ("Add" | "Sub" | "Mul" | "Div" | "Max" | "Min") if node.inputs.len() == 2 => {
            combine(&input(0)?, &input(1)?, operation(op)?)
        }
        _ => None,
    }
}

fn shape(it: &Inference<'_>, node: &Node) -> Option<Numbers> {
    let sizes = shape_of(&it.input(node, 0)?)?;
    let rank = i64::try_from(sizes.len()).ok()?;
    let place =
        |axis: i64| usize::try_from(if axis < 0 { axis.saturating_add(rank) } else { axis }.clamp(0, rank)).ok();
    let (start, end) = (place(node.int("start", 0))?, place(node.int("end", rank))?);
    let elements = sizes.get(start..end).unwrap_or_default().iter().map(|&s| s.into()).collect();
    Some(Numbers { elements, scalar: false })
}

fn gather(data: &Numbers, indices: &Numbers) -> Option<Numbers> {
    let pick = |&i: &i64| position(i, data.elements.len()).map(|i| data.elements[i]);
    let elements: Option<Vec<Number>> = indices.known()?.iter().map(pick).collect();
    Some(Numbers { elements: elements?, scalar: indices.scalar })
}

fn slice(it: &Inference<'_>, node: &Node, data: Numbers) -> Option<Numbers> {
    let bounds = |index: usize, name: &str| {
        if node.input(index).is_some() { it.integers(node, index) } else { node.ints(name).map(<[i64]>::to_vec) }
    };
    let (starts, ends) = (bounds(1, "starts")?, bounds(2, "ends")?);
    let steps = if node.input(4).is_some() { it.integers(node, 4)? } else { vec![1] };
    let ([start], [end], [step]) = (&starts[..], &ends[..], &steps[..]) else { return None };
    let picked = range(*start, *end, *step, data.elements.len())?;
    Some(Numbers { elements: picked.into_iter().map(|i| data.elements[i]).collect(), ..data })
}

/// More elements than this are not picked one by one.
const MAX_PICKED: usize = 1 << 24;

/// The indices that a slice of an axis of `size` elements takes.
pub(super) fn range(start: i64, end: i64, step: i64, size: usize) -> Option<Vec<usize>> {
    let size = i64::try_from(size).ok()?;
    let from_front = |i: i64| if i < 0 { i.saturating_add(size) } else { i };
    let forward = step > 0;
    let (low, high) = if forward { (0, size) } else { (-1, size - 1) };
    let start = from_front(start).clamp(0, high.max(0));
    let end = from_front(end).clamp(low, high.max(low));
    if step == 0 || size == 0 {
        return (step != 0).then(Vec::new);
    }
    let (mut at, mut picked) = (start, vec![]);
    while if forward { at < end } else { at > end } {
        if picked.len() == MAX_PICKED {
            return None;
        }
        picked.push(usize::try_from(at).ok()?);
        at = at.saturating_add(step);
    }
    Some(picked)
}

type Operation = fn(Number, Number) -> Number;

fn operation(op: &str) -> Option<Operation> {
    Some(match op {
        "Add" => |a, b| known(a, b, i64::checked_add).unwrap_or_else(|| neutral(a, b, 0)),
        "Sub" => |a, b| match (a, b) {
            (a, Number::Known(0)) => a,
            _ => known(a, b, i64::checked_sub).unwrap_or(Number::Open),
        },
        "Mul" => |a, b| known(a, b, i64::checked_mul).unwrap_or_else(|| volume(a, b, false)),
        "Div" => |a, b| known(a, b, i64::checked_div).unwrap_or_else(|| volume(a, b, true)),
        "Max" => |a, b| known(a, b, |a, b| Some(a.max(b))).unwrap_or(Number::Open),
        "Min" => |a, b| known(a, b, |a, b| Some(a.min(b))).unwrap_or(Number::Open),
        _ => return None,
    })
}

fn known(a: Number, b: Number, of: impl Fn(i64, i64) -> Option<i64>) -> Option<Number> {
    let (Number::Known(a), Number::Known(b)) = (a, b) else { return None };
    of(a, b).map(Number::Known)
}

/// The operand other than the one that changes nothing.
fn neutral(a: Number, b: Number, neutral: i64) -> Number {
    match (a, b) {
        (Number::Known(n), other) | (other, Number::Known(n)) if n == neutral => other,
        _ => Number::Open,
    }
}

fn combine(a: &Numbers, b: &Numbers, operation: Operation) -> Option<Numbers> {
    let length = a.elements.len().max(b.elements.len());
    let at =
        |of: &Numbers, i: usize| if of.elements.len() == 1 { of.elements.first() } else { of.elements.get(i) }.copied();
    let elements: Option<Vec<Number>> = (0..length).map(|i| Some(operation(at(a, i)?, at(b, i)?))).collect();
    Some(Numbers { elements: elements?, scalar: a.scalar && b.scalar })
}
