//! Recurrent ReLU networks that read images row by row.

use super::arms::{arms, claim};
use super::speed::first;
use super::{Options, difference, layers, results, small};
use crate::error::Result;
use crate::learning::loss::Task;
use crate::learning::output::{Axis, Chart, Results, Series, Table};
use crate::learning::plan::Plan;
use crate::learning::runs::Lab;
use crate::learning::statistics::Mean;

pub fn run(lab: &Lab, options: &Options) -> Result<Results> {
    let arms = arms();
    let seeds = options.seeds.unwrap_or(8) as usize;
    let little = small(lab.data);
    let row = lab.data.image.width;
    let words = layers(options, &format!("rnn{}/{row}", if little { 32 } else { 64 }));
    let (rate, batch, epochs) = if little { (0.1, 20, 20) } else { (0.1, 100, 2) };
    let epochs = options.epochs.unwrap_or(epochs);
    let base = Plan { rate, batch, epochs, ..Plan::new(&words, Task::Classify) };
    let mut plans = vec![];
    for arm in &arms {
        for seed in 0..seeds as u64 {
            plans.push(Plan { seed, ..arm.of(&base, format!("recurrent-{}-seed{seed}", arm.key())) });
        }
    }
    let outcomes = lab.outcomes(&plans)?;
    let groups: Vec<_> = outcomes.chunks_exact(seeds).collect();
    let mut results = results("recurrent", "Does balancing help a recurrent network?", lab);
    results.method = vec![
        format!("Layers {words}, ReLU: the network reads an image {row} numbers at a time and classifies by its last state. SGD at rate {rate} with \
                 batches of {batch}, {epochs} epochs, {seeds} seeds. Arms as in the experiment speed."),
        "The published experiment reads film reviews (IMDB), which no package that this project may use carries: the claim is put to the test \
         on other data, and its numbers do not compare."
            .into(),
    ];
    let columns = ["arm", "accuracy %", "± %", "difference %", "± %", "gain", "moved"];
    let mut table =
        Table::new("recurrent", "Test accuracy; difference to the same regularizer without balancing", &columns);
    let accuracies: Vec<Vec<f64>> =
        groups.iter().map(|own| own.iter().map(|o| o.accuracy(lab.data.classes)).collect()).collect();
    for (k, arm) in arms.iter().enumerate() {
        let mean = Mean::of(&accuracies[k]);
        let rise = Mean::of_differences(&accuracies[k], &accuracies[arm.base]);
        let differs = (k != arm.base).then_some(rise);
        table.row([
            arm.name.as_str().into(),
            (100.0 * mean.mean).into(),
            (100.0 * mean.half).into(),
            differs.map(|r| 100.0 * r.mean).into(),
            differs.map(|r| 100.0 * r.half).into(),
            first(groups[k], |o| &o.gain).into(),
            first(groups[k], |o| &o.movement).into(),
        ]);
        if k != arm.base {
            let sentence = format!("{:?} is better than {:?}", arm.name, arms[arm.base].name);
            results.claims.push(claim(sentence, &[rise]));
        }
    }
    results.tables.push(table);
    let series = arms.iter().zip(&groups).filter(|(arm, _)| arm.penalty.exponent == 1.0 || arm.base == 0);
    let series = series.map(|(arm, own)| {
        let points = own[0].records.iter().enumerate().map(|(r, record)| {
            let values: Vec<f64> = own.iter().filter_map(|o| o.records.get(r)?.score.accuracy).collect();
            (f64::from(record.epoch), 100.0 * Mean::of(&values).mean)
        });
        Series::line(arm.name.clone(), points.collect::<Vec<_>>())
    });
    results.charts.push(Chart {
        name: "recurrent".into(),
        title: "A recurrent network that reads images row by row".into(),
        x: Axis::linear("epoch"),
        y: Axis::linear("test accuracy, %"),
        series: series.collect(),
    });
    results.function_difference = difference(&outcomes);
    Ok(results)
}
