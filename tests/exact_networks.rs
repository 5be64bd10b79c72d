//! `--exact` on networks in .json, .safetensors and .mtx files: every weight is the exact optimum, rounded once to its type.

mod cli_support;

use cli_support::{Desk, with_dead_units};
use dashu::base::Abs;
use dashu::rational::RBig;
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::{Value, json};

const COUNT: usize = 200;

/// Numbers of any sign between 1/8 and 8.
fn numbers(seed: f64) -> Vec<f64> {
    let one = |k: usize| (2.0 * (seed + 1.7 * k as f64).sin()).exp() * if k.is_multiple_of(3) { -1.0 } else { 1.0 };
    (0..2 * COUNT).map(one).collect()
}

/// One input, hidden units of one weight on either side, one output; `weights` is what the file says of them.
fn pairs(weights: &Value) -> String {
    let hidden = || 1..=COUNT;
    let tails: Vec<usize> = (0..COUNT).map(|_| 0).chain(hidden()).collect();
    let heads: Vec<usize> = hidden().chain((0..COUNT).map(|_| COUNT + 1)).collect();
    let units = json!([{"name": "x", "role": "input"},
                       {"name": "h", "count": COUNT, "role": "hidden", "activation": "relu"},
                       {"name": "y", "role": "output"}]);
    json!({"format": "synbal-network", "version": 1, "units": units,
           "connections": {"tails": tails, "heads": heads}, "weights": weights})
    .to_string()
}

/// Asserts that every weight is the number of its type next to the root of the product of both weights of its unit.
fn assert_rounded(before: &[f64], after: &[f64], neighbours: impl Fn(f64) -> (f64, f64)) {
    let exact = |x: f64| RBig::try_from(x).unwrap();
    for (k, new) in after.iter().enumerate() {
        let square = (exact(before[k % COUNT]) * exact(before[COUNT + k % COUNT])).abs();
        let (below, above) = neighbours(new.abs());
        let (low, high) =
            ((exact(new.abs()) + exact(below)) / exact(2.0), (exact(new.abs()) + exact(above)) / exact(2.0));
        assert!(&low * &low <= square && square <= &high * &high, "weight {k}: {new}");
        assert_eq!(new.is_sign_negative(), before[k].is_sign_negative(), "weight {k}");
    }
}

/// Bytes of numbers of a type, and the numbers in such bytes.
fn encode(dtype: Dtype, values: &[f64]) -> Vec<u8> {
    let one = |&v: &f64| match dtype {
        Dtype::F16 => f16::from_f64(v).to_le_bytes().to_vec(),
        Dtype::BF16 => bf16::from_f64(v).to_le_bytes().to_vec(),
        Dtype::F32 => (v as f32).to_le_bytes().to_vec(),
        _ => v.to_le_bytes().to_vec(),
    };
    values.iter().flat_map(one).collect()
}

fn decode(dtype: Dtype, bytes: &[u8]) -> Vec<f64> {
    match dtype {
        Dtype::F16 => bytes.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b).to_f64()).collect(),
        Dtype::BF16 => bytes.as_chunks().0.iter().map(|&b| bf16::from_le_bytes(b).to_f64()).collect(),
        Dtype::F32 => bytes.as_chunks().0.iter().map(|&b| f64::from(f32::from_le_bytes(b))).collect(),
        _ => bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect(),
    }
}

