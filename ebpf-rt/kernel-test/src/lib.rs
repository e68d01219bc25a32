//! The harness of the tests that need a kernel.
//!
//! A test says what it needs. What this machine does not have makes the test *ignored*, with
//! the reason; the end of the run says how many ran and names those that could not. With
//! `EBPF_REQUIRE=kernel` in the environment a test that could not run fails the run, unless what
//! it lacks is for the kernel matrix ([`Need::Matrix`]), or the kernel is too new.
//!
//! `cargo xtask kernels` runs the same test binaries on other kernels, one test in a process, and
//! reads what became of each from a [report].
//!
//! After each test the descriptors of the process and the programs, maps, links and types in the
//! kernel are compared with what there was before: a test that leaves something behind fails.
//!
//! Some tests have to be another user or have fewer capabilities. They start the test binary
//! again as a [child](Child), so that the privileges are dropped in a process of its own.
//!
//! ```no_run
//! use kernel_test::{Need, Suite};
//!
//! fn main() -> std::process::ExitCode {
//!     let mut suite = Suite::new();
//!     suite.test("maps::array", &[Need::Root], || { /* panics if it fails */ });
//!     suite.run()
//! }
//! ```

pub mod bpf;
mod child;
pub mod contexts;
mod coverage;
pub mod differential;
mod example;
pub mod leaks;
mod need;
mod probe;
pub mod report;
pub mod trace;

pub use child::Child;
pub use coverage::{COVERAGE, Coverage};
pub use example::{can_run_example, cgroup2, for_the_matrix, has_bpf_lsm, has_kprobes};
pub use need::{NO_TOOLCHAIN, Need, kernel_version};
pub use probe::{bind_shared, handle_request};

use leaks::{Before, Verdict};
use libtest_mimic::{Arguments, Completion, Trial};
use report::Outcome;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// The tests of a binary, and what its children do.
#[derive(Default)]
pub struct Suite {
    trials: Vec<Trial>,
    children: Vec<(&'static str, fn())>,
    left_out: Arc<Mutex<Vec<LeftOut>>>,
    /// Tests after which something new was in the kernel that may be another process's.
    undecided: Arc<Mutex<Vec<&'static str>>>,
    coverage: Vec<Coverage>,
}

/// A test that could not run.
struct LeftOut {
    name: String,
    reason: String,
    for_the_matrix: bool,
}

impl Suite {
    /// No tests.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a test, which fails by panicking. What it gives takes what the test covers.
    pub fn test(&mut self, name: &'static str, needs: &[Need], test: fn()) -> &mut Coverage {
        let needs = needs.to_vec();
        let left_out = Arc::clone(&self.left_out);
        let undecided = Arc::clone(&self.undecided);
        self.trials.push(Trial::ignorable_test(name, move || {
            let missing = needs
                .iter()
                .find_map(|need| Some((need.missing()?, need.is_for_the_matrix())));
            match missing {
                None => {
                    let before = Before::now();
                    let caught = std::panic::catch_unwind(test);
                    // A failed test may have left whatever it was at.
                    let verdict = caught.as_ref().ok().map(|()| before.compare());
                    let outcome = match (&caught, &verdict) {
                        (Err(payload), _) => Outcome::Failed(report::message_of(&**payload)),
                        (Ok(()), Some(Verdict::Leak(what))) => Outcome::Failed(what.clone()),
                        (Ok(()), _) => Outcome::Passed,
                    };
                    report::add(name, &outcome)?;
                    match (caught, verdict) {
                        (Err(payload), _) => std::panic::resume_unwind(payload),
                        (Ok(()), Some(Verdict::Leak(what))) => Err(what.into()),
                        (Ok(()), Some(Verdict::Undecided)) => {
                            let mut undecided = undecided.lock().map_err(|e| e.to_string())?;
                            undecided.push(name);
                            Ok(Completion::Completed)
                        }
                        (Ok(()), _) => Ok(Completion::Completed),
                    }
                }
                Some((reason, for_the_matrix)) => {
                    report::add(name, &Outcome::Ignored(reason.clone()))?;
                    let mut left_out = left_out.lock().map_err(|error| error.to_string())?;
                    left_out.push(LeftOut {
                        name: name.to_owned(),
                        reason: reason.clone(),
                        for_the_matrix,
                    });
                    Ok(Completion::ignored_with(reason))
                }
            }
        }));
        let last = self.coverage.len();
        self.coverage.push(Coverage::new(name));
        &mut self.coverage[last]
    }

    /// Adds what the binary does when it is started as a [`Child`] of this name.
    pub fn child(&mut self, name: &'static str, run: fn()) {
        self.children.push((name, run));
    }

    /// Runs the tests that the command line asks for, or the child that this process is.
    #[must_use]
    pub fn run(self) -> ExitCode {
        if let Some(name) = child::requested() {
            return child::run(&name, &self.children);
        }
        if coverage::is_asked_for() {
            print!("{}", coverage::text(&self.coverage));
            return ExitCode::SUCCESS;
        }
        report::begin();
        let mut arguments = Arguments::from_args();
        // Tests count events of the whole machine, and the kernel is one.
        arguments.test_threads.get_or_insert(1);
        let listing = arguments.list;
        let conclusion = libtest_mimic::run(&arguments, self.trials);
        if listing {
            return ExitCode::SUCCESS;
        }
        let left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        let undecided = self
            .undecided
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !undecided.is_empty() {
            println!(
                "others use eBPF on this machine: whether these left something in the kernel is \
                 not known: {}",
                undecided.join(", ")
            );
        }
        println!(
            "kernel tests: {} ran, {} could not run",
            conclusion.num_passed + conclusion.num_failed,
            left_out.len()
        );
        for LeftOut { name, reason, .. } in left_out.iter() {
            println!("  {name}: {reason}");
        }
        let required = std::env::var("EBPF_REQUIRE").is_ok_and(|what| what == "kernel");
        if required && left_out.iter().any(|test| !test.for_the_matrix) {
            println!("EBPF_REQUIRE=kernel: every kernel test has to run");
            return ExitCode::FAILURE;
        }
        conclusion.exit_code()
    }
}
