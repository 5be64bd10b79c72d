//! Random small models of all operator families.

use super::onnx_writer::{Attr, Model, i64_tensor};
use super::{numbers, random_layers as layers};
use quickcheck::{Arbitrary, Gen};

/// A list of steps, each with a seed of its own: every list is a valid model, so that lists shrink.
#[derive(Clone, Debug)]
pub struct AnyGraph(pub Vec<(u8, u16)>);

impl Arbitrary for AnyGraph {
    fn arbitrary(g: &mut Gen) -> Self {
        let count = 2 + usize::arbitrary(g) % 9;
        Self((0..count).map(|_| Arbitrary::arbitrary(g)).collect())
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let steps = self.0.clone();
        Box::new((0..steps.len()).map(move |gone| {
            let mut fewer = steps.clone();
            fewer.remove(gone);
            Self(fewer)
        }))
    }
}

/// A tensor of the model under construction.
#[derive(Clone, Debug)]
pub struct Made {
    pub name: String,
    pub shape: Vec<usize>,
    used: bool,
}

/// A model under construction.
pub struct Maker {
    model: Model,
    made: Vec<Made>,
    names: usize,
    state: u64,
}

/// Tensors with more elements end a step.
const LARGEST: usize = 300;

impl Maker {
    pub fn random(&mut self, below: usize) -> usize {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % below
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    pub fn weight(&mut self, shape: &[usize]) -> String {
        let seed = self.random(1 << 20) as u64;
        self.constant(shape, &numbers(seed, shape.iter().product()))
    }

    pub fn constant(&mut self, shape: &[usize], values: &[f32]) -> String {
        let name = self.name("w");
        self.model = std::mem::take(&mut self.model).weight(&name, shape, values);
        name
    }

    pub fn integers(&mut self, values: &[i64]) -> String {
        let name = self.name("i");
        self.model = std::mem::take(&mut self.model).tensor(i64_tensor(&name, &[values.len()], values));
        name
    }

    /// A node with one output of this shape.
    pub fn node(&mut self, op: &str, inputs: &[&str], shape: &[usize], attrs: &[(&str, Attr)]) -> Made {
        self.nodes(op, inputs, &[shape], attrs).remove(0)
    }

    pub fn nodes(&mut self, op: &str, inputs: &[&str], shapes: &[&[usize]], attrs: &[(&str, Attr)]) -> Vec<Made> {
        let names: Vec<String> = shapes.iter().map(|_| self.name("t")).collect();
        self.model = std::mem::take(&mut self.model).full_node("", op, inputs, &names.join(","), attrs);
        for made in &mut self.made {
            made.used |= inputs.contains(&made.name.as_str());
        }
        let made = names.into_iter().zip(shapes).map(|(name, s)| Made { name, shape: s.to_vec(), used: false });
        let made: Vec<Made> = made.collect();
        self.made.extend(made.iter().cloned());
        made
    }

    pub fn transposed(&mut self, x: &Made, order: &[usize]) -> Made {
        let shape: Vec<usize> = order.iter().map(|&a| x.shape[a]).collect();
        let perm = order.iter().map(|&a| a as i64).collect();
        self.node("Transpose", &[&x.name], &shape, &[("perm", Attr::Ints(perm))])
    }

    pub fn reshaped(&mut self, x: &Made, shape: &[usize]) -> Made {
        let wanted: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
        let wanted = self.integers(&wanted);
        self.node("Reshape", &[&x.name, &wanted], shape, &[])
    }

    /// A tensor that was made before, more often one of the last.
    pub fn any(&mut self) -> Made {
        let count = self.made.len();
        let back = self.random(count).min(self.random(count));
        self.made[count - 1 - back].clone()
    }

    /// Another tensor of the same shape, where there is one.
    pub fn like(&mut self, x: &Made) -> Made {
        let same: Vec<Made> = self.made.iter().filter(|m| m.shape == x.shape).cloned().collect();
        let at = self.random(same.len());
        same[at].clone()
    }
}

/// The model of a list of steps: two inputs of three and of four axes; every tensor that nothing uses ends in an output.
pub fn graph(steps: &AnyGraph) -> Model {
    let inputs: [(&str, &[usize]); 3] = [("x", &[2, 3]), ("s", &[2, 3, 4]), ("p", &[2, 3, 4, 4])];
    let mut maker = Maker { model: Model::new(), made: vec![], names: 0, state: 1 };
    for (name, shape) in inputs {
        maker.made.push(Made { name: name.to_owned(), shape: shape.to_vec(), used: false });
    }
    for &(kind, seed) in &steps.0 {
        maker.state = u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let x = maker.any();
        layers::step(&mut maker, usize::from(kind), &x);
        let too_large = |m: &Made| m.shape.iter().product::<usize>() > LARGEST;
        maker.made.retain(|m| !too_large(m) || !m.used);
    }
    let used = |name: &str, maker: &Maker| maker.made.iter().any(|m| m.name == name && m.used);
    let given: Vec<(&str, &[usize])> = inputs.into_iter().filter(|i| used(i.0, &maker)).collect();
    let ends: Vec<Made> =
        maker.made.iter().filter(|m| !m.used && !inputs.iter().any(|i| i.0 == m.name)).cloned().collect();
    for (i, end) in ends.iter().enumerate() {
        let count: usize = end.shape[1..].iter().product();
        let flat = maker.reshaped(end, &[end.shape[0], count]);
        let last = maker.weight(&[count, 2]);
        let y = format!("y{i}");
        let model = std::mem::take(&mut maker.model).node("MatMul", &[&flat.name, &last], &y);
        maker.model = model.output(&y, &[Some(end.shape[0]), Some(2)]);
    }
    let known = |shape: &[usize]| shape.iter().map(|&n| Some(n)).collect::<Vec<_>>();
    given.into_iter().fold(maker.model, |m, (name, shape)| m.input(name, &known(shape)))
}
