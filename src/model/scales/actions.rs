//! What rules do to the state of inference: tie, ground and use tensors, and look at constants.

use super::inference::{CONSTANT, Inference, shapes_differ};
use super::integers::Numbers;
use super::uses::{Ports, Role, WeightUse};
use super::value::{Activation, Scales, Value, View};
use super::{integers, mixed};
use crate::error::Result;
use crate::manifold::{Form, Forms};
use crate::model::graph::{Attribute, Node};

impl Inference<'_> {
    /// Makes the log-scales of two broadcast operands equal.
    ///
    /// # Errors
    /// When their shapes do not fit.
    pub fn equal(&mut self, a: &Scales, b: &Scales, node: &Node) -> Result<()> {
        if let Some(pairs) = a.paired(b) {
            pairs.for_each(|(a, b)| self.manifold.require_equal(a, b));
            return Ok(());
        }
        let difference = a.minus(b).ok_or_else(|| shapes_differ(node))?;
        difference.spanning().iter().for_each(|form| self.manifold.require_zero(form));
        Ok(())
    }

    /// Makes all forms on one axis equal.
    pub fn uniform(&mut self, forms: &[Form]) {
        for form in forms.iter().skip(1) {
            self.manifold.require_equal(form, &forms[0]);
        }
    }

    /// Fixes the log-scales of a value to zero; a stored tensor keeps its numbers.
    pub fn ground(&mut self, value: &Value, node: &str) {
        match value {
            Value::Activation(a) => {
                let settled = mixed::settle(self, a.clone());
                settled.scales.spanning().iter().for_each(|form| self.manifold.require_zero(form));
            }
            Value::Stored(view) => self.fix(view, node),
        }
    }

    /// Notes that a node uses a stored tensor as it is.
    pub fn fix(&mut self, view: &View, node: &str) {
        if self.graph.tensors[view.tensor].is_rewritable() {
            let ports = Ports::new(view, &Scales::zero(), CONSTANT);
            let node = node.to_owned();
            let (heads, tails, view) = (ports.clone(), ports, view.clone());
            self.uses.push(WeightUse { node, role: Role::Fixed, view, heads, tails, reciprocal: false });
        }
    }

    /// Notes that a node uses a stored tensor as weights, and lets signals pass through those that are not zero.
    pub fn weigh(&mut self, weights: WeightUse) {
        let (heads, tails) = (weights.heads.forms.len(), weights.tails.forms.len());
        let tensor = &self.graph.tensors[weights.view.tensor];
        if heads.saturating_mul(tails) > tensor.len().saturating_mul(2) {
            let mut pairs = vec![];
            weights.visit(|element, head, tail| {
                if tensor.number(self.bytes, element) != 0.0 {
                    pairs.push((head, tail));
                }
            });
            for (head, tail) in pairs {
                let (from, to) = (&weights.tails.forms[tail], &weights.heads.forms[head]);
                self.connect((from, weights.tails.hub), (to, weights.heads.hub));
            }
            self.uses.push(weights);
            return;
        }
        let gaps = match weights.joins_all() {
            true if !tensor.has_zero(self.bytes) => Some(vec![]),
            true => weights.gaps(tensor, self.bytes),
            false => None,
        };
        let passes = gaps.is_none().then(|| {
            let mut passes = vec![false; heads * tails];
            weights.for_each_nonzero(tensor, self.bytes, |head, tail| passes[head * tails + tail] = true);
            passes
        });
        // whether a signal passes from every tail to a head
        let mut gaps = gaps.unwrap_or_default().into_iter().peekable();
        let mut row = |head: usize| match &passes {
            Some(passes) => passes[head * tails..(head + 1) * tails].to_vec(),
            None => {
                let mut row = vec![true; if gaps.peek().is_some_and(|gap| gap.0 == head) { tails } else { 0 }];
                while let Some((_, tail)) = gaps.next_if(|gap| gap.0 == head) {
                    row[tail] = false;
                }
                row
            }
        };
        // one node between the tails and all heads that every tail feeds spares heads x tails edges
        let middle = self.hub();
        let ground = Form::zero();
        for form in weights.tails.forms.iter() {
            self.connect((form, weights.tails.hub), (&ground, middle));
        }
        for (h, head) in weights.heads.forms.iter().enumerate() {
            let to = (head, weights.heads.hub);
            let row = row(h);
            if row.iter().all(|&p| p) {
                self.connect((&ground, middle), to);
                continue;
            }
            for (_, tail) in row.into_iter().zip(weights.tails.forms.iter()).filter(|(passes, _)| *passes) {
                self.connect((tail, weights.tails.hub), to);
            }
        }
        self.uses.push(weights);
    }

    /// The numbers of a stored tensor, in stored order.
    pub fn numbers(&self, view: &View) -> Vec<f64> {
        self.graph.tensors[view.tensor].decode(self.bytes)
    }

    /// Why a stored tensor cannot hold weights; `None` when it can.
    pub fn unfit(&self, view: &View) -> Option<String> {
        let tensor = &self.graph.tensors[view.tensor];
        if !tensor.element.is_float() {
            return Some(format!("the constant {:?} does not hold real numbers", tensor.name));
        }
        (!tensor.is_rewritable())
            .then(|| format!("the constant {:?} is stored with varying width and is not rewritten", tensor.name))
    }

    /// The integers of an input that is known before the model runs.
    pub fn integers(&self, node: &Node, index: usize) -> Option<Vec<i64>> {
        integers::of_input(self, node, index)?.known()
    }

    /// The elements of a shape that an input gives, some of them known only when the model runs.
    pub fn numbers_of(&self, node: &Node, index: usize) -> Option<Numbers> {
        integers::of_input(self, node, index)
    }

    /// The real numbers of an attribute.
    pub fn floats(&self, node: &Node, name: &str) -> Option<Vec<f64>> {
        let Some(Attribute::Floats(places)) = node.attributes.get(name) else { return None };
        let bytes = self.bytes.bytes(0);
        let one = |place: &std::ops::Range<usize>| {
            bytes[place.clone()].try_into().ok().map(f32::from_le_bytes).map(f64::from)
        };
        places.iter().map(one).collect()
    }

    /// The real numbers of a constant input; they are used as they are.
    pub fn reals(&mut self, node: &Node, index: usize) -> Option<Vec<f64>> {
        let Some(Value::Stored(view)) = self.input(node, index) else { return None };
        self.fix(&view, &node.name);
        self.graph.tensors[view.tensor].is_rewritable().then(|| self.numbers(&view))
    }

    /// Makes all log-scales along an axis of a tensor equal.
    pub fn tied(&mut self, scales: &Scales, hub: u32, axis: usize) -> Scales {
        let Some(forms) = scales.axis(axis) else { return scales.clone() };
        self.merge(forms, hub);
        scales.clone().with(axis, &forms[..forms.len().min(1)])
    }

    /// Makes the log-scales of elements of a tensor equal; the first stands for all.
    pub fn merge(&mut self, forms: &[Form], hub: u32) {
        self.uniform(forms);
        for form in forms.iter().skip(1) {
            self.connect((form, hub), (&forms[0], hub));
        }
    }

    /// Makes all log-scales equal that differ in the index of another axis than this one; gives those of this axis.
    ///
    /// # Errors
    /// When the axis carries log-scales of another number of elements.
    pub fn channel_scales(&mut self, x: &Activation, axis: usize, size: usize, node: &Node) -> Result<Forms> {
        let forms = x.scales.expanded(axis, size).ok_or_else(|| shapes_differ(node))?;
        let mut common = Form::zero();
        let others: Vec<usize> = x.scales.axes().map(|(a, _)| a).filter(|&a| a != axis).collect();
        for other in others {
            let tied = self.tied(&x.scales, x.hub, other);
            common = common.plus(1.0, &tied.axis(other).map_or_else(Form::zero, |f| f[0].clone()));
        }
        if common.is_zero() {
            return Ok(forms);
        }
        Ok(forms.iter().map(|f| f.plus(1.0, &common)).collect())
    }
}
