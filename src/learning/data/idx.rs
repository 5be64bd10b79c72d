//! MNIST in the idx format: `00 00 08 d`, d big-endian lengths of axes, then a byte for every element.

use super::source::{MOST, fault, find, read};
use super::{Dataset, Split};
use crate::error::{Error, ErrorKind, Result};
use crate::learning::net::Image;
use std::path::{Path, PathBuf};

/// Classes of MNIST and of the sets that replace it.
const CLASSES: usize = 10;

/// The data set of a folder; none where no file has such a name.
pub(super) fn open(folder: &Path) -> Result<Option<Dataset>> {
    let path = |part: &str, what: &str, axes: usize| -> Option<PathBuf> {
        find(folder, &[&format!("{part}-{what}-idx{axes}-ubyte"), &format!("{part}-{what}.idx{axes}-ubyte")])
    };
    let Some(images) = path("train", "images", 3) else { return Ok(None) };
    let needed = |part: &str, what: &str, axes: usize| {
        path(part, what, axes).ok_or_else(|| {
            let problem = format!("there is no {part}-{what}-idx{axes}-ubyte, plain or .gz");
            Error::new(ErrorKind::Io, "--data", problem, "put all four files of MNIST into the folder").in_file(folder)
        })
    };
    let (train, shape) = split(&images, &needed("train", "labels", 1)?)?;
    let test_images = needed("t10k", "images", 3)?;
    let (test, other) = split(&test_images, &needed("t10k", "labels", 1)?)?;
    if shape != other {
        let problem = format!("images of {} x {}, and {} x {} for training", other.0, other.1, shape.0, shape.1);
        return Err(fault(&test_images, "header", problem));
    }
    Ok(Some(Dataset {
        name: format!("{} + {} images of {} x {} in idx files", train.len(), test.len(), shape.0, shape.1),
        source: "MNIST or a set in its format, from the folder given".into(),
        image: Image { channels: 1, height: shape.0, width: shape.1, planar: true },
        classes: CLASSES,
        train,
        test,
    }))
}

/// Images with their labels, and the height and width of an image.
fn split(images: &Path, labels: &Path) -> Result<(Split, (usize, usize))> {
    let (axes, pixels) = parse(images, 3)?;
    let (count, labels_of) = parse(labels, 1)?;
    let (height, width) = (axes[1], axes[2]);
    if axes[0] != count[0] {
        return Err(fault(labels, "header", format!("{} labels for {} images", count[0], axes[0])));
    }
    if let Some(k) = labels_of.iter().position(|&label| usize::from(label) >= CLASSES) {
        return Err(fault(labels, format!("label {k}"), format!("{} is none of {CLASSES} classes", labels_of[k])));
    }
    Ok((Split { pixels, labels: labels_of, width: height * width, white: 255 }, (height, width)))
}

/// The lengths of all axes, none of them zero, and the elements.
fn parse(path: &Path, axes: usize) -> Result<(Vec<usize>, Vec<u8>)> {
    let mut bytes = read(path)?;
    let header = 4 + 4 * axes;
    if bytes.len() < header {
        return Err(fault(path, "header", format!("it ends after {} of {header} bytes", bytes.len())));
    }
    if bytes[..4] != [0, 0, 8, axes as u8] {
        let problem =
            format!("it begins with {:02x?}, and an idx file of {axes} axes with 00 00 08 0{axes}", &bytes[..4]);
        return Err(fault(path, "header", problem));
    }
    let length = |k: usize| u32::from_be_bytes([0, 1, 2, 3].map(|b| bytes[4 + 4 * k + b]));
    let lengths: Vec<usize> = (0..axes).map(|k| length(k) as usize).collect();
    let count = lengths.iter().try_fold(1u64, |n, &l| n.checked_mul(l as u64)).filter(|n| (1..=MOST).contains(n));
    let Some(count) = count else {
        return Err(fault(path, "header", format!("axes of lengths {lengths:?}")));
    };
    let (there, said) = (bytes.len() - header, count as usize);
    if there != said {
        return Err(fault(path, "elements", format!("{there} bytes, and its header says {said}")));
    }
    bytes.drain(..header);
    Ok((lengths, bytes))
}
