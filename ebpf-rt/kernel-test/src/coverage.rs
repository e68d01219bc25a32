//! What tests cover: kinds of programs and of maps whose effect they see.

/// In the environment of a test binary: it prints what its tests cover, and runs none.
pub const COVERAGE: &str = "KERNEL_TEST_COVERAGE";

/// What a test covers. `cargo xtask kernels` makes a page of it, and knows the names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    test: String,
    /// Names of attributes: `kprobe_multi`.
    programs: Vec<String>,
    /// Short names of the kernel's map types: `percpu_array`.
    maps: Vec<String>,
}

impl Coverage {
    pub(crate) fn new(test: &str) -> Self {
        Self {
            test: test.to_owned(),
            programs: Vec::new(),
            maps: Vec::new(),
        }
    }

    /// Programs of these kinds, by the names of their attributes, run in the test, and it sees
    /// that they do.
    pub fn programs(&mut self, kinds: &[&str]) -> &mut Self {
        self.programs
            .extend(kinds.iter().map(|&kind| kind.to_owned()));
        self
    }

    /// Maps of these types, by the kernel's short names, are used in the test, and it sees what
    /// they do.
    pub fn maps(&mut self, types: &[&str]) -> &mut Self {
        self.maps.extend(types.iter().map(|&name| name.to_owned()));
        self
    }

    /// The test's name.
    #[must_use]
    pub fn test(&self) -> &str {
        &self.test
    }

    /// The kinds of programs, by the names of their attributes.
    #[must_use]
    pub fn program_kinds(&self) -> &[String] {
        &self.programs
    }

    /// The types of maps, by the kernel's short names.
    #[must_use]
    pub fn map_types(&self) -> &[String] {
        &self.maps
    }

    /// A line of what a test binary prints; `None` if it is none.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split('\t');
        let mut next = || {
            let list = fields.next()?.split(' ').filter(|name| !name.is_empty());
            Some(list.map(str::to_owned).collect::<Vec<_>>())
        };
        let (test, programs, maps) = (next()?, next()?, next()?);
        Some(Self {
            test: test.first()?.clone(),
            programs,
            maps,
        })
    }

    fn line(&self) -> String {
        let Self {
            test,
            programs,
            maps,
        } = self;
        format!("{test}\t{}\t{}\n", programs.join(" "), maps.join(" "))
    }
}

pub(crate) fn is_asked_for() -> bool {
    std::env::var_os(COVERAGE).is_some()
}

pub(crate) fn text(all: &[Coverage]) -> String {
    all.iter().map(Coverage::line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back() {
        let mut both = Coverage::new("maps::array");
        both.programs(&["kprobe", "usdt"]).maps(&["array"]);
        let all = [both, Coverage::new("load::options")];
        let text = text(&all);
        let back: Vec<_> = text.lines().filter_map(Coverage::parse).collect();
        assert_eq!(back, all);
        assert_eq!(Coverage::parse("no tabs"), None);
    }
}
