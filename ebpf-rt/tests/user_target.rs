//! Programs that are not for the kernel: functions for a host of the user's own, with helpers
//! that the host has, loops without bound, any function as the entry.
#![allow(clippy::unwrap_used, reason = "tests, which fail by panicking")]

use ebpf_rt::ebpf;
use ebpf_rt::vm::{FaultKind, Permissions, Vm};

/// What `foo` looks at.
#[repr(C)]
struct Context {
    x: u32,
    y: u32,
}

ebpf! {
    /// `max` stands before its caller, `mul` behind it: the order stays.
    #[target = "user"]
    mod functions {
        use core::mem::offset_of;

        fn max(a: u64, b: u64) -> u64 {
            r0 = r1;
            if r0 > r2 goto out;
            r0 = r2;
        out:
            exit;
        }

        fn foo(context: *const Context) -> u64 {
            r0 = 0;
            if r1 == 0 goto out;
            r2 = *(u32 *)(r1 + {offset_of!(Context, y)});
            r1 = *(u32 *)(r1 + {offset_of!(Context, x)});
            if r1 != 7 goto other;
            call max;
            goto out;
        other:
            call mul;
            r0 += 100;
        out:
            exit;
        }

        fn mul(a: u64, b: u64) -> u64 {
            r0 = r2;
            r0 *= r1;
            exit;
        }

        /// Squares until one is 7, which none is.
        fn infinite_loop(x: u64) -> u64 {
            r0 = r1;
        again:
            r0 += 1;
            r2 = r1;
            r2 *= r2;
            r1 = r0;
            if r2 != 7 goto again;
            r0 += -1;
            exit;
        }

        /// Recursion is the host's business.
        fn factorial(n: u64) -> u64 {
            r0 = 1;
            if r1 == 0 goto out;
            r6 = r1;
            r1 += -1;
            call factorial;
            r0 *= r6;
        out:
            exit;
        }
    }
}

fn context(vm: &mut Vm, x: u32, y: u32) -> u64 {
    let bytes = [x.to_ne_bytes(), y.to_ne_bytes()].concat();
    let region = vm.add_region("the context", bytes, Permissions::ReadOnly);
    vm.address(region)
}

#[test]
fn functions_stay_in_their_order() {
    let names: Vec<_> = functions::OBJECT
        .functions
        .iter()
        .map(|function| (function.name, function.insn))
        .collect();
    assert_eq!(
        names,
        [
            ("max", 0),
            ("foo", 4),
            ("mul", 14),
            ("infinite_loop", 17),
            ("factorial", 25),
        ]
    );
    assert_eq!(functions::OBJECT.entry("foo"), Some(4));
    assert_eq!(functions::OBJECT.entry("bar"), None);
    // The calls of `foo`, one to what stands before it and one to what stands behind.
    let distance = |slot: usize| functions::OBJECT.insns[slot].imm();
    assert_eq!((distance(9), distance(11)), (-10, 2));
}

#[test]
fn any_function_is_an_entry() {
    let mut vm = Vm::for_user(64);
    let program = vm.load_user(&functions::OBJECT);
    assert_eq!(vm.call(program, "max", &[3, 4]), Ok(4));
    assert_eq!(vm.call(program, "mul", &[3, 4]), Ok(12));
    assert_eq!(vm.call(program, "foo", &[0]), Ok(0));
    for (x, y, result) in [(7, 9, 9), (7, 2, 7), (6, 5, 130)] {
        let address = context(&mut vm, x, y);
        assert_eq!(vm.call(program, "foo", &[address]), Ok(result));
    }
    assert_eq!(vm.call(program, "factorial", &[20]), Ok((1..=20).product()));
    let fault = vm.call(program, "factorial", &[64]).unwrap_err();
    assert_eq!(fault.kind(), &FaultKind::CallDepth);
    let fault = vm.call(program, "bar", &[]).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "program `functions`: it has no function `bar`"
    );
}

#[test]
fn the_budget_ends_what_does_not() {
    let mut vm = Vm::for_user(1);
    let program = vm.load_user(&functions::OBJECT);
    vm.set_budget(10_000_000);
    let fault = vm.call(program, "infinite_loop", &[3]).unwrap_err();
    assert_eq!(fault.kind(), &FaultKind::Budget);
    assert_eq!(vm.executed(), 10_000_000);
    let (file, line, _) = fault.source().unwrap();
    assert!(file.ends_with("user_target.rs"));
    assert!((54..70).contains(&line), "{line}");
}

ebpf! {
    /// Helpers by name: declared once, with the numbers that the host knows.
    #[target = "user"]
    mod by_name {
        extern "user" {
            /// The larger of two.
            #[helper = 1]
            fn max(a: u64, b: u64) -> u64;
            #[helper = 42]
            fn mul(a: u64, b: u64) -> u64;
        }

        fn foo(x: u64, y: u64) -> u64 {
            if r1 != 7 goto other;
            r1 = 7;
            call max;
            goto out;
        other:
            call mul;
            r0 += 100;
        out:
            exit;
        }
    }
}

ebpf! {
    /// Helpers by number, and by constants for numbers.
    #[target = "user"]
    mod by_number {
        pub const BUILTIN_MAX: u32 = 1;

        fn foo(x: u64, y: u64) -> u64 {
            if r1 != 7 goto other;
            r1 = 7;
            call BUILTIN_MAX;
            goto out;
        other:
            call 42;
            r0 += 100;
        out:
            exit;
        }
    }
}

#[test]
fn both_ways_to_call_helpers_are_the_same_program() {
    assert_eq!(by_name::OBJECT.insns, by_number::OBJECT.insns);
    let helpers: Vec<_> = by_name::OBJECT.helpers.iter().collect();
    assert_eq!(
        (helpers[0].name, helpers[0].id, helpers[0].parameters),
        ("max", 1, 2)
    );
    assert_eq!((helpers[1].name, helpers[1].id), ("mul", 42));
    let bytes: Vec<u8> = by_name::OBJECT.insns[2].to_le_bytes().to_vec();
    assert_eq!(bytes, [0x85, 0, 0, 0, 1, 0, 0, 0]);

    let mut vm = Vm::for_user(8);
    let foo = vm.load_user(&by_name::OBJECT);
    vm.helper_named("max", |a, b, _, _, _| a.max(b)).unwrap();
    vm.helper_named("mul", |a, b, _, _, _| a.wrapping_mul(b))
        .unwrap();
    assert_eq!(vm.call(foo, "foo", &[7, 9]), Ok(9));
    assert_eq!(vm.call(foo, "foo", &[6, 5]), Ok(130));

    let mut vm = Vm::for_user(8);
    let foo = vm.load_user(&by_number::OBJECT);
    vm.helper(by_number::BUILTIN_MAX, |a, b, _, _, _| a.max(b));
    vm.helper(42, |a, b, _, _, _| a.wrapping_mul(b));
    assert_eq!(vm.call(foo, "foo", &[7, 3]), Ok(7));
    assert_eq!(vm.call(foo, "foo", &[6, 5]), Ok(130));
}

#[test]
fn a_host_without_the_helper_says_so() {
    let mut vm = Vm::for_user(8);
    let foo = vm.load_user(&by_name::OBJECT);
    let fault = vm.call(foo, "foo", &[6, 5]).unwrap_err();
    assert_eq!(fault.kind(), &FaultKind::NoHelper { id: 42 });
    // The kernel's are not there either.
    assert!(vm.helper_named("max", |_, _, _, _, _| 0).is_ok());
    assert!(vm.helper_named("min", |_, _, _, _, _| 0).is_err());
}
