//! Numbers in one piece are summed and rewritten in their own order, others one by one: both ways agree.
#![cfg(feature = "model")]

mod onnx_support;

use onnx_support::numbers;
use onnx_support::onnx_writer::{Attr, Model, Storage, f32_tensor};
use onnx_support::{open, open_bytes, tensor};
use quickcheck::{Arbitrary, Gen};
use quickcheck_macros::quickcheck;
use synbal::lowered::Scaling;
use synbal::model::{OnnxModel, Tensor};
use synbal::numeric::Wide;
use synbal::problem::Problem;
use synbal::regularizer::Regularizer;

/// A network over images, of any sizes: convolutions in groups, normalization, a flatten, two products.
#[derive(Clone, Debug)]
struct Sizes {
    channels: [usize; 3],
    groups: usize,
    kernel: [usize; 2],
    features: [usize; 2],
    /// Whether the first product has its outputs in the rows of the tensor.
    turned: bool,
    /// One number in so many is zero.
    zeros: u64,
    seed: u64,
}

impl Arbitrary for Sizes {
    fn arbitrary(g: &mut Gen) -> Self {
        let size = |g: &mut Gen, below: usize| 1 + usize::arbitrary(g) % below;
        let groups = size(g, 3);
        Self {
            channels: [size(g, 5), groups * size(g, 12), groups * size(g, 4)],
            groups,
            kernel: [size(g, 4), size(g, 4)],
            features: [size(g, 40), size(g, 3)],
            turned: bool::arbitrary(g),
            zeros: [1, 2, 5, 20, 100, 1000][size(g, 6) - 1],
            seed: u32::arbitrary(g).into(),
        }
    }
}

impl Sizes {
    fn model(&self, storage: Storage) -> OnnxModel {
        let Self { channels: [a, b, c], groups, kernel: [height, width], features: [d, e], turned, zeros, seed } =
            *self;
        let weight = |m: Model, name: &str, shape: &[usize], salt: u64| {
            let mut values = numbers(seed ^ salt, shape.iter().product());
            // some numbers are tiny, some zero, and all that lead to some channels
            for (k, value) in values.iter_mut().enumerate() {
                let random = (k as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(seed).rotate_left(23);
                let [tiny, zero] = [random.is_multiple_of(5), (random >> 20).is_multiple_of(zeros)];
                let row = (k / shape[1..].iter().product::<usize>().max(1)) as u64;
                let dead = shape.len() == 4 && zeros > 2 && (row + seed).is_multiple_of(4);
                *value *= if dead || zero {
                    0.0
                } else if tiny {
                    1e-12
                } else {
                    1.0
                };
            }
            m.tensor(f32_tensor(name, shape, &values, storage))
        };
        let m = Model::new().input("x", &[Some(2), Some(a), Some(7), Some(6)]).output("y", &[None, None]);
        let m = weight(m, "w1", &[b, a, height, width], 1);
        let m = weight(m, "w2", &[c, b / groups, 2, 1], 2);
        let m = weight(weight(m, "gamma", &[b], 3), "beta", &[b], 4);
        let m = weight(m, "mean", &[b], 5).weight("variance", &[b], &vec![1.0; b]);
        let inside = (7 + 1 - height - 1) * (6 + 1 - width);
        let shape = if turned { [d, c * inside] } else { [c * inside, d] };
        let m = weight(weight(m, "w3", &shape, 6), "w4", &[d, e], 7);
        let options = [("transB", Attr::Int(i64::from(turned)))];
        let m = m
            .node("Conv", &["x", "w1"], "c1")
            .node("BatchNormalization", &["c1", "gamma", "beta", "mean", "variance"], "n1")
            .node("Relu", &["n1"], "r1")
            .full_node("", "Conv", &["r1", "w2"], "c2", &[("group", Attr::Int(groups as i64))])
            .node("Relu", &["c2"], "r2")
            .node("Flatten", &["r2"], "f")
            .full_node("", "Gemm", &["f", "w3"], "c3", &options)
            .node("Relu", &["c3"], "r3")
            .node("MatMul", &["r3", "w4"], "y");
        open(&m)
    }

    /// Log-scales, all within what single precision holds.
    fn scaling(&self, model: &OnnxModel) -> Scaling {
        Scaling::new(numbers(self.seed ^ 99, model.free()).into_iter().map(|n| f64::from(n) * 3.0).collect())
    }
}

/// What enters and leaves every log-scale away from where the model is.
fn flows(problem: &Problem, scaling: &Scaling) -> Vec<[f64; 2]> {
    let point = problem.point(scaling.scales.rest());
    let flows = point.flows();
    (0..flows.variables()).map(|v| [flows.inflow(v), flows.outflow(v)].map(Wide::to_f64)).collect()
}

#[quickcheck]
fn sums_over_numbers_in_one_piece_are_those_over_single_numbers(sizes: Sizes, p: bool, counted: bool) -> bool {
    let (whole, apart) = (sizes.model(Storage::Raw), sizes.model(Storage::Unpacked));
    let regularizer = Regularizer::lp(if p { 1.0 } else { 2.0 }).expect("a valid exponent");
    let scaling = sizes.scaling(&whole);
    let [a, b] = [&whole, &apart].map(|m| flows(&m.lower(&regularizer, counted).expect("valid").problem, &scaling));
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-14 * b;
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| close(a[0], b[0]) && close(a[1], b[1]))
}

