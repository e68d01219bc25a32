//! What kernels differ in.
//!
//! Where nothing is said here, all kernels are taken to be as precise as the newest: an older one
//! may refuse more than is predicted, none less.

use crate::KernelVersion;

/// A kernel whose verifier is followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernel {
    pub(super) version: KernelVersion,
}

/// The kernels that are followed: those that distributions keep for years, and the newest that
/// was compared with.
pub(super) const FOLLOWED: [KernelVersion; 5] = [
    KernelVersion::new(5, 10),
    KernelVersion::new(6, 1),
    KernelVersion::new(6, 12),
    KernelVersion::new(6, 18),
    KernelVersion::new(7, 3),
];

macro_rules! since {
    ($($(#[$doc:meta])* $name:ident $major:literal $minor:literal;)*) => {
        impl Kernel {
            $(
                $(#[$doc])*
                pub(super) fn $name(self) -> bool {
                    self.version >= KernelVersion::new($major, $minor)
                }
            )*
        }
    };
}

since! {
    /// States whose pointers share identities in another way are not taken for the same.
    compared_identities 6 2;
    /// The stack may be read below all that was written. (Above that, where nothing was written,
    /// stable series of older kernels allow it too.)
    unwritten_stack 6 8;
    /// Constants that an instruction stores are remembered.
    stored_constants 6 3;
    /// Two registers that are compared learn from each other, and `!=` takes off the edges.
    compared_registers 6 8;
    /// Returned numbers are precise.
    precise_returns 6 8;
    /// Numbers without bounds keep their identity on the stack, and parts of saved ones theirs.
    narrow_fills 6 9;
    /// Results of `|`, `^` and `*` with a register are known in part.
    register_operands 6 11;
    /// What helpers only read stays what it was.
    read_only_arguments 6 12;
    /// `r1 = r2; r1 += 8` still is r2 plus 8 when r2 is compared.
    linked_sums 6 11;
    /// Products may have negative factors.
    signed_products 6 14;
    /// Look-ups in arrays with a constant key find something.
    constant_keys 6 15;
    /// Sums that overflow at both ends keep their bounds.
    overflowing_sums 6 17;
    /// Negated numbers keep their bounds.
    negated_ranges 6 17;
    /// Quotients and remainders by constants are bounded.
    quotients 7 0;
}
