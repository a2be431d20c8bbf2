//! What is measured: memory and waits.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// A field of a process's status that counts memory, such as `VmRSS:`, in KiB; 0 of a process that has ended.
///
/// # Panics
/// The field counts something else.
#[must_use]
pub fn memory(process: u32, field: &str) -> u32 {
    let path = Path::new("/proc").join(process.to_string()).join("status");
    let status = fs::read_to_string(path).unwrap_or_default();
    let value = status.lines().find_map(|line| line.strip_prefix(field));
    value.map_or(0, |text| text.trim().strip_suffix(" kB").and_then(|kib| kib.parse().ok()).expect("a number of kB"))
}

/// The wait in ms that so many of a thousand do not exceed; 0 where there are none.
#[must_use]
pub fn percentile(waits: &[Duration], permille: usize) -> f64 {
    let mut waits = waits.to_vec();
    waits.sort_unstable();
    let rank = (waits.len() * permille).div_ceil(1000);
    waits.get(rank.saturating_sub(1)).copied().unwrap_or_default().as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_by_rank() {
        let waits: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!([500, 990, 1000].map(|permille| percentile(&waits, permille)), [100.0, 198.0, 200.0]);
        assert_eq!(percentile(&[], 990), 0.0);
    }

    #[test]
    fn a_process_that_has_ended_has_no_memory() {
        assert!(memory(std::process::id(), "VmRSS:") > 0);
        assert_eq!(memory(u32::MAX, "VmRSS:"), 0);
    }
}
