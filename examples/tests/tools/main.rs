//! Runs every tool on the kernel of this machine.
#![allow(clippy::unwrap_used, reason = "tests, which fail by panicking")]

mod custom_helpers;
mod exec_events;
mod execs_by_user;
mod execsnoop;
mod failures;
mod hello_kprobe;
mod openat;
mod opens_by_user;
mod opensnoop;
mod packets;
mod profile;
mod ring_buf_tokio;
mod runqlat;
mod socket_filter;
mod stream_verdict;
mod support;
mod tail_calls;
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
    suite.test("socket_filter::log", root, socket_filter::log);
    suite
        .test(
            "stream_verdict::drops_foobar",
            &[Need::Root, Need::Kernel(5, 17)],
            stream_verdict::drops_foobar,
        )
        .programs(&["sk_skb_stream_verdict"])
        .maps(&["array", "sockmap"]);
    suite
        .test(
            "stream_verdict::drops_foobar_by_kfunc",
            &[Need::Root, Need::Kernel(6, 17)],
            stream_verdict::drops_foobar_by_kfunc,
        )
        .programs(&["sk_skb_stream_verdict"])
        .maps(&["array", "sockmap"]);
    suite
        .test("openat::calls", root, openat::calls)
        .programs(&["raw_tracepoint"])
        .maps(&["hash", "percpu_array"]);
    let kprobes = &[
        Need::Root,
        Need::Kernel(5, 10),
        Need::Matrix(support::has_kprobes),
    ];
    let trace_of_kprobes = &[
        Need::Root,
        Need::Kernel(5, 10),
        Need::Matrix(support::has_kprobes),
        Need::Other(support::tracing_on),
    ];
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
    suite.test("hello_kprobe::hello", trace_of_kprobes, hello_kprobe::hello);
    suite.test("execs_by_user::once", kprobes, execs_by_user::once);
    suite.test("execs_by_user::json", kprobes, execs_by_user::json);
    suite.test("exec_events::events", kprobes, exec_events::events);
    suite.test("exec_events::json", kprobes, exec_events::json);
    suite.test("tail_calls::by_number", root, tail_calls::by_number);
    suite.test(
        "tail_calls::without_a_program",
        root,
        tail_calls::without_a_program,
    );
    suite.test("execsnoop::arguments", root, execsnoop::arguments);
    suite.test("execsnoop::failed", root, execsnoop::failed);
    suite.test("execsnoop::json", root, execsnoop::json);
    suite.test("execsnoop::long_arguments", root, execsnoop::long_arguments);
    suite.test("execsnoop::one_user", root, execsnoop::one_user);
    suite.test("opensnoop::calls", root, opensnoop::calls);
    suite.test("opensnoop::kinds", root, opensnoop::kinds);
    suite.test("opensnoop::filters", root, opensnoop::filters);
    suite.test("opensnoop::loses_nothing_silently", root, opensnoop::losses);
    suite.test("runqlat::one_thread", root, runqlat::one_thread);
    suite.test("runqlat::drawn", root, runqlat::drawn);
    suite.test("profile::names", root, profile::names);
    suite.test("profile::everything", root, profile::everything);
    suite.test("failures::help", &[], failures::help);
    suite.test("failures::usage", &[], failures::usage);
    suite.test("failures::nobody", root, failures::nobody);
    suite.test("failures::one_missing", root, failures::one_missing);
    suite.test("failures::killed", root, failures::killed);
    suite.test(
        "failures::killed_kprobes",
        kprobes,
        failures::killed_kprobes,
    );
    suite.test(
        "failures::killed_at_any_time",
        root,
        failures::killed_at_any_time,
    );
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
    suite.test(
        "failures::interrupted_kprobes",
        kprobes,
        failures::interrupted_kprobes,
    );
    suite.test("failures::no_kprobes", root, failures::no_kprobes);
    suite.test(
        "failures::all_tools_are_tested",
        &[Need::Toolchain],
        failures::all_tools_are_tested,
    );
    suite.run()
}
