//! Training: gradients, balancing in the loop, optimizers, data files.
#![cfg(feature = "learning")]

use candle_core::{DType, Tensor, Var};
use std::io::Write;
use std::path::Path;
use synbal::learning::balancing::{Balancing, Extent, When, balance};
use synbal::learning::data::{Dataset, digits};
use synbal::learning::loss::Task;
use synbal::learning::measure::{deficit, square_deficits};
use synbal::learning::net::{Net, gradients, keep};
use synbal::learning::optimizer::{Buffers, Optimizer, step};
use synbal::learning::penalty::Penalty;
use synbal::learning::plan::Plan;
use synbal::learning::state::Checkpoint;
use synbal::learning::tensor::numbers;
use synbal::learning::train::train;
use synbal::network::Activation;

/// One network of every kind, in double precision.
const KINDS: [&str; 6] = ["6,5", "conv3x3/2,5", "local2x4/2,5", "conv2x3,conv3x2,5", "local2x4,local2x2,4", "rnn5/8,4"];

fn net(words: &str, task: Task) -> Net {
    let data = digits();
    let (outputs, last) = match task {
        Task::Classify => (10, Activation::Linear),
        Task::Reconstruct => (64, Activation::LeakyRelu { slope: 0.2 }),
    };
    Net::new(words, data.image, outputs, last, DType::F64).unwrap()
}

fn images(count: u32) -> (Tensor, Vec<u8>) {
    digits().train.batch(&(0..count).collect::<Vec<_>>(), DType::F64).unwrap()
}

fn gradient(net: &Net, parameters: &[Tensor], task: Task, (batch, labels): &(Tensor, Vec<u8>)) -> (f64, Vec<Tensor>) {
    let kept = keep(net, parameters, batch).unwrap();
    let (error, delta) = task.error(kept.last().unwrap().output(), batch, labels).unwrap();
    (error, gradients(net, parameters, &kept, delta).unwrap())
}

fn values(tensors: &[Tensor]) -> Vec<Vec<f64>> {
    tensors.iter().map(|t| numbers(t).unwrap()).collect()
}

#[test]
fn gradients_are_those_of_differences_for_every_layer_activation_and_error() {
    let batch = images(4);
    for words in KINDS {
        for (task, hidden) in [
            (Task::Classify, Activation::Relu),
            (Task::Reconstruct, Activation::LeakyRelu { slope: 0.3 }),
            (Task::Classify, Activation::Linear),
        ] {
            let mut net = net(words, task);
            let count = net.layers.len() - 1;
            net.layers[..count].iter_mut().for_each(|l| l.activation = hidden);
            let parameters = net.start(3).unwrap();
            let (_, exact) = gradient(&net, &parameters, task, &batch);
            for (p, g) in exact.iter().enumerate() {
                let (own, exact, axes) = (numbers(&parameters[p]).unwrap(), numbers(g).unwrap(), &net.shapes()[p].axes);
                // a stride that shares no factor with the rows visits all parts of the tensor
                for k in (0..own.len()).step_by(1 + own.len() / 7) {
                    let error = |h: f64| {
                        let mut moved = own.clone();
                        moved[k] += h;
                        let mut all = parameters.clone();
                        all[p] = net.tensor(moved, axes).unwrap();
                        gradient(&net, &all, task, &batch).0
                    };
                    let h = 1e-6;
                    let difference = (error(h) - error(-h)) / (2.0 * h);
                    let gap = (difference - exact[k]).abs();
                    assert!(
                        gap < 1e-6 * (1.0 + difference.abs()),
                        "{words} {task:?} {hidden:?} {p} {k}: {difference} {}",
                        exact[k]
                    );
                }
            }
        }
    }
}

