//! The examples in a doc comment.

/// The examples of a page: their visible lines without comments.
#[derive(Clone, Debug, Default)]
pub(super) struct Examples {
    text: String,
    count: usize,
}

impl Examples {
    /// The examples that run, and those that say why they do not: `no_run` with a line
    /// `// not run: …` of their own. What shall not compile, what is ignored and what is no Rust
    /// is no example.
    pub(super) fn of(docs: &str) -> Self {
        let mut examples = Self::default();
        let mut fence: Option<(&str, Vec<&str>)> = None;
        for line in docs.lines() {
            let trimmed = line.trim_start();
            match &mut fence {
                Some((mark, lines)) if trimmed.trim_end() == *mark => {
                    examples.add(lines);
                    fence = None;
                }
                Some((_, lines)) => lines.push(trimmed),
                None => {
                    let length = trimmed.len() - trimmed.trim_start_matches('`').len();
                    if length >= 3 {
                        let (mark, language) = trimmed.split_at(length);
                        fence = Some((mark, vec![language]));
                    }
                }
            }
        }
        examples
    }

    fn add(&mut self, lines: &[&str]) {
        let Some((language, lines)) = lines.split_first() else {
            return;
        };
        let words = || {
            language
                .split([',', ' '])
                .map(str::trim)
                .filter(|word| !word.is_empty())
        };
        let rust = |word: &str| {
            matches!(
                word,
                "rust" | "no_run" | "should_panic" | "standalone_crate"
            )
        };
        let explained = || lines.iter().any(|line| line.contains("// not run: "));
        if !words().all(rust) || words().any(|word| word == "no_run") && !explained() {
            return;
        }
        self.count += 1;
        for line in lines
            .iter()
            .filter(|line| **line != "#" && !line.starts_with("# "))
        {
            self.text.push_str(line.split("//").next().unwrap_or(""));
            self.text.push('\n');
        }
    }

    /// Adds those of another comment on the same page.
    pub(super) fn append(&mut self, other: &Self) {
        self.text.push_str(&other.text);
        self.count += other.count;
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Whether the name is a word of one of them.
    pub(super) fn show(&self, name: &str) -> bool {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        self.text.match_indices(name).any(|(at, _)| {
            let before = self.text[..at].chars().next_back();
            let after = self.text[at + name.len()..].chars().next();
            !before.is_some_and(word) && !after.is_some_and(word)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Examples;

    #[test]
    fn visible_code_counts() {
        let docs = "A map.\n\n```\nlet map = Map::create(1)?;\n# map.hidden();\nmap.get(); // map.put\n```\n";
        let examples = Examples::of(docs);
        assert_eq!(examples.count(), 1);
        assert!(examples.show("create") && examples.show("get"));
        assert!(!examples.show("hidden") && !examples.show("put") && !examples.show("creat"));
    }

    #[test]
    fn what_does_not_run_says_why() {
        assert_eq!(Examples::of("```no_run\nf();\n```").count(), 0);
        assert_eq!(
            Examples::of("```no_run\n// not run: waits for ever\nf();\n```").count(),
            1
        );
        for language in ["text", "ignore", "compile_fail,E0599", "toml"] {
            assert_eq!(
                Examples::of(&format!("```{language}\nf();\n```")).count(),
                0
            );
        }
        assert_eq!(Examples::of("```rust,should_panic\nf();\n```").count(), 1);
    }

    #[test]
    fn attributes_of_an_item_are_visible() {
        let examples = Examples::of("```\n#[derive(Pod)]\nstruct S;\n```");
        assert!(examples.show("Pod"));
    }
}
