//! The memory that this process used, where the system tells (Linux).

use serde::Serialize;

/// Largest resident memory of phases, in bytes; null where the system does not tell.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Memory {
    /// Reading, solving and writing.
    pub balance: Option<u64>,
    /// Comparing outputs, with the inference engine; null without a comparison.
    pub check: Option<u64>,
}

/// The largest resident memory so far, mapped files included.
#[must_use]
pub fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| 1024 * kilobytes)
}

/// Starts the largest resident memory anew; false where the system does not allow that.
pub fn forget_peak() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}