#[test]
fn gradients_of_dense_layers_are_those_of_candle() {
    let (batch, labels) = images(6);
    let net = net("7", Task::Reconstruct);
    let parameters = net.start(1).unwrap();
    let (error, own) = gradient(&net, &parameters, Task::Reconstruct, &(batch.clone(), labels));
    let vars: Vec<Var> = parameters.iter().map(|p| Var::from_tensor(p).unwrap()).collect();
    let row = |v: &Var| v.as_tensor().t().unwrap();
    let hidden = batch.matmul(&row(&vars[0])).unwrap().broadcast_add(&row(&vars[1])).unwrap().relu().unwrap();
    let sum = hidden.matmul(&row(&vars[2])).unwrap().broadcast_add(&row(&vars[3])).unwrap();
    let output = (sum.relu().unwrap() - (sum.neg().unwrap().relu().unwrap() * 0.2).unwrap()).unwrap();
    let loss = ((output - &batch).unwrap().sqr().unwrap().sum_all().unwrap() * (0.5 / 6.0)).unwrap();
    assert!((loss.to_scalar::<f64>().unwrap() - error).abs() < 1e-12 * error);
    let theirs = loss.backward().unwrap();
    for (var, own) in vars.iter().zip(&own) {
        let gap = (theirs.get(var).unwrap() - own).unwrap().abs().unwrap().max_all().unwrap();
        assert!(gap.to_scalar::<f64>().unwrap() < 1e-12);
    }
}

#[test]
fn full_balancing_balances_every_kind_of_network_and_keeps_its_function() {
    let (batch, _) = images(10);
    for words in KINDS {
        for exponent in [1.0, 2.0, 3.5] {
            let net = net(words, Task::Classify);
            let parameters = net.start(5).unwrap();
            let before = deficit(&net, &parameters, exponent).unwrap();
            let full = Balancing::full(When::Start, exponent);
            let changed = balance(&net, &parameters, &mut Buffers::default(), full, (&batch, 0)).unwrap();
            let after = deficit(&net, &parameters, exponent).unwrap();
            assert!(changed < 1e-12, "{words}, p = {exponent}: {changed}");
            assert!(before.relative > 1e-4 && after.relative < 1e-18, "{words}, p = {exponent}: {before:?} {after:?}");
            assert!(after.cost < before.cost);
        }
    }
}

#[test]
fn partial_and_stochastic_balancing_lower_the_cost_and_keep_the_function() {
    let (batch, _) = images(10);
    for extent in [Extent::Sweep, Extent::Units(3)] {
        let net = net("9,8,7", Task::Classify);
        let parameters = net.start(2).unwrap();
        let mut cost = deficit(&net, &parameters, 2.0).unwrap().cost;
        for round in 0..20 {
            let balancing = Balancing { when: When::Start, extent, exponent: 2.0 };
            let changed = balance(&net, &parameters, &mut Buffers::default(), balancing, (&batch, round)).unwrap();
            let now = deficit(&net, &parameters, 2.0).unwrap().cost;
            assert!(changed < 1e-12 && now <= cost * (1.0 + 1e-14), "{extent:?} {changed} {now}");
            cost = now;
        }
        assert!(deficit(&net, &parameters, 2.0).unwrap().relative < 1e-2, "{extent:?}");
    }
}

#[test]
fn units_with_zero_norms_are_left_alone_and_divide_nothing() {
    let (batch, _) = images(5);
    let net = net("4,3", Task::Classify);
    let mut parameters = net.start(4).unwrap();
    let mut all = values(&parameters);
    let shapes = net.shapes();
    // nothing enters the first unit, nothing leaves the second
    all[0][..64].fill(0.0);
    all[1][0] = 0.0;
    all[2].iter_mut().skip(1).step_by(4).for_each(|w| *w = 0.0);
    for (p, (values, shape)) in parameters.iter_mut().zip(all.iter().zip(&shapes)) {
        *p = net.tensor(values.clone(), &shape.axes).unwrap();
    }
    for extent in [Extent::Full, Extent::Sweep, Extent::Units(5)] {
        let balancing = Balancing { when: When::Start, extent, exponent: 2.0 };
        assert!(balance(&net, &parameters, &mut Buffers::default(), balancing, (&batch, 1)).unwrap() < 1e-12);
        assert!(values(&parameters).iter().flatten().all(|w| w.is_finite()));
    }
}

