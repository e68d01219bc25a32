//! What comparisons of numbers decide, and what is learned from them.

use super::kernel::Kernel;
use super::scalar::Scalar;
use super::tnum::Tnum;
use crate::isa::{JmpOp, Width};

/// Whether the jump is taken, where that is known.
pub(super) fn decided(
    kernel: Kernel,
    op: JmpOp,
    width: Width,
    a: &Scalar,
    b: &Scalar,
    is_same: bool,
) -> Option<bool> {
    if let Some(taken) = constants(op, width, a, b) {
        return Some(taken);
    }
    let narrow = width == Width::W32;
    // Before 7.0 kernels follow both sides; one of them is dead.
    if is_same {
        return match op {
            JmpOp::Ge | JmpOp::Le | JmpOp::SGe | JmpOp::SLe | JmpOp::Eq => Some(true),
            JmpOp::Gt | JmpOp::Lt | JmpOp::SGt | JmpOp::SLt | JmpOp::Ne => Some(false),
            JmpOp::Set => {
                let (least, most) = match narrow {
                    true => (a.smin32.into(), a.smax32.into()),
                    false => (a.smin, a.smax),
                };
                (least > 0 || most < 0).then_some(true)
            }
        };
    }
    // Before 6.8 one of the two has to be a constant; which of them, changed in 6.4.
    let is_constant = |x: &Scalar| match narrow {
        true => x.constant32().is_some(),
        false => x.constant().is_some(),
    };
    if !kernel.compared_registers() && !is_constant(a) && !is_constant(b) {
        return None;
    }
    let (x, y) = match narrow {
        true => (Range::half(a), Range::half(b)),
        false => (Range::whole(a), Range::whole(b)),
    };
    match op {
        JmpOp::Eq => differs(narrow, a, b, &x, &y).then_some(false),
        JmpOp::Ne => differs(narrow, a, b, &x, &y).then_some(true),
        JmpOp::Set => {
            let (value, mask) = match (is_constant(b), is_constant(a)) {
                (true, _) => (x.bits, y.bits.value),
                (false, true) => (y.bits, x.bits.value),
                _ => return None,
            };
            if value.value & mask != 0 {
                Some(true)
            } else if value.most() & mask == 0 {
                Some(false)
            } else {
                None
            }
        }
        JmpOp::Gt => greater(x.umin, x.umax, y.umin, y.umax),
        JmpOp::Le => greater(x.umin, x.umax, y.umin, y.umax).map(|taken| !taken),
        JmpOp::Lt => greater(y.umin, y.umax, x.umin, x.umax),
        JmpOp::Ge => greater(y.umin, y.umax, x.umin, x.umax).map(|taken| !taken),
        JmpOp::SGt => greater(x.smin, x.smax, y.smin, y.smax),
        JmpOp::SLe => greater(x.smin, x.smax, y.smin, y.smax).map(|taken| !taken),
        JmpOp::SLt => greater(y.smin, y.smax, x.smin, x.smax),
        JmpOp::SGe => greater(y.smin, y.smax, x.smin, x.smax).map(|taken| !taken),
    }
}

fn constants(op: JmpOp, width: Width, a: &Scalar, b: &Scalar) -> Option<bool> {
    let (x, y) = match width {
        Width::W64 => (a.constant()?, b.constant()?),
        Width::W32 => (a.constant32()?.into(), b.constant32()?.into()),
    };
    Some(crate::semantics::compare(op, width, x, y))
}

/// The bounds of one width.
struct Range {
    bits: Tnum,
    umin: u64,
    umax: u64,
    smin: i64,
    smax: i64,
}

impl Range {
    const fn whole(a: &Scalar) -> Self {
        Self {
            bits: a.bits,
            umin: a.umin,
            umax: a.umax,
            smin: a.smin,
            smax: a.smax,
        }
    }

    const fn half(a: &Scalar) -> Self {
        Self {
            bits: a.bits.half(),
            umin: a.umin32 as u64,
            umax: a.umax32 as u64,
            smin: a.smin32 as i64,
            smax: a.smax32 as i64,
        }
    }
}

/// Whether two numbers cannot be equal.
fn differs(narrow: bool, a: &Scalar, b: &Scalar, x: &Range, y: &Range) -> bool {
    let apart = |x: &Range, y: &Range| {
        x.umin > y.umax || x.umax < y.umin || x.smin > y.smax || x.smax < y.smin
    };
    !x.bits.overlaps(y.bits) || apart(x, y) || !narrow && apart(&Range::half(a), &Range::half(b))
}

fn greater<T: PartialOrd>(a_min: T, a_max: T, b_min: T, b_max: T) -> Option<bool> {
    if a_min > b_max {
        Some(true)
    } else if a_max <= b_min {
        Some(false)
    } else {
        None
    }
}

