//! The checker against this kernel: what it refuses, the kernel refuses.

use kernel_test::differential::Comparison;
use kernel_test::{Need, Suite};

/// As many programs as take a second or two; `cargo xtask check-differential` makes more.
const PROGRAMS: u32 = 3000;

pub(crate) fn add(suite: &mut Suite) {
    suite.test("check::no_false_alarm", &[Need::Root], no_false_alarm);
    suite.test("check::seeds", &[Need::Root], seeds);
}

fn no_false_alarm() {
    let mut comparison = Comparison::new(1, Vec::new());
    let (mut accepted, mut found) = (0, 0);
    for number in 0..PROGRAMS {
        let sample = comparison.make();
        let verdicts = comparison.judge(&sample).expect("the maps");
        assert!(
            !verdicts.is_false_alarm(),
            "program {number}: {sample:#?}\n{:#?}\n{}",
            verdicts.findings,
            comparison.log(&sample).expect("the maps")
        );
        accepted += u32::from(verdicts.accepted);
        found += u32::from(!verdicts.findings.is_empty());
    }
    // Else the comparison would say nothing.
    assert!(
        accepted > PROGRAMS / 10,
        "{accepted} of {PROGRAMS} are accepted"
    );
    assert!(
        found > PROGRAMS / 4,
        "{found} of {PROGRAMS} are refused by the checker"
    );
}

/// What the programs are made from is right, by both; kernels may lack a helper.
fn seeds() {
    let mut comparison = Comparison::new(1, Vec::new());
    for sample in comparison.seeds().to_vec() {
        let verdicts = comparison.judge(&sample).expect("the maps");
        assert_eq!(verdicts.findings, [], "{sample:#?}");
        if kernel_test::kernel_version() >= (6, 18) {
            assert!(
                verdicts.accepted,
                "{sample:#?}\n{}",
                comparison.log(&sample).expect("the maps")
            );
        }
    }
}
