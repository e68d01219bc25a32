//! The kernel's own types.

use ebpf_rt::btf::{Btf, Definition, Kind, TypeId};
use ebpf_rt::{ErrorKind, kernel_btf};
use kernel_test::{Need, Suite};
use std::time::{Duration, Instant};

pub(crate) fn add(suite: &mut Suite) {
    const BTF: &[Need] = &[Need::Config("CONFIG_DEBUG_INFO_BTF")];
    suite.test("kernel_btf::vmlinux", BTF, vmlinux);
    suite.test("kernel_btf::every_type_is_read", BTF, every_type_is_read);
    suite.test(
        "kernel_btf::one_look_up_is_quick",
        BTF,
        one_look_up_is_quick,
    );
    suite.test("kernel_btf::modules", &[Need::Root, BTF[0]], modules);
    suite.test("kernel_btf::without_a_module", BTF, without_a_module);
}

fn vmlinux() {
    let btf = kernel_btf::vmlinux().unwrap();
    assert!(
        std::ptr::eq(btf, kernel_btf::vmlinux().unwrap()),
        "it is kept"
    );
    let task = btf.find("task_struct", Kind::Struct).unwrap();
    assert!(btf.size_of(task).unwrap() > 1000);
    let pid = btf.member(task, "pid").unwrap();
    assert_eq!((pid.bit_offset % 32, btf.size_of(pid.ty)), (0, Ok(4)));
    let comm = btf.member(task, "comm").unwrap();
    assert_eq!(btf.c_name(comm.ty).unwrap(), "char [16]");
    let fifth = btf.member(task, "comm[5]").unwrap();
    assert_eq!(fifth.bit_offset, comm.bit_offset + 40);
    // A bit field, and one in an anonymous struct or union.
    let field = btf.member(task, "sched_reset_on_fork").unwrap();
    assert_eq!(field.bit_size, Some(1));
    let error = btf.member(task, "mm.owner").unwrap_err().to_string();
    assert!(
        error.starts_with("`mm` is a pointer (to `struct mm_struct`)"),
        "{error}"
    );
    // In an anonymous union.
    let sk_buff = btf.find("sk_buff", Kind::Struct).unwrap();
    assert!(btf.member(sk_buff, "dev").is_ok());

    let ids = btf.find_enum("bpf_func_id").unwrap();
    assert_eq!(
        btf.enum_value(ids, "BPF_FUNC_map_update_elem")
            .unwrap()
            .value,
        2
    );
    let function = btf.find("bpf_prog_put", Kind::Func).unwrap();
    let prototype = btf.function_prototype(function).unwrap();
    let parameters: Vec<_> = prototype.parameters.map(Result::unwrap).collect();
    assert_eq!(parameters.len(), 1);
    assert_eq!(btf.c_name(parameters[0].ty).unwrap(), "struct bpf_prog *");
    assert!(prototype.result.is_void());
}

fn every_type_is_read() {
    let btf = kernel_btf::vmlinux().unwrap();
    let mut kinds = [0; 32];
    for id in btf.own_ids() {
        let ty = btf.get(id).unwrap();
        kinds[btf.kind(id).unwrap().unwrap().as_raw() as usize] += 1;
        match ty.definition {
            Definition::Struct { size, members } | Definition::Union { size, members } => {
                for member in members {
                    let member = member.unwrap();
                    assert!(member.bit_offset <= size * 8, "{}.{}", ty.name, member.name);
                    btf.kind(member.ty).unwrap();
                }
            }
            // Those that are only declared have no values.
            Definition::Enum { values, .. } => assert!(values.map(Result::unwrap).count() < 10_000),
            Definition::Func { .. } => {
                let prototype = btf.function_prototype(id).unwrap();
                assert!(prototype.parameters.map(Result::unwrap).count() < 64);
                assert_eq!(prototype.name, ty.name);
            }
            Definition::Datasec { variables, .. } => {
                for variable in variables {
                    let variable = variable.unwrap();
                    assert_eq!(btf.kind(variable.ty), Ok(Some(Kind::Var)));
                    btf.size_of(variable.ty).ok();
                }
            }
            _ => {}
        }
        btf.c_name(id).unwrap();
    }
    // A kernel without any of these would not be one.
    let some = [
        Kind::Int,
        Kind::Ptr,
        Kind::Array,
        Kind::Struct,
        Kind::Union,
        Kind::Enum,
    ];
    for kind in some
        .into_iter()
        .chain([Kind::Typedef, Kind::Func, Kind::FuncProto])
    {
        assert!(kinds[kind.as_raw() as usize] > 10, "{kind}: {kinds:?}");
    }
}

/// Everything from the bytes to the number of a type: the whole of what a program pays that asks
/// once.
fn one_look_up_is_quick() {
    let bytes = std::fs::read("/sys/kernel/btf/vmlinux").unwrap();
    let start = Instant::now();
    let mut found = TypeId::VOID;
    const RUNS: u32 = 5;
    for _ in 0..RUNS {
        let btf = Btf::parse(&bytes).unwrap();
        found = btf.find("task_struct", Kind::Struct).unwrap();
    }
    let one = start.elapsed() / RUNS;
    assert_ne!(found, TypeId::VOID);
    // Without optimisation, and in guests that are emulated, it takes ten times and more.
    let slow = if cfg!(debug_assertions) { 25 } else { 1 };
    println!("one look-up: {one:?}");
    assert!(one < Duration::from_millis(20) * slow, "{one:?}");
}

fn modules() {
    let names = kernel_btf::module_names().unwrap();
    let modules = kernel_btf::modules().unwrap();
    let mut found: Vec<_> = modules.iter().map(|module| module.name()).collect();
    found.sort_unstable();
    assert_eq!(found, names);
    let vmlinux = kernel_btf::vmlinux().unwrap();
    for module in &modules {
        let by_descriptor = module.read().unwrap();
        let by_name = kernel_btf::module(module.name()).unwrap();
        assert_eq!(by_descriptor.bytes(), by_name.bytes());
        assert_eq!(by_name.own_ids().next().unwrap().get(), vmlinux.end_id());
        for id in by_name.own_ids() {
            by_name.c_name(id).unwrap();
        }
    }
}

fn without_a_module() {
    let error = kernel_btf::module("no_such_module").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
