//! What was measured, as a table.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use counterfoil_testkit::percentile;

use crate::figures::Line;
use crate::law::{History, Sample};
use crate::settings::{Backend, Settings};

/// MB/h by which the memory of a receiver may grow.
const SLOPE: f64 = 1.0;

/// The p99 of the last third may be so many times that of the first.
const FLAT: f64 = 1.5;

const THIRDS: [&str; 3] = ["first third", "second", "last"];

/// Prints to standard error, also from a test that holds, and returns what has missed its figure.
pub(crate) fn print(history: &History, settings: &Settings) -> Vec<String> {
    let (mut text, mut missed) = (head(history, settings), Vec::new());
    text += &thirds(history, settings);
    text += "\n| figure | allowed | seen | |\n| --- | ---: | ---: | --- |\n";
    for (name, allowed, seen, holds) in verdicts(history, settings) {
        let verdict = match (settings.is_measured, holds) {
            (false, _) => "",
            (true, true) => "met",
            (true, false) => "**missed**",
        };
        let _ = writeln!(text, "| {name} | {allowed} | {seen} | {verdict} |");
        if !holds {
            missed.push(name);
        }
    }
    for line in history.logs.iter().take(20) {
        let _ = writeln!(text, "{line}");
    }
    std::io::stderr().write_all(text.as_bytes()).expect("standard error");
    missed
}

fn head(history: &History, settings: &Settings) -> String {
    let Settings { backend, time, rate, retention, .. } = settings;
    let backend = if *backend == Backend::Sqlite { "SQLite" } else { "PostgreSQL" };
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let events = history.events.len();
    let sum = |count: fn(&crate::sender::Event) -> u32| history.events.iter().map(count).sum::<u32>();
    let (copies, asked) = (sum(|event| event.duplicates), sum(|event| event.asked_failures));
    let History { refused, rows_left, .. } = history;
    format!(
        "\n{backend}, {time:?} at {rate}/s to two receivers, {retention:?} of retention, {build}: {events} events, {copies} copies, \
         {asked} handlers that failed as they were asked to, {refused} refused; {rows_left} rows left\n\n"
    )
}

fn thirds(history: &History, settings: &Settings) -> String {
    let mut text =
        "| | deliveries | p50 ms | p99 ms | longest ms | memory of either, MiB | rows at most |\n".to_owned();
    text += "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for (third, name) in THIRDS.iter().enumerate() {
        let (waits, samples) = (waits(history, settings, third), samples(history, settings, third..third + 1));
        let [p50, p99, longest] = [500, 990, 1000].map(|permille| percentile(&waits, permille));
        let memory = [0, 1].map(|number| mean(&samples, |sample| mib(sample.memory[number])));
        let (count, rows) = (waits.len(), samples.iter().map(|sample| sample.rows).max().unwrap_or_default());
        let _ = writeln!(
            text,
            "| {name} | {count} | {p50:.1} | {p99:.1} | {longest:.1} | {:.2}, {:.2} | {rows} |",
            memory[0], memory[1]
        );
    }
    text
}

/// Name, what is allowed, what was seen, and whether it is allowed.
fn verdicts(history: &History, settings: &Settings) -> Vec<(String, String, String, bool)> {
    let mut verdicts = Vec::new();
    let warm = samples(history, settings, 1..3);
    for number in 0..2 {
        let points = warm.iter().map(|sample| (sample.at.as_secs_f64() / 3600.0, mb(sample.memory[number])));
        let line = Line::through(&points.collect::<Vec<_>>());
        let Line { slope, error } = line.unwrap_or(Line { slope: f64::NAN, error: f64::NAN });
        let name = format!("growth of receiver {}, MB/h", number + 1);
        verdicts.push((name, format!("{SLOPE}"), format!("{slope:.2} ± {error:.2}"), slope < SLOPE));
    }
    let [first, _, last] = [0, 1, 2].map(|third| percentile(&waits(history, settings, third), 990));
    verdicts.push((
        "p99 of the last third to the first".into(),
        format!("{FLAT}"),
        format!("{:.2}", last / first),
        last <= FLAT * first,
    ));
    let rows = samples(history, settings, 0..3).iter().map(|sample| sample.rows).max().unwrap_or_default();
    let most = settings.most_rows();
    verdicts.push(("rows at most".into(), format!("{most:.0}"), rows.to_string(), f64::from(rows) <= most));
    for (name, count) in [
        ("failures that nobody asked for", history.unasked()),
        ("effects that were there already", usize::try_from(history.repeats()).unwrap()),
        ("errors in the logs", history.logs.len()),
    ] {
        verdicts.push((name.to_owned(), "0".to_owned(), count.to_string(), count == 0));
    }
    verdicts
}

/// Of the deliveries that were to be sent in this third of the time.
fn waits(history: &History, settings: &Settings, third: usize) -> Vec<Duration> {
    let waits = history.waits.iter().filter(|wait| third_of(wait.due, settings) == Some(third));
    waits.map(|wait| wait.waited).collect()
}

fn samples(history: &History, settings: &Settings, thirds: std::ops::Range<usize>) -> Vec<Sample> {
    let is_in = |sample: &&Sample| third_of(sample.at, settings).is_some_and(|third| thirds.contains(&third));
    history.samples.iter().filter(is_in).copied().collect()
}

/// `None` after the time, when the last deliveries are sent.
fn third_of(at: Duration, settings: &Settings) -> Option<usize> {
    (0..3).find(|third| at * 3 < settings.time * u32::try_from(third + 1).unwrap())
}

fn mean(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    samples.iter().map(value).sum::<f64>() / f64::from(u32::try_from(samples.len()).unwrap())
}

fn mib(kib: u32) -> f64 {
    f64::from(kib) / 1024.0
}

fn mb(kib: u32) -> f64 {
    f64::from(kib) * 1.024e-3
}
