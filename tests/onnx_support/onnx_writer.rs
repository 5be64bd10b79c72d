//! Writes small ONNX files for tests.
#![allow(dead_code)]

/// A protobuf message under construction.
#[derive(Clone, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 128 {
            self.0.push(value as u8 | 128);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub fn int(mut self, field: u64, value: i64) -> Self {
        self.varint(field << 3);
        self.varint(value as u64);
        self
    }

    pub fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    pub fn text(self, field: u64, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    pub fn message(self, field: u64, value: Message) -> Self {
        self.bytes(field, &value.0)
    }

    pub fn float(mut self, field: u64, value: f32) -> Self {
        self.varint(field << 3 | 5);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
}

/// How the numbers of a tensor are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Storage {
    Raw,
    Packed,
    Unpacked,
}

fn dims(shape: &[usize]) -> Message {
    shape.iter().fold(Message::default(), |m, &d| m.int(1, d as i64))
}

pub fn f32_tensor(name: &str, shape: &[usize], values: &[f32], storage: Storage) -> Message {
    let m = dims(shape).int(2, 1).text(8, name);
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    match storage {
        Storage::Raw => m.bytes(9, &raw),
        Storage::Packed => m.bytes(4, &raw),
        Storage::Unpacked => values.iter().fold(m, |m, &v| m.float(4, v)),
    }
}

pub fn f64_tensor(name: &str, shape: &[usize], values: &[f64]) -> Message {
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    dims(shape).int(2, 11).text(8, name).bytes(9, &raw)
}

pub fn f16_tensor(name: &str, shape: &[usize], bits: &[u16]) -> Message {
    let raw: Vec<u8> = bits.iter().flat_map(|v| v.to_le_bytes()).collect();
    dims(shape).int(2, 10).text(8, name).bytes(9, &raw)
}

pub fn bf16_tensor(name: &str, shape: &[usize], bits: &[u16]) -> Message {
    let raw: Vec<u8> = bits.iter().flat_map(|v| v.to_le_bytes()).collect();
    dims(shape).int(2, 16).text(8, name).bytes(9, &raw)
}

pub fn i64_tensor(name: &str, shape: &[usize], values: &[i64]) -> Message {
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    dims(shape).int(2, 7).text(8, name).bytes(9, &raw)
}

fn value_info(name: &str, kind: i64, shape: &[Option<usize>]) -> Message {
    let shape = shape.iter().fold(Message::default(), |m, d| {
        let dim = match d {
            Some(n) => Message::default().int(1, *n as i64),
            None => Message::default().text(2, "N"),
        };
        m.message(1, dim)
    });
    let tensor = Message::default().int(1, kind).message(2, shape);
    Message::default().text(1, name).message(2, Message::default().message(1, tensor))
}

/// An attribute of a node.
#[derive(Clone)]
pub enum Attr {
    Int(i64),
    Float(f32),
    Text(&'static str),
    Texts(Vec<&'static str>),
    Ints(Vec<i64>),
    Floats(Vec<f32>),
    Tensor(Message),
    Graph(Message),
}

/// A model under construction.
#[derive(Clone, Default)]
pub struct Model {
    graph: Message,
}

impl Model {
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, add: impl FnOnce(Message) -> Message) -> Self {
        self.graph = add(self.graph);
        self
    }

    pub fn input(self, name: &str, shape: &[Option<usize>]) -> Self {
        self.with(|g| g.message(11, value_info(name, 1, shape)))
    }

    pub fn output(self, name: &str, shape: &[Option<usize>]) -> Self {
        self.with(|g| g.message(12, value_info(name, 1, shape)))
    }

    pub fn tensor(self, tensor: Message) -> Self {
        self.with(|g| g.message(5, tensor))
    }

    pub fn sparse(self, tensor: Message) -> Self {
        self.with(|g| g.message(15, tensor))
    }

    pub fn weight(self, name: &str, shape: &[usize], values: &[f32]) -> Self {
        self.tensor(f32_tensor(name, shape, values, Storage::Raw))
    }

    pub fn node(self, op: &str, inputs: &[&str], output: &str) -> Self {
        self.full_node("", op, inputs, output, &[])
    }

    pub fn full_node(self, domain: &str, op: &str, inputs: &[&str], output: &str, attrs: &[(&str, Attr)]) -> Self {
        self.with(|g| g.message(1, node(domain, op, inputs, output, attrs)))
    }

    pub fn bytes(&self) -> Vec<u8> {
        let opset = |domain: &str, version| Message::default().text(1, domain).int(2, version);
        let head = Message::default().int(1, 8).text(2, "synbal tests").message(8, opset("", 13));
        head.message(8, opset("ai.onnx.ml", 1)).message(7, self.graph.clone().text(2, "g")).0
    }

    /// The graph, for use as the body of a control-flow node.
    pub fn body(self) -> Message {
        self.graph.text(2, "body")
    }
}

fn node(domain: &str, op: &str, inputs: &[&str], output: &str, attrs: &[(&str, Attr)]) -> Message {
    let mut m = inputs.iter().fold(Message::default(), |m, i| m.text(1, i));
    m = output.split(',').fold(m, |m, o| m.text(2, o));
    m = m.text(3, &format!("node_{output}")).text(4, op).text(7, domain);
    for (name, attr) in attrs {
        let a = Message::default().text(1, name);
        m = m.message(
            5,
            match attr.clone() {
                Attr::Int(v) => a.int(3, v).int(20, 2),
                Attr::Float(v) => a.float(2, v).int(20, 1),
                Attr::Text(v) => a.bytes(4, v.as_bytes()).int(20, 3),
                Attr::Texts(v) => v.iter().fold(a, |a, s| a.text(9, s)).int(20, 8),
                Attr::Ints(v) => v.iter().fold(a, |a, &i| a.int(8, i)).int(20, 7),
                Attr::Floats(v) => v.iter().fold(a, |a, &f| a.float(7, f)).int(20, 6),
                Attr::Tensor(t) => a.message(5, t).int(20, 4),
                Attr::Graph(g) => a.message(6, g).int(20, 5),
            },
        );
    }
    m
}