/// A network after some steps, with what its optimizer remembers.
fn on_the_way(optimizer: Optimizer) -> (Net, Vec<Tensor>, Buffers, (Tensor, Vec<u8>)) {
    let net = net("6,5", Task::Classify);
    let (parameters, batch) = (net.start(7).unwrap(), images(20));
    let mut buffers = Buffers::new(optimizer, &parameters).unwrap();
    for _ in 0..5 {
        let (_, g) = gradient(&net, &parameters, Task::Classify, &batch);
        step(optimizer, (0.01, Penalty { exponent: 1.0, beta: 1e-3 }), &parameters, &g, &mut buffers).unwrap();
    }
    (net, parameters, buffers, batch)
}

#[test]
fn moments_scale_against_their_weights_and_momentum_goes_on_as_the_rescaled_gradient_says() {
    let (rate, momentum) = (0.02, 0.9);
    for optimizer in [Optimizer::Momentum { momentum }, Optimizer::Adam { amsgrad: true }] {
        let (net, parameters, mut buffers, batch) = on_the_way(optimizer);
        let (w, g) = (values(&parameters), values(&gradient(&net, &parameters, Task::Classify, &batch).1));
        let before = [&buffers.first, &buffers.second, &buffers.largest].map(|b| values(b));
        let full = Balancing::full(When::Start, 2.0);
        balance(&net, &parameters, &mut buffers, full, (&batch.0, 0)).unwrap();
        let (scaled, scaled_g) = (values(&parameters), values(&gradient(&net, &parameters, Task::Classify, &batch).1));
        let after = [&buffers.first, &buffers.second, &buffers.largest].map(|b| values(b));
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-11 * (a.abs() + b.abs()) + 1e-14;
        for (p, k) in w.iter().enumerate().flat_map(|(p, v)| (0..v.len()).map(move |k| (p, k))) {
            let factor = scaled[p][k] / w[p][k];
            assert!(close(scaled_g[p][k], g[p][k] / factor), "the gradient is divided by {factor}");
            for (power, (old, new)) in [1, 2, 2].into_iter().zip(before.iter().zip(&after)) {
                assert!(old.is_empty() || close(new[p][k], old[p][k] / factor.powi(power)), "{optimizer:?} {p} {k}");
            }
        }
        if optimizer == (Optimizer::Momentum { momentum }) {
            let (_, gradient) = gradient(&net, &parameters, Task::Classify, &batch);
            step(optimizer, (rate, Penalty::NONE), &parameters, &gradient, &mut buffers).unwrap();
            for ((p, moved), (m, g)) in values(&parameters).iter().enumerate().zip(before[0].iter().zip(&g)) {
                for (k, moved) in moved.iter().enumerate() {
                    let factor = scaled[p][k] / w[p][k];
                    let expected = scaled[p][k] - rate * (momentum * m[k] + g[k]) / factor;
                    assert!(close(*moved, expected), "{moved} {expected}");
                }
            }
        }
    }
}

#[test]
fn adam_is_the_textbook_recursion() {
    let net = net("3", Task::Classify);
    let (parameters, batch) = (net.start(1).unwrap(), images(8));
    let mut w = values(&parameters);
    let (mut m, mut v) = (w.clone(), w.clone());
    m.iter_mut().chain(&mut v).flatten().for_each(|x| *x = 0.0);
    let optimizer = Optimizer::Adam { amsgrad: false };
    let mut buffers = Buffers::new(optimizer, &parameters).unwrap();
    for t in 1..=4 {
        let (_, g) = gradient(&net, &parameters, Task::Classify, &batch);
        step(optimizer, (0.01, Penalty::NONE), &parameters, &g, &mut buffers).unwrap();
        for (p, g) in values(&g).iter().enumerate() {
            for (k, g) in g.iter().enumerate() {
                m[p][k] = 0.9 * m[p][k] + 0.1 * g;
                v[p][k] = 0.999 * v[p][k] + 0.001 * g * g;
                let (first, second) = (m[p][k] / (1.0 - 0.9f64.powi(t)), v[p][k] / (1.0 - 0.999f64.powi(t)));
                w[p][k] -= 0.01 * first / (second.sqrt() + 1e-8);
            }
        }
        for (own, expected) in values(&parameters).iter().flatten().zip(w.iter().flatten()) {
            assert!((own - expected).abs() < 1e-12);
        }
    }
}