/// What is true of two numbers behind a jump that is taken, or not.
pub(super) fn refine(
    kernel: Kernel,
    op: JmpOp,
    width: Width,
    a: &mut Scalar,
    b: &mut Scalar,
    taken: bool,
) {
    let narrow = width == Width::W32;
    let is_constant = |x: &Scalar| match narrow {
        true => x.constant32().is_some(),
        false => x.constant().is_some(),
    };
    // Before 6.8 of two registers nothing was learned, if they were not found equal.
    let equal = matches!((op, taken), (JmpOp::Eq, true) | (JmpOp::Ne, false));
    if !kernel.compared_registers() && !is_constant(a) && !is_constant(b) && !equal {
        return;
    }
    match (op, taken) {
        (JmpOp::Eq, true) | (JmpOp::Ne, false) => equalize(a, b, narrow),
        (JmpOp::Eq, false) | (JmpOp::Ne, true) => {
            if kernel.compared_registers() {
                if is_constant(b) {
                    exclude(a, b, narrow);
                } else if is_constant(a) {
                    exclude(b, a, narrow);
                }
            }
        }
        (JmpOp::Set, taken) => {
            if is_constant(b) {
                test_bits(a, b, narrow, taken);
            } else if is_constant(a) {
                test_bits(b, a, narrow, taken);
            }
        }
        (JmpOp::Gt, true) | (JmpOp::Le, false) => less(b, a, narrow, false),
        (JmpOp::Ge, true) | (JmpOp::Lt, false) => less_or_equal(b, a, narrow, false),
        (JmpOp::Lt, true) | (JmpOp::Ge, false) => less(a, b, narrow, false),
        (JmpOp::Le, true) | (JmpOp::Gt, false) => less_or_equal(a, b, narrow, false),
        (JmpOp::SGt, true) | (JmpOp::SLe, false) => less(b, a, narrow, true),
        (JmpOp::SGe, true) | (JmpOp::SLt, false) => less_or_equal(b, a, narrow, true),
        (JmpOp::SLt, true) | (JmpOp::SGe, false) => less(a, b, narrow, true),
        (JmpOp::SLe, true) | (JmpOp::SGt, false) => less_or_equal(a, b, narrow, true),
    }
    a.sync();
    b.sync();
}

fn equalize(a: &mut Scalar, b: &mut Scalar, narrow: bool) {
    if narrow {
        a.umin32 = a.umin32.max(b.umin32);
        a.umax32 = a.umax32.min(b.umax32);
        a.smin32 = a.smin32.max(b.smin32);
        a.smax32 = a.smax32.min(b.smax32);
        (b.umin32, b.umax32, b.smin32, b.smax32) = (a.umin32, a.umax32, a.smin32, a.smax32);
        let half = a.bits.half().intersect(b.bits.half());
        a.bits = a.bits.with_half(half);
        b.bits = b.bits.with_half(half);
    } else {
        a.umin = a.umin.max(b.umin);
        a.umax = a.umax.min(b.umax);
        a.smin = a.smin.max(b.smin);
        a.smax = a.smax.min(b.smax);
        (b.umin, b.umax, b.smin, b.smax) = (a.umin, a.umax, a.smin, a.smax);
        a.bits = a.bits.intersect(b.bits);
        b.bits = a.bits;
    }
}

/// The number is not this constant: an edge of its range moves.
fn exclude(a: &mut Scalar, constant: &Scalar, narrow: bool) {
    let value = constant.bits.value;
    if narrow {
        let signed = value as i32;
        let value = value as u32;
        if a.umin32 == value {
            a.umin32 = a.umin32.wrapping_add(1);
        }
        if a.umax32 == value {
            a.umax32 = a.umax32.wrapping_sub(1);
        }
        if a.smin32 == signed {
            a.smin32 = a.smin32.wrapping_add(1);
        }
        if a.smax32 == signed {
            a.smax32 = a.smax32.wrapping_sub(1);
        }
    } else {
        let signed = value.cast_signed();
        if a.umin == value {
            a.umin = a.umin.wrapping_add(1);
        }
        if a.umax == value {
            a.umax = a.umax.wrapping_sub(1);
        }
        if a.smin == signed {
            a.smin = a.smin.wrapping_add(1);
        }
        if a.smax == signed {
            a.smax = a.smax.wrapping_sub(1);
        }
    }
}

/// One of these bits is set, or none.
fn test_bits(a: &mut Scalar, constant: &Scalar, narrow: bool, set: bool) {
    let mask = match narrow {
        true => constant.bits.half().value,
        false => constant.bits.value,
    };
    if set {
        // Of several bits nobody knows which.
        if !mask.is_power_of_two() {
            return;
        }
        a.bits = a.bits.or(Tnum::known(mask));
    } else if narrow {
        let half = a.bits.half().and(Tnum::known(!mask));
        a.bits = a.bits.with_half(half.half());
    } else {
        a.bits = a.bits.and(Tnum::known(!mask));
    }
}

macro_rules! order {
    ($name:ident, $shift:literal) => {
        /// The first number is not above the second.
        fn $name(a: &mut Scalar, b: &mut Scalar, narrow: bool, signed: bool) {
            match (narrow, signed) {
                (true, false) => {
                    a.umax32 = a.umax32.min(b.umax32.wrapping_sub($shift));
                    b.umin32 = b.umin32.max(a.umin32.wrapping_add($shift));
                }
                (true, true) => {
                    a.smax32 = a.smax32.min(b.smax32.wrapping_sub($shift));
                    b.smin32 = b.smin32.max(a.smin32.wrapping_add($shift));
                }
                (false, false) => {
                    a.umax = a.umax.min(b.umax.wrapping_sub($shift));
                    b.umin = b.umin.max(a.umin.wrapping_add($shift));
                }
                (false, true) => {
                    a.smax = a.smax.min(b.smax.wrapping_sub($shift));
                    b.smin = b.smin.max(a.smin.wrapping_add($shift));
                }
            }
        }
    };
}

order!(less_or_equal, 0);
order!(less, 1);
