//! What was measured, as a table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write as _};
use std::io::Write as _;
use std::time::Duration;

use counterfoil_testkit::percentile;

use crate::attack::Ended;
use crate::law::{History, Phase, SLOW};
use crate::settings::Settings;

/// Honest deliveries may wait so much longer during an attack than before it.
const RATIO: f64 = 2.0;

/// Prints to standard error, also from a test that holds, and says which figures a measured run has missed.
pub(crate) fn print(history: &History, settings: &Settings) -> Vec<String> {
    let text = text(history, settings);
    std::io::stderr().write_all(text.as_bytes()).expect("standard error");
    if settings.long.is_none() {
        return Vec::new();
    }
    let slowed = history.phases.iter().filter(|phase| is_slowed(history, settings, phase));
    let slowed = slowed.map(|phase| format!("p99 beside {}", phase.name));
    // On a machine that does nothing else, there is time to see what each attacker is up to.
    let late = history.phases.iter().flat_map(|phase| by_script(&phase.ended)).filter_map(|(script, ended)| {
        ended.iter().all(|ended| ended.is_late).then(|| format!("{script} was told nothing but 408"))
    });
    slowed.chain(late).collect()
}

/// Whether a measured run has missed its figure there.
fn is_slowed(history: &History, settings: &Settings, phase: &Phase) -> bool {
    settings.long.is_some() && phase.attack.is_some() && slowed(history, phase) > RATIO
}

/// How much longer honest deliveries waited than before it.
fn slowed(history: &History, phase: &Phase) -> f64 {
    let baseline = history.phases.first().map_or(f64::NAN, |phase| percentile(&phase.waits, 990));
    percentile(&phase.waits, 990) / baseline
}

/// The first of them, one in a line.
pub(crate) fn list<T: Debug>(items: &[T]) -> String {
    items.iter().take(20).map(|item| format!("{item:?}\n")).collect()
}

fn text(history: &History, settings: &Settings) -> String {
    let Settings { sockets, rate, .. } = settings;
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let mut text = format!("\n{}, {sockets} sockets, {rate} deliveries/s, {build}\n\n", history.example.name());
    text += "| | honest deliveries | sent again | p50 ms | p99 ms | longest ms | p99 to before | memory before MiB | each slow client KiB | peak MiB | allowed MiB |\n";
    text += "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for phase in &history.phases {
        let [p50, p99, longest] = [500, 990, 1000].map(|permille| percentile(&phase.waits, permille));
        let ratio = slowed(history, phase);
        let verdict = if is_slowed(history, settings, phase) { " **missed**" } else { "" };
        let allowed = history.most(phase).map_or_else(String::new, |most| format!("{:.1}", mib(most)));
        let each = phase
            .each()
            .map_or_else(String::new, |(bytes, open)| format!("{:.1} of {:.0}, {open} open", kib(bytes), kib(SLOW)));
        let Phase { name, before, peak, waits, again, .. } = phase;
        let (count, before, peak) = (waits.len(), mib(*before), mib(*peak));
        let _ = writeln!(
            text,
            "| {name} | {count} | {again} | {p50:.1} | {p99:.1} | {longest:.1} | {ratio:.2}{verdict} | {before:.1} | {each} | {peak:.1} | {allowed} |"
        );
    }
    text += "\n| attacker | times | answers | ended after s | sent KiB at most |\n| --- | ---: | --- | --- | ---: |\n";
    for ended in history.phases.iter().map(|phase| by_script(&phase.ended)) {
        for (script, ended) in ended {
            let _ = writeln!(text, "| {script} {}", summary(&ended));
        }
    }
    text
}

fn by_script(ended: &[Ended]) -> BTreeMap<&str, Vec<&Ended>> {
    let mut by_script: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for ended in ended {
        by_script.entry(ended.script).or_default().push(ended);
    }
    by_script
}

fn summary(ended: &[&Ended]) -> String {
    let answers: BTreeSet<_> = ended
        .iter()
        .map(|ended| match (ended.status, ended.cut) {
            (Some(status), true) => status.to_string(),
            (Some(status), false) => format!("{status}, not cut off"),
            (None, true) => "cut off".to_owned(),
            (None, false) => "not cut off".to_owned(),
        })
        .collect();
    let answers = answers.into_iter().collect::<Vec<_>>().join("; ");
    let after = |wanted: Option<Duration>| wanted.unwrap_or_default().as_secs_f64();
    let first = after(ended.iter().map(|ended| ended.after).min());
    let last = after(ended.iter().map(|ended| ended.after).max());
    let sent = ended.iter().map(|ended| ended.sent).max().unwrap_or_default() / 1024;
    format!("| {} | {answers} | {first:.2} to {last:.2} | {sent} |", ended.len())
}

fn mib(bytes: usize) -> f64 {
    kib(bytes / 1024)
}

fn kib(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1024.0
}
