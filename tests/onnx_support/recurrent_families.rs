//! Small recurrent models.

use super::numbers;
use super::onnx_writer::{Attr, Model, i64_tensor};

/// A recurrent layer with 4 units between two matrix products, with 3, 5 and 2 channels: `Y` and `Y_h` are `p` and `q`.
pub struct Layer {
    pub op: &'static str,
    pub direction: &'static str,
    pub functions: Vec<&'static str>,
    pub extra: Vec<(&'static str, Attr)>,
    /// The name of the initial state, or nothing.
    pub initial: &'static str,
}

impl Layer {
    pub fn new(op: &'static str, direction: &'static str, functions: &[&'static str]) -> Self {
        Self { op, direction, functions: functions.to_vec(), extra: vec![], initial: "" }
    }

    pub fn model(&self, end: impl FnOnce(Model) -> Model) -> Model {
        let directions = if self.direction == "bidirectional" { 2 } else { 1 };
        let rows = 4 * [("RNN", 1), ("GRU", 3), ("LSTM", 4)].iter().find(|k| k.0 == self.op).map_or(1, |k| k.1);
        let mut attributes = vec![("hidden_size", Attr::Int(4)), ("direction", Attr::Text(self.direction))];
        if !self.functions.is_empty() {
            attributes.push(("activations", Attr::Texts(self.functions.clone())));
        }
        attributes.extend(self.extra.iter().cloned());
        let inputs = ["e", "W", "R", "B", "", self.initial];
        let count = if self.initial.is_empty() { 4 } else { 6 };
        let start = Model::new()
            .input("x", &[Some(3), Some(2), Some(3)])
            .output("y", &[None, None, Some(2)])
            .weight("w1", &[3, 5], &numbers(401, 15))
            .weight("w2", &[4, 2], &numbers(402, 8))
            .weight("W", &[directions, rows, 5], &numbers(403, directions * rows * 5))
            .weight("R", &[directions, rows, 4], &numbers(404, directions * rows * 4))
            .weight("B", &[directions, 2 * rows], &numbers(405, directions * rows * 2))
            .weight("start", &[directions, 2, 4], &numbers(406, directions * 8))
            .tensor(i64_tensor("one", &[1], &[1]))
            .tensor(i64_tensor("zero", &[1], &[0]))
            .tensor(i64_tensor("flat", &[3], &[0, 0, -1]))
            .node("MatMul", &["x", "w1"], "d")
            .node("Relu", &["d"], "e")
            .full_node("", self.op, &inputs[..count], "p,q", &attributes);
        end(start).node("MatMul", &["h", "w2"], "y")
    }
}

/// One model per operator and direction; nothing in them freezes.
pub fn recurrent_families() -> Vec<(&'static str, Model)> {
    let single = |m: Model| m.node("Squeeze", &["p", "one"], "s").node("Relu", &["s"], "h");
    let last = |m: Model| m.node("Identity", &["q"], "h");
    let both = |m: Model| {
        m.full_node("", "Transpose", &["p"], "t", &[("perm", Attr::Ints(vec![0, 2, 1, 3]))])
            .node("Reshape", &["t", "flat"], "f")
            .weight("w3", &[8, 4], &numbers(407, 32))
            .node("MatMul", &["f", "w3"], "h")
    };
    let (gru, rnn) = (["Sigmoid", "Relu"], ["Relu", "Relu"]);
    let mut after = Layer::new("GRU", "reverse", &gru);
    after.extra = vec![("linear_before_reset", Attr::Int(1))];
    let mut started = Layer::new("GRU", "forward", &gru);
    started.initial = "start";
    let mut both_started = Layer::new("GRU", "bidirectional", &["Sigmoid", "Relu", "Sigmoid", "Relu"]);
    both_started.initial = "start";
    both_started.extra = vec![("linear_before_reset", Attr::Int(1))];
    vec![
        ("RNN", Layer::new("RNN", "forward", &rnn[..1]).model(single)),
        ("RNN in both directions", Layer::new("RNN", "bidirectional", &rnn).model(both)),
        ("GRU", Layer::new("GRU", "forward", &gru).model(single)),
        ("GRU, the last state, with an initial state", started.model(last)),
        ("GRU backwards, reset after the product", after.model(single)),
        ("GRU in both directions, with an initial state", both_started.model(both)),
    ]
}
