//! Whole programs: written in the language, and as other tools list them. The bytes are those
//! of LLVM.
//!
//! `openat_*`, `return_zero` and the parts of verifier logs are the steps of a well-known
//! introduction to system call tracing; `branch` to `builtin_calls` are compiled C functions
//! for a virtual machine in user space.
#![cfg(feature = "text")]

use ebpf_asm::{assemble, import};

macro_rules! programs {
    ($($name:ident)*) => {
        &[$((
            stringify!($name),
            include_str!(concat!("data/programs/", stringify!($name), ".s")),
            include_str!(concat!("data/programs/", stringify!($name), ".listing")),
            include_str!(concat!("data/programs/", stringify!($name), ".hex")),
        )),*]
    };
}

/// Name, source, listing, bytes.
#[rustfmt::skip] // One list.
const PROGRAMS: &[(&str, &str, &str, &str)] = programs![
    return_zero openat_deref openat_pointer openat_path terminate_log terminate_masked_log
    branch endless local_calls placeholder_calls builtin_calls
];

/// The bytes of a program, a slot in a line.
fn hex(bytes: &[u8]) -> String {
    let slots = bytes.chunks(8).map(|slot| {
        let digits: String = slot.iter().map(|byte| format!("{byte:02x}")).collect();
        digits + "\n"
    });
    slots.collect()
}

#[test]
fn the_source_gives_the_bytes() {
    for (name, source, _, bytes) in PROGRAMS {
        match assemble(source) {
            Ok(code) => {
                assert_eq!(hex(&code.to_le_bytes()), *bytes, "{name}");
                let warnings: Vec<_> = code.warnings().iter().map(ToString::to_string).collect();
                // The entry of a program with functions is a label that nothing jumps to.
                let entry = *name == "local_calls";
                assert_eq!(warnings.len(), usize::from(entry), "{name}: {warnings:?}");
            }
            Err(errors) => panic!("{name}: {errors}"),
        }
    }
}

#[test]
fn the_listing_gives_the_bytes() {
    for (name, _, listing, bytes) in PROGRAMS {
        match import::listing(listing) {
            Ok(code) => assert_eq!(hex(&code.to_le_bytes()), *bytes, "{name}"),
            Err(errors) => panic!("{name}: {errors}"),
        }
    }
}

#[cfg(feature = "listing")]
#[test]
fn our_listing_gives_the_bytes() {
    for (name, source, ..) in PROGRAMS {
        let code = assemble(source).unwrap();
        let again = import::listing(&code.to_string()).unwrap();
        assert_eq!(again, code, "{name}");
        assert!(again.labels().eq(code.labels()), "{name}");
        let again = assemble(&code.plain().to_string()).unwrap();
        assert_eq!(again, code, "{name}");
        assert!(again.labels().eq(code.labels()), "{name}");
    }
    let (_, source, ..) = PROGRAMS
        .iter()
        .find(|(name, ..)| *name == "branch")
        .unwrap();
    let expected = "       0: bf 20 00 00 00 00 00 00  r0 = r2
       1: 25 01 01 00 03 00 00 00  if r1 > 3 goto done
       2: b7 00 00 00 05 00 00 00  r0 = 5
done:
       3: 95 00 00 00 00 00 00 00  exit";
    assert_eq!(assemble(source).unwrap().to_string(), expected);
}
