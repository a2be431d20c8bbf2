//! The README's figures.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use counterfoil_benches::results::{Part, Results, Tally, Unit};
use counterfoil_benches::{BoxError, markdown::grouped};

use crate::measured::Measured;

/// What stands between them is written here.
const BEGIN: &str = "<!-- figures, by `cargo xtask report` -->";
const END: &str = "<!-- end of figures -->";

/// One ratio, told as how many times as fast counterfoil is.
struct Figure {
    ours: &'static str,
    beside: &'static str,
    bench: &'static str,
    /// Their names in the first of the bench's contests that sets one against the other.
    contenders: [&'static str; 2],
}

/// What a user would ask, whether it is won or lost.
const FIGURES: [Figure; 7] = [
    Figure {
        ours: "checks a signature over 1 KiB, in Rust",
        beside: "the crate `standardwebhooks`",
        bench: "verdict",
        contenders: ["counterfoil, handl, to verdict", "standardwebhooks"],
    },
    Figure {
        ours: "checks a signature over 1 KiB, in Rust",
        beside: "the crate `webhook-verify`",
        bench: "verdict",
        contenders: ["counterfoil, handl, to verdict", "webhook-verify, plain HMAC"],
    },
    Figure {
        ours: "checks it, reads the event and makes its key, in Rust",
        beside: "the crate `webhook-verify`, which checks it alone",
        bench: "verdict",
        contenders: ["counterfoil, handl, to delivery", "webhook-verify, plain HMAC"],
    },
    Figure {
        ours: "checks it, reads the event and makes its key, in Python",
        beside: "the package `standardwebhooks`, which checks it and parses",
        bench: "python",
        contenders: ["counterfoil, standard-webhooks", "standardwebhooks"],
    },
    Figure {
        ours: "checks it, reads the event and makes its key, in Python",
        beside: "`hmac.new` and `compare_digest` by hand, which check it alone",
        bench: "python",
        contenders: ["counterfoil, handl", "hmac.new, hexdigest, compare_digest"],
    },
    Figure {
        ours: "claims new events in PostgreSQL for 64 callers",
        beside: "one `INSERT ... ON CONFLICT` for each, on 64 connections",
        bench: "postgres",
        contenders: ["PostgresStore", "one INSERT ON CONFLICT a claim, a connection each"],
    },
    Figure {
        ours: "serves axum over loopback, verifying alone",
        beside: "a handler that checks the signature by hand",
        bench: "axum",
        contenders: ["WebhookLayer, verifying alone", "handler that checks inline by hand"],
    },
];

/// Writes the README's figures, made of the results below `out`.
pub(crate) fn write(workspace: &Path, out: &Path) -> Result<(), BoxError> {
    let path = workspace.join("README.md");
    let readme = fs::read_to_string(&path)?;
    Ok(fs::write(path, with_figures(&readme, &text(out)?)?)?)
}

/// The page with these figures in the place of its own.
fn with_figures(readme: &str, figures: &str) -> Result<String, BoxError> {
    let (before, rest) = readme.split_once(BEGIN).ok_or("the README has no place for figures")?;
    let (_, after) = rest.split_once(END).ok_or("the README's figures have no end")?;
    Ok(format!("{before}{BEGIN}\n{figures}\n{END}{after}"))
}

fn text(out: &Path) -> Result<String, BoxError> {
    let mut quick = false;
    let mut results = |bench| {
        let measured = Measured::read(out, bench)?.ok_or(format!("{bench} has not run"))?;
        quick |= measured.quick;
        Ok::<_, BoxError>(measured.results)
    };
    let mut text = "| counterfoil | beside | as fast |\n| --- | --- | ---: |\n".to_owned();
    for Figure { ours, beside, bench, contenders } in &FIGURES {
        let speed = speed(&results(*bench)?, *contenders).ok_or(format!("{bench} lacks {}", contenders.join(" / ")))?;
        writeln!(text, "| {ours} | {beside} | {speed:.2} × |")?;
    }
    let storm = results("storm")?;
    let storms = storm.parts.iter().filter_map(|part| if let Part::Tally(tally) = part { Some(tally) } else { None });
    for tally in storms {
        writeln!(text, "\n{}", told(tally)?)?;
    }
    if quick {
        text += "\n**Measured quickly, with a tenth of the rounds.**\n";
    }
    Ok(text.trim_end().to_owned())
}

/// How many times as fast the first is as the second.
fn speed(results: &Results, contenders: [&str; 2]) -> Option<f64> {
    results.parts.iter().find_map(|part| {
        let Part::Contest(outcome) = part else { return None };
        let [ours, other] = match outcome.unit {
            Unit::Rate => contenders,
            Unit::Time => [contenders[1], contenders[0]],
        };
        let ratio = |name: &str, over: &str| {
            let line = outcome.lines.iter().find(|line| line.name == name && line.over == over)?;
            Some(line.ratio.of_medians)
        };
        ratio(ours, other).or_else(|| ratio(other, ours).map(f64::recip))
    })
}

/// The storm in a sentence.
fn told(tally: &Tally) -> Result<String, BoxError> {
    let runs = tally.rows.iter().map(|row| {
        let runs = row.values.first().copied().unwrap_or_default();
        format!("{} times on {}", grouped(runs), row.name)
    });
    let runs: Vec<String> = runs.collect();
    let (last, first) = runs.split_last().ok_or("nobody took part in the storm")?;
    Ok(format!("{}: handlers ran {} and {last}.", tally.title, first.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{speed, text, with_figures};
    use counterfoil_benches::Results;

    #[test]
    fn the_readme_has_the_figures_of_the_results() {
        let readme = fs::read_to_string(crate::workspace().join("README.md")).unwrap();
        let figures = text(&crate::workspace().join("docs/benchmarks")).unwrap();
        assert!(with_figures(&readme, &figures).unwrap() == readme, "`cargo xtask report` brings README.md up to date");
    }

    #[test]
    fn a_speed_is_a_rate_over_a_rate_and_a_time_below_a_time() {
        let results = |unit: &str| -> Results {
            let ratio = r#"{"of_medians":4.0,"lower":4.0,"upper":4.0}"#;
            let line = format!(r#"{{"name":"a","over":"b","ours":true,"ratio":{ratio}}}"#);
            let part = format!(r#"{{"kind":"contest","title":"t","unit":"{unit}","rounds":1,"lines":[{line}]}}"#);
            serde_json::from_str(&format!(r#"{{"software":{{}},"parts":[{part}]}}"#)).unwrap()
        };
        assert_eq!(speed(&results("rate"), ["a", "b"]), Some(4.0));
        assert_eq!(speed(&results("rate"), ["b", "a"]), Some(0.25));
        assert_eq!(speed(&results("time"), ["a", "b"]), Some(0.25));
        assert_eq!(speed(&results("time"), ["b", "a"]), Some(4.0));
        assert_eq!(speed(&results("time"), ["a", "c"]), None);
    }

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let readme = format!("before\n{}\nold\n{}\nafter", super::BEGIN, super::END);
        let replaced = with_figures(&readme, "new").unwrap();
        assert_eq!(replaced, readme.replace("old", "new"));
        assert!(with_figures("no marks", "new").is_err());
    }
}
