//! Names that are spelled alike, for "did you mean".

/// At most three of the names, the nearest first, that differ in few letters.
pub(crate) fn names(wanted: &str, known: &[String]) -> Vec<String> {
    let limit = (wanted.chars().count() / 4).clamp(1, 3);
    let mut found: Vec<(usize, &String)> = known
        .iter()
        .map(|name| (distance(wanted, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    found.sort();
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

/// The number of letters to insert, remove or replace (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let replace = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
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