#[test]
fn one_step_changes_deficits_by_the_square_of_the_rate_in_every_kind_of_network() {
    let batch = images(10);
    for words in KINDS {
        let net = net(words, Task::Classify);
        let parameters = net.start(9).unwrap();
        let before = square_deficits(&net, &parameters).unwrap();
        let (_, g) = gradient(&net, &parameters, Task::Classify, &batch);
        step(Optimizer::Sgd, (0.1, Penalty::NONE), &parameters, &g, &mut Buffers::default()).unwrap();
        let (after, own) = (square_deficits(&net, &parameters).unwrap(), square_deficits(&net, &g).unwrap());
        for ((a, b), g) in before.iter().zip(&after).zip(&own) {
            assert!((b - a - 0.01 * g).abs() < 1e-12 * (1.0 + a.abs()), "{words}: {a} {b} {g}");
        }
    }
}

#[test]
fn the_same_plan_gives_the_same_bits_on_one_thread_and_on_two_and_from_any_checkpoint() {
    let data = digits();
    let plan = Plan {
        optimizer: Optimizer::Adam { amsgrad: true },
        rate: 0.003,
        epochs: 4,
        penalty: Penalty { exponent: 1.5, beta: 1e-5 },
        balancing: Balancing { when: When::Steps(3), extent: Extent::Units(4), exponent: 2.0 },
        ..Plan::new("24,12", Task::Classify)
    };
    let bits = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let trained = pool.install(|| train(&plan, &data, None, &|| ()).unwrap());
        values(&trained.parameters)
    };
    let whole = bits(1);
    assert_eq!(whole, bits(2));
    let desk = tempfile::tempdir().unwrap();
    let path = desk.path().join("run.safetensors");
    let at = Checkpoint { path: &path, data: "digits", pause: 0.0 };
    let copy = desk.path().join("copy.safetensors");
    // when the third epoch ends the checkpoint is that of the second
    let epochs = std::cell::Cell::new(0);
    let count = || {
        epochs.set(epochs.get() + 1);
        if epochs.get() == 3 {
            std::fs::copy(&path, &copy).unwrap();
        }
    };
    assert_eq!(values(&train(&plan, &data, Some(at), &count).unwrap().parameters), whole);
    let at = Checkpoint { path: &copy, ..at };
    let resumed = train(&plan, &data, Some(at), &|| ()).unwrap();
    assert_eq!(values(&resumed.parameters), whole);
    let other = Plan { rate: 0.004, ..plan };
    let error = train(&other, &data, Some(at), &|| ()).unwrap_err().to_string();
    assert!(error.contains("copy.safetensors") && error.contains("other options"), "{error}");
}

fn idx(axes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let lengths = axes.iter().flat_map(|n| n.to_be_bytes());
    [0, 0, 8, axes.len() as u8].into_iter().chain(lengths).chain(bytes.iter().copied()).collect()
}

/// A small set in the format of MNIST.
fn write_mnist(folder: &Path) {
    let pixels: Vec<u8> = (0..4 * 9).collect();
    for part in ["train", "t10k"] {
        std::fs::write(folder.join(format!("{part}-images-idx3-ubyte")), idx(&[4, 3, 3], &pixels)).unwrap();
        std::fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), idx(&[4], &[1, 9, 0, 3])).unwrap();
    }
}

#[test]
fn mnist_is_read_plain_and_compressed() {
    let desk = tempfile::tempdir().unwrap();
    write_mnist(desk.path());
    let plain = Dataset::open(desk.path()).unwrap();
    assert_eq!((plain.train.len(), plain.image.height, plain.train.labels.as_slice()), (4, 3, [1, 9, 0, 3].as_slice()));
    let path = desk.path().join("train-images-idx3-ubyte");
    let mut packed = flate2::write::GzEncoder::new(vec![], flate2::Compression::best());
    packed.write_all(&std::fs::read(&path).unwrap()).unwrap();
    std::fs::write(desk.path().join("train-images-idx3-ubyte.gz"), packed.finish().unwrap()).unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!(Dataset::open(desk.path()).unwrap().train, plain.train);
}