#[test]
fn tensors_of_every_type_hold_the_exact_optimum_rounded_once() {
    type Neighbours = fn(f64) -> (f64, f64);
    let types: [(Dtype, Neighbours); 4] = [
        (Dtype::F16, |x| {
            [f16::from_f64(x).to_bits() - 1, f16::from_f64(x).to_bits() + 1].map(f16::from_bits).map(f64::from).into()
        }),
        (Dtype::BF16, |x| {
            [bf16::from_f64(x).to_bits() - 1, bf16::from_f64(x).to_bits() + 1]
                .map(bf16::from_bits)
                .map(f64::from)
                .into()
        }),
        (Dtype::F32, |x| (f64::from((x as f32).next_down()), f64::from((x as f32).next_up()))),
        (Dtype::F64, |x| (x.next_down(), x.next_up())),
    ];
    for (dtype, neighbours) in types {
        let desk = Desk::new();
        let bytes = encode(dtype, &numbers(0.3));
        let view = TensorView::new(dtype, vec![2 * COUNT], &bytes).unwrap();
        desk.put("a.safetensors", safetensors::serialize([("w", view)], None).unwrap());
        desk.put("a.json", pairs(&json!({"file": "a.safetensors", "tensor": "w"})));
        for norm in ["0.5", "1", "1.5", "2", "40"] {
            let report = desk.json(&format!("balance a.json -o b.json --force --exact --norm {norm}"), 0);
            let counts = ["weights_proved", "weights_tied", "weights_undecided"].map(|what| report[what].as_u64());
            assert_eq!(counts, [Some(2 * COUNT as u64), Some(0), Some(0)], "{dtype:?}, norm {norm}");
            let written = desk.bytes("b.safetensors");
            let written = decode(dtype, SafeTensors::deserialize(&written).unwrap().tensor("w").unwrap().data());
            assert_rounded(&decode(dtype, &bytes), &written, neighbours);
        }
    }
}

#[test]
fn numbers_in_text_are_the_exact_optimum_rounded_to_double_precision() {
    let desk = Desk::new();
    let before = numbers(1.1);
    desk.put("a.json", pairs(&json!(before)));
    let report = desk.json("balance a.json -o b.json --exact", 0);
    assert_eq!((&report["weights_proved"], &report["weights_undecided"]), (&json!(2 * COUNT), &json!(0)));
    let written: Value = serde_json::from_slice(&desk.bytes("b.json")).unwrap();
    let after: Vec<f64> = written["weights"].as_array().unwrap().iter().map(|w| w.as_f64().unwrap()).collect();
    assert_rounded(&before, &after, |x| (x.next_down(), x.next_up()));
    // the same as a matrix: row is head, column is tail; the entries come back in their order
    let unit = |k: usize| k % COUNT + 2;
    let entry = |k: usize| if k < COUNT { (unit(k), 1, before[k]) } else { (COUNT + 2, unit(k), before[k]) };
    let entries: Vec<_> = (0..2 * COUNT).map(entry).collect();
    desk.put("a.mtx", cli_support::matrix(COUNT + 2, &entries));
    let report = desk.json(&format!("balance a.mtx -o b.mtx --exact --inputs 1 --outputs {}", COUNT + 2), 0);
    assert_eq!((&report["weights_proved"], &report["weights_undecided"]), (&json!(2 * COUNT), &json!(0)));
    let mut matrix = cli_support::entries(&desk.bytes("b.mtx"));
    matrix.sort_by_key(|e| (e.0 == COUNT + 2, e.0, e.1));
    assert_eq!(matrix.into_iter().map(|e| e.2).collect::<Vec<f64>>(), after);
}

#[test]
fn an_optimum_that_the_type_holds_is_met_exactly() {
    let desk = Desk::new();
    // x -> h -> g -> y: the scales are 3/2 and 3/2, and 4, 6, 9 become 6, 6, 6, which the bounds enclose from both sides
    let units = json!([{"name": "x", "role": "input"}, {"name": "h", "role": "hidden", "activation": "relu"},
                       {"name": "g", "role": "hidden", "activation": "relu"}, {"name": "y", "role": "output"}]);
    let text = json!({"format": "synbal-network", "version": 1, "units": units,
                      "connections": {"tails": [0, 1, 2], "heads": [1, 2, 3]}, "weights": [4.0, 6.0, 9.0]});
    desk.put("a.json", text.to_string());
    let report = desk.json("balance a.json -o b.json --exact", 0);
    let counts = ["weights_proved", "weights_tied", "weights_undecided"].map(|what| report[what].as_u64());
    assert_eq!(counts, [Some(3), Some(0), Some(0)], "{report}");
    let written: Value = serde_json::from_slice(&desk.bytes("b.json")).unwrap();
    assert_eq!(written["weights"], json!([6.0, 6.0, 6.0]));
}

