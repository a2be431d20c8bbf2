//! Every target under inputs that a seed makes up, and under the inputs that the fuzzer has kept.
//!
//! | variable | sets | default |
//! | --- | --- | --- |
//! | `PROPERTIES_SEED` | the inputs of a run that failed, as it printed it | 0: an ordinary run finds what it found before; random where there is a number of cases |
//! | `PROPERTIES_CASES` | inputs for each target | 2000 |

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod inputs;

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use counterfoil_properties::TARGETS;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

const CASES: u32 = 2000;

/// A corpus is there to be read and kept in a repository.
const MAX_FILES: usize = 64;
const MAX_BYTES: usize = 100_000;
const MAX_BYTES_IN_ALL: usize = 500_000;

/// One test for each target.
macro_rules! laws {
    ($($name:ident,)*) => {
        $(
            #[test]
            fn $name() {
                hold(stringify!($name), counterfoil_properties::$name);
            }
        )*

        const TESTED: &[&str] = &[$(stringify!($name)),*];
    };
}

laws! { differential, event, headers, key, remote, sender_file, signature_header, timestamp, }

#[expect(clippy::print_stdout, reason = "a run that fails must be told again by its seed, however it fails")]
fn hold(name: &str, target: fn(&[u8])) {
    let corpus = corpus(name);
    for (file, bytes) in &corpus {
        let held = catch_unwind(AssertUnwindSafe(|| target(bytes)));
        assert!(held.is_ok(), "{} breaks a law of `{name}`", file.display());
    }
    let cases = number("PROPERTIES_CASES");
    let seed = number("PROPERTIES_SEED").unwrap_or_else(|| cases.map_or(0, |_| RandomState::new().hash_one(())));
    let cases = cases.map_or(CASES, |cases| u32::try_from(cases).unwrap());
    println!("PROPERTIES_SEED={seed} PROPERTIES_CASES={cases}");
    let mut wide = [0; 32];
    wide[..8].copy_from_slice(&seed.to_be_bytes());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &wide));
    let inputs = inputs::of(name, corpus.into_iter().map(|(_, bytes)| bytes).collect());
    match runner.run(&inputs, |bytes| {
        target(&bytes);
        Ok(())
    }) {
        Ok(()) => {}
        Err(TestError::Fail(reason, bytes)) => {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{seed}"));
            fs::write(&kept, &bytes).unwrap();
            let fuzz = folder(name);
            panic!(
                "{reason}\nthe same inputs again: PROPERTIES_SEED={seed} PROPERTIES_CASES={cases}\n\
                 the smallest is {}: mend the cause and move it to {}",
                kept.display(),
                fuzz.display()
            );
        }
        Err(error) => panic!("{error}"),
    }
}

/// The inputs that the fuzzer has kept, by their names.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = folder(name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths: BTreeSet<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name)
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}: {error}")))
}

#[test]
fn every_target_is_fuzzed_and_tested() {
    let names: BTreeSet<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, TESTED.iter().copied().collect());
    for (in_fuzz, ending) in [("corpus", ""), ("fuzz_targets", ".rs")] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(in_fuzz);
        let found = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let found: BTreeSet<String> = found.map(|name| name.trim_end_matches(ending).to_owned()).collect();
        assert_eq!(found, names.iter().map(|name| (*name).to_owned()).collect(), "fuzz/{in_fuzz}");
    }
}

#[test]
fn corpora_are_small() {
    let sizes = TARGETS.map(|(name, _)| {
        let corpus = corpus(name);
        let bytes: usize = corpus.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!((1..=MAX_FILES).contains(&corpus.len()), "{name}: {} files", corpus.len());
        assert!(bytes <= MAX_BYTES, "{name}: {bytes} bytes");
        bytes
    });
    assert!(sizes.iter().sum::<usize>() <= MAX_BYTES_IN_ALL, "{sizes:?}");
}
