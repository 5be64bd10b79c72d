//! The digits that are part of the program.

use super::{Dataset, Split};
use crate::learning::net::Image;
use flate2::read::GzDecoder;
use std::io::Read;

/// Label and 64 pixels of every image; `digits.py` beside it makes it.
const PACKED: &[u8] = include_bytes!("digits.bin.gz");
const PIXELS: usize = 64;

/// 1797 handwritten digits of 8 x 8 pixels, every fifth of them a test image.
///
/// # Panics
/// Never: the file is part of the program, and a test reads it.
#[must_use]
pub fn digits() -> Dataset {
    let mut bytes = vec![];
    GzDecoder::new(PACKED).read_to_end(&mut bytes).expect("the embedded digits are whole");
    let mut all = Split { pixels: vec![], labels: vec![], width: PIXELS, white: 16 };
    for record in bytes.chunks_exact(1 + PIXELS) {
        all.labels.push(record[0]);
        all.pixels.extend_from_slice(&record[1..]);
    }
    let (train, test): (Vec<u32>, Vec<u32>) = (0..all.len() as u32).partition(|k| k % 5 != 4);
    Dataset {
        name: "1438 + 359 digits of 8 x 8".into(),
        source:
            "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998, \
                 https://doi.org/10.24432/C50P49, CC BY 4.0"
                .into(),
        image: Image { channels: 1, height: 8, width: 8, planar: true },
        classes: 10,
        train: all.select(&train),
        test: all.select(&test),
    }
}
