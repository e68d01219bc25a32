//! Did you mean …?

use alloc::vec;

/// Names of more characters get no suggestion.
const MAX_LENGTH: usize = 100;

/// The candidate that is most like the name, if one is alike enough to be a slip of the pen.
pub(crate) fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let length = name.chars().count();
    // Comparing costs the product of the lengths, and nobody slips in a name of this length.
    if length > MAX_LENGTH {
        return None;
    }
    let limit = length.div_ceil(3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name)
        // Every character too many or too few is a difference.
        .filter(|candidate| candidate.len() <= 4 * MAX_LENGTH)
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit)
        .filter_map(|candidate| {
            let distance = distance(name, candidate);
            (distance <= limit).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// The optimal string alignment distance: insertions, deletions, substitutions, and swaps of
/// neighbours. Upper and lower case are alike, since a wrong case is the likeliest slip.
fn distance(a: &str, b: &str) -> usize {
    let a: vec::Vec<char> = a.chars().map(|c| c.to_ascii_lowercase()).collect();
    let b: vec::Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut before_previous: vec::Vec<usize> = vec![0; b.len() + 1];
    let mut previous: vec::Vec<usize> = (0..=b.len()).collect();
    let mut current = vec![0; b.len() + 1];
    for i in 1..=a.len() {
        current[0] = i;
        for j in 1..=b.len() {
            let substitution = previous[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitution.min(previous[j] + 1).min(current[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before_previous[j - 2] + 1);
            }
            current[j] = best;
        }
        core::mem::swap(&mut before_previous, &mut previous);
        core::mem::swap(&mut previous, &mut current);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn finds_slips_and_nothing_else() {
        let names = ["done", "bpf_map_lookup_elem", "exit_early", "COUNTS"];
        assert_eq!(did_you_mean("dnoe", names), Some("done"));
        assert_eq!(did_you_mean("bpf_map_lokup_elem", names), Some(names[1]));
        assert_eq!(did_you_mean("counts", names), Some("COUNTS"));
        assert_eq!(did_you_mean("zzz", names), None);
    }
}
