//! Which file a certificate was made from: the lines beside a certificate, for the certificate itself is integers alone.

use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

/// What is written beside a certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Version of the format.
    pub schema: u32,
    /// Name of the file with the network, as it was given.
    pub input: String,
    /// SHA-256 of that file, in hexadecimal; weights in files that it refers to are not part of it.
    pub sha256: String,
    /// Exponent of the norm.
    pub norm: serde_json::Value,
}

impl Origin {
    /// The path beside a certificate.
    pub fn path(certificate: &Path) -> PathBuf {
        let mut name = certificate.as_os_str().to_owned();
        name.push(".json");
        name.into()
    }

    /// What stands beside a certificate, if anything does.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn beside(certificate: &Path) -> Result<Option<Self>> {
        let path = Self::path(certificate);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(&path, "reading", &e)),
        };
        serde_json::from_slice(&text).map(Some).map_err(|e| {
            let remedy = "write the certificate anew, or remove this file";
            Error::new(ErrorKind::Format, "origin of a certificate", e.to_string(), remedy).in_file(&path)
        })
    }
}

/// SHA-256 of a file in hexadecimal.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(path: &Path) -> Result<String> {
    let fault = |e: std::io::Error| Error::io(path, "reading", &e);
    let mut file = std::fs::File::open(path).map_err(fault)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        let length = file.read(&mut buffer).map_err(fault)?;
        if length == 0 {
            return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hash.update(&buffer[..length]);
    }
}
