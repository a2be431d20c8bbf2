//! Runs benches one after the other.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use counterfoil_benches::{BoxError, RESULTS, Results, fixtures};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::machine::Machine;
use crate::measured::{Measured, benches};

/// Runs the benches of these names, all if there are none, and keeps what each comes to below `out`.
///
/// The outer error is of what keeps all from running, the inner one names the benches that failed.
pub(crate) fn run(
    workspace: &Path,
    names: &[String],
    quick: bool,
    out: &Path,
) -> Result<Result<(), BoxError>, BoxError> {
    let names = chosen(names, benches(workspace)?)?;
    let load = fs::read_to_string("/proc/loadavg")?.split(' ').next().unwrap_or_default().parse()?;
    let machine = Machine::here(workspace)?;
    let programs = build(workspace, &names)?;
    let bar = ProgressBar::new(u64::try_from(programs.len())?);
    bar.set_style(ProgressStyle::with_template("{spinner} {msg}, bench {pos} of {len}, {elapsed} so far")?);
    bar.enable_steady_tick(Duration::from_millis(200));
    let mut failed = Vec::new();
    for (place, (name, program)) in (1..).zip(&programs) {
        bar.set_position(place);
        bar.set_message(name.clone());
        let started = Instant::now();
        let outcome = one(workspace, (name, program), quick, &bar).and_then(|results| {
            let Some(results) = results else { return Ok("keeps no results") };
            let (on, seconds) = (fixtures::stamp()?[..10].to_owned(), started.elapsed().as_secs());
            let measured = Measured { on, seconds, quick, load, machine: machine.clone(), results };
            measured.write(out, name).map(|()| "done")
        });
        let seconds = started.elapsed().as_secs();
        let told = match outcome {
            Ok(told) => told.to_owned(),
            Err(error) => {
                failed.push(name.as_str());
                format!("FAILED: {error}")
            }
        };
        bar.suspend(|| writeln!(io::stderr(), "{name}: {told}, {seconds} s"))?;
    }
    bar.finish_and_clear();
    Ok(if failed.is_empty() { Ok(()) } else { Err(format!("these benches failed: {}", failed.join(", ")).into()) })
}

fn chosen(names: &[String], all: Vec<String>) -> Result<Vec<String>, BoxError> {
    match names.iter().find(|name| !all.contains(name)) {
        Some(name) => Err(format!("there is no bench `{name}`, but {}", all.join(", ")).into()),
        None if names.is_empty() => Ok(all),
        None => Ok(names.to_vec()),
    }
}

/// Builds all at once, so that nothing is built beside what is measured, and says which program is which bench.
fn build(workspace: &Path, names: &[String]) -> Result<Vec<(String, PathBuf)>, BoxError> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace).args(["bench", "--locked", "-p", "counterfoil-benches", "--no-run"]);
    command.arg("--message-format=json-render-diagnostics").args(names.iter().flat_map(|name| ["--bench", name]));
    let built = command.stderr(Stdio::inherit()).output()?;
    if !built.status.success() {
        return Err("the benches cannot be built".into());
    }
    let programs = programs(&String::from_utf8(built.stdout)?);
    let find = |name: &String| {
        let program = programs.get(name).ok_or_else(|| format!("cargo does not say where {name} is"))?;
        Ok((name.clone(), program.clone()))
    };
    names.iter().map(find).collect()
}

/// The programs in cargo's messages, by the names of their benches.
fn programs(messages: &str) -> BTreeMap<String, PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let benches = messages.filter(|message| message["target"]["kind"] == json!(["bench"]));
    let program = |message: Value| {
        let (name, path) = (message["target"]["name"].as_str()?, message["executable"].as_str()?);
        Some((name.to_owned(), path.into()))
    };
    benches.filter_map(program).collect()
}

/// Runs one, repeats what it prints, and takes what it has written. One that writes nothing has no place in the report.
fn one(
    workspace: &Path,
    (name, program): (&str, &Path),
    quick: bool,
    bar: &ProgressBar,
) -> Result<Option<Results>, BoxError> {
    let folder = workspace.join("target/xtask");
    fs::create_dir_all(&folder)?;
    let file = folder.join(name).with_extension("json");
    let _ = fs::remove_file(&file);
    // As cargo runs it.
    let mut bench = Command::new(program);
    bench
        .arg("--bench")
        .args(quick.then_some("--quick"))
        .current_dir(workspace.join("benches"))
        .env(RESULTS, &file)
        .stdout(Stdio::piped());
    let mut bench = bench.spawn()?;
    for line in BufReader::new(bench.stdout.take().ok_or("no stdout")?).lines() {
        let line = line?;
        bar.suspend(|| writeln!(io::stdout(), "{line}"))?;
    }
    let status = bench.wait()?;
    if !status.success() {
        return Err(status.to_string().into());
    }
    if !file.exists() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&fs::read_to_string(file)?)?))
}

#[cfg(test)]
mod tests {
    use super::{chosen, programs};

    #[test]
    fn all_are_chosen_by_naming_none_and_none_by_a_wrong_name() {
        let all = || vec!["one".to_owned(), "two".to_owned()];
        assert_eq!(chosen(&[], all()).unwrap(), all());
        assert_eq!(chosen(&["two".to_owned()], all()).unwrap(), ["two"]);
        let error = chosen(&["three".to_owned()], all()).unwrap_err().to_string();
        assert_eq!(error, "there is no bench `three`, but one, two");
    }
    #[test]
    fn programs_are_those_of_benches() {
        let messages = r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"redis"},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["bench"],"name":"redis"},"executable":"/target/redis-1"}
{"reason":"build-finished","success":true}"#;
        let found: Vec<_> = programs(messages).into_iter().collect();
        assert_eq!(found, [("redis".to_owned(), "/target/redis-1".into())]);
    }
}
