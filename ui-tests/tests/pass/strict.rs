//! Names and lints that generated code must not stumble over.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unfulfilled_lint_expectations, clippy::all, clippy::pedantic)]

use bpf::{HashMap, Pod, ebpf, ebpf_asm};
use core::ffi::c_void;

/// A value.
#[derive(Clone, Copy, Debug, Pod)]
#[pod(crate = bpf)]
#[repr(C)]
pub struct Value {
    /// A number.
    pub number: u64,
}

#[expect(non_upper_case_globals, reason = "names of local variables in generated code")]
const insns: u32 = 3;
#[expect(non_upper_case_globals, reason = "names of local variables in generated code")]
const value: u32 = 4;

mod core_like {
    pub(crate) type Option<T> = core::result::Result<T, ()>;
}
#[expect(unused_imports, reason = "a name that generated code uses by its path")]
use core_like::Option;

ebpf! {
    /// An object.
    #[license = "GPL"]
    pub mod object {
        #[expect(non_upper_case_globals, reason = "the user's own name")]
        static loaded: HashMap<u32, Value> = HashMap::with_max_entries(16);
        #[allow(non_upper_case_globals, reason = "the user's own name")]
        static r#type: HashMap<u32, u64> = HashMap::with_max_entries(16);

        #[socket_filter]
        #[expect(unused_labels, reason = "left for later")]
        fn run(ctx: *mut c_void) -> u32 {
            r1 = loaded ll;
            r1 = r#type ll;
            r1 = insns;
            r1 += value;
        later:
            r0 = { 2 + 3 };
            exit;
        }
    }
}

fn main() {
    let code = ebpf_asm! { r1 = insns; r2 = { value }; exit };
    assert_eq!(code.insns()[0].imm(), 3);
    assert_eq!(object::OBJECT.maps[1].name, "type");
}
