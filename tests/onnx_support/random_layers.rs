//! Single steps of random models.

use super::onnx_writer::Attr;
use super::random_graphs::{Made, Maker};

fn ints(name: &'static str, values: &[i64]) -> (&'static str, Attr) {
    (name, Attr::Ints(values.to_vec()))
}

/// One to three nodes behind `x`.
pub fn step(m: &mut Maker, kind: usize, x: &Made) {
    let flat: &[fn(&mut Maker, &Made)] =
        &[dense, gemm, constants, function, function, with_another, with_another, parts, reduced, folded, powers];
    let sequences: &[fn(&mut Maker, &Made)] =
        &[attention, attention, recurrent, recurrent, normalized, transposed, padded];
    let images: &[fn(&mut Maker, &Made)] =
        &[convolved, convolved, pooled, normalized, blocks, transposed, padded, resized, transposed_convolution];
    let special = match x.shape.len() {
        3 => sequences,
        4 => images,
        _ => &[],
    };
    let at = kind % (flat.len() + special.len());
    let step = flat.get(at).unwrap_or_else(|| &special[at - flat.len()]);
    step(m, x);
}

fn last(x: &Made) -> usize {
    x.shape[x.shape.len() - 1]
}

fn with_last(x: &Made, n: usize) -> Vec<usize> {
    let mut shape = x.shape.clone();
    *shape.last_mut().expect("an axis") = n;
    shape
}

fn linear(m: &mut Maker, x: &Made, out: usize) -> Made {
    let w = m.weight(&[last(x), out]);
    m.node("MatMul", &[&x.name, &w], &with_last(x, out), &[])
}

fn dense(m: &mut Maker, x: &Made) {
    let out = 2 + m.random(3);
    if m.random(4) == 0 && x.shape.len() > 2 {
        let rows = x.shape[x.shape.len() - 2];
        let w = m.weight(&[out, rows]);
        let mut shape = x.shape.clone();
        let at = shape.len() - 2;
        shape[at] = out;
        m.node("MatMul", &[&w, &x.name], &shape, &[]);
        return;
    }
    let y = linear(m, x, out);
    if m.random(2) == 0 {
        let b = m.weight(&[out]);
        m.node("Add", &[&b, &y.name], &y.shape, &[]);
    }
}

fn gemm(m: &mut Maker, x: &Made) {
    let x = if x.shape.len() == 2 {
        x.clone()
    } else {
        let axis = m.random(x.shape.len() - 1) + 1;
        let shape = [x.shape[..axis].iter().product(), x.shape[axis..].iter().product()];
        m.node("Flatten", &[&x.name], &shape, &[("axis", Attr::Int(axis as i64))])
    };
    let (inner, out, turned) = (last(&x), 2 + m.random(3), m.random(2) == 0);
    let shape = if turned { [out, inner] } else { [inner, out] };
    let (w, b) = (m.weight(&shape), m.weight(&[out]));
    let shape = [x.shape[0], out];
    let attrs = [("transB", Attr::Int(turned.into())), ("alpha", Attr::Float(0.5))];
    m.node("Gemm", &[&x.name, &w, &b], &shape, &attrs);
}

fn constants(m: &mut Maker, x: &Made) {
    let axis = m.random(x.shape.len());
    let mut shape: Vec<usize> = x.shape[axis..].iter().map(|_| 1).collect();
    shape[0] = x.shape[axis];
    let shape = if m.random(4) == 0 { vec![] } else { shape };
    let op = ["Mul", "Div", "Add", "Sub"][m.random(4)];
    let c = m.weight(&shape);
    let order = m.random(2) == 0 && op != "Div";
    let pair: [&str; 2] = if order { [&c, &x.name] } else { [&x.name, &c] };
    m.node(op, &pair, &x.shape, &[]);
}

