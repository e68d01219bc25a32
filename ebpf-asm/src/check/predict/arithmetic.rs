//! What becomes of the bounds of numbers.

use super::kernel::Kernel;
use super::scalar::{Link, Scalar};
use super::tnum::Tnum;
use crate::isa::{AluOp, EndianOp, EndianSize, Width};
use crate::semantics;

/// The two widths differ in nothing but the fields and types.
macro_rules! bounds {
    (
        $module:ident $unsigned:ty, $signed:ty,
        $umin:ident $umax:ident $smin:ident $smax:ident
    ) => {
        mod $module {
            use super::Scalar;

            pub(super) const fn unsigned_unknown(a: &mut Scalar) {
                a.$umin = 0;
                a.$umax = <$unsigned>::MAX;
            }

            pub(super) const fn signed_unknown(a: &mut Scalar) {
                a.$smin = <$signed>::MIN;
                a.$smax = <$signed>::MAX;
            }

            pub(super) fn add(a: &mut Scalar, b: &Scalar, both_ends: bool) {
                match (a.$smin.checked_add(b.$smin), a.$smax.checked_add(b.$smax)) {
                    (Some(least), Some(most)) => (a.$smin, a.$smax) = (least, most),
                    _ => signed_unknown(a),
                }
                let (least, low) = a.$umin.overflowing_add(b.$umin);
                let (most, high) = a.$umax.overflowing_add(b.$umax);
                (a.$umin, a.$umax) = (least, most);
                if high && (!low || !both_ends) {
                    unsigned_unknown(a);
                }
            }

            pub(super) fn sub(a: &mut Scalar, b: &Scalar, both_ends: bool) {
                match (a.$smin.checked_sub(b.$smax), a.$smax.checked_sub(b.$smin)) {
                    (Some(least), Some(most)) => (a.$smin, a.$smax) = (least, most),
                    _ => signed_unknown(a),
                }
                let (least, low) = a.$umin.overflowing_sub(b.$umax);
                let (most, high) = a.$umax.overflowing_sub(b.$umin);
                (a.$umin, a.$umax) = (least, most);
                if low && (!high || !both_ends) {
                    unsigned_unknown(a);
                }
            }

            pub(super) fn mul(a: &mut Scalar, b: &Scalar, signed: bool) {
                if !signed {
                    // Before 6.14 one negative factor, or one of more than half the bits, was
                    // enough to know nothing.
                    let large = |max: $unsigned| max > <$unsigned>::MAX >> (<$unsigned>::BITS / 2);
                    if a.$smin < 0 || b.$smin < 0 || large(a.$umax) || large(b.$umax) {
                        unsigned_unknown(a);
                        signed_unknown(a);
                        return;
                    }
                }
                match (a.$umin.checked_mul(b.$umin), a.$umax.checked_mul(b.$umax)) {
                    (Some(least), Some(most)) => (a.$umin, a.$umax) = (least, most),
                    _ => unsigned_unknown(a),
                }
                let products = [
                    a.$smin.checked_mul(b.$smin),
                    a.$smin.checked_mul(b.$smax),
                    a.$smax.checked_mul(b.$smin),
                    a.$smax.checked_mul(b.$smax),
                ];
                if let [Some(p), Some(q), Some(r), Some(s)] = products {
                    a.$smin = p.min(q).min(r).min(s);
                    a.$smax = p.max(q).max(r).max(s);
                } else {
                    signed_unknown(a);
                }
            }

            /// Bounds with sign are those without, if these do not cross it.
            pub(super) fn signed_of_unsigned(a: &mut Scalar) {
                let (least, most) = (a.$umin.cast_signed(), a.$umax.cast_signed());
                if least <= most {
                    (a.$smin, a.$smax) = (least, most);
                } else {
                    signed_unknown(a);
                }
            }

            pub(super) fn lsh(a: &mut Scalar, count: u32) {
                signed_unknown(a);
                if u64::from(a.$umax) > 1 << (<$unsigned>::BITS - 1 - count) {
                    unsigned_unknown(a);
                } else {
                    a.$umin <<= count;
                    a.$umax <<= count;
                }
            }

            pub(super) fn divide(a: &mut Scalar, by: $unsigned) {
                a.$umin /= by;
                a.$umax /= by;
                signed_unknown(a);
            }

            pub(super) fn divide_signed(a: &mut Scalar, by: $signed) {
                if a.$smin == <$signed>::MIN && by == -1 {
                    if a.$smax != <$signed>::MIN {
                        signed_unknown(a);
                    }
                } else {
                    let (p, q) = (a.$smin / by, a.$smax / by);
                    (a.$smin, a.$smax) = (p.min(q), p.max(q));
                }
                unsigned_unknown(a);
            }

            /// Whether the remainder may differ from the number itself.
            pub(super) fn remainder(a: &mut Scalar, by: $unsigned) -> bool {
                if a.$umax < by {
                    return false;
                }
                a.$umin = 0;
                a.$umax = by - 1;
                signed_unknown(a);
                true
            }

            pub(super) fn remainder_signed(a: &mut Scalar, by: $signed) -> bool {
                let most = (by.unsigned_abs() - 1) as $signed;
                if a.$smin >= -most && a.$smax <= most {
                    return false;
                }
                if a.$smin >= 0 {
                    a.$smin = 0;
                    a.$smax = a.$smax.min(most);
                } else if a.$smax <= 0 {
                    a.$smax = 0;
                    a.$smin = a.$smin.max(-most);
                } else {
                    (a.$smin, a.$smax) = (-most, most);
                }
                unsigned_unknown(a);
                true
            }
        }
    };
}

