//! Tracing system calls.

use crate::{as_readers, refused, run};
use book_listings::assert_output;
use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    const ROOT: &[Need] = &[Need::Root];
    listings!(suite, "tracing", ROOT, "nothing" "address" "path" "map" "masked" "compared" "flags" "unbounded");
    let needs = &[Need::Root, Need::Kernel(6, 14)];
    listings!(suite, "tracing", needs, "no-null-check");
    let knows = "later ones know that an array has a value for a constant key";
    let needs = &[Need::Root, Need::KernelBefore(6, 14, knows)];
    suite.test("tracing::no_null_check_before_6.14", needs, || {
        refuses("no-null-check", "no-null-check-before");
    });
    let needs = &[Need::Root, Need::Toolchain];
    suite.test("tracing::negative", needs, || {
        refused("tracing", "negative")
    });
}

/// What a listing prints whose program this kernel refuses, with the reader's place in it.
fn refuses(name: &str, output: &str) {
    let printed = run("tracing", name);
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    let printed = as_readers("tracing", name, &printed);
    // What a helper could have been given is another list on every kernel.
    let name = format!("tracing/{output}.out");
    assert_output(&name, &printed, |text| {
        let Some((reason, rest)) = text.split_once(" expected=") else {
            return text.to_owned();
        };
        let (_, place) = rest.split_once(" at ").unwrap_or_default();
        format!("{reason} at {place}")
    });
}
