use synbal::manifold::Form;
use synbal::problem::*;
use synbal::regularizer::Regularizer;
use synbal::solve::*;
use rand::prelude::*;
fn layered(widths: &[usize], p: f64, spread: f64, seed: u64) -> Problem {
    let mut rng = StdRng::seed_from_u64(seed);
    let hidden: usize = widths[1..widths.len() - 1].iter().sum();
    let mut b = ProblemBuilder::new(hidden);
    let mut off = 0;
    let mut previous = vec![Port::GROUND; widths[0]];
    for (l, &w) in widths.iter().enumerate().skip(1) {
        let heads: Vec<Port> = if l == widths.len() - 1 { vec![Port::GROUND; w] } else { (0..w).map(|i| b.port(&Form::variable(off + i))).collect() };
        if l < widths.len() - 1 { off += w; }
        let ws: Vec<f64> = (0..w * previous.len()).map(|_| (spread * rng.random_range(-1.0..1.0f64)).exp()).collect();
        b.block("w", heads.clone(), previous, Weights::Dense(ws), &Regularizer::lp(p).unwrap()).unwrap();
        previous = heads;
    }
    b.build().unwrap()
}
#[test]
fn smoke() {
    for (widths, p, spread) in [(vec![5, 4, 3, 2], 2.0, 1.0), (vec![10, 20, 20, 20, 5], 2.0, 14.0), (vec![5, 6, 6, 4], 1.0, 30.0), (vec![5, 6, 6, 4], 40.0, 30.0), (vec![64,64,64,64,64,64,64,10], 2.0, 2.0)] {
        let problem = layered(&widths, p, spread, 1);
        for (m, name) in Method::ALL {
            let t = std::time::Instant::now();
            let s = solve(&problem, &Settings { method: m, ..Settings::default() }, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
            println!("{widths:?} {p} {name}: {:?} cost {:.15e} res {:.1e} bound {:.1e} it {} passes {:.0} {:?}", s.status, s.cost, s.residual, s.error_bound, s.iterations, s.passes, t.elapsed());
        }
    }
}
