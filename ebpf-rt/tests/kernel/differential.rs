//! The interpreter against the running kernel: random programs that the kernel accepts leave the
//! same behind. `cargo xtask differential` is the long form.

use ebpf_rt::KernelVersion;
use kernel_test::{Need, Suite, kernel_version};
use program_generator::{Comparison, Coverage, Generator, Verdict};

const PROGRAMS: u32 = 400;
/// How many of them the kernel may refuse: for its patience, not for their types.
const REFUSED: u32 = 8;

pub(crate) fn add(suite: &mut Suite) {
    let needs = &[Need::Root, Need::Kernel(5, 10)];
    suite.test("differential::random_programs", needs, random_programs);
}

fn random_programs() {
    let (major, minor) = kernel_version();
    let kernel = KernelVersion::new(major, minor);
    let comparison = Comparison::new().unwrap();
    let mut generator = Generator::new(1, kernel);
    let mut coverage = Coverage::default();
    let mut refused = 0;
    for number in 0..PROGRAMS {
        let program = generator.next_program();
        match comparison.compare(&program, &mut coverage).unwrap() {
            Verdict::Same => {}
            Verdict::Refused => {
                refused += 1;
                assert!(
                    refused <= REFUSED,
                    "program {number} is refused as well:\n{}",
                    comparison.log(&program)
                );
            }
            Verdict::Different(what) => panic!("program {number}: {what}"),
        }
    }
    let missing: Vec<_> = coverage.missing(kernel).collect();
    assert_eq!(missing, [""; 0], "no program has executed these");
}
