//! CIFAR-10 in its binary format: for every image its label, then 1024 bytes each of red, green and blue, row by row.

use super::source::{fault, find, read};
use super::{Dataset, Split};
use crate::error::Result;
use crate::learning::net::Image;
use std::path::{Path, PathBuf};

const IMAGE: Image = Image { channels: 3, height: 32, width: 32, planar: true };
const CLASSES: usize = 10;

/// The data set of a folder; none where no file has such a name.
pub(super) fn open(folder: &Path) -> Result<Option<Dataset>> {
    let numbered = (1..=5).filter_map(|k| find(folder, &[&format!("data_batch_{k}.bin")]));
    let training: Vec<PathBuf> = find(folder, &["data_batch.bin"]).into_iter().chain(numbered).collect();
    if training.is_empty() {
        return Ok(None);
    }
    let mut train = Split { pixels: vec![], labels: vec![], width: IMAGE.len(), white: 255 };
    for path in &training {
        append(&mut train, path)?;
    }
    let mut source = "CIFAR-10 or a part of it, from the folder given".to_string();
    let mut test = Split { pixels: vec![], labels: vec![], ..train.clone() };
    if let Some(path) = find(folder, &["test_batch.bin"]) {
        append(&mut test, &path)?;
    } else {
        let (first, last): (Vec<u32>, Vec<u32>) = (0..train.len() as u32).partition(|k| k % 5 != 4);
        (train, test) = (train.select(&first), train.select(&last));
        source += "; it has no test_batch.bin, so every fifth image is a test image";
    }
    Ok(Some(Dataset {
        name: format!("{} + {} colour images of 32 x 32", train.len(), test.len()),
        source,
        image: IMAGE,
        classes: CLASSES,
        train,
        test,
    }))
}

fn append(split: &mut Split, path: &Path) -> Result<()> {
    let bytes = read(path)?;
    let record = 1 + IMAGE.len();
    if bytes.is_empty() || bytes.len() % record != 0 {
        let problem = format!("{} bytes, and every image takes {record}", bytes.len());
        return Err(fault(path, format!("image {}", bytes.len() / record), problem));
    }
    for (k, record) in bytes.chunks_exact(record).enumerate() {
        if usize::from(record[0]) >= CLASSES {
            return Err(fault(path, format!("image {k}"), format!("label {} is none of {CLASSES} classes", record[0])));
        }
        split.labels.push(record[0]);
        split.pixels.extend_from_slice(&record[1..]);
    }
    Ok(())
}
