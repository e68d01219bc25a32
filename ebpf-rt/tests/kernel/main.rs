//! The tests of the runtime on the running kernel.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod at_modules;
mod at_programs;
mod btf;
mod by_btf;
mod check;
mod common;
mod differential;
mod endurance;
mod features;
mod functions;
mod guards;
#[path = "../hand_expanded.rs"]
mod hand_expanded;
mod isa;
mod iter;
mod kernel_btf;
mod kernel_symbols;
mod load;
mod logs;
mod map_kinds;
mod maps;
mod messages;
mod pins;
mod privileges;
mod programs;
mod records;
mod rejections;
mod remedies;
mod ring_buf;
mod sockmaps;
mod storages;
mod struct_ops;
mod text_object;
mod tracing;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod usdt;

fn main() -> std::process::ExitCode {
    let mut suite = kernel_test::Suite::new();
    differential::add(&mut suite);
    at_modules::add(&mut suite);
    at_programs::add(&mut suite);
    btf::add(&mut suite);
    by_btf::add(&mut suite);
    check::add(&mut suite);
    endurance::add(&mut suite);
    features::add(&mut suite);
    functions::add(&mut suite);
    guards::add(&mut suite);
    isa::add(&mut suite);
    iter::add(&mut suite);
    kernel_btf::add(&mut suite);
    kernel_symbols::add(&mut suite);
    load::add(&mut suite);
    logs::add(&mut suite);
    map_kinds::add(&mut suite);
    maps::add(&mut suite);
    messages::add(&mut suite);
    pins::add(&mut suite);
    privileges::add(&mut suite);
    programs::add(&mut suite);
    rejections::add(&mut suite);
    records::add(&mut suite);
    remedies::add(&mut suite);
    ring_buf::add(&mut suite);
    sockmaps::add(&mut suite);
    storages::add(&mut suite);
    struct_ops::add(&mut suite);
    tracing::add(&mut suite);
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    usdt::add(&mut suite);
    suite.test(
        "hand_expanded::skeleton",
        &[kernel_test::Need::Root],
        || {
            hand_expanded::use_of_the_skeleton().unwrap();
        },
    );
    suite.run()
}
