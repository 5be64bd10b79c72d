//! Whether a rescaled file computes the same function, tried with an independent inference engine.

use super::cells;
use super::element::ElementType;
use super::graph::{Graph, Port, Shape};
use super::lower::OnnxModel;
use super::patch::PatchReport;
use super::rule::Change;
use crate::lowered::Scaling;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rand_distr::StandardNormal;
use std::cell::Cell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tract_onnx::pb;
use tract_onnx::prelude::{
    Datum, Framework, InferenceFact, InferenceModel, InferenceModelExt, IntoRunnable, Tensor, TractError, TractResult,
};
use tract_onnx::tract_hir::infer::Factoid;

/// What running both files showed.
#[derive(Clone, Debug, PartialEq)]
pub enum FunctionCheck {
    /// Both files ran on the same inputs.
    Compared {
        /// Largest difference of an output, relative to the range of that output.
        difference: f64,
        /// The same for the original file with every weight changed by one rounding (2^-24 of its value, up or down at
        /// random): what rounding alone does to this model.
        rounding: f64,
        /// Number of inputs that were tried.
        inputs: usize,
        /// What was done to make the files run, and what limits the check.
        notes: Vec<String>,
    },
    /// The files were not compared.
    Unchecked {
        /// Why.
        reason: String,
    },
}

/// Number of random inputs.
const INPUTS: usize = 3;
/// What an unknown first dimension (mostly the batch) becomes.
const BATCH: usize = 4;
/// What other unknown dimensions become: the first with which the model has outputs.
const OPEN: [usize; 4] = [8, 32, 64, 224];

/// Most numbers in one input: activations behind it may take a hundred times its memory.
const MOST_NUMBERS: usize = 1 << 24;

/// All output values, for each output those of all inputs.
type Outputs = Vec<Vec<f64>>;

/// A model as the engine takes it.
type Message = TractResult<pb::ModelProto>;

impl OnnxModel {
    /// Runs this model and a rescaled version of its file on the same random inputs (standard normal, from `seed`) and
    /// compares the outputs. The versions run one after the other, so that one is in memory at a time.
    #[must_use]
    pub fn check(&self, rescaled: &[u8], seed: u64) -> FunctionCheck {
        self.compare(seed, || self.complete(rescaled, None))
    }

    /// Runs this model and its version with scaled weights on the same random inputs.
    #[must_use]
    pub fn check_scaled(&self, scaling: &Scaling, seed: u64) -> FunctionCheck {
        self.compare(seed, || self.message(Some(Change::Scaled(scaling))))
    }

    /// Runs this model and another one with the same inputs on the same random inputs.
    #[must_use]
    pub fn check_against(&self, other: &Self, seed: u64) -> FunctionCheck {
        self.compare(seed, || other.message(None))
    }

    fn compare(&self, seed: u64, candidate: impl FnOnce() -> Message) -> FunctionCheck {
        match self.try_compare(seed, candidate) {
            Ok(result) => result,
            Err(reason) => FunctionCheck::Unchecked { reason },
        }
    }

    fn try_compare(&self, seed: u64, candidate: impl FnOnce() -> Message) -> Result<FunctionCheck, String> {
        let is_open = |port: &Port| port.shape.iter().flatten().skip(1).any(Option::is_none);
        let sizes = if self.graph().inputs.iter().any(is_open) { &OPEN[..] } else { &OPEN[..1] };
        let mut found = Err("the model has no outputs on small inputs".to_owned());
        for &open in sizes {
            let mut notes = vec![];
            let outputs = run(self.message(None), self.graph(), open, seed, &mut notes);
            // too small an image may leave nothing behind a convolution, which compares as equal
            let some = |o: &Outputs| o.iter().all(|values| !values.is_empty());
            let done = outputs.as_ref().is_ok_and(some);
            if done || outputs.is_err() {
                found = outputs.map(|o| (o, open, notes));
            }
            if done {
                break;
            }
        }
        let (original, open, mut notes) = found?;
        let candidate = run(candidate(), self.graph(), open, seed, &mut vec![])?;
        let perturbed = run(self.message(Some(Change::Perturbed(seed))), self.graph(), open, seed, &mut vec![])?;
        for (port, values) in self.graph().outputs.iter().zip(&original) {
            if !values.is_empty() && !values.iter().any(|v| v.is_finite()) {
                return Err(format!("the output {:?} has no finite number on random inputs", port.name));
            }
            if values.iter().all(|v| v == &values[0]) {
                notes.push(format!("the output {:?} is the same number everywhere on these inputs", port.name));
            }
        }
        let difference =
            largest_difference(&original, &candidate).ok_or("the files give outputs of different shapes")?;
        let rounding = largest_difference(&original, &perturbed).ok_or("the shapes of outputs vary")?;
        Ok(FunctionCheck::Compared { difference, rounding, inputs: INPUTS, notes })
    }