#[quickcheck]
fn the_same_channels_are_dead_however_numbers_are_stored(sizes: Sizes) -> bool {
    let (whole, apart) = (sizes.model(Storage::Raw), sizes.model(Storage::Unpacked));
    let direction: Vec<f64> = sizes.scaling(&whole).scales.rest().iter().map(|x| x.round()).collect();
    let refusal = |m: &OnnxModel| m.limit_refusal(&direction).expect("a direction of this model");
    whole.dead() == apart.dead() && refusal(&whole) == refusal(&apart)
}

#[quickcheck]
fn numbers_in_one_piece_are_rewritten_bit_for_bit_like_single_ones(sizes: Sizes) -> bool {
    let (whole, apart) = (sizes.model(Storage::Raw), sizes.model(Storage::Unpacked));
    let scaling = sizes.scaling(&whole);
    let [(new_whole, a), (new_apart, b)] = [&whole, &apart].map(|m| m.apply(&scaling).expect("nothing overflows"));
    let [new_whole, new_apart] = [new_whole, new_apart].map(|bytes| open_bytes(&bytes).expect("still a model"));
    let names = ["w1", "w2", "gamma", "beta", "mean", "w3", "w4"];
    let bits = |m: &OnnxModel, name: &str| tensor(m, name).into_iter().map(f64::to_bits).collect::<Vec<u64>>();
    a == b && names.iter().all(|name| bits(&new_whole, name) == bits(&new_apart, name))
}

#[quickcheck]
fn a_number_that_is_not_finite_is_named_wherever_it_is(sizes: Sizes, place: usize, infinite: bool) -> bool {
    let model = sizes.model(Storage::Raw);
    let tensors: Vec<_> = ["w1", "w2", "gamma", "beta", "mean", "w3", "w4"].map(|name| find(&model, name)).into();
    let tensor = tensors[place % tensors.len()];
    let element = place / tensors.len() % tensor.len();
    let at = tensor.places[0].start + 4 * element;
    let mut bytes = model.bytes().to_vec();
    let wrong = if infinite { f32::NEG_INFINITY } else { f32::NAN };
    bytes[at..at + 4].copy_from_slice(&wrong.to_le_bytes());
    let regularizer = Regularizer::lp(2.0).expect("a valid exponent");
    let error = open_bytes(&bytes).expect("a model").lower(&regularizer, true).expect_err("refused").to_string();
    error.contains(&tensor.name) && error.contains(if infinite { "inf" } else { "NaN" })
}

fn find<'a>(model: &'a OnnxModel, name: &str) -> &'a Tensor {
    model.tensors().iter().find(|t| t.name == name).expect("the tensor exists")
}