bounds!(whole u64, i64, umin umax smin smax);
bounds!(half u32, i32, umin32 umax32 smin32 smax32);

/// What is known of `a op b`.
pub(super) fn alu(
    kernel: Kernel,
    op: AluOp,
    width: Width,
    a: Scalar,
    b: &Scalar,
    is_register: bool,
    at: u32,
) -> Scalar {
    let narrow = width == Width::W32;
    // Before 7.0 nobody computes these.
    let opaque = matches!(op, AluOp::Div | AluOp::Mod | AluOp::SDiv | AluOp::SMod);
    if (!opaque || kernel.quotients())
        && let Some(known) = constants(op, width, &a, b)
    {
        let mut result = Scalar::known(known, at);
        result.id = a.id;
        result.link = a.link;
        return result;
    }
    let mut result = a;
    if !is_computed(kernel, op, width, b, is_register) {
        // Of 32 bits, too: nobody looks whether the upper half is zero.
        return Scalar::unknown(at);
    }
    let bits = b.bits;
    match op {
        AluOp::Add => {
            half::add(&mut result, b, kernel.overflowing_sums());
            whole::add(&mut result, b, kernel.overflowing_sums());
            result.bits = a.bits.add(bits);
        }
        AluOp::Sub => {
            half::sub(&mut result, b, kernel.overflowing_sums());
            whole::sub(&mut result, b, kernel.overflowing_sums());
            result.bits = a.bits.sub(bits);
        }
        AluOp::Mul => {
            result.bits = a.bits.mul(bits);
            half::mul(&mut result, b, kernel.signed_products());
            whole::mul(&mut result, b, kernel.signed_products());
        }
        AluOp::And | AluOp::Or | AluOp::Xor => bitwise(op, &mut result, b),
        AluOp::Lsh => left(&mut result, b.umin as u32, narrow),
        AluOp::Rsh => right(&mut result, b.umin as u32, narrow),
        AluOp::Arsh => right_signed(&mut result, b.umin as u32, narrow),
        AluOp::Div | AluOp::SDiv | AluOp::Mod | AluOp::SMod => divide(op, &mut result, b, narrow),
        AluOp::Mov => result = *b,
    }
    if narrow {
        result.zero_extend();
    }
    result.sync();
    // Of what nothing is known, it is told where that began.
    if !(a.is_unknown() && result.is_unknown()) {
        result.origin = if b.is_unknown() { b.origin } else { at };
    }
    result
}

