//! Testing and snapshots.

use crate::{SCRATCH, as_readers, run};
use book_listings::{Reader, assert_output, listing, read};
use kernel_test::{Need, Suite};
use std::process::Output;

pub(crate) fn add(suite: &mut Suite) {
    listings!(suite, "testing", &[], "coverage");
    suite.test("testing::fault", &[], || {
        let printed = run("testing", "fault");
        let printed = String::from_utf8_lossy(&printed.stdout);
        let printed = as_readers("testing", "fault", &printed);
        assert_output("testing/fault.out", &printed, str::to_owned);
    });
    listings!(suite, "testing", &[Need::Root], "main" "test-run");
    let needs = &[Need::Toolchain];
    suite.test("testing::the_tests_pass", needs, the_tests_pass);
    suite.test(
        "testing::the_difference_is_one_line",
        needs,
        the_difference_is_one_line,
    );
}

/// `cargo test` in a package outside of the workspace with this listing and the snapshot that
/// the chapter shows.
fn cargo_test(name: &str) -> Output {
    let reader = Reader::new(
        SCRATCH,
        &format!("testing-{name}"),
        "testing/Cargo.toml",
        &format!("testing/{name}.rs"),
    );
    let snapshot = read(&listing("testing/listing.snap"));
    reader.add("src/snapshots/first__tests__listing.snap", &snapshot);
    reader.cargo("test")
}

fn the_tests_pass() {
    let output = cargo_test("main");
    let (printed, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{printed}{errors}");
    assert!(!errors.contains("warning"), "{errors}");
    // The tests run at the same time: their order is chance.
    let mut lines: Vec<&str> = printed
        .lines()
        .filter(|line| line.starts_with("test tests::"))
        .collect();
    lines.sort_unstable();
    assert_output(
        "testing/tests.out",
        &(lines.join("\n") + "\n"),
        str::to_owned,
    );
}

/// One instruction that is another is one line.
fn the_difference_is_one_line() {
    let output = cargo_test("changed");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{printed}");
    let difference: Vec<&str> = printed
        .lines()
        .skip_while(|line| !line.contains('\u{252c}'))
        .filter(|line| line.contains('\u{2502}'))
        .map(str::trim_end)
        .collect();
    let marked = |sign: &str| {
        let sign = format!("\u{2502}{sign}");
        difference
            .iter()
            .filter(|line| line.contains(&sign))
            .count()
    };
    assert_eq!((marked("-"), marked("+")), (1, 1), "{printed}");
    assert_output(
        "testing/changed.out",
        &(difference.join("\n") + "\n"),
        str::to_owned,
    );
}
