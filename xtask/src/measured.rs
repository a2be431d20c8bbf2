//! The files of results: what a bench came to, when, and on what.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use counterfoil_benches::{BoxError, Results};
use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// One run of one bench.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// The day.
    pub(crate) on: String,
    /// How long it took.
    pub(crate) seconds: u64,
    /// With a tenth of the rounds.
    pub(crate) quick: bool,
    /// The machine's load average of a minute, before anything was built or run.
    pub(crate) load: f64,
    pub(crate) machine: Machine,
    pub(crate) results: Results,
}

impl Measured {
    /// What is kept of a bench below `out`, if anything is.
    pub(crate) fn read(out: &Path, bench: &str) -> Result<Option<Self>, BoxError> {
        let path = path(out, bench);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", path.display()).into()),
        }
    }

    /// Takes the place of what is kept.
    pub(crate) fn write(&self, out: &Path, bench: &str) -> Result<(), BoxError> {
        let path = path(out, bench);
        fs::create_dir_all(path.parent().unwrap_or(out))?;
        Ok(fs::write(path, serde_json::to_string_pretty(self)? + "\n")?)
    }
}

fn path(out: &Path, bench: &str) -> PathBuf {
    out.join("results").join(bench).with_extension("json")
}

/// The names of all benches, in the order of their manifest.
pub(crate) fn benches(workspace: &Path) -> Result<Vec<String>, BoxError> {
    #[derive(Deserialize)]
    struct Manifest {
        bench: Vec<Bench>,
    }
    #[derive(Deserialize)]
    struct Bench {
        name: String,
    }
    let manifest: Manifest = toml::from_str(&fs::read_to_string(workspace.join("benches/Cargo.toml"))?)?;
    Ok(manifest.bench.into_iter().map(|bench| bench.name).collect())
}