    /// The model with changed weights, as the engine takes it.
    fn message(&self, change: Option<Change>) -> Message {
        let Some(change) = change else { return self.complete(self.bytes(), None) };
        let mut bytes = Vec::with_capacity(self.bytes().len());
        let mut keep = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok(())
        };
        self.stream(0, change, &mut PatchReport::default(), &mut keep).map_err(|e| TractError::msg(e.to_string()))?;
        self.complete(&bytes, Some(change))
    }

    /// The message in these bytes, with the tensors of other files inside.
    fn complete(&self, bytes: &[u8], change: Option<Change>) -> Message {
        let mut message = tract_onnx::onnx().proto_model_for_read(&mut &bytes[..])?;
        let mut contents = vec![vec![]; self.files().count()];
        for (file, content) in contents.iter_mut().enumerate().skip(1) {
            let Some(change) = change else {
                *content = self.files().bytes(file).to_vec();
                continue;
            };
            let mut keep = |piece: &[u8]| {
                content.extend_from_slice(piece);
                Ok(())
            };
            let kept = self.stream(file, change, &mut PatchReport::default(), &mut keep);
            kept.map_err(|e| TractError::msg(e.to_string()))?;
        }
        let outside: HashMap<&str, &crate::model::Tensor> =
            self.tensors().iter().filter(|t| t.file > 0).map(|t| (t.name.as_str(), t)).collect();
        let Some(graph) = &mut message.graph else { return Ok(message) };
        let own = graph.initializer.iter_mut().map(|t| (t.name.clone(), t));
        let constants = graph.node.iter_mut().filter(|n| n.op_type == "Constant").filter_map(|n| {
            let name = n.output.first()?.clone();
            Some((name, n.attribute.iter_mut().find_map(|a| a.t.as_mut())?))
        });
        for (name, inside) in own.chain(constants) {
            if let (Some(tensor), false) = (outside.get(name.as_str()), inside.external_data.is_empty()) {
                inside.raw_data =
                    tensor.places.iter().flat_map(|r| &contents[tensor.file][r.clone()]).copied().collect();
                inside.external_data.clear();
                inside.data_location = None;
            }
        }
        Ok(message)
    }
}

/// Largest difference relative to the range of the output in `a`; `None` when the shapes differ.
fn largest_difference(a: &Outputs, b: &Outputs) -> Option<f64> {
    let mut largest = 0.0f64;
    for (a, b) in a.iter().zip(b) {
        if a.len() != b.len() {
            return None;
        }
        let finite = || a.iter().copied().filter(|v| v.is_finite());
        let range = finite().fold(f64::NEG_INFINITY, f64::max) - finite().fold(f64::INFINITY, f64::min);
        let size = finite().fold(0.0, |m: f64, v| m.max(v.abs()));
        let unit = [range, size].into_iter().find(|&u| u > 0.0 && u.is_finite()).unwrap_or(1.0);
        for (x, y) in a.iter().zip(b) {
            let same = x == y || x.is_nan() && y.is_nan();
            let difference = if same { 0.0 } else { (x - y).abs() / unit };
            largest = largest.max(if difference.is_nan() { f64::INFINITY } else { difference });
        }
    }
    Some(largest)
}

thread_local! {
    /// Whether the engine runs on this thread.
    static RUNS: Cell<bool> = const { Cell::new(false) };
}

/// Keeps panics of the engine, which become reasons, out of the standard error of this process; all others are reported as
/// before.
pub fn silence_engine() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !RUNS.get() {
            report(panic);
        }
    }));
}

/// Runs a file; panics of the engine become reasons.
fn run(message: Message, graph: &Graph, open: usize, seed: u64, notes: &mut Vec<String>) -> Result<Outputs, String> {
    RUNS.set(true);
    let attempt = catch_unwind(AssertUnwindSafe(|| run_inner(message, graph, open, seed, notes)));
    RUNS.set(false);
    match attempt {
        Ok(result) => result.map_err(|e| format!("the inference engine cannot run this model: {e:#}")),
        Err(_) => Err("the inference engine failed on this model".to_owned()),
    }
}

fn run_inner(message: Message, graph: &Graph, open: usize, seed: u64, notes: &mut Vec<String>) -> TractResult<Outputs> {
    let mut onnx = tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
    cells::register(&mut onnx);
    let mut proto = message?;
    notes.extend(replace_scalers(&mut proto));
    cells::turn_around(&mut proto);
    let mut model = onnx.model_for_proto_model(&proto)?;
    drop(proto);
    let mut shapes = vec![];
    let told = told(&mut model, graph)?;
    for (i, (port, told)) in graph.inputs.iter().zip(&told).enumerate() {
        let (shape, kind) = concrete(port, told, open, notes)?;
        model = model.with_input_fact(i, InferenceFact::dt_shape(kind, &shape))?;
        shapes.push((shape, kind));
    }
    let plan = model.into_optimized()?.into_runnable()?;
    let mut random = StdRng::seed_from_u64(seed);
    let mut outputs: Outputs = vec![vec![]; graph.outputs.len()];
    for _ in 0..INPUTS {
        let mut inputs = tract_onnx::prelude::tvec!();
        for (shape, kind) in &shapes {
            let count = shape.iter().product();
            let values: Vec<f32> = (0..count).map(|_| random.sample(StandardNormal)).collect();
            let tensor = Tensor::from_shape(shape, &values)?.cast_to_dt(*kind)?.into_owned();
            inputs.push(tensor.into());
        }
        for (all, tensor) in outputs.iter_mut().zip(plan.run(inputs)?) {
            let tensor = tensor.cast_to::<f64>()?;
            all.extend(tensor.to_plain_array_view::<f64>()?.iter());
        }
    }
    Ok(outputs)
}

