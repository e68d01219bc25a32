//! The checker against this kernel: what it refuses, the kernel refuses.

use kernel_test::differential::Comparison;
use kernel_test::{Need, Suite};

/// As many programs as take a second or two; `cargo xtask check-differential` makes more.
const PROGRAMS: u32 = 3000;
/// Predictions take longer, in the guests most of all.
const PREDICTED: u32 = 1000;

pub(crate) fn add(suite: &mut Suite) {
    suite.test("check::no_false_alarm", &[Need::Root], no_false_alarm);
    suite.test("check::seeds", &[Need::Root], seeds);
    suite.test("check::predictions", &[Need::Root], predictions);
}

/// What is predicted of this kernel is right, but for one program in a hundred that it accepts, or
/// two before 6.8, whose bounds are derived otherwise: nobody has read each kernel's rules. On 6.18
/// all are right.
fn predictions() {
    let mut comparison = Comparison::new(2, Vec::new());
    let (mut accepted, mut right, mut wrong) = (0, 0, Vec::new());
    for number in 0..PREDICTED {
        let sample = match number % 2 {
            0 => comparison.make_of_ranges(),
            _ => comparison.make(),
        };
        let verdicts = comparison.judge(&sample).expect("the maps");
        accepted += u32::from(verdicts.accepted);
        right += u32::from(!verdicts.accepted && !verdicts.predictions.is_empty());
        if verdicts.is_wrong_prediction() {
            println!("program {number}: {:?}", verdicts.predictions);
            wrong.push(number);
        }
    }
    println!("{right} right, wrong: {wrong:?}, of {accepted} accepted");
    let forgiven = match kernel_test::kernel_version() {
        (6, 18) => 0,
        version if version < (6, 8) => accepted / 50,
        _ => accepted / 100,
    };
    assert!(wrong.len() as u32 <= forgiven, "wrong: {wrong:?}");
    // Else the comparison would say nothing.
    assert!(right > PREDICTED / 4, "{right} of {PREDICTED} are refused");
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
