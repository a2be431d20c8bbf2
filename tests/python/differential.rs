//! Our verdicts beside those of other implementations, on random requests: see `tests/differential`.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::run::{cache, module, passes, python, workspace};

const REQUIREMENTS: &str = "tests/vectors/requirements.txt";

/// The folder that the packages of other makers are in, apart from the environment that the package is tested in.
fn peers() -> &'static PathBuf {
    static PEERS: OnceLock<PathBuf> = OnceLock::new();
    PEERS.get_or_init(|| {
        let (folder, stamp) = (cache("peers"), cache("peers.txt"));
        let _alone = alone();
        let version = passes(python(".").arg("-VV"));
        let made_of = version + &fs::read_to_string(workspace().join(REQUIREMENTS)).unwrap();
        if !fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == made_of) {
            if folder.exists() {
                fs::remove_dir_all(&folder).unwrap();
            }
            let pip =
                ["install", "--quiet", "--no-input", "--disable-pip-version-check", "-r", REQUIREMENTS, "--target"];
            passes(module("pip", &pip, ".").arg(&folder));
            fs::write(stamp, made_of).unwrap();
        }
        folder
    })
}

/// Of all processes, one makes it.
fn alone() -> File {
    let file = OpenOptions::new().create(true).append(true).open(cache("peers.lock")).unwrap();
    file.lock().unwrap();
    file
}

fn run() -> Command {
    let mut command = python(".");
    command.arg("tests/differential/run.py").env("PYTHONPATH", peers());
    for name in ["CASE", "PEERS", "CONTROL"] {
        command.env_remove(name);
    }
    command
}

#[test]
fn no_disagreement_is_without_an_explanation() {
    let said = passes(&mut run());
    assert!(said.starts_with("SEED=") && said.contains("| both accept |"), "{said}");
}

/// A run sees a peer that does not look at a tag's last byte, is a second late, or trims the body.
#[test]
fn a_peer_that_is_wrong_is_seen() {
    for control in ["tag", "time", "body"] {
        let output = run().envs([("CONTROL", control), ("SEED", "0"), ("CASES", "2000")]).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(1), "{control}: {said}");
        for peer in ["stripe", "standardwebhooks", "svix", "stdlib"] {
            assert!(said.contains(&format!("nothing explains a disagreement with {peer}\n")), "{control}: {said}");
        }
    }
}
