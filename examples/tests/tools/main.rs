//! Runs every tool on the kernel of this machine.
#![allow(clippy::unwrap_used, reason = "tests, which fail by panicking")]

mod custom_helpers;
mod failures;
mod openat;
mod opens_by_user;
mod packets;
mod ring_buf_tokio;
mod socket_filter;
mod support;
mod unit_test;
mod vm_plugin;

use kernel_test::{Need, Suite};

fn main() -> std::process::ExitCode {
    let mut suite = Suite::new();
    let root = &[Need::Root, Need::Kernel(5, 10)];
    let trace = &[
        Need::Root,
        Need::Kernel(5, 10),
        Need::Other(support::tracing_on),
    ];
    suite
        .test("socket_filter::hello", root, socket_filter::hello)
        .programs(&["socket_filter"]);
    suite
        .test("openat::calls", root, openat::calls)
        .programs(&["raw_tracepoint"])
        .maps(&["hash", "percpu_array"]);
    suite.test("openat::trace", trace, openat::trace);
    suite.test("openat::stack", trace, openat::stack);
    suite.test("openat::bad_paths", root, openat::bad_paths);
    suite.test("openat::loses_nothing_silently", root, openat::losses);
    suite.test("openat::count", root, openat::count);
    suite.test("openat::reader_goes_away", root, openat::reader_goes_away);
    suite
        .test("opens_by_user::once", root, opens_by_user::once)
        .programs(&["tracepoint"])
        .maps(&["hash"]);
    suite.test("opens_by_user::again", root, opens_by_user::again);
    suite
        .test("packets::once", root, packets::once)
        .programs(&["socket_filter"])
        .maps(&["array"]);
    suite.test("packets::again", root, packets::again);
    suite
        .test("ring_buf_tokio::execs", root, ring_buf_tokio::execs)
        .programs(&["tracepoint"])
        .maps(&["ringbuf"]);
    suite.test(
        "opens_by_user::without_a_kernel",
        root,
        opens_by_user::without_a_kernel,
    );
    suite.test("custom_helpers::calls", &[], custom_helpers::calls);
    suite.test("vm_plugin::protocol", &[], vm_plugin::protocol);
    suite.test("vm_plugin::errors", &[], vm_plugin::errors);
    suite.test("failures::help", &[], failures::help);
    suite.test("failures::usage", &[], failures::usage);
    suite.test("failures::nobody", root, failures::nobody);
    suite.test("failures::one_missing", root, failures::one_missing);
    suite.test("failures::killed", root, failures::killed);
    suite.test("failures::interrupted", root, failures::interrupted);
    let toolchain = &[Need::Toolchain];
    suite.test(
        "unit_test::is_what_the_readme_shows",
        toolchain,
        unit_test::is_what_the_readme_shows,
    );
    suite.test(
        "unit_test::passes_for_nobody",
        toolchain,
        unit_test::passes_for_nobody,
    );
    suite.run()
}
