//! The pages: `BENCHMARKS.md`, and the book's page of pictures.

use super::figures::{FIGURES, Figure, Hold, Limit};
use super::results::{Results, Row, Spread};
use std::fmt::Write as _;

/// Why figures are missed: the columns are figure, case, subject (as in the results), and why.
/// Case and subject can be empty: any.
const CAUSES: &str = include_str!("../../data/benchmark-causes.tsv");

/// A number with as many digits as it deserves.
pub(super) fn number(value: f64) -> String {
    let digits = match value.abs() {
        value if value == value.round() && value < 1e6 => 0,
        1000.0.. => 0,
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    // Thousands are set off.
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if rest.is_empty() {
        grouped
    } else {
        format!("{grouped}.{rest}")
    }
}

/// A median, and the quartiles if they are others.
fn spread(spread: Spread, write: impl Fn(f64) -> String) -> String {
    let [lower, median, upper] = [spread.lower, spread.median, spread.upper].map(write);
    if lower == upper {
        median
    } else {
        format!("{median} ({lower}–{upper})")
    }
}

fn ratio(value: f64) -> String {
    match value {
        0.1.. => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

fn limit(hold: &Hold) -> String {
    match hold.limit {
        Limit::Ratio(limit) => format!("≤ {}", ratio(limit)),
        Limit::Cost(limit) => format!("≤ {}", number(limit)),
    }
}

pub(super) fn cause(figure: &Figure, row: &Row) -> Option<&'static str> {
    let fits = |field: &str, value: &str| field.is_empty() || field == value;
    CAUSES.lines().find_map(|line| {
        let mut fields = line.split('\t');
        let (name, case, subject) = (fields.next()?, fields.next()?, fields.next()?);
        let why = fields.next()?;
        let is_it = name == figure.name && fits(case, &row.case) && fits(subject, &row.subject);
        is_it.then_some(why)
    })
}

/// What is said before the tables.
const INTRODUCTION: &str = "\
# Benchmarks

Made by `cargo xtask bench`; do not edit. The numbers are in
[`benchmarks/results.tsv`](benchmarks/results.tsv), the pictures in the
[book](book/text/figures.md).

Everything on this page comes from one run on one machine. Those who are compared do the same
in turns, round by round. Given are the median of the rounds and, in brackets, the quartiles. A
ratio is ours divided by theirs, in each round by itself: below 1 ours costs less. Times are what
the thread or process computes, in user space and in the kernel, so that other work on the
machine does not count.

To repeat it, as root on Linux with Rust and (for what is missing) apt:

```sh
cargo xtask bench           # everything; writes this page, the results and the pictures
cargo xtask bench --check   # a short look at every workload, as CI does it; writes nothing
cargo xtask bench --render  # only the pages, from the results
```

The peers have fixed versions and a workspace of their own, `benchmarks/`; the workloads are there
as well.
";

pub(super) fn benchmarks(results: &Results) -> String {
    let mut page = INTRODUCTION.to_owned();
    // Writing to a string cannot fail.
    let _ = writeln!(page, "\n## The run\n\n| | |\n|---|---|");
    for (name, value) in &results.facts {
        let _ = writeln!(page, "| {name} | {value} |");
    }
    let misses = results.misses();
    let _ = writeln!(page, "\n## What is missed\n");
    if misses.is_empty() && results.missing.is_empty() {
        let _ = writeln!(page, "Nothing.");
    }
    for (figure, reason) in &results.missing {
        let _ = writeln!(page, "- **{figure}** was not measured: {reason}.");
    }
    let mut told: Vec<(&str, &str, Vec<String>)> = Vec::new();
    for miss in &misses {
        let Row { case, subject, .. } = miss.row;
        let is = match (&miss.hold.limit, miss.row.ratio) {
            (Limit::Ratio(_), Some(found)) => format!("{:.3} beside {subject}", found.median),
            _ => format!("{} {}", number(miss.row.cost.median), miss.row.unit),
        };
        let line = format!("{case}: {is} ({})", limit(miss.hold));
        let why = cause(miss.figure, miss.row).unwrap_or("The cause is not known.");
        let title = miss.figure.title;
        match told
            .iter_mut()
            .find(|known| (known.0, known.1) == (title, why))
        {
            Some((_, _, lines)) => lines.push(line),
            None => told.push((title, why, vec![line])),
        }
    }
    for (title, why, lines) in told {
        let _ = writeln!(page, "- **{title}.** {}. {why}", lines.join("; "));
    }
    for figure in FIGURES {
        let _ = writeln!(page, "\n## {}\n\n{}\n", figure.title, figure.about);
        table(&mut page, results, figure);
    }
    page
}

fn table(page: &mut String, results: &Results, figure: &Figure) {
    let rows: Vec<&Row> = results.of(figure).collect();
    if rows.is_empty() {
        let _ = writeln!(page, "Not measured in this run.");
        return;
    }
    let has_peers = rows.iter().any(|row| row.ratio.is_some());
    let head = match has_peers {
        true => "| case | who | costs | ours ÷ theirs | to hold |\n|---|---|---|---|---|",
        false => "| case | who | costs | to hold |\n|---|---|---|---|",
    };
    let _ = writeln!(page, "{head}");
    for row in rows {
        let cost = spread(row.cost, number);
        let holds: Vec<String> = figure
            .holds
            .iter()
            .filter(|hold| hold.is_about(row))
            .map(|hold| {
                let missed = if hold.is_held(row) { "" } else { ", missed" };
                format!("{}{missed}", limit(hold))
            })
            .collect();
        let holds = holds.join("; ");
        let Row {
            case,
            subject,
            unit,
            ..
        } = row;
        let _ = match (has_peers, row.ratio) {
            (false, _) => writeln!(page, "| {case} | {subject} | {cost} {unit} | {holds} |"),
            (true, None) => writeln!(page, "| {case} | {subject} | {cost} {unit} | | {holds} |"),
            (true, Some(found)) => {
                let found = spread(found, ratio);
                writeln!(
                    page,
                    "| {case} | {subject} | {cost} {unit} | {found} | {holds} |"
                )
            }
        };
    }
    if figure.name == "ring buffer" {
        rates(page, results, figure);
    }
}

/// Of ring buffers, what the times mean.
fn rates(page: &mut String, results: &Results, figure: &Figure) {
    let _ = writeln!(
        page,
        "\n| case | who | million records a second | GB a second |\n|---|---|---|---|"
    );
    for row in results.of(figure) {
        let mut words = row.case.split(' ');
        let bytes: Option<f64> = words.find_map(|word| word.parse().ok());
        let Some(bytes) = bytes else { continue };
        let (case, subject, time) = (&row.case, &row.subject, row.cost.median);
        let (millions, gigabytes) = (number(1e3 / time), number(bytes / time));
        let _ = writeln!(page, "| {case} | {subject} | {millions} | {gigabytes} |");
    }
}

/// The page of the book.
pub(super) fn book(results: &Results) -> String {
    let fact = |name: &str| {
        let found = results.facts.iter().find(|(fact, _)| fact == name);
        found.map_or("?", |(_, value)| value)
    };
    let mut page = format!(
        "<!-- Made by `cargo xtask bench`; do not edit. -->\n\n# Figures\n\n\
         What things cost, ours and peers', measured side by side on one machine ({}; Linux {}; \
         {}). The bar or point is the median of the rounds, the line across it goes from quartile \
         to quartile, and less is better everywhere. `BENCHMARKS.md` in the repository has the \
         numbers, what they are to hold, what is missed and why, and how to repeat them.\n",
        fact("machine"),
        fact("kernel"),
        fact("rustc"),
    );
    for figure in FIGURES {
        let Some(picture) = figure.picture else {
            continue;
        };
        if results.of(figure).next().is_none() {
            continue;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "\n## {}\n\n{}\n\n{{{{#include figures/{picture}.svg}}}}",
            figure.title, figure.about
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_digits_as_they_deserve() {
        let all = [30.0, 0.123_45, 1.234, 12.34, 123.4, 23_618.5, 1_234_567.0];
        assert_eq!(
            all.map(number),
            ["30", "0.123", "1.23", "12.3", "123", "23,618", "1,234,567"]
        );
    }

    #[test]
    fn causes_are_of_figures_that_there_are() {
        for line in CAUSES.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            assert_eq!(fields.len(), 4, "{line}");
            assert!(
                FIGURES.iter().any(|figure| figure.name == fields[0]),
                "{line}"
            );
        }
    }
}
