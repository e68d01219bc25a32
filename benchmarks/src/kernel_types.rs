//! The look-up of one type in the kernel's BTF from cold: a process that has asked for nothing
//! before, timed inside of it.

use crate::child;
use benchmarks::rounds::{Effort, Result, Side, compare, nanoseconds};

/// In the middle of the kernel's types.
const TYPE: &str = "task_struct";

pub fn run(effort: Effort) -> Result<()> {
    let side = |name, who| {
        Side::new(name, move || {
            let answer = child::run("kernel-type", who)?;
            let time: f64 = answer.trim().parse()?;
            Ok(time / 1e3)
        })
    };
    compare(
        "kernel type",
        "task_struct in vmlinux, from cold",
        "µs",
        effort.rounds(41),
        vec![
            side("ebpf-rt", "ebpf-rt"),
            side("libbpf-rs", "libbpf-rs"),
            side("aya-obj", "aya-obj"),
        ],
    )
}

/// In the child: looks it up and prints the nanoseconds.
pub fn look_up(who: &str) -> Result<()> {
    let mut id = 0;
    let time = nanoseconds(|| {
        id = match who {
            "ebpf-rt" => {
                let btf = ebpf_rt::kernel_btf::vmlinux()?;
                btf.find(TYPE, ebpf_rt::btf::Kind::Struct)?.get()
            }
            "libbpf-rs" => {
                let btf = libbpf_rs::btf::Btf::from_vmlinux()?;
                let found: Option<libbpf_rs::btf::types::Struct<'_>> = btf.type_by_name(TYPE);
                let found = found.ok_or("libbpf does not find it")?;
                u32::from(libbpf_rs::btf::TypeId::from(found.type_id()))
            }
            "aya-obj" => {
                let btf = aya_obj::btf::Btf::from_sys_fs()?;
                btf.id_by_type_name_kind(TYPE, aya_obj::btf::BtfKind::Struct)?
            }
            other => return Err(format!("nobody is called {other}").into()),
        };
        Ok(())
    })?;
    assert_ne!(id, 0, "the type has a number");
    println!("{time}");
    Ok(())
}