fn function(m: &mut Maker, x: &Made) {
    let ops = ["Relu", "Relu", "LeakyRelu", "Abs", "Neg", "Sigmoid", "Tanh", "PRelu", "Clip", "Identity", "Softmax"];
    let op = ops[m.random(ops.len())];
    match op {
        "PRelu" => {
            let slope = m.weight(&[last(x)]);
            m.node(op, &[&x.name, &slope], &x.shape, &[]);
        }
        "Clip" => {
            let zero = m.constant(&[], &[0.0]);
            m.node(op, &[&x.name, &zero], &x.shape, &[]);
        }
        "LeakyRelu" => drop(m.node(op, &[&x.name], &x.shape, &[("alpha", Attr::Float(0.25))])),
        "Softmax" => drop(m.node(op, &[&x.name], &x.shape, &[("axis", Attr::Int(-1))])),
        _ => drop(m.node(op, &[&x.name], &x.shape, &[])),
    }
}

fn powers(m: &mut Maker, x: &Made) {
    let y = m.node("Abs", &[&x.name], &x.shape, &[]);
    match m.random(3) {
        0 => drop(m.node("Sqrt", &[&y.name], &x.shape, &[])),
        1 => {
            let two = m.constant(&[], &[2.0]);
            m.node("Pow", &[&x.name, &two], &x.shape, &[]);
        }
        _ => drop(m.node("ReduceL2", &[&x.name], &with_last(x, 1), &[ints("axes", &[-1])])),
    }
}

fn with_another(m: &mut Maker, x: &Made) {
    let other = m.like(x);
    let pair = [x.name.as_str(), &other.name];
    match m.random(5) {
        0 | 1 => drop(m.node("Add", &pair, &x.shape, &[])),
        2 => drop(m.node("Mul", &pair, &x.shape, &[])),
        3 => {
            let op = ["Max", "Min", "Sub", "Sum"][m.random(4)];
            m.node(op, &pair, &x.shape, &[]);
        }
        _ => {
            let axis = m.random(x.shape.len() - 1) + 1;
            let mut shape = x.shape.clone();
            shape[axis] *= 2;
            m.node("Concat", &pair, &shape, &[("axis", Attr::Int(axis as i64))]);
        }
    }
}

fn parts(m: &mut Maker, x: &Made) {
    let axis = m.random(x.shape.len() - 1) + 1;
    let size = x.shape[axis];
    let resized = |n: usize| {
        let mut shape = x.shape.clone();
        shape[axis] = n;
        shape
    };
    let along = [("axis", Attr::Int(axis as i64))];
    match m.random(3) {
        0 if size > 1 => {
            let first = 1 + m.random(size - 1);
            let sizes = m.integers(&[first as i64, (size - first) as i64]);
            m.nodes("Split", &[&x.name, &sizes], &[&resized(first), &resized(size - first)], &along);
        }
        1 => {
            let (from, axes) = (m.random(size), m.integers(&[axis as i64]));
            let (start, end, step) = (m.integers(&[from as i64]), m.integers(&[99]), m.integers(&[1]));
            m.node("Slice", &[&x.name, &start, &end, &axes, &step], &resized(size - from), &[]);
        }
        _ => {
            let indices: Vec<i64> = (0..size + 1).map(|_| m.random(size) as i64).collect();
            let indices = m.integers(&indices);
            m.node("Gather", &[&x.name, &indices], &resized(size + 1), &along);
        }
    }
}

fn reduced(m: &mut Maker, x: &Made) {
    let axis = m.random(x.shape.len() - 1) + 1;
    let op = ["ReduceMean", "ReduceMax", "ReduceMin"][m.random(3)];
    let keeps = m.random(2) == 0 || x.shape.len() < 3;
    let mut shape = x.shape.clone();
    if keeps {
        shape[axis] = 1;
    } else {
        shape.remove(axis);
    }
    m.node(op, &[&x.name], &shape, &[ints("axes", &[axis as i64]), ("keepdims", Attr::Int(keeps.into()))]);
}

