use super::*;
use ArgumentKind as A;

/// Every form of every helper, with its helper.
fn forms() -> impl Iterator<Item = (&'static Helper, Variant)> {
    ALL.iter().flat_map(|helper| {
        let common = Variant {
            program_types: helper.program_types,
            signature: helper.signature,
            args: helper.args,
            ret: helper.ret,
            gpl_only: helper.gpl_only,
        };
        core::iter::once(common)
            .chain(helper.variants.iter().copied())
            .map(move |form| (helper, form))
    })
}

/// How many parameters a prototype names, and whether more may follow.
fn parameters(signature: &str) -> (usize, bool) {
    let (_, list) = signature.split_once('(').unwrap();
    let list = list.strip_suffix(')').unwrap();
    if list == "void" {
        return (0, false);
    }
    let fixed = list.split(',').filter(|&part| part.trim() != "...").count();
    (fixed, list.ends_with("..."))
}

#[test]
fn ids_are_dense_and_lookups_agree() {
    assert!(ALL.len() >= 211);
    for (helper, id) in ALL.iter().zip(1..) {
        assert_eq!(helper.id, id, "{}", helper.name);
        assert_eq!(by_id(id), Some(helper));
        assert_eq!(by_name(helper.name), Some(helper));
        assert!(helper.name.starts_with("bpf_"), "{}", helper.name);
    }
    assert_eq!(by_id(0), None);
    assert_eq!(by_id(ALL.len() as u32 + 1), None);
    assert_eq!(by_id(u32::MAX), None);
    for absent in [
        "",
        "bpf_",
        "bpf_zzz",
        "map_lookup_elem",
        "BPF_LOOP",
        "bpf_loop ",
    ] {
        assert_eq!(by_name(absent), None, "{absent}");
    }
}

#[test]
fn names_are_indexed_in_order() {
    let names = table::BY_NAME.map(|at| ALL[usize::from(at)].name);
    assert!(names.is_sorted_by(|a, b| a < b));
}

#[test]
fn every_helper_is_described_in_one_line() {
    for helper in ALL {
        assert!(
            helper.doc.len() > 20 && helper.doc.ends_with('.'),
            "{}",
            helper.name
        );
        assert!(!helper.doc.contains('\n') && !helper.signature.contains('\n'));
        let same = |other: &&Helper| other.doc == helper.doc;
        assert_eq!(
            ALL.iter().filter(same).count(),
            1,
            "{}: {}",
            helper.name,
            helper.doc
        );
    }
}

#[test]
fn versions_are_plausible() {
    for helper in ALL {
        assert!(helper.since >= KernelVersion::new(3, 19), "{}", helper.name);
        assert!(helper.since <= KernelVersion::new(6, 2), "{}", helper.name);
    }
    // Ids are given out in the order of merging.
    for pair in ALL.windows(2) {
        assert!(
            pair[0].since <= pair[1].since,
            "{} after {}",
            pair[1].name,
            pair[0].name
        );
    }
}

#[test]
fn arguments_match_prototypes() {
    for (helper, form) in forms() {
        let name = helper.name;
        let (count, variadic) = parameters(form.signature);
        assert!(form.args.len() <= 5, "{name}");
        if form == helper.form(ProgramType::Ext) || form.signature != helper.signature {
            assert_eq!(form.args.len(), count, "{name}");
        }
        assert_eq!(variadic, helper.is_variadic(), "{name}");
        assert!(form.signature.contains(name), "{name}");
        let (_, mut rest) = form.signature.split_once('(').unwrap();
        for arg in form.args {
            assert!(!arg.name.is_empty() && !arg.c_type.is_empty(), "{name}");
            let at = rest.find(arg.c_type).unwrap();
            rest = &rest[at + arg.c_type.len()..];
            assert!(
                rest.trim_start().starts_with(arg.name),
                "{name}: {}",
                arg.name
            );
        }
        let returns_void = form.signature.starts_with("void bpf_");
        if form.ret.kind == ReturnKind::Void {
            // Some are declared to return a number and never do.
            assert!(
                returns_void || form.signature.starts_with("long "),
                "{name}"
            );
        }
    }
}

#[test]
fn sizes_follow_memory() {
    for (helper, form) in forms() {
        let name = helper.name;
        for (at, arg) in form.args.iter().enumerate() {
            let next = form.args.get(at + 1);
            if arg.kind == A::PtrToMem {
                let sized = next.is_some_and(|next| next.kind.is_size());
                assert!(sized != arg.size.is_some(), "{name}: {}", arg.name);
                let direction = arg.flags.contains(ArgumentFlags::READ_ONLY)
                    != arg.flags.contains(ArgumentFlags::WRITE);
                assert!(direction, "{name}: {}", arg.name);
            } else {
                assert_eq!(arg.size, None, "{name}: {}", arg.name);
            }
            if arg.kind.is_size() {
                assert!(
                    at > 0 && form.args[at - 1].kind == A::PtrToMem,
                    "{name}: {}",
                    arg.name
                );
            }
            if matches!(arg.kind, A::PtrToMapKey | A::PtrToMapValue) {
                let map = form.args[..at].iter().any(|arg| arg.kind == A::ConstMapPtr);
                assert!(map, "{name}: {}", arg.name);
            }
        }
    }
}

