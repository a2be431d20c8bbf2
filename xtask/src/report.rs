//! The report: one page of all results, with a plot for each bench.
//!
//! The prose is `benches/report.md`, and `benches/<bench>.md` for each bench. Comments in it say where figures go, so that a
//! new run takes the place of the old figures and of nothing else.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use counterfoil_benches::markdown::{cell, grouped, verdict};
use counterfoil_benches::results::{Line, Part, Row};
use counterfoil_benches::{Aim, BoxError};

use crate::chart::Chart;
use crate::machine::Machine;
use crate::measured::{Measured, benches};
use crate::plot;

/// Where the figures go.
const MACHINES: &str = "<!-- machines -->";
const AIMS: &str = "<!-- aims -->";
const BENCHES: &str = "<!-- benches -->";
const RESULTS: &str = "<!-- results -->";

/// A bench that has results.
struct Section {
    bench: String,
    /// Its heading, and its prose with a place for the results.
    title: String,
    prose: String,
    measured: Measured,
}

/// Writes the report below `out`.
pub(crate) fn write(workspace: &Path, out: &Path) -> Result<(), BoxError> {
    fs::create_dir_all(out)?;
    for (name, content) in files(workspace, out)? {
        fs::write(out.join(name), content)?;
    }
    Ok(())
}

/// The files of the report by their names, made of the results below `out`.
pub(crate) fn files(workspace: &Path, out: &Path) -> Result<BTreeMap<String, String>, BoxError> {
    let sections = sections(workspace, out)?;
    let mut page = fs::read_to_string(workspace.join("benches/report.md"))?;
    fill(&mut page, MACHINES, &machines(&sections)?)?;
    fill(&mut page, AIMS, &aims(&sections)?)?;
    let mut text = String::new();
    for section in &sections {
        text += &section.text()?;
    }
    fill(&mut page, BENCHES, text.trim_end())?;
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for Section { bench, title, measured, .. } in &sections {
        let charts: Vec<Chart> = measured.results.parts.iter().map(Chart::from).collect();
        files.insert(format!("{bench}.svg"), plot::draw(title, &charts));
    }
    files.insert("README.md".to_owned(), page);
    Ok(files)
}

fn sections(workspace: &Path, out: &Path) -> Result<Vec<Section>, BoxError> {
    let mut sections = Vec::new();
    for bench in benches(workspace)? {
        let Some(measured) = Measured::read(out, &bench)? else { continue };
        let path = format!("benches/{bench}.md");
        let prose = fs::read_to_string(workspace.join(&path)).map_err(|error| format!("{path}: {error}"))?;
        let (heading, prose) = prose.split_once('\n').unwrap_or((&prose, RESULTS));
        let title = heading.strip_prefix("# ").ok_or_else(|| format!("{path} has no title"))?;
        sections.push(Section { title: title.to_owned(), prose: prose.trim().to_owned(), bench, measured });
    }
    Ok(sections)
}

fn fill(page: &mut String, place: &str, content: &str) -> Result<(), BoxError> {
    if page.matches(place).count() != 1 {
        return Err(format!("there should be one `{place}`").into());
    }
    *page = page.replace(place, content);
    Ok(())
}

impl Section {
    fn text(&self) -> Result<String, BoxError> {
        let Self { bench, title, measured, .. } = self;
        let Measured { on, seconds, quick, load, results, .. } = measured;
        let quick = if *quick { ", quickly: **with a tenth of the rounds**" } else { "" };
        let mut text = format!("![{title}: the ratios of the tables below, as bars]({bench}.svg)\n\n");
        writeln!(text, "Measured on {on}, in {seconds} s{quick}; the load average before the run was {load:.2}.\n")?;
        for part in &results.parts {
            writeln!(text, "{part}")?;
        }
        let mut prose = self.prose.clone();
        fill(&mut prose, RESULTS, text.trim_end()).map_err(|error| format!("benches/{bench}.md: {error}"))?;
        Ok(format!("## {title}\n\n{prose}\n\n"))
    }
}

/// As GitHub makes it of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.flat_map(char::to_lowercase).map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

