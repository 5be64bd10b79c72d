//! Reading data files, plain or compressed, of which nothing is believed.

use crate::error::{Error, ErrorKind, Result};
use flate2::read::GzDecoder;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Bytes that a data file may have once unpacked: ten times those of MNIST.
pub(super) const MOST: u64 = 1 << 29;

pub(super) const REMEDY: &str = "fetch the file anew";

/// The file of a name in a folder, plain or with `.gz`.
pub(super) fn find(folder: &Path, names: &[&str]) -> Option<PathBuf> {
    let both = names.iter().flat_map(|name| [folder.join(name), folder.join(format!("{name}.gz"))]);
    both.into_iter().find(|path| path.is_file())
}

/// All bytes of a file, unpacked.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let file = BufReader::new(File::open(path).map_err(|e| Error::io(path, "opening", &e))?);
    if path.extension().is_some_and(|e| e == "gz") { unpack(GzDecoder::new(file), path) } else { unpack(file, path) }
}

fn unpack(file: impl Read, path: &Path) -> Result<Vec<u8>> {
    use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    let mut bytes = vec![];
    if let Err(e) = file.take(MOST + 1).read_to_end(&mut bytes) {
        return Err(match e.kind() {
            InvalidInput | InvalidData | UnexpectedEof => {
                fault(path, format!("after {} unpacked bytes", bytes.len()), format!("it is damaged: {e}"))
            }
            _ => Error::io(path, "reading", &e),
        });
    }
    if bytes.len() as u64 > MOST {
        return Err(fault(path, "its size", format!("more than {MOST} bytes, unpacked")));
    }
    Ok(bytes)
}

/// A file that is not what it should be.
pub(super) fn fault(path: &Path, place: impl Into<String>, problem: impl Into<String>) -> Error {
    Error::new(ErrorKind::Format, place, problem, REMEDY).in_file(path)
}
