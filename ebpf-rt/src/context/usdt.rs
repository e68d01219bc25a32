//! Arguments of static probes, as programs read about them.

use bytemuck::{Pod, Zeroable};

/// Where an argument of a static probe is, for a program that reads it: what
/// `Usdt::attach_with_arguments` (feature `uprobes`) puts into an
/// array for each place of the probe.
///
/// The value is `displacement`, plus the register at `base`, plus the register at `index` shifted
/// to the left by `index_shift`; if `is_memory` is not 0, it is what stands at that address of the
/// process. Of that, `size` bytes count, with a sign if `is_signed` is not 0. A program that reads
/// any argument of any place:
///
/// ```
/// use core::mem::offset_of;
/// use ebpf_rt::context::{UsdtArgumentSpec, pt_regs};
/// use ebpf_rt::{Array, Global, ebpf};
///
/// const NONE: u16 = UsdtArgumentSpec::NO_REGISTER;
///
/// ebpf! {
///     #[license = "GPL"]
///     mod probe {
///         /// One element for each place of the probe.
///         static PLACES: Array<[UsdtArgumentSpec; 2]> = Array::with_max_entries(64);
///         static SECOND: Global<u64> = Global::new(0);
///
///         #[usdt]
///         fn hit(ctx: *const pt_regs) -> i32 {
///             r6 = r1;
///             call bpf_get_attach_cookie;             // which place it is
///             *(u32 *)(r10 - 4) = w0;
///             r1 = PLACES ll;
///             r2 = r10;
///             r2 += -4;
///             call bpf_map_lookup_elem;
///             if r0 == 0 goto done;
///             r1 = r6;
///             r2 = r0;
///             r2 += {size_of::<UsdtArgumentSpec>()};  // the second argument
///             call argument;
///             r1 = SECOND ll;
///             *(u64 *)(r1 + 0) = r0;
///         done:
///             r0 = 0;
///             exit;
///         }
///
///         /// The value of an argument.
///         fn argument(ctx: *const pt_regs, spec: *const UsdtArgumentSpec) -> u64 {
///             r6 = r1;
///             r7 = r2;
///             r8 = *(u64 *)(r7 + {offset_of!(UsdtArgumentSpec, displacement)});
///             r2 = *(u16 *)(r7 + {offset_of!(UsdtArgumentSpec, base)});
///             if r2 == NONE goto index;
///             call register;
///             r8 += r0;
///         index:
///             r2 = *(u16 *)(r7 + {offset_of!(UsdtArgumentSpec, index)});
///             if r2 == NONE goto memory;
///             r1 = r6;
///             call register;
///             r1 = *(u8 *)(r7 + {offset_of!(UsdtArgumentSpec, index_shift)});
///             r1 &= 63;
///             r0 <<= r1;
///             r8 += r0;
///         memory:
///             r9 = *(u8 *)(r7 + {offset_of!(UsdtArgumentSpec, size)});
///             if r9 > 8 goto done;
///             r1 = *(u8 *)(r7 + {offset_of!(UsdtArgumentSpec, is_memory)});
///             if r1 == 0 goto value;
///             *(u64 *)(r10 - 8) = 0;
///             r1 = r10;
///             r1 += -8;
///             r2 = r9;
///             r3 = r8;
///             call bpf_probe_read_user;
///             r8 = *(u64 *)(r10 - 8);
///         value:
///             r9 <<= 3;                               // the bits that count
///             r1 = 64;
///             r1 -= r9;
///             r1 &= 63;
///             r8 <<= r1;
///             r2 = *(u8 *)(r7 + {offset_of!(UsdtArgumentSpec, is_signed)});
///             if r2 != 0 goto signed;
///             r8 >>= r1;
///             goto done;
///         signed:
///             r8 s>>= r1;
///         done:
///             r0 = r8;
///             exit;
///         }
///
///         /// What is in the context at an offset.
///         fn register(ctx: *const pt_regs, offset: u64) -> u64 {
///             r2 &= 0x1ff;                            // the verifier wants to see a bound
///             r3 = r1;
///             r3 += r2;
///             *(u64 *)(r10 - 8) = 0;
///             r1 = r10;
///             r1 += -8;
///             r2 = 8;
///             call bpf_probe_read_kernel;
///             r0 = *(u64 *)(r10 - 8);
///             exit;
///         }
///     }
/// }
/// # fn main() {}
/// ```
///
/// Where a probe has one place, or all have their arguments in the same registers,
/// `UsdtPoint::places` (feature `uprobes`) says where before the program is
/// loaded, and an offset can be a load-time constant: `r2 = *(u64 *)(r1 + OFFSET)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "__bpf_usdt_arg_spec")]
#[repr(C)]
pub struct UsdtArgumentSpec {
    /// What is added to the registers; of a constant, the value.
    pub displacement: i64,
    /// Where a register is in the context, or [`NO_REGISTER`](Self::NO_REGISTER).
    pub base: u16,
    /// Where a register is in the context that is shifted before it is added, or
    /// [`NO_REGISTER`](Self::NO_REGISTER).
    pub index: u16,
    /// How far that is shifted to the left.
    pub index_shift: u8,
    /// Whether the sum is an address in the process: 0 or 1.
    pub is_memory: u8,
    /// The bytes of the value: 1, 2, 4 or 8; 0 if the place has no such argument, or nobody knows
    /// where it is.
    pub size: u8,
    /// Whether the value has a sign: 0 or 1.
    pub is_signed: u8,
}

impl UsdtArgumentSpec {
    /// In the place of a register's offset: there is none.
    pub const NO_REGISTER: u16 = u16::MAX;
}

// SAFETY: integers, for which zeros are valid.
unsafe impl Zeroable for UsdtArgumentSpec {}
// SAFETY: `repr(C)`, integers that fill it without padding (asserted below).
unsafe impl Pod for UsdtArgumentSpec {}

const _: () = assert!(size_of::<UsdtArgumentSpec>() == 8 + 2 + 2 + 4);
