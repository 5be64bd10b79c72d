//! `synbal learn demo`: the network and the images of `synbal demo`.

use super::Exit;
use super::args::Demo;
use super::progress::Progress;
use crate::error::Result;
use crate::files::write_atomic;
use crate::learning::data::digits;
use crate::learning::export::json;
use crate::learning::loss::Task;
use crate::learning::plan::Plan;
use crate::learning::runs::Lab;
use serde_json::json;

/// Test images that the demo classifies.
const SHOWN: usize = 100;

pub fn run(args: &Demo) -> Result<Exit> {
    let data = digits();
    let progress = Progress::new();
    let lab = Lab { data: &data, folder: None, watch: &|event| progress.tell(event) };
    let plan = Plan { rate: 0.05, batch: 32, epochs: 150, every: 150, seed: 1, ..Plan::new("32,16", Task::Classify) };
    let trained = lab.network(&plan)?;
    progress.finish();
    let accuracy = trained.outcome.accuracy(data.classes);
    let description = format!(
        "Classifier of 8x8 digits, accuracy {accuracy:.4} on {} images that it was not trained on; trained by `synbal learn demo` on: {}",
        data.test.len(),
        data.source
    );
    let network = json(&trained.net, &trained.parameters, &description)?;
    let images: Vec<&[u8]> = data.test.pixels.chunks_exact(data.test.width).take(SHOWN).collect();
    let shown = json!({
        "attribution": data.source, "scale": data.test.white, "images": images, "labels": data.test.labels[..SHOWN],
    });
    write_atomic(&args.output.join("digits.json"), network.as_bytes(), true)?;
    write_atomic(&args.output.join("digits_test.json"), format!("{shown}\n").as_bytes(), true)?;
    println!("{description}");
    Ok(Exit::Done)
}