#[test]
fn the_limit_is_exact_as_the_network_without_what_escapes() {
    let desk = Desk::new();
    desk.put("a.json", with_dead_units());
    let refused = desk.json("balance a.json --exact -o no.json", 6);
    assert_eq!((&refused["status"], &refused["weights_proved"]), (&json!("no minimum"), &Value::Null));
    assert!(refused["notes"].to_string().contains("--exact proved nothing"), "{refused}");
    let report = desk.json("balance a.json --exact --limit -o b.json", 0);
    assert_eq!((&report["status"], &report["weights_undecided"]), (&json!("limit"), &json!(0)));
    // what became zero, zero from the beginning
    let read = |name: &str| synbal::network::json::read(&desk.path(name)).unwrap();
    let (given, limit) = (read("a.json"), read("b.json"));
    let rest = given.network().parameters().iter().zip(limit.network().parameters());
    let rest: Vec<f64> = rest.map(|(w, new)| if *new == 0.0 { 0.0 } else { *w }).collect();
    assert_eq!(rest.iter().zip(given.network().parameters()).filter(|(a, b)| a != b).count(), 5);
    desk.put_network("rest.json", &given.network().with_parameters(rest).unwrap());
    desk.json("balance rest.json --exact -o c.json", 0);
    assert_eq!(limit.network().parameters(), read("c.json").network().parameters());
}

#[test]
fn a_solve_that_does_not_end_proves_nothing_and_says_so() {
    let desk = Desk::new();
    desk.put("a.json", pairs(&json!(numbers(0.3))));
    let report = desk.json("balance a.json --exact --method local --max-iterations 0", 4);
    assert_eq!(report["weights_proved"], Value::Null);
    assert!(report["notes"].to_string().contains("--exact proved nothing"), "{report}");
}

/// Rings without ground of weights far from each other.
const RINGS: &str = "%%MatrixMarket matrix coordinate real general
6 6 9
1 2 -91.76830070744148
3 1 -0.32097659725836897
2 3 -0.007512785738194273
2 2 0.2552141077971684
2 1 3.0
3 3 -1.3761386240879083
6 5 -0.053606936291108576
4 6 -0.020144599793204786
5 4 -0.19295853301931615
";

/// The same, farther.
const FAR_RINGS: &str = "%%MatrixMarket matrix coordinate real general
6 6 9
2 4 -454480.7316298002
3 2 -12.0
1 3 -12.0
4 1 6.0
4 3 2.5570562386798708
4 2 1.0
1 2 9.0
6 5 -7.559891556354293e-08
5 6 2.9667618700424487e-07
";

#[test]
fn every_method_ends_at_the_same_bytes_where_some_end_short_of_the_tolerance() {
    let desk = Desk::new();
    desk.put("a.mtx", RINGS);
    for method in ["auto", "newton", "cg", "local", "lbfgs"] {
        desk.text(&format!("balance a.mtx --exact --method {method} -o {method}.mtx"), 0);
        assert_eq!(desk.bytes(&format!("{method}.mtx")), desk.bytes("auto.mtx"), "{method}");
    }
}

#[test]
fn weights_far_from_each_other_are_compared_as_others_are() {
    let desk = Desk::new();
    desk.put("a.mtx", FAR_RINGS);
    for norm in ["0.5", "1", "2"] {
        desk.text(&format!("balance a.mtx --norm {norm} --exact -o b.mtx --force"), 0);
        desk.text(&format!("verify a.mtx b.mtx --norm {norm}"), 0);
        assert_eq!(desk.json("compare a.mtx b.mtx", 0)["same_up_to_scaling"], true, "{norm}");
    }
}
