//! What the benches ran on. No names of hosts, no paths.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use counterfoil_benches::BoxError;
use serde::{Deserialize, Serialize};

/// Crates whose speed is in a figure: the peers, and what both sides stand on.
const CRATES: [&str; 11] = [
    "actix-web",
    "axum",
    "hmac",
    "redis",
    "rusqlite",
    "sha2",
    "sqlx",
    "standardwebhooks",
    "svix",
    "tokio",
    "webhook-verify",
];

/// One machine, and the Rust on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory: String,
    pub(crate) kernel: String,
    pub(crate) rustc: String,
    pub(crate) crates: BTreeMap<String, String>,
}

impl Machine {
    /// This one.
    pub(crate) fn here(workspace: &Path) -> Result<Self, BoxError> {
        let information = fs::read_to_string("/proc/meminfo")?;
        let kibibytes: u32 = field(&information, "MemTotal").trim_end_matches(" kB").parse()?;
        let rustc = Command::new("rustc").arg("--version").output()?;
        let rustc = String::from_utf8(rustc.stdout)?;
        Ok(Self {
            processor: processor(&fs::read_to_string("/proc/cpuinfo")?),
            cores: std::thread::available_parallelism()?.get(),
            memory: format!("{:.1} GiB", f64::from(kibibytes) / 1024.0 / 1024.0),
            kernel: format!("Linux {}", fs::read_to_string("/proc/sys/kernel/osrelease")?.trim()),
            rustc: rustc.split_whitespace().nth(1).ok_or("rustc does not say its version")?.to_owned(),
            crates: crates(&fs::read_to_string(workspace.join("Cargo.lock"))?)?,
        })
    }
}

/// The model, and whether it hashes in hardware, which decides what a signature costs.
fn processor(information: &str) -> String {
    let model = field(information, "model name");
    let flags = format!("{} {}", field(information, "flags"), field(information, "Features"));
    let hashes = flags.split_whitespace().any(|flag| flag == "sha_ni" || flag == "sha2");
    let model = if model.is_empty() { std::env::consts::ARCH } else { model };
    format!("{model}, {} SHA-256 instructions", if hashes { "with" } else { "without" })
}

/// The value of the first `name: value`.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.trim() == name).map_or("", |(_, value)| value.trim())
}

/// The versions that the benches are built with, of names that the lock file may have several of.
fn crates(lock: &str) -> Result<BTreeMap<String, String>, BoxError> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
        #[serde(default)]
        dependencies: Vec<String>,
    }
    let Lock { package: packages } = toml::from_str(lock)?;
    let benches = packages.iter().find(|package| package.name == "counterfoil-benches").ok_or("no benches")?;
    let version = |name: &str| {
        // `name`, or `name version` where there are several.
        let named = benches.dependencies.iter().find(|entry| entry.split(' ').next() == Some(name))?;
        let only = || packages.iter().find(|package| package.name == name).map(|package| package.version.as_str());
        named.split(' ').nth(1).or_else(only)
    };
    let named = |name: &str| {
        let version = version(name).ok_or_else(|| format!("{name} takes no part in the benches"))?;
        Ok((name.to_owned(), version.to_owned()))
    };
    CRATES.into_iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::{Machine, crates, processor};

    #[test]
    fn this_machine_can_be_told() {
        let machine = Machine::here(crate::workspace()).unwrap();
        assert!(machine.cores > 0 && machine.crates.len() == super::CRATES.len(), "{machine:?}");
    }

    #[test]
    fn versions_are_those_that_the_benches_use() {
        let package = |name: &str, version: &str, rest: &str| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n{rest}\n")
        };
        let mut entries: Vec<String> = super::CRATES.map(|name| format!("\"{name}\"")).to_vec();
        let mut lock: String = super::CRATES.map(|name| package(name, "1.0.0", "")).concat();
        entries[2] = "\"hmac 0.13.1\"".to_owned();
        lock += &package("hmac", "0.13.1", "");
        lock += &package("counterfoil-benches", "0.1.0", &format!("dependencies = [{}]", entries.join(", ")));
        let found = crates(&lock).unwrap();
        assert_eq!((found["hmac"].as_str(), found["axum"].as_str()), ("0.13.1", "1.0.0"));
        assert!(crates(&lock.replace("\"svix\", ", "")).is_err());
    }

    #[test]
    fn a_processor_says_whether_it_hashes() {
        let told = "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu sha_ni avx\n";
        assert_eq!(processor(told), "Some CPU, with SHA-256 instructions");
        assert_eq!(processor("model name: Old\nflags: fpu"), "Old, without SHA-256 instructions");
    }
}