fn folded(m: &mut Maker, x: &Made) {
    let n = last(x);
    let rank = x.shape.len();
    if rank > 2 && m.random(2) == 0 {
        let axis = 1 + m.random(rank - 2);
        let mut shape = x.shape[..axis].to_vec();
        shape.push(x.shape[axis] * x.shape[axis + 1]);
        shape.extend(&x.shape[axis + 2..]);
        m.reshaped(x, &shape);
    } else if rank < 4 && n.is_multiple_of(2) {
        let y = m.reshaped(x, &[&x.shape[..rank - 1], &[2, n / 2]].concat());
        transposed(m, &y);
    } else if rank < 4 {
        let at = m.integers(&[1]);
        m.node("Unsqueeze", &[&x.name, &at], &[&[x.shape[0], 1], &x.shape[1..]].concat(), &[]);
    }
}

fn transposed(m: &mut Maker, x: &Made) {
    let mut order: Vec<usize> = (0..x.shape.len()).collect();
    for i in 1..order.len() {
        order.swap(i, m.random(i + 1));
    }
    m.transposed(x, &order);
}

fn attention(m: &mut Maker, x: &Made) {
    let (batch, time) = (x.shape[0], x.shape[1]);
    let heads = 1 + m.random(2);
    let mut parts = vec![];
    for _ in 0..3 {
        let y = linear(m, x, 4);
        let y = m.reshaped(&y, &[batch, time, heads, 4 / heads]);
        parts.push(m.transposed(&y, &[0, 2, 1, 3]));
    }
    let keys = m.transposed(&parts[1], &[0, 1, 3, 2]);
    let scores = m.node("MatMul", &[&parts[0].name, &keys.name], &[batch, heads, time, time], &[]);
    let scores = match m.random(3) {
        0 => m.node("Relu", &[&scores.name], &scores.shape, &[]),
        1 => scores,
        _ => m.node("Softmax", &[&scores.name], &scores.shape, &[("axis", Attr::Int(-1))]),
    };
    let y = m.node("MatMul", &[&scores.name, &parts[2].name], &[batch, heads, time, 4 / heads], &[]);
    let y = m.transposed(&y, &[0, 2, 1, 3]);
    m.reshaped(&y, &[batch, time, 4]);
}

fn recurrent(m: &mut Maker, x: &Made) {
    let (time, batch, inputs) = (x.shape[0], x.shape[1], x.shape[2]);
    let kind = m.random(4);
    let (op, blocks) = [("RNN", 1), ("GRU", 3), ("GRU", 3), ("LSTM", 4)][kind];
    let both = m.random(2);
    let direction = if both == 1 { "bidirectional" } else { ["forward", "reverse"][m.random(2)] };
    let d = both + 1;
    let parameters = [vec![d, blocks * 2, inputs], vec![d, blocks * 2, 2], vec![d, blocks * 4]].map(|s| m.weight(&s));
    let functions: &[&'static str] = match (op, m.random(4)) {
        ("LSTM", _) | (_, 0) => &[],
        ("RNN", _) => &["Relu"],
        _ => &["Sigmoid", "Relu"],
    };
    let mut attrs = vec![("hidden_size", Attr::Int(2)), ("direction", Attr::Text(direction))];
    if !functions.is_empty() {
        attrs.push(("activations", Attr::Texts(functions.repeat(d))));
    }
    if op == "GRU" {
        attrs.push(("linear_before_reset", Attr::Int(m.random(2) as i64)));
    }
    let [w, r, b] = &parameters;
    let y = m.nodes(op, &[&x.name, w, r, b], &[&[time, d, batch, 2], &[d, batch, 2]], &attrs).remove(0);
    let y = m.transposed(&y, &[0, 2, 1, 3]);
    m.reshaped(&y, &[time, batch, 2 * d]);
}

