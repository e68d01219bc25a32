//! How things are compared: rounds in which every side does the same once, in turns, so that what
//! else the machine does hits all of them; and what is told of it: medians and quartiles.

use std::error::Error;

/// Whatever went wrong, in words.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One of those that are compared.
pub struct Side<'a> {
    name: &'static str,
    /// Does the work once, and says what it cost.
    work: Box<dyn FnMut() -> Result<f64> + 'a>,
}

impl<'a> Side<'a> {
    /// A side whose cost is whatever the function says.
    pub fn new(name: &'static str, work: impl FnMut() -> Result<f64> + 'a) -> Self {
        Self {
            name,
            work: Box::new(work),
        }
    }

    /// The same under another name.
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// A side whose cost is the time that the function takes for `operations` of the same, in
    /// nanoseconds each.
    pub fn timed(
        name: &'static str,
        operations: usize,
        mut work: impl FnMut() -> Result<()> + 'a,
    ) -> Self {
        Self::new(
            name,
            move || Ok(nanoseconds(&mut work)? / operations as f64),
        )
    }
}

/// How long this thread computes for it, in user space and in the kernel. What others do on the
/// machine meanwhile does not count.
pub fn nanoseconds(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = thread_time();
    work()?;
    Ok(thread_time() - start)
}

/// What this thread has computed so far, in nanoseconds.
pub fn thread_time() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the time is ours to write. This clock is always there.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// How much is done: all, or a short look at everything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// For `BENCHMARKS.md`.
    Full,
    /// For CI: every workload, shortly.
    Short,
}

impl Effort {
    pub fn rounds(self, full: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Short => full.div_ceil(5).max(3),
        }
    }

    pub fn is_full(self) -> bool {
        self == Self::Full
    }
}

/// Prints the head of the table that the rows make.
pub fn print_header() {
    println!(
        "figure\tcase\tsubject\tunit\tmedian\tlower\tupper\trounds\tratio\tratio_lower\tratio_upper"
    );
}

/// Compares the sides, of which the first is ours, and prints a row for each.
///
/// The ratio is ours divided by theirs, in each round by itself.
pub fn compare(
    figure: &str,
    case: &str,
    unit: &str,
    rounds: usize,
    mut sides: Vec<Side<'_>>,
) -> Result<()> {
    // The first round of anything is unlike the others: caches, page faults, lazy probes.
    for side in &mut sides {
        (side.work)().map_err(|error| format!("{figure}, {case}, {}: {error}", side.name))?;
    }
    let mut costs: Vec<Vec<f64>> = sides.iter().map(|_| Vec::with_capacity(rounds)).collect();
    for round in 0..rounds {
        for turn in 0..sides.len() {
            // Nobody always comes first, or behind the same.
            let index = match round % 2 {
                0 => (round / 2 + turn) % sides.len(),
                _ => (round / 2 + sides.len() - turn) % sides.len(),
            };
            costs[index].push((sides[index].work)()?);
        }
    }
    for (index, side) in sides.iter().enumerate() {
        let cost = spread(&costs[index]);
        let ratios: Vec<f64> = costs[0]
            .iter()
            .zip(&costs[index])
            .map(|(ours, theirs)| ours / theirs)
            .collect();
        let ratio = (index > 0).then(|| spread(&ratios));
        print_row(figure, case, side.name, unit, cost, rounds, ratio);
    }
    Ok(())
}

/// Prints what is counted of several: the first is ours, of the others also how many ours has
/// for each of theirs.
pub fn count_all(figure: &str, case: &str, unit: &str, subjects: &[(&str, f64)]) {
    let Some(((us, ours), peers)) = subjects.split_first() else {
        return;
    };
    print_row(figure, case, us, unit, [*ours; 3], 1, None);
    for (peer, theirs) in peers {
        print_row(
            figure,
            case,
            peer,
            unit,
            [*theirs; 3],
            1,
            Some([ours / theirs; 3]),
        );
    }
}

fn print_row(
    figure: &str,
    case: &str,
    subject: &str,
    unit: &str,
    [lower, median, upper]: [f64; 3],
    rounds: usize,
    ratio: Option<[f64; 3]>,
) {
    let [ratio_lower, ratio, ratio_upper] = match ratio {
        Some(ratio) => ratio.map(|ratio| format!("{ratio:.4}")),
        None => [const { String::new() }; 3],
    };
    println!(
        "{figure}\t{case}\t{subject}\t{unit}\t{median:.4}\t{lower:.4}\t{upper:.4}\t{rounds}\t{ratio}\t\
         {ratio_lower}\t{ratio_upper}"
    );
}

/// Lower quartile, median, upper quartile.
fn spread(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|part| {
        let place = part * (sorted.len() - 1) as f64;
        let (below, above) = (
            sorted[place.floor() as usize],
            sorted[place.ceil() as usize],
        );
        below + (above - below) * place.fract()
    })
}
