//! Names and lints that generated code must not stumble over.
#![forbid(unsafe_code)]
// trybuild allows dead code, unless a file denies it.
#![deny(dead_code)]
#![deny(
    warnings,
    missing_docs,
    unfulfilled_lint_expectations,
    clippy::all,
    clippy::pedantic
)]

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

#[expect(
    non_upper_case_globals,
    reason = "names of local variables in generated code"
)]
const insns: u32 = 3;
#[expect(
    non_upper_case_globals,
    reason = "names of local variables in generated code"
)]
const value: u32 = 4;

mod core_like {
    #[expect(dead_code, reason = "only its name counts")]
    pub(crate) type Option<T> = core::result::Result<T, ()>;
}
#[expect(unused_imports, reason = "a name that generated code uses by its path")]
use core_like::Option;

ebpf! {
    /// An object.
    #[license = "GPL"]
    #[min_kernel = "5.13"]
    pub mod object {
        use bpf::{Rodata, SockMap};

        static LIMITS: Rodata<[u32; 2]> = Rodata::new([1, 2]);
        static SOCKETS: SockMap = SockMap::with_max_entries(4);

        #[sk_skb_verdict]
        fn judge(ctx: *mut c_void) -> i32 {
            r0 = 1;
            exit;
        }

        // What the checker asks rustc about maps.
        #[socket_filter]
        fn look_up(ctx: *mut c_void) -> u32 {
            r1 = LIMITS + 4 ll;
            r6 = *(u32 *)(r1 + 0);
            *(u32 *)(r10 - 4) = 1;
            r2 = r10;
            r2 += -4;
            r1 = loaded ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto out;
            r6 &= 7;
            r0 += r6;
            r1 = *(u8 *)(r0 + 0);
        out:
            r0 = 0;
            exit;
        }

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
    assert_eq!(object::OBJECT.maps[3].name, "type");
}