#[test]
fn pointers_to_types_name_them() {
    for (helper, form) in forms() {
        for arg in form.args {
            // bpf_kptr_xchg takes whatever type the place in the map holds.
            let typed = arg.kind == A::PtrToBtfId && helper.name != "bpf_kptr_xchg";
            assert_eq!(
                typed,
                arg.btf_type.is_some(),
                "{}: {}",
                helper.name,
                arg.name
            );
        }
        let typed = form.ret.kind == ReturnKind::PtrToBtfId && helper.name != "bpf_kptr_xchg";
        assert_eq!(typed, form.ret.btf_type.is_some(), "{}", helper.name);
    }
}

#[test]
fn variants_differ_and_lie_within_the_helper() {
    for helper in ALL {
        let types = helper.program_types;
        assert!(!types.is_empty(), "{}", helper.name);
        assert!(!types.contains(ProgramType::Ext), "{}", helper.name);
        let mut seen = 0;
        for variant in helper.variants {
            let bits = variant.program_types.bits();
            assert_eq!(bits & !types.bits(), 0, "{}", helper.name);
            assert_eq!(bits & seen, 0, "{}: one form per type", helper.name);
            seen |= bits;
            let same = variant.args == helper.args && variant.gpl_only == helper.gpl_only;
            assert!(!same, "{}", helper.name);
        }
        assert_ne!(
            seen,
            types.bits(),
            "{}: nobody has the common form",
            helper.name
        );
    }
}

#[test]
fn references_pair_up() {
    let acquiring = |helper: &&Helper| helper.ret.flags.contains(ReturnFlags::ACQUIRE);
    let names: alloc::vec::Vec<_> = ALL
        .iter()
        .filter(acquiring)
        .map(|helper| helper.name)
        .collect();
    assert_eq!(
        names,
        [
            "bpf_sk_lookup_tcp",
            "bpf_sk_lookup_udp",
            "bpf_skc_lookup_tcp",
            "bpf_ringbuf_reserve",
            "bpf_kptr_xchg"
        ]
    );
}

#[test]
fn spot_checks() {
    let check = |id: u32, name, since: (u8, u8), gpl_only| {
        let helper = by_id(id).unwrap();
        assert_eq!(helper.name, name);
        assert_eq!(helper.since, KernelVersion::new(since.0, since.1), "{name}");
        assert_eq!(helper.gpl_only, gpl_only, "{name}");
        helper
    };
    check(1, "bpf_map_lookup_elem", (3, 19), false);
    check(5, "bpf_ktime_get_ns", (4, 1), false);
    check(12, "bpf_tail_call", (4, 2), false);
    check(45, "bpf_probe_read_str", (4, 11), true);
    check(113, "bpf_probe_read_kernel", (5, 5), true);
    check(181, "bpf_loop", (5, 17), false);
    check(182, "bpf_strncmp", (5, 17), false);
    check(211, "bpf_cgrp_storage_delete", (6, 2), false);
    assert!(check(6, "bpf_trace_printk", (4, 1), true).is_variadic());
    assert!(check(148, "bpf_copy_from_user", (5, 10), false).might_sleep);
    assert!(check(2, "bpf_map_update_elem", (3, 19), false).packet_access);

    let assign = check(124, "bpf_sk_assign", (5, 7), false);
    let lookup = assign.form(ProgramType::SkLookup);
    assert_eq!(lookup.args[1].kind, A::PtrToSocket);
    assert!(lookup.signature.contains("struct bpf_sk_lookup *ctx"));
    assert_eq!(assign.form(ProgramType::SchedCls).args, assign.args);
    assert!(assign.callable_from(ProgramType::Ext));
    assert!(!assign.callable_from(ProgramType::Kprobe));
}

#[test]
fn flags_and_sets_print_their_names() {
    let flags = ArgumentFlags::UNINIT | ArgumentFlags::WRITE;
    assert_eq!(alloc::format!("{flags:?}"), "UNINIT | WRITE");
    assert_eq!(alloc::format!("{:?}", ReturnFlags::NONE), "NONE");
    let types = ProgramTypeSet::of(&[ProgramType::Xdp, ProgramType::Kprobe]);
    assert_eq!(alloc::format!("{types:?}"), "{Kprobe, Xdp}");
    assert_eq!((types.len(), types.is_empty()), (2, false));
    assert_eq!(ArgumentKind::MemSize.kernel_name(), "ARG_MEM_SIZE");
    assert_eq!(ReturnKind::Void.kernel_name(), "RET_VOID");
}
