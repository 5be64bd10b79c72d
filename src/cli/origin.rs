//! Which file a certificate was made from: the lines beside a certificate, for the certificate itself is integers alone.

use super::input::Input;
use super::settings::Norm;
use crate::error::{Error, ErrorKind, Result};
use crate::report::SCHEMA;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
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
    /// SHA-256 of that file, in hexadecimal.
    pub sha256: String,
    /// The same of every file in which it keeps weights, by the name that it has for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// Exponent of the norm.
    pub norm: serde_json::Value,
}

impl Origin {
    /// Reads a file and those in which it keeps weights.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn of(path: &Path, input: &Input, norm: &Norm) -> Result<Self> {
        let own = input.companions().into_iter().map(|(name, path)| Ok((name, sha256(&path)?)));
        let (files, sha256) = (own.collect::<Result<_>>()?, sha256(path)?);
        Ok(Self { schema: SCHEMA, input: path.display().to_string(), sha256, files, norm: norm.json() })
    }

    /// Whether two certificates were made from files with the same bytes.
    pub fn same_bytes(&self, other: &Self) -> bool {
        self.sha256 == other.sha256 && self.files == other.files
    }

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
fn sha256(path: &Path) -> Result<String> {
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