/// The declared shapes of the inputs, with the sizes that nodes behind them tell: a convolution knows its channels.
fn told(model: &mut InferenceModel, graph: &Graph) -> TractResult<Vec<Shape>> {
    let declared: Vec<Shape> = graph.inputs.iter().map(|port| port.shape.clone().unwrap_or_default()).collect();
    if declared.iter().flatten().all(Option::is_some) {
        return Ok(declared);
    }
    for (i, shape) in declared.iter().enumerate() {
        let sizes: Vec<String> = shape.iter().map(|d| d.map_or("_".to_owned(), |n| n.to_string())).collect();
        let fact = InferenceFact::from_spec(&model.symbols, &sizes.join(","))?;
        model.set_input_fact(i, fact)?;
    }
    // what stays unknown here is no fault
    let _ = model.analyse(true);
    let told = |(i, shape): (usize, Shape)| -> TractResult<Shape> {
        let found = &model.input_fact(i)?.shape;
        let size = |axis: usize| usize::try_from(found.dim(axis)?.concretize()?.to_i64().ok()?).ok();
        Ok(shape.into_iter().enumerate().map(|(axis, d)| d.or_else(|| size(axis))).collect())
    };
    declared.into_iter().enumerate().map(told).collect()
}

/// A shape and type in which an input can be fed.
fn concrete(
    port: &Port,
    told: &Shape,
    open: usize,
    notes: &mut Vec<String>,
) -> TractResult<(Vec<usize>, tract_onnx::prelude::DatumType)> {
    let kind = match port.element {
        Some(ElementType::F32) => f32::datum_type(),
        Some(ElementType::F64) => f64::datum_type(),
        _ => {
            let problem = format!("the check feeds inputs of 32 and 64 bits; {:?} has another type", port.name);
            return Err(TractError::msg(problem));
        }
    };
    if port.shape.is_none() {
        return Err(TractError::msg(format!("the input {:?} has no declared rank", port.name)));
    }
    let fill = |(i, d): (usize, &Option<usize>)| d.unwrap_or(if i == 0 { BATCH } else { open });
    let concrete: Vec<usize> = told.iter().enumerate().map(fill).collect();
    let numbers = concrete.iter().try_fold(1usize, |all, &n| all.checked_mul(n));
    if numbers.is_none_or(|n| n > MOST_NUMBERS) {
        let problem =
            format!("the check feeds inputs of up to {MOST_NUMBERS} numbers; {:?} is {concrete:?}", port.name);
        return Err(TractError::msg(problem));
    }
    if told.iter().skip(1).any(Option::is_none) {
        notes.push(format!("the input {:?} was fed in the shape {concrete:?}", port.name));
    }
    Ok((concrete, kind))
}

/// The engine does not know the input normalization of ai.onnx.ml: a difference and a product take its place.
fn replace_scalers(model: &mut pb::ModelProto) -> Vec<String> {
    let Some(graph) = &mut model.graph else { return vec![] };
    let mut notes = vec![];
    let mut nodes = Vec::with_capacity(graph.node.len());
    for node in std::mem::take(&mut graph.node) {
        let list = |name: &str| node.attribute.iter().find(|a| a.name == name).map(|a| a.floats.clone());
        let (Some(offset), Some(scale), [input], [output]) =
            (list("offset"), list("scale"), &node.input[..], &node.output[..])
        else {
            nodes.push(node);
            continue;
        };
        if node.op_type != "Scaler" || node.domain != "ai.onnx.ml" {
            nodes.push(node);
            continue;
        }
        notes.push(format!("the Scaler {:?} was run as (x - offset) * scale", node.name));
        let inner = |part: &str| format!("{output}/{part}");
        for (part, values) in [("offset", offset), ("scale", scale)] {
            let dims = vec![values.len() as i64];
            let name = inner(part);
            graph.initializer.push(pb::TensorProto {
                name,
                dims,
                data_type: 1,
                float_data: values,
                ..Default::default()
            });
        }
        let step = |op: &str, a: &str, b: String, out: String| pb::NodeProto {
            input: vec![a.to_owned(), b],
            output: vec![out.clone()],
            name: out,
            op_type: op.to_owned(),
            ..Default::default()
        };
        nodes.push(step("Sub", input, inner("offset"), inner("difference")));
        nodes.push(step("Mul", &inner("difference"), inner("scale"), output.clone()));
    }
    graph.node = nodes;
    notes
}
