//! The figures: what each says, and what it is to hold.

use super::results::{Results, Row};

/// One figure: a table, and most have a picture.
pub(super) struct Figure {
    /// Its name in the results.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What was measured, and how.
    pub(super) about: &'static str,
    /// The file of its picture in the book, without `.svg`.
    pub(super) picture: Option<&'static str>,
    pub(super) holds: &'static [Hold],
}

/// What a number is to hold.
pub(super) struct Hold {
    /// Of which case: all if it is empty.
    pub(super) case: &'static str,
    /// Beside whom; of ours alone if it is empty.
    pub(super) subject: &'static str,
    pub(super) limit: Limit,
    /// Whether it holds on a machine that does other things as well, and after few rounds: CI
    /// fails without it.
    pub(super) always: Always,
}

pub(super) enum Limit {
    /// Ours divided by theirs is at most this.
    Ratio(f64),
    /// Ours is at most this.
    Cost(f64),
}

pub(super) enum Always {
    /// CI holds it as it is.
    Yes,
    /// CI holds so many times the limit.
    Within(f64),
    /// Only the full run tells.
    No,
}

const fn hold(case: &'static str, subject: &'static str, limit: Limit, always: Always) -> Hold {
    Hold {
        case,
        subject,
        limit,
        always,
    }
}

impl Hold {
    /// Whether it is about this row.
    pub(super) fn is_about(&self, row: &Row) -> bool {
        let is_ours = row.ratio.is_none();
        (self.case.is_empty() || self.case == row.case)
            && match self.subject {
                "" => is_ours,
                subject => subject == row.subject,
            }
    }

    /// How far the row is from the limit: at most 1 is held.
    pub(super) fn part_of_limit(&self, row: &Row) -> f64 {
        match (&self.limit, row.ratio) {
            (Limit::Ratio(limit), Some(ratio)) => ratio.median / limit,
            (Limit::Ratio(_), None) => f64::NAN,
            (Limit::Cost(limit), _) => row.cost.median / limit,
        }
    }

    pub(super) fn is_held(&self, row: &Row) -> bool {
        // The last digit of what is printed.
        self.part_of_limit(row) <= 1.0005
    }
}

use Always::{No, Within, Yes};
use Limit::{Cost, Ratio};

