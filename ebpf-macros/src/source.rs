//! The source lines of an object, for the kernel's listings: only those with instructions, without
//! comments.

use proc_macro2::TokenStream;
use quote::quote;

/// The lines with these numbers out of a text whose first line has the number `first`.
pub(crate) fn lines(
    krate: &TokenStream,
    first: u32,
    text: &str,
    hash_comments: bool,
    mut wanted: Vec<u32>,
) -> TokenStream {
    wanted.retain(|&line| line >= first);
    wanted.sort_unstable();
    wanted.dedup();
    let mut lines = (first..).zip(text.lines());
    let mut kept = String::new();
    let mut next = wanted.first().copied().unwrap_or(first);
    let begin = next;
    for &number in &wanted {
        let Some((_, line)) = lines.by_ref().find(|&(at, _)| at == number) else {
            break;
        };
        while next < number {
            kept.push('\n');
            next += 1;
        }
        kept.push_str(without_comment(line, hash_comments));
    }
    quote!(#krate::object::SourceLines::new(#begin, #kept))
}

/// A line without what a comment at its end says, and without spaces around it.
fn without_comment(line: &str, hash_comments: bool) -> &str {
    let mut end = line.len();
    // Most lines have none, and this runs without optimisation.
    let has = |byte| line.as_bytes().contains(&byte);
    let may_have_one = has(b'/') || hash_comments && has(b'#');
    if !may_have_one {
        return without_braces(line.trim());
    }
    let slashes = line.find("//").into_iter().chain(line.find("/*"));
    let hash = hash_comments.then(|| line.find('#')).flatten();
    for comment in slashes.chain(hash) {
        // In a text in quotes it is none.
        let before = line.get(..comment).unwrap_or_default();
        if before.matches('"').count() % 2 == 0 {
            end = end.min(comment);
        }
    }
    without_braces(line.get(..end).unwrap_or(line).trim())
}

/// The first and last instruction can stand beside the braces of their function.
fn without_braces(line: &str) -> &str {
    let line = line.strip_prefix('{').unwrap_or(line).trim_start();
    line.trim_end_matches('}').trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_spaces_are_left_out() {
        let cases = [
            ("    r0 = 0; // nothing", "r0 = 0;"),
            ("r0 = {\"//\".len()};", "r0 = {\"//\".len()};"),
            ("r0 /= 2; /* half */", "r0 /= 2;"),
            ("{ exit; }", "exit;"),
            ("exit;   # the end", "exit;   # the end"),
        ];
        for (line, expected) in cases {
            assert_eq!(without_comment(line, false), expected, "{line}");
        }
        assert_eq!(without_comment("exit;   # the end", true), "exit;");
    }

    #[test]
    fn lines_keep_their_numbers() {
        let krate = quote!(k);
        let text = "{\n  r0 = 0;\n\n  // no\n  exit;\n}";
        let tokens = lines(&krate, 10, text, false, vec![14, 11, 11]).to_string();
        let expected = quote!(k::object::SourceLines::new(11u32, "r0 = 0;\n\n\nexit;"));
        assert_eq!(tokens, expected.to_string());
        // What is not there is left out.
        let tokens = lines(&krate, 10, text, false, vec![9, 99]).to_string();
        assert!(tokens.contains("\"\""), "{tokens}");
    }
}