/// A table of each machine, which is one where all benches ran on the same.
fn machines(sections: &[Section]) -> Result<String, BoxError> {
    let mut known: Vec<(&Machine, Vec<&Section>)> = Vec::new();
    for section in sections {
        match known.iter_mut().find(|(machine, _)| *machine == &section.measured.machine) {
            Some((_, its)) => its.push(section),
            None => known.push((&section.measured.machine, vec![section])),
        }
    }
    let mut text = String::new();
    for (machine, its) in &known {
        let Machine { processor, cores, memory, kernel, rustc, crates } = machine;
        let software: BTreeMap<_, _> = its.iter().flat_map(|section| &section.measured.results.software).collect();
        let mut rows = vec![
            ("processor", processor.clone()),
            ("cores, memory", format!("{cores}, {memory}")),
            ("kernel", kernel.clone()),
            ("rustc", rustc.clone()),
            ("crates", listed(crates.iter())),
            ("servers, interpreters, packages", listed(software.into_iter())),
        ];
        if known.len() > 1 {
            let names: Vec<&str> = its.iter().map(|section| section.title.as_str()).collect();
            rows.insert(0, ("of", names.join("; ")));
        }
        text += "| | |\n| --- | --- |\n";
        for (name, value) in rows {
            writeln!(text, "| {name} | {value} |")?;
        }
        text += "\n";
    }
    Ok(text.trim_end().to_owned())
}

fn listed<'a>(versions: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    versions.map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>().join(", ")
}

/// All aims, and how many are met.
fn aims(sections: &[Section]) -> Result<String, BoxError> {
    let (mut rows, mut met, mut all) = (String::new(), 0, 0);
    for part in sections.iter().flat_map(|section| &section.measured.results.parts) {
        let (title, judged) = judged(part);
        // Once above all that belongs to it.
        let mut heading = format!("[{title}](#{})", anchor(title));
        for Judged { what, aim, figure, text } in judged {
            (met, all) = (met + usize::from(aim.is_met(figure)), all + 1);
            writeln!(rows, "| {heading} | {} | {aim} | {text} | {} |", cell(&what), verdict(aim, figure))?;
            heading.clear();
        }
    }
    let head = "| | | aim | figure (quartiles) | |\n| --- | --- | ---: | ---: | --- |\n";
    Ok(format!("{met} of {all} aims are met.\n\n{head}{}", rows.trim_end()))
}

/// An aim and the figure that it is for.
struct Judged {
    what: String,
    aim: Aim,
    figure: f64,
    text: String,
}

/// The aims of a part, below its title.
fn judged(part: &Part) -> (&str, Vec<Judged>) {
    match part {
        Part::Contest(outcome) => {
            let judged = outcome.lines.iter().filter_map(|Line { name, over, ratio, aim, .. }| {
                let (what, text) = (format!("{name} / {over}"), ratio.to_string());
                Some(Judged { what, aim: (*aim)?, figure: ratio.of_medians, text })
            });
            (&outcome.title, judged.collect())
        }
        Part::Tally(tally) => {
            let column = tally.columns.last().map_or("", String::as_str);
            let judged = tally.rows.iter().filter_map(|Row { name, values, aim }| {
                let figure = values.last().copied()?;
                Some(Judged { what: format!("{name}: {column}"), aim: (*aim)?, figure, text: grouped(figure) })
            });
            (&tally.title, judged.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    #[test]
    fn anchors_are_githubs() {
        assert_eq!(super::anchor("Verification, JSON body of 1,024 bytes"), "verification-json-body-of-1024-bytes");
    }

    /// A bar in a name would be the end of its cell.
    #[test]
    fn rows_have_the_cells_of_their_table() {
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        let page = &super::files(crate::workspace(), &crate::workspace().join("docs/benchmarks")).unwrap()["README.md"];
        let lines: Vec<&str> = page.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair.iter().all(|line| line.starts_with('|'))) {
            assert_eq!(cells(pair[0]), cells(pair[1]), "{}\n{}", pair[0], pair[1]);
        }
    }

    /// Figures that nobody measured, or prose that was changed without the report.
    #[test]
    fn the_report_is_what_the_results_and_the_prose_make() {
        let out = crate::workspace().join("docs/benchmarks");
        let files = super::files(crate::workspace(), &out).unwrap();
        assert!(files.len() > 1, "there are results");
        for (name, content) in files {
            let written = fs::read_to_string(out.join(&name)).unwrap_or_default();
            assert!(written == content, "docs/benchmarks/{name} is not up to date: `cargo xtask report` writes it");
        }
    }
}