fn normalized(m: &mut Maker, x: &Made) {
    let n = x.shape[1];
    let [gamma, beta, mean] = [0; 3].map(|_| m.weight(&[n]));
    let variance: Vec<f32> = (0..n).map(|k| 0.5 + k as f32).collect();
    let variance = m.constant(&[n], &variance);
    m.node("BatchNormalization", &[&x.name, &gamma, &beta, &mean, &variance], &x.shape, &[]);
}

fn padded(m: &mut Maker, x: &Made) {
    let axis = 1 + m.random(x.shape.len() - 1);
    let (mode, mut widths) = (["constant", "edge"][m.random(2)], vec![0; 2 * x.shape.len()]);
    widths[axis] = 1;
    widths[x.shape.len() + axis] = 2;
    let mut shape = x.shape.clone();
    shape[axis] += 3;
    let widths = m.integers(&widths);
    m.node("Pad", &[&x.name, &widths], &shape, &[("mode", Attr::Text(mode))]);
}

fn convolved(m: &mut Maker, x: &Made) {
    let &[n, channels, height, width] = &x.shape[..] else { return };
    let (group, each) = if m.random(3) == 0 { (channels, 1 + m.random(2)) } else { (1, 2 + m.random(3)) };
    let (w, b) = (m.weight(&[group * each, channels / group, 3, 2]), m.weight(&[group * each]));
    let attrs = [("group", Attr::Int(group as i64)), ints("pads", &[1, 0, 1, 1])];
    m.node("Conv", &[&x.name, &w, &b], &[n, group * each, height, width], &attrs);
}

fn transposed_convolution(m: &mut Maker, x: &Made) {
    let &[n, channels, height, width] = &x.shape[..] else { return };
    let w = m.weight(&[channels, 3, 2, 2]);
    m.node("ConvTranspose", &[&x.name, &w], &[n, 3, height + 1, width + 1], &[]);
}

/// The image as it is, with its channels in a spatial axis, or with eight channels.
fn varied(m: &mut Maker, x: &Made) -> Made {
    match m.random(3) {
        0 => m.transposed(x, &[0, 3, 1, 2]),
        1 => {
            let w = m.weight(&[8, x.shape[1], 1, 1]);
            m.node("Conv", &[&x.name, &w], &[x.shape[0], 8, x.shape[2], x.shape[3]], &[])
        }
        _ => x.clone(),
    }
}

fn pooled(m: &mut Maker, x: &Made) {
    let x = &varied(m, x);
    let &[n, channels, height, width] = &x.shape[..] else { return };
    match m.random(4) {
        0 => drop(m.node("GlobalAveragePool", &[&x.name], &[n, channels, 1, 1], &[])),
        1 => drop(m.node("GlobalMaxPool", &[&x.name], &[n, channels, 1, 1], &[])),
        k => {
            let op = ["MaxPool", "AveragePool"][k % 2];
            let attrs = [ints("kernel_shape", &[2, 2]), ints("pads", &[1, 0, 0, 1])];
            m.node(op, &[&x.name], &[n, channels, height, width], &attrs);
        }
    }
}

fn blocks(m: &mut Maker, x: &Made) {
    let x = &varied(m, x);
    let &[n, channels, height, width] = &x.shape[..] else { return };
    let mode = ["DCR", "CRD"][m.random(2)];
    let two = [("blocksize", Attr::Int(2)), ("mode", Attr::Text(mode))];
    if channels.is_multiple_of(4) {
        m.node("DepthToSpace", &[&x.name], &[n, channels / 4, 2 * height, 2 * width], &two);
    } else if height.is_multiple_of(2) && width.is_multiple_of(2) {
        m.node("SpaceToDepth", &[&x.name], &[n, 4 * channels, height / 2, width / 2], &two[..1]);
    }
}

fn resized(m: &mut Maker, x: &Made) {
    let shape = [x.shape[0], x.shape[1], 2 * x.shape[2], 2 * x.shape[3]];
    let sizes = m.integers(&shape.map(|n| n as i64));
    m.node("Resize", &[&x.name, "", "", &sizes], &shape, &[("mode", Attr::Text("nearest"))]);
}
