//! Pictures of figures as SVG, to be put into pages as they are: they take their colours from the
//! text around them, so that they can be read on light and on dark pages.

use super::figures::Figure;
use super::page::number;
use super::results::Row;
use std::fmt::Write as _;

const WIDTH: f64 = 500.0;
/// Where the scale begins: before it stand the names.
const LEFT: f64 = 140.0;
/// What the numbers behind the bars need.
const RIGHT: f64 = 70.0;
const LINE: f64 = 22.0;
const CASE: f64 = 26.0;
/// More than this many times the smallest, and a linear scale shows nothing of the small ones.
const LINEAR: f64 = 40.0;

/// From numbers to places.
struct Scale {
    low: f64,
    high: f64,
    is_logarithmic: bool,
}

impl Scale {
    fn of(rows: &[&Row]) -> Self {
        let all = rows.iter().map(|row| row.cost.median);
        let smallest = all.fold(f64::INFINITY, f64::min);
        let largest = rows.iter().map(|row| row.cost.upper).fold(0.0, f64::max);
        if largest / smallest <= LINEAR {
            return Self {
                low: 0.0,
                high: largest,
                is_logarithmic: false,
            };
        }
        Self {
            low: smallest.log10().floor(),
            high: largest.log10().ceil(),
            is_logarithmic: true,
        }
    }

    fn place(&self, value: f64) -> f64 {
        let value = match self.is_logarithmic {
            true => value.log10(),
            false => value,
        };
        let part = (value - self.low) / (self.high - self.low);
        LEFT + part.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

/// The picture, without an empty line: it is put into Markdown.
pub(super) fn svg(figure: &Figure, rows: &[&Row]) -> String {
    let scale = Scale::of(rows);
    let mut body = String::new();
    let mut top = 8.0;
    let mut case = "";
    for row in rows {
        if row.case != case {
            case = &row.case;
            let _ = writeln!(
                body,
                "<text x=\"0\" y=\"{:.0}\" class=\"case\">{}</text>",
                top + 16.0,
                escaped(case)
            );
            top += CASE;
        }
        bar(&mut body, &scale, row, top);
        top += LINE;
    }
    let unit = rows.first().map_or("", |row| &row.unit);
    let kind = match scale.is_logarithmic {
        true => ", logarithmic scale",
        false => "",
    };
    let mut lines = String::new();
    if scale.is_logarithmic {
        for power in scale.low as i32..=scale.high as i32 {
            let x = scale.place(10_f64.powi(power));
            let _ = writeln!(
                lines,
                "<line x1=\"{x:.1}\" y1=\"8\" x2=\"{x:.1}\" y2=\"{top:.0}\" class=\"grid\"/>\n<text \
                 x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\" class=\"small\">{}</text>",
                top + 14.0,
                number(10_f64.powi(power))
            );
        }
    }
    let _ = writeln!(
        lines,
        "<text x=\"{WIDTH}\" y=\"{:.0}\" text-anchor=\"end\" class=\"small\">{}{kind}; less is \
         better</text>",
        top + 30.0,
        escaped(unit)
    );
    let height = top + 40.0;
    let name = figure.picture.unwrap_or("figure");
    let (title, about) = (escaped(figure.title), escaped(&description(figure, rows)));
    format!(
        "<svg class=\"picture\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" \
         aria-labelledby=\"{name}-title {name}-desc\" style=\"width: 100%; max-width: {WIDTH}px; \
         height: auto; color: var(--fg, currentColor)\">\n<title \
         id=\"{name}-title\">{title}</title>\n<desc id=\"{name}-desc\">{about}</desc>\n<style>\n\
         .figure-{name} text {{ font: 13px sans-serif; fill: currentColor }}\n\
         .figure-{name} .case {{ font-weight: bold }}\n\
         .figure-{name} .small {{ font-size: 11px; fill-opacity: 0.75 }}\n\
         .figure-{name} .ours {{ fill: var(--links, #4183c4); stroke: var(--links, #4183c4) }}\n\
         .figure-{name} .theirs {{ fill: currentColor; stroke: currentColor; opacity: 0.45 }}\n\
         .figure-{name} .grid {{ stroke: currentColor; stroke-opacity: 0.2 }}\n\
         .figure-{name} .spread {{ stroke: currentColor; stroke-width: 1.5 }}\n\
         </style>\n<g class=\"figure-{name}\">\n{lines}{body}</g>\n</svg>\n"
    )
}

/// What the picture shows, in words.
fn description(figure: &Figure, rows: &[&Row]) -> String {
    let mut text = String::from(match figure.picture {
        Some(_) => "Medians. ",
        None => "",
    });
    let mut case = "";
    for row in rows {
        if row.case != case {
            case = &row.case;
            let _ = write!(text, "{case}: ");
        }
        let _ = write!(
            text,
            "{} {} {}. ",
            row.subject,
            number(row.cost.median),
            row.unit
        );
    }
    text.trim_end().to_owned()
}

fn bar(body: &mut String, scale: &Scale, row: &Row, top: f64) {
    let class = if row.ratio.is_none() {
        "ours"
    } else {
        "theirs"
    };
    let [lower, median, upper] =
        [row.cost.lower, row.cost.median, row.cost.upper].map(|value| scale.place(value));
    let middle = top + LINE / 2.0;
    let _ = writeln!(
        body,
        "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
        LEFT - 8.0,
        middle + 4.5,
        escaped(&row.subject)
    );
    // A bar says how many times as long it is, which a logarithmic scale does not show.
    let _ = match scale.is_logarithmic {
        true => writeln!(
            body,
            "<circle cx=\"{median:.1}\" cy=\"{middle:.1}\" r=\"5\" class=\"{class}\"/>"
        ),
        false => writeln!(
            body,
            "<rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.0}\" class=\"{class}\"/>",
            top + 3.0,
            (median - LEFT).max(0.5),
            LINE - 6.0
        ),
    };
    if upper - lower > 0.5 {
        let _ = writeln!(
            body,
            "<line x1=\"{lower:.1}\" y1=\"{middle:.1}\" x2=\"{upper:.1}\" y2=\"{middle:.1}\" \
             class=\"spread\"/>"
        );
    }
    let _ = writeln!(
        body,
        "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        upper.max(median) + 8.0,
        middle + 4.5,
        number(row.cost.median)
    );
}