fn constants(op: AluOp, width: Width, a: &Scalar, b: &Scalar) -> Option<u64> {
    let (x, y) = match width {
        Width::W64 => (a.constant()?, b.constant()?),
        Width::W32 => (a.constant32()?.into(), b.constant32()?.into()),
    };
    let shifts = matches!(op, AluOp::Lsh | AluOp::Rsh | AluOp::Arsh);
    if shifts && y >= u64::from(width.bits()) {
        return None;
    }
    Some(semantics::alu(op, width, x, y))
}

/// Whether kernels keep track of the result at all.
fn is_computed(kernel: Kernel, op: AluOp, width: Width, b: &Scalar, is_register: bool) -> bool {
    let constant = match width {
        Width::W64 => b.constant(),
        Width::W32 => b.constant32().map(u64::from),
    };
    match op {
        AluOp::Add | AluOp::Sub | AluOp::And | AluOp::Mov => true,
        AluOp::Or | AluOp::Xor | AluOp::Mul => {
            constant.is_some() || !is_register || kernel.register_operands()
        }
        AluOp::Lsh | AluOp::Rsh | AluOp::Arsh => {
            constant.is_some_and(|count| count < u64::from(width.bits()))
        }
        AluOp::Div | AluOp::Mod | AluOp::SDiv | AluOp::SMod => {
            constant.is_some() && kernel.quotients()
        }
    }
}

fn bitwise(op: AluOp, a: &mut Scalar, b: &Scalar) {
    let before = *a;
    a.bits = match op {
        AluOp::And => a.bits.and(b.bits),
        AluOp::Or => a.bits.or(b.bits),
        _ => a.bits.xor(b.bits),
    };
    let low = a.bits.half();
    if before.bits.is_half_known() && b.bits.is_half_known() {
        a.set_known32(low.value as u32);
    } else {
        (a.umin32, a.umax32) = match op {
            AluOp::And => (low.least() as u32, a.umax32.min(b.umax32)),
            AluOp::Or => (a.umin32.max(b.umin32), low.most() as u32),
            _ => (low.least() as u32, low.most() as u32),
        };
        half::signed_of_unsigned(a);
    }
    (a.umin, a.umax) = match op {
        AluOp::And => (a.bits.least(), a.umax.min(b.umax)),
        AluOp::Or => (a.umin.max(b.umin), a.bits.most()),
        _ => (a.bits.least(), a.bits.most()),
    };
    whole::signed_of_unsigned(a);
    a.bounds_of_bits();
}

fn left(a: &mut Scalar, count: u32, narrow: bool) {
    if narrow {
        half::lsh(a, count);
        a.bits = a.bits.half().lsh(count).half();
        a.forget64();
        a.bounds_of_bits32();
        return;
    }
    let (smin32, smax32) = (i64::from(a.smin32), i64::from(a.smax32));
    whole::lsh(a, count);
    if count == 32 {
        // What sign extension begins with.
        (a.smin, a.smax) = (smin32 << 32, smax32 << 32);
    }
    if count > 31 {
        a.forget32();
    } else {
        half::lsh(a, count);
    }
    a.bits = a.bits.lsh(count);
    a.bounds_of_bits();
}

fn right(a: &mut Scalar, count: u32, narrow: bool) {
    if narrow {
        half::signed_unknown(a);
        a.bits = a.bits.half().rsh(count);
        a.umin32 >>= count;
        a.umax32 >>= count;
        a.forget64();
        a.bounds_of_bits32();
    } else {
        whole::signed_unknown(a);
        a.bits = a.bits.rsh(count);
        a.umin >>= count;
        a.umax >>= count;
        a.forget32();
        a.bounds_of_bits();
    }
}

fn right_signed(a: &mut Scalar, count: u32, narrow: bool) {
    if narrow {
        a.smin32 >>= count;
        a.smax32 >>= count;
        a.bits = a.bits.arsh32(count);
        half::unsigned_unknown(a);
        a.forget64();
        a.bounds_of_bits32();
    } else {
        a.smin >>= count;
        a.smax >>= count;
        a.bits = a.bits.arsh(count);
        whole::unsigned_unknown(a);
        a.forget32();
        a.bounds_of_bits();
    }
}

