//! Draws charts as SVG: text stays text, and the colours follow the reader's light or dark mode.

use counterfoil_benches::Aim;
use svg::Document;
use svg::node::element::{self, Rectangle, Style, Text};

use crate::chart::{Bar, Chart, Group};

const WIDTH: f64 = 960.0;
/// Where labels end, and bars begin and end.
const LABELS: f64 = 344.0;
const LEFT: f64 = 356.0;
const RIGHT: f64 = 760.0;
const MARGIN: f64 = 20.0;
const LETTERS: f64 = 15.0;
const THICKNESS: f64 = 13.0;

/// Colours that people tell apart whatever colours they see; what they mean is said in words too. The background is drawn,
/// so that the text can be read wherever the picture is put.
const STYLE: &str = "
text { font: 12px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.figure { font-weight: 600 }
.small { fill: #59636e; font-size: 11px }
.page { fill: #ffffff; stroke: #d1d9e0 }
.grid { stroke: #d1d9e0 }
.even { stroke: #818b98; stroke-dasharray: 3 3 }
.ours { fill: #0969da }
.other { fill: #a9b4c0 }
.quartiles { stroke: #1f2328; stroke-width: 1.5; fill: none }
.met { stroke: #1a7f37; stroke-width: 3 }
.missed { stroke: #bc4c00; stroke-width: 3 }
text.met { fill: #1a7f37; stroke: none }
text.missed { fill: #bc4c00; stroke: none }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.small { fill: #9198a1 }
.page { fill: #0d1117; stroke: #3d444d }
.grid { stroke: #2f353d }
.even { stroke: #9198a1 }
.ours { fill: #4493f8 }
.other { fill: #59636e }
.quartiles { stroke: #e6edf3 }
.met { stroke: #3fb950 }
.missed { stroke: #f0883e }
text.met { fill: #3fb950 }
text.missed { fill: #f0883e }
}
";

/// One picture of all charts, below each other.
pub(crate) fn draw(title: &str, charts: &[Chart]) -> String {
    let mut picture = Picture { body: Vec::new(), y: MARGIN };
    picture.legend();
    for chart in charts {
        picture.chart(chart);
    }
    let height = picture.y + 4.0;
    let page = Rectangle::new().set("class", "page").set("x", 0.5).set("y", 0.5).set("rx", 8);
    let mut document = Document::new()
        .set("viewBox", (0, 0, WIDTH, height))
        .set("width", WIDTH)
        .set("height", height)
        .set("role", "img")
        .add(element::Title::new(title))
        .add(Style::new(STYLE))
        .add(page.set("width", WIDTH - 1.0).set("height", height - 1.0));
    for node in picture.body {
        document = document.add(node);
    }
    format!("{document}\n")
}

/// What is drawn already, and the height that it takes.
struct Picture {
    body: Vec<Box<dyn svg::Node>>,
    y: f64,
}

impl Picture {
    fn add(&mut self, node: impl Into<Box<dyn svg::Node>>) {
        self.body.push(node.into());
    }

    fn text(&mut self, class: &str, anchor: &str, x: f64, y: f64, text: &str) {
        let text = Text::new(text).set("class", class).set("text-anchor", anchor);
        self.add(text.set("x", tenth(x)).set("y", tenth(y)));
    }

    fn line(&mut self, class: &str, [from_x, from_y]: [f64; 2], [to_x, to_y]: [f64; 2]) {
        let line = element::Line::new().set("class", class).set("x1", tenth(from_x)).set("y1", tenth(from_y));
        self.add(line.set("x2", tenth(to_x)).set("y2", tenth(to_y)));
    }

    fn bar(&mut self, class: &str, x: f64, y: f64, width: f64) {
        let bar = Rectangle::new().set("class", class).set("x", tenth(x)).set("y", tenth(y)).set("rx", 2);
        self.add(bar.set("width", tenth(width.max(1.0))).set("height", THICKNESS));
    }

    fn quartiles(&mut self, from: f64, to: f64, y: f64) {
        self.line("quartiles", [from, y], [to, y]);
        for x in [from, to] {
            self.line("quartiles", [x, y - 4.0], [x, y + 4.0]);
        }
    }

    fn legend(&mut self) {
        let (y, middle) = (self.y, self.y + THICKNESS / 2.0);
        self.bar("ours", MARGIN, y, 22.0);
        self.text("", "start", 48.0, y + 11.0, "counterfoil");
        self.bar("other", 136.0, y, 22.0);
        self.text("", "start", 164.0, y + 11.0, "beside it");
        self.quartiles(236.0, 258.0, middle);
        self.text("", "start", 264.0, y + 11.0, "quartiles of the rounds");
        for (class, x, words) in [("met", 426.0, "aim, met"), ("missed", 510.0, "aim, missed")] {
            self.line(class, [x, y - 2.0], [x, y + THICKNESS + 2.0]);
            self.text("", "start", x + 8.0, y + 11.0, words);
        }
        self.y += 26.0;
    }

    fn chart(&mut self, chart: &Chart) {
        self.y += 24.0;
        self.text("title", "start", MARGIN, self.y, &chart.title);
        for group in &chart.groups {
            self.group(group);
        }
    }

    fn group(&mut self, group: &Group) {
        self.y += 18.0;
        self.text("small", "start", MARGIN, self.y, &group.caption);
        self.y += 8.0;
        let scale = Scale::of(group);
        let bottom = self.y + group.bars.iter().map(height).sum::<f64>();
        for (tick, words) in scale.ticks() {
            let x = scale.place(tick);
            self.line("grid", [x, self.y], [x, bottom]);
            self.text("small", "middle", x, bottom + 14.0, &words);
        }
        for bar in &group.bars {
            self.row(bar, &scale);
        }
        // Above the bars, which would hide it.
        if let Some(even) = group.even {
            let x = scale.place(even);
            self.line("even", [x, bottom - group.bars.iter().map(height).sum::<f64>()], [x, bottom]);
        }
        self.y = bottom + 20.0;
    }

    fn row(&mut self, bar: &Bar, scale: &Scale) {
        let (height, top) = (height(bar), self.y);
        let middle = top + height / 2.0;
        let mut y = middle - lines(bar) * LETTERS / 2.0 + 11.5;
        let label = bar.label.iter().map(|text| ("", text));
        for (class, text) in label.chain(bar.over.iter().map(|text| ("small", text))) {
            self.text(class, "end", LABELS, y, text);
            y += LETTERS;
        }
        let class = if bar.ours { "ours" } else { "other" };
        self.bar(class, LEFT, middle - THICKNESS / 2.0, scale.place(bar.figure) - LEFT);
        if let Some([lower, upper]) = bar.quartiles {
            self.quartiles(scale.place(lower), scale.place(upper), middle);
        }
        self.text("figure", "start", RIGHT + 12.0, middle + 4.0, &bar.text);
        if let Some(aim) = bar.aim {
            let (class, words) = judged(aim, bar.figure);
            let x = scale.place(aim.bound());
            self.line(class, [x, middle - height / 2.0 + 2.0], [x, middle + height / 2.0 - 2.0]);
            self.text(class, "start", RIGHT + 60.0, middle + 4.0, &words);
        }
        self.y += height;
    }
}

fn judged(aim: Aim, figure: f64) -> (&'static str, String) {
    let class = if aim.is_met(figure) { "met" } else { "missed" };
    (class, format!("{aim}, {class}"))
}

fn lines(bar: &Bar) -> f64 {
    u32::try_from(bar.label.len() + bar.over.len()).map_or(1.0, f64::from)
}

fn height(bar: &Bar) -> f64 {
    lines(bar) * LETTERS + 9.0
}

/// From nothing to the largest of a group, whiskers and aims included.
struct Scale {
    largest: f64,
}

impl Scale {
    fn of(group: &Group) -> Self {
        let mut all: Vec<f64> = group.even.into_iter().collect();
        for bar in &group.bars {
            all.push(bar.figure);
            all.extend(bar.quartiles.into_iter().flatten());
            all.extend(bar.aim.map(Aim::bound));
        }
        Self { largest: all.into_iter().fold(f64::MIN_POSITIVE, f64::max) * 1.02 }
    }

    fn place(&self, figure: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * figure / self.largest
    }

    /// Round figures, some six of them.
    fn ticks(&self) -> Vec<(f64, String)> {
        let power = 10_f64.powf((self.largest / 6.0).log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
        let step = steps.into_iter().find(|step| self.largest / step <= 6.0).unwrap_or(self.largest);
        let decimals = if step < 0.1 { 2 } else { usize::from(step < 1.0) };
        let ticks = (0_u8..=6).map(|number| f64::from(number) * step).take_while(|tick| *tick <= self.largest);
        ticks.map(|tick| (tick, format!("{tick:.decimals$}"))).collect()
    }
}

/// A tenth of a pixel is seen by nobody.
fn tenth(pixels: f64) -> f64 {
    (pixels * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::{Scale, draw};
    use crate::chart::{Bar, Chart, Group};
    use counterfoil_benches::Aim;

    fn bar(figure: f64, aim: Option<Aim>) -> Bar {
        let (label, over) = (vec!["a < b & c".to_owned()], Vec::new());
        Bar { label, over, ours: true, figure, text: format!("{figure:.3}"), quartiles: Some([0.9, 1.9]), aim }
    }

    #[test]
    fn text_is_text_and_an_aim_says_what_came_of_it() {
        let bars = vec![bar(1.4, Some(Aim::AtMost(1.25))), bar(1.2, Some(Aim::AtMost(1.25)))];
        let group = Group { caption: "Time".to_owned(), bars, even: Some(1.0) };
        let drawn = draw("one", &[Chart { title: "Verification".to_owned(), groups: vec![group] }]);
        for part in ["a &lt; b &amp; c", "at most 1.25, missed", "at most 1.25, met", "1.400", "prefers-color-scheme"] {
            assert!(drawn.contains(part), "{part}: {drawn}");
        }
    }

    #[test]
    fn ticks_are_round_and_few() {
        let ticks = |largest| Scale { largest }.ticks().into_iter().map(|(_, words)| words).collect::<Vec<_>>();
        assert_eq!(ticks(1.02), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(ticks(7.0), ["0", "2", "4", "6"]);
        assert_eq!(ticks(32.6), ["0", "10", "20", "30"]);
        assert_eq!(ticks(0.2), ["0.00", "0.05", "0.10", "0.15", "0.20"]);
    }

    #[test]
    fn all_of_a_group_fits_its_scale() {
        let bars = vec![bar(0.5, Some(Aim::AtLeast(8.0)))];
        let scale = Scale::of(&Group { caption: String::new(), bars, even: Some(1.0) });
        assert!(scale.place(8.0) < super::RIGHT && scale.place(1.9) < scale.place(8.0));
    }
}
