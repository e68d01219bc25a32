//! Names that are spelled alike, for "did you mean".

use crate::Error;

/// At most three of the names, the nearest first, that differ in few letters.
pub(crate) fn names(wanted: &str, known: &[String]) -> Vec<String> {
    let limit = (wanted.chars().count() / 4).clamp(1, 3);
    let mut found: Vec<(usize, &String)> = known
        .iter()
        .map(|name| (distance(wanted, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    found.sort_unstable();
    found.dedup();
    // Beside a name that is almost the same, others are noise.
    let best = found.first().map_or(0, |(distance, _)| *distance);
    found.retain(|(distance, _)| *distance <= best + 1);
    found
        .into_iter()
        .take(3)
        .map(|(_, name)| name.clone())
        .collect()
}

/// Adds the names, if there are any, as the remedy.
pub(crate) fn did_you_mean(error: Error, names: &[String]) -> Error {
    if names.is_empty() {
        return error;
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    error.remedy(format!("did you mean {}?", names.join(" or ")))
}

/// The number of letters to insert, remove or replace, or of neighbours to exchange.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // Rows of the table for the last two prefixes of `a`, and the one being made.
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = core::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

/// Texts put together from these parts at random, always the same ones: for parsers that take
/// anything.
#[cfg(test)]
pub(crate) fn soup(parts: &[&str], mut read: impl FnMut(&str)) {
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    for _ in 0..20_000 {
        let length = random(16);
        let text: String = (0..length).map(|_| parts[random(parts.len())]).collect();
        read(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("openat", "openat"), 0);
        assert_eq!(distance("sys_entr", "sys_enter"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("opneat", "openat"), 1);
        assert_eq!(distance("abc", ""), 3);
    }

    #[test]
    fn the_nearest_comes_first_and_strangers_do_not() {
        let known = ["sched_switch", "sched_switchx", "sys_enter"].map(str::to_owned);
        assert_eq!(
            names("sched_switchy", &known),
            ["sched_switch", "sched_switchx"]
        );
        assert_eq!(names("zzz", &known), [""; 0]);
    }
}