/// By a constant. By zero, quotients are zero and remainders what was divided.
fn divide(op: AluOp, a: &mut Scalar, b: &Scalar, narrow: bool) {
    let by = if narrow {
        u64::from(b.bits.value as u32)
    } else {
        b.bits.value
    };
    let quotient = matches!(op, AluOp::Div | AluOp::SDiv);
    if by == 0 {
        if quotient {
            a.set_known(0);
        }
        return;
    }
    let changed = match (op, narrow) {
        (AluOp::Div, true) => {
            half::divide(a, by as u32);
            true
        }
        (AluOp::Div, false) => {
            whole::divide(a, by);
            true
        }
        (AluOp::SDiv, true) => {
            half::divide_signed(a, by as i32);
            true
        }
        (AluOp::SDiv, false) => {
            whole::divide_signed(a, by.cast_signed());
            true
        }
        (AluOp::SMod, true) => half::remainder_signed(a, by as i32),
        (AluOp::SMod, false) => whole::remainder_signed(a, by.cast_signed()),
        (_, true) => half::remainder(a, by as u32),
        (_, false) => whole::remainder(a, by),
    };
    if changed {
        a.bits = Tnum::UNKNOWN;
        if narrow {
            a.forget64();
        } else {
            a.forget32();
        }
    }
}

/// What is known of the negated number.
pub(super) fn negate(kernel: Kernel, width: Width, a: Scalar, at: u32) -> Scalar {
    let mut result = if kernel.negated_ranges() {
        let zero = Scalar::known(0, at);
        let mut result = zero;
        half::sub(&mut result, &a, true);
        whole::sub(&mut result, &a, true);
        result.bits = zero.bits.sub(a.bits);
        result
    } else {
        Scalar::unknown(at)
    };
    if width == Width::W32 {
        result.zero_extend();
    }
    result.sync();
    result
}

/// What is known of a number whose bytes are swapped: which kernels know its bits is not certain,
/// so all are taken to.
pub(super) fn swap_bytes(size: EndianSize, a: Scalar, at: u32) -> Scalar {
    let swapped = |bits| semantics::change_byte_order(EndianOp::Bswap, size, bits);
    let mut result = Scalar::unknown(at);
    result.bits = Tnum {
        value: swapped(a.bits.value),
        mask: swapped(a.bits.mask),
    };
    result.sync();
    result.truncate(size.bits() / 8);
    result
}

/// `known + delta`, for a number that is linked with a known one.
pub(super) fn linked_sum(known: &Scalar, delta: i64, narrow: bool) -> Scalar {
    let mut result = *known;
    let add = Scalar::known(delta.cast_unsigned(), known.origin);
    half::add(&mut result, &add, true);
    whole::add(&mut result, &add, true);
    result.bits = result.bits.add(add.bits);
    if narrow {
        result.zero_extend();
    }
    result.sync();
    result
}

/// Remembers that a constant was added to a number of which there are copies, or that it is none
/// of them any more.
pub(super) fn link(
    kernel: Kernel,
    op: AluOp,
    width: Width,
    before: &Scalar,
    b: &Scalar,
) -> (u32, Link) {
    const NONE: (u32, Link) = (0, Link::Same);
    let narrow = width == Width::W32;
    if before.id == 0 || before.link != Link::Same || !kernel.linked_sums() {
        return NONE;
    }
    let constant = match narrow {
        true => b.constant32().map(|value| i64::from(value.cast_signed())),
        false => b.constant().map(u64::cast_signed),
    };
    let delta = match (op, constant) {
        (AluOp::Add, Some(value)) => value,
        (AluOp::Sub, Some(value)) => value.wrapping_neg(),
        _ => return NONE,
    };
    match i32::try_from(delta) {
        Ok(delta) if !narrow => (before.id, Link::Sum(delta)),
        Ok(delta) if before.umax <= u64::from(u32::MAX) => (before.id, Link::NarrowSum(delta)),
        _ => NONE,
    }
}