pub(super) const FIGURES: &[Figure] = &[
    Figure {
        name: "build",
        title: "Clean build",
        about: "The README's hello-world from an empty target directory, with all of its crates: \
                `cargo build --release`, time of the processor in user space. aya's does not \
                count what clang needs for its object.",
        picture: Some("build"),
        holds: &[hold("", "aya", Ratio(1.0 / 3.0), No)],
    },
    Figure {
        name: "crates",
        title: "Crates",
        about: "What `cargo tree` shows for that hello-world, without itself; at run time: \
                without macros and what only they need.",
        picture: None,
        holds: &[
            hold("in the tree", "", Cost(15.0), Yes),
            hold("at run time", "", Cost(4.0), Yes),
        ],
    },
    Figure {
        name: "cargo check",
        title: "Large blocks",
        about: "`cargo check` of a crate with one `ebpf!` block, when its dependencies are there: \
                time of the processor.",
        picture: None,
        holds: &[
            hold("100,000 straight instructions", "", Cost(15.0), No),
            hold("10,000 straight instructions", "", Cost(1.5), Within(3.0)),
        ],
    },
    Figure {
        name: "checker",
        title: "Checker",
        about: "The checker alone, without optimisation, as rustc builds macros.",
        picture: None,
        holds: &[
            hold("1,000 straight instructions", "", Cost(5.0), Within(3.0)),
            hold("4,000 straight instructions", "", Cost(300.0), Yes),
        ],
    },
    Figure {
        name: "text assembly",
        title: "Text assembly",
        about: "From a text file to a file with the instructions: the whole process, time of the \
                processor. Both make the same bytes.",
        picture: Some("text-assembly"),
        holds: &[hold("", "llvm-mc", Ratio(1.0 / 3.0), Within(1.5))],
    },
    Figure {
        name: "interpreter",
        title: "Interpreter",
        about: "Programs without a kernel, in `ebpf_asm::vm` and in rbpf's interpreter.",
        picture: Some("interpreter"),
        holds: &[hold("", "rbpf", Ratio(1.0 / 1.5), Yes)],
    },
    Figure {
        name: "bpf(2) calls",
        title: "bpf(2) calls",
        about: "What it takes to load an object, in a process that has loaded nothing before: \
                counted in the kernel.",
        picture: Some("bpf-calls"),
        holds: &[
            hold("one program", "", Cost(1.0), Yes),
            hold("one program, one map", "", Cost(2.0), Yes),
            hold("20 programs, 10 maps", "", Cost(30.0), Yes),
        ],
    },
    Figure {
        name: "load",
        title: "Loading",
        about: "From nothing to descriptors, in a process that has done it before. ebpf-rt and the \
                raw system calls load the same instructions; libbpf-rs and aya read what clang \
                makes of the same in C. aya reads the kernel's types each time.",
        picture: Some("load"),
        holds: &[hold("", "raw system calls", Ratio(1.05), Within(1.3))],
    },
    Figure {
        name: "map operation",
        title: "Map operations",
        about: "Single operations on a hash map of 100,000 entries with keys of 4 and values of 8 \
                bytes; all use the same map.",
        picture: Some("map-operations"),
        holds: &[hold("", "raw system call", Ratio(1.02), Within(1.15))],
    },
    Figure {
        name: "map iteration",
        title: "Map iteration",
        about: "The same map, entry by entry: two system calls each.",
        picture: Some("map-iteration"),
        holds: &[],
    },
    Figure {
        name: "map batch",
        title: "Map batches",
        about: "All entries of a hash map in few system calls, beside one by one. aya has no \
                batches.",
        picture: Some("map-batch"),
        holds: &[
            hold("", "ebpf-rt, one by one", Ratio(0.1), No),
            hold("", "raw system calls", Ratio(1.1), Within(2.0)),
        ],
    },
    Figure {
        name: "ring buffer",
        title: "Ring buffer",
        about: "Reading records that a program has put into a buffer of 4 MiB; each reader looks \
                at the first byte of each record. A new buffer in each round: where its pages lie \
                in the machine's memory makes a difference.",
        picture: Some("ring-buffer"),
        holds: &[hold("", "libbpf-rs", Ratio(1.05), Within(1.5))],
    },
    Figure {
        name: "instructions in the kernel",
        title: "Programs: instructions",
        about: "The programs of the tools in `examples/`, beside the same in C, made by clang 19 \
                with -O2: how many instructions the kernel has of them in the end, all programs \
                of the tool together.",
        picture: Some("instructions"),
        holds: &[hold("", "clang", Ratio(1.0), Yes)],
    },
    Figure {
        name: "time in the kernel",
        title: "Programs: time",
        about: "How long they run: `BPF_PROG_TEST_RUN` where the kind has it (socket_filter, \
                packets), else by the kernel's statistics while files are opened that there are \
                not. Kprobes and socket verdicts have no test run.",
        picture: Some("program-time"),
        holds: &[],
    },
    Figure {
        name: "kernel type",
        title: "A type of the kernel",
        about: "`task_struct` in the BTF of vmlinux, in a process that has asked for nothing \
                before: reading or mapping the file, and the look-up.",
        picture: Some("kernel-type"),
        holds: &[
            hold("", "libbpf-rs", Ratio(1.0), Yes),
            hold("", "aya-obj", Ratio(1.0), Yes),
        ],
    },
];

/// A hold that is not held.
pub(super) struct Miss<'a> {
    pub(super) figure: &'static Figure,
    pub(super) hold: &'static Hold,
    pub(super) row: &'a Row,
}

impl Results {
    pub(super) fn of(&self, figure: &Figure) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.figure == figure.name)
    }

    /// What is not held of all that is to be.
    pub(super) fn misses(&self) -> Vec<Miss<'_>> {
        self.misses_if(|hold, row| !hold.is_held(row))
    }

    /// What is not even held as CI holds it.
    pub(super) fn misses_in_short(&self) -> Vec<Miss<'_>> {
        self.misses_if(|hold, row| match hold.always {
            Yes => !hold.is_held(row),
            Within(times) => hold.part_of_limit(row) > times,
            No => false,
        })
    }

    fn misses_if(&self, is_missed: impl Fn(&Hold, &Row) -> bool) -> Vec<Miss<'_>> {
        let mut misses = Vec::new();
        for figure in FIGURES {
            for hold in figure.holds {
                for row in self.of(figure) {
                    if hold.is_about(row) && is_missed(hold, row) {
                        misses.push(Miss { figure, hold, row });
                    }
                }
            }
        }
        misses
    }

    /// Of what was to be measured, what is not there and not said to be missing.
    pub(super) fn gaps(&self) -> Vec<String> {
        let is_said = |figure: &Figure| self.missing.iter().any(|(name, _)| name == figure.name);
        let mut gaps = Vec::new();
        for figure in FIGURES.iter().filter(|figure| !is_said(figure)) {
            if self.of(figure).next().is_none() {
                gaps.push(format!("{}: nothing was measured", figure.name));
            }
            for hold in figure.holds {
                if !self.of(figure).any(|row| hold.is_about(row)) {
                    let about = [hold.case, hold.subject].join(" ");
                    gaps.push(format!("{}: there is no number for {about}", figure.name));
                }
            }
        }
        gaps
    }
}
