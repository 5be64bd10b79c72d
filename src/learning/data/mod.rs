//! Images to learn from: MNIST and CIFAR-10 in their standard formats, and small digits that are part of the program.

mod cifar;
mod digits;
mod idx;
mod source;

pub use digits::digits;

use super::net::Image;
use crate::error::{Error, ErrorKind, Result};
use candle_core::{DType, Device, Tensor};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use sha2::{Digest, Sha256};
use std::path::Path;

/// Images with their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// A byte for every number of every image, image after image.
    pub pixels: Vec<u8>,
    /// The class of every image.
    pub labels: Vec<u8>,
    /// Numbers in an image.
    pub width: usize,
    /// The byte that stands for 1.
    pub white: u8,
}

/// Images to train on and images to test on.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// What it is, in a few words.
    pub name: String,
    /// Where it is from.
    pub source: String,
    /// The shape of an image.
    pub image: Image,
    /// Number of classes.
    pub classes: usize,
    /// Images to train on.
    pub train: Split,
    /// Images to test on.
    pub test: Split,
}

impl Split {
    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Images as a tensor `images x numbers` from 0 to 1, and their labels.
    ///
    /// # Errors
    /// Never on the CPU.
    ///
    /// # Panics
    /// When an image is not there.
    pub fn batch(&self, images: &[u32], precision: DType) -> Result<(Tensor, Vec<u8>)> {
        let shape = (images.len(), self.width);
        let bytes = images.iter().flat_map(|&k| &self.pixels[k as usize * self.width..][..self.width]);
        let tensor = if precision == DType::F64 {
            let white = f64::from(self.white);
            Tensor::from_vec(bytes.map(|&b| f64::from(b) / white).collect(), shape, &Device::Cpu)?
        } else {
            let share = 1.0 / f32::from(self.white);
            let mut values = Vec::with_capacity(shape.0 * shape.1);
            bytes.for_each(|&b| values.push(f32::from(b) * share));
            Tensor::from_vec(values, shape, &Device::Cpu)?
        };
        Ok((tensor, images.iter().map(|&k| self.labels[k as usize]).collect()))
    }

    /// Some of the images.
    ///
    /// # Panics
    /// When an image is not there.
    #[must_use]
    pub fn select(&self, images: &[u32]) -> Self {
        let pixels = images.iter().flat_map(|&k| &self.pixels[k as usize * self.width..][..self.width]).copied();
        let labels = images.iter().map(|&k| self.labels[k as usize]);
        Self { pixels: pixels.collect(), labels: labels.collect(), width: self.width, white: self.white }
    }
}

impl Dataset {
    /// Reads the images in a directory, which the names of its files tell apart.
    ///
    /// # Errors
    /// Names the file that is missing, truncated or contradicts itself.
    pub fn open(folder: &Path) -> Result<Self> {
        if let Some(mnist) = idx::open(folder)? {
            return Ok(mnist);
        }
        if let Some(cifar) = cifar::open(folder)? {
            return Ok(cifar);
        }
        let problem = "it holds neither train-images-idx3-ubyte (MNIST) nor data_batch_1.bin (CIFAR-10), plain or .gz";
        let remedy = "give a folder with the files of MNIST or CIFAR-10, or leave --data out for the embedded digits";
        Err(Error::new(ErrorKind::Io, "--data", problem, remedy).in_file(folder))
    }

    /// The training images without some that are held back to choose settings, and these; chosen by `seed`.
    ///
    /// # Errors
    /// When fewer images are there.
    pub fn divide(&self, train: Option<usize>, held: usize, seed: u64) -> Result<(Split, Split)> {
        let mut order: Vec<u32> = (0..self.train.len() as u32).collect();
        // what is held back is the same whatever the seed, so that no seed trains on it
        order.shuffle(&mut StdRng::seed_from_u64(HELD_BACK));
        let rest = order.split_off(held.min(order.len()));
        let (held, mut rest) = (order, rest);
        if let Some(count) = train {
            if count == 0 || count > rest.len() {
                let problem = format!("{count} images to train on, and {} are there", rest.len());
                return Err(Error::new(ErrorKind::Parameter, "samples", problem, "ask for fewer"));
            }
            rest.shuffle(&mut StdRng::seed_from_u64(seed));
            rest.truncate(count);
        }
        // in the order of the file, whoever was chosen
        rest.sort_unstable();
        Ok((self.train.select(&rest), self.train.select(&held)))
    }

    /// A few digits that tell data sets apart.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for split in [&self.train, &self.test] {
            hash.update(&split.pixels);
            hash.update(&split.labels);
        }
        hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

const HELD_BACK: u64 = 0x5eed;