#[test]
fn damaged_data_files_are_refused_by_name_place_and_remedy() {
    let packed = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let good = idx(&[4, 3, 3], &[7; 36]);
    let mut cut = packed(&good);
    cut.truncate(cut.len() - 12);
    let images = "train-images-idx3-ubyte";
    let labels = "t10k-labels-idx1-ubyte";
    let cases: Vec<(&str, Option<Vec<u8>>, &str)> = vec![
        (images, Some(good[..10].to_vec()), "header: it ends after 10 of 16 bytes"),
        (images, Some(good[..40].to_vec()), "elements: 24 bytes, and its header says 36"),
        (images, Some([good.clone(), vec![0]].concat()), "elements: 37 bytes"),
        (images, Some(idx(&[4, 0, 3], &[])), "header: axes of lengths [4, 0, 3]"),
        (images, Some(idx(&[u32::MAX; 3], &[])), "header: axes of lengths"),
        (images, Some(b"\x00\x00\x0d\x03aaaaaaaaaaaa".to_vec()), "header: it begins with"),
        (labels, Some(idx(&[3], &[1, 2, 3])), "header: 3 labels for 4 images"),
        (labels, Some(idx(&[4], &[1, 2, 10, 3])), "label 2: 10 is none of 10 classes"),
        (labels, None, "there is no t10k-labels-idx1-ubyte"),
        ("train-images-idx3-ubyte.gz", Some(cut), "it is damaged"),
        ("train-images-idx3-ubyte.gz", Some(b"no gzip".to_vec()), "it is damaged"),
    ];
    for (name, bytes, expected) in cases {
        let desk = tempfile::tempdir().unwrap();
        write_mnist(desk.path());
        if name.ends_with(".gz") {
            std::fs::remove_file(desk.path().join(images)).unwrap();
        }
        match &bytes {
            Some(bytes) => std::fs::write(desk.path().join(name), bytes).unwrap(),
            None => std::fs::remove_file(desk.path().join(name)).unwrap(),
        }
        let error = Dataset::open(desk.path()).unwrap_err().to_string();
        let named = bytes.is_none() || error.contains(name);
        assert!(named && error.contains(expected) && error.contains("; "), "{name}: {error}");
    }
    let desk = tempfile::tempdir().unwrap();
    let error = Dataset::open(desk.path()).unwrap_err().to_string();
    assert!(error.contains("neither") && error.contains("leave --data out"), "{error}");
    std::fs::write(desk.path().join("data_batch_1.bin"), [3; 3072]).unwrap();
    let error = Dataset::open(desk.path()).unwrap_err().to_string();
    assert!(error.contains("data_batch_1.bin: image 0: 3072 bytes"), "{error}");
    std::fs::write(desk.path().join("data_batch_1.bin"), [11; 3073]).unwrap();
    let error = Dataset::open(desk.path()).unwrap_err().to_string();
    assert!(error.contains("image 0: label 11"), "{error}");
}

#[test]
fn the_embedded_digits_are_whole_and_hold_every_class_in_both_parts() {
    let data = digits();
    assert_eq!((data.train.len(), data.test.len()), (1438, 359));
    for split in [&data.train, &data.test] {
        assert!((0..10).all(|c| split.labels.iter().filter(|l| **l == c).count() * 20 > split.len()));
        assert!(split.pixels.iter().all(|p| *p <= 16) && split.pixels.contains(&16));
    }
}

#[test]
fn unusable_layers_and_options_are_refused_by_name() {
    let data = digits();
    for (words, expected) in [
        ("32,tanh", "layer \"tanh\""),
        ("conv8", "layer \"conv8\""),
        ("conv8x9", "only 8 x 8"),
        ("32,conv8x3", "no image"),
        ("16,rnn8/8", "it is the first"),
        ("rnn8/7", "no multiple of 7"),
        ("0", "layer \"0\""),
    ] {
        let error = Plan::new(words, Task::Classify).net(&data).unwrap_err().to_string();
        assert!(error.contains(expected), "{words}: {error}");
    }
    assert!(Plan { rate: f64::NAN, ..Plan::new("4", Task::Classify) }.net(&data).is_err());
    assert!(Penalty::new(0.5, 1.0).is_err());
}
