//! What is known of a number: bits, and bounds with and without sign of the whole and of its lower
//! half. How each part refines the others is the kernel's (`reg_bounds_sync`), so that there is
//! nothing known here that a kernel does not know, and nothing missing.

use super::tnum::Tnum;

/// A number of which something is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scalar {
    pub(super) bits: Tnum,
    pub(super) umin: u64,
    pub(super) umax: u64,
    pub(super) smin: i64,
    pub(super) smax: i64,
    pub(super) umin32: u32,
    pub(super) umax32: u32,
    pub(super) smin32: i32,
    pub(super) smax32: i32,
    /// Copies of one number have one identity; 0 if there are none.
    pub(super) id: u32,
    /// What was added since it was copied.
    pub(super) link: Link,
    /// The slot that it comes from, for messages.
    pub(super) origin: u32,
}

/// How a number differs from those of the same identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Same,
    Sum(i32),
    /// A sum of 32 bits.
    NarrowSum(i32),
}

impl PartialEq for Scalar {
    /// The origin is for messages only.
    fn eq(&self, other: &Self) -> bool {
        self.has_bounds_of(other) && self.id == other.id && self.link == other.link
    }
}

impl Scalar {
    pub(super) const fn unknown(origin: u32) -> Self {
        Self {
            bits: Tnum::UNKNOWN,
            umin: 0,
            umax: u64::MAX,
            smin: i64::MIN,
            smax: i64::MAX,
            umin32: 0,
            umax32: u32::MAX,
            smin32: i32::MIN,
            smax32: i32::MAX,
            id: 0,
            link: Link::Same,
            origin,
        }
    }

    pub(super) const fn known(value: u64, origin: u32) -> Self {
        Self {
            bits: Tnum::known(value),
            umin: value,
            umax: value,
            smin: value.cast_signed(),
            smax: value.cast_signed(),
            umin32: value as u32,
            umax32: value as u32,
            smin32: value as i32,
            smax32: value as i32,
            id: 0,
            link: Link::Same,
            origin,
        }
    }

    /// The constant that it is.
    pub(super) const fn constant(&self) -> Option<u64> {
        if self.bits.is_known() {
            Some(self.bits.value)
        } else {
            None
        }
    }

    /// The constant that the lower half is.
    pub(super) const fn constant32(&self) -> Option<u32> {
        if self.bits.is_half_known() {
            Some(self.bits.value as u32)
        } else {
            None
        }
    }

    /// Whether a copy of it needs an identity of its own.
    pub(super) const fn wants_identity(&self) -> bool {
        !self.bits.is_known() && (self.id == 0 || !matches!(self.link, Link::Same))
    }

    pub(super) const fn is_unknown(&self) -> bool {
        self.bits.mask == u64::MAX
            && self.umin == 0
            && self.umax == u64::MAX
            && self.smin == i64::MIN
            && self.smax == i64::MAX
            && self.umin32 == 0
            && self.umax32 == u32::MAX
            && self.smin32 == i32::MIN
            && self.smax32 == i32::MAX
    }

    /// How many bits it takes at most.
    pub(super) const fn width(&self) -> u32 {
        64 - self.umax.leading_zeros()
    }

    /// Whether no number can be all that: the branch that led here is dead. What kernels make of
    /// it differs.
    pub(super) fn is_impossible(&self) -> bool {
        let nothing = |bits: Tnum, least: u64, most: u64| {
            bits.next_from(least).is_none_or(|number| number > most)
        };
        self.umin > self.umax
            || self.smin > self.smax
            || self.umin32 > self.umax32
            || self.smin32 > self.smax32
            || nothing(self.bits, self.umin, self.umax)
            || nothing(self.bits.half(), self.umin32.into(), self.umax32.into())
    }

    pub(super) fn has_bounds_of(&self, other: &Self) -> bool {
        self.bits == other.bits
            && self.umin == other.umin
            && self.umax == other.umax
            && self.smin == other.smin
            && self.smax == other.smax
            && self.umin32 == other.umin32
            && self.umax32 == other.umax32
            && self.smin32 == other.smin32
            && self.smax32 == other.smax32
    }

    /// Whether every number that `other` may be is one that this may be.
    pub(super) const fn contains(&self, other: &Self) -> bool {
        self.umin <= other.umin
            && self.umax >= other.umax
            && self.smin <= other.smin
            && self.smax >= other.smax
            && self.umin32 <= other.umin32
            && self.umax32 >= other.umax32
            && self.smin32 <= other.smin32
            && self.smax32 >= other.smax32
            && self.bits.contains(other.bits)
    }

    pub(super) const fn forget64(&mut self) {
        self.smin = i64::MIN;
        self.smax = i64::MAX;
        self.umin = 0;
        self.umax = u64::MAX;
    }

    pub(super) const fn forget32(&mut self) {
        self.smin32 = i32::MIN;
        self.smax32 = i32::MAX;
        self.umin32 = 0;
        self.umax32 = u32::MAX;
    }

    /// Becomes this constant, and stays what it is otherwise.
    pub(super) const fn set_known(&mut self, value: u64) {
        let (id, link, origin) = (self.id, self.link, self.origin);
        *self = Self::known(value, origin);
        self.id = id;
        self.link = link;
    }

    /// The lower half becomes this constant.
    pub(super) const fn set_known32(&mut self, value: u32) {
        self.bits = self.bits.with_half(Tnum::known(value as u64));
        self.umin32 = value;
        self.umax32 = value;
        self.smin32 = value.cast_signed();
        self.smax32 = value.cast_signed();
    }

    /// The upper half becomes zero.
    pub(super) fn zero_extend(&mut self) {
        self.bits = self.bits.half();
        self.umin = u64::from(self.umin32);
        self.umax = u64::from(self.umax32);
        if self.smin32 >= 0 {
            self.smin = i64::from(self.smin32);
            self.smax = i64::from(self.smax32);
        } else {
            self.smin = 0;
            self.smax = i64::from(u32::MAX);
        }
    }

    /// What is left of it in fewer bytes.
    pub(super) fn truncate(&mut self, bytes: u8) {
        if bytes >= 8 {
            return;
        }
        if let Some(value) = self.constant() {
            let kept = (1 << (8 * bytes)) - 1;
            self.set_known(value & kept);
            return;
        }
        self.bits = self.bits.truncated(bytes);
        let mask = (1_u64 << (8 * bytes)) - 1;
        if self.umin & !mask == self.umax & !mask {
            self.umin &= mask;
            self.umax &= mask;
        } else {
            self.umin = 0;
            self.umax = mask;
        }
        self.smin = self.umin.cast_signed();
        self.smax = self.umax.cast_signed();
        if bytes < 4 {
            self.forget32();
        }
        self.sync();
    }

    /// The lower bytes, with the sign of the highest of them.
    pub(super) fn sign_extend(&mut self, bytes: u8) {
        let shift = 64 - 8 * u32::from(bytes);
        let extend = |value: i64| value << shift >> shift;
        if let Some(value) = self.constant() {
            self.set_known(extend(value.cast_signed()).cast_unsigned());
            return;
        }
        let limit = 1_i64 << (8 * bytes - 1);
        let kept = 8 * u32::from(bytes);
        let (mut least, mut most) = (-limit, limit - 1);
        let mut bits = Tnum::UNKNOWN;
        if self.smax >> kept == self.smin >> kept {
            let (a, b) = (extend(self.smin), extend(self.smax));
            let (low, high) = (a.min(b), a.max(b));
            if (low >= 0) == (high >= 0) {
                (least, most) = (low, high);
                bits = Tnum::range(low.cast_unsigned(), high.cast_unsigned());
            }
        }
        self.bits = bits;
        self.forget64();
        self.forget32();
        self.smin = least;
        self.smax = most;
        if bytes < 4 {
            self.smin32 = least as i32;
            self.smax32 = most as i32;
        }
        self.sync();
    }

    /// The same of a 32-bit move, which looks at the lower half, and leaves zeros above.
    pub(super) fn sign_extend32(&mut self, bytes: u8) {
        let shift = 32 - 8 * u32::from(bytes);
        let extend = |value: i32| value << shift >> shift;
        if let Some(value) = self.constant32() {
            let extended = extend(value.cast_signed()).cast_unsigned();
            self.set_known(extended.into());
            return;
        }
        let limit = 1_i32 << (8 * bytes - 1);
        let kept = 8 * u32::from(bytes);
        let (mut least, mut most) = (-limit, limit - 1);
        self.bits = Tnum::UNKNOWN;
        if self.smax32 >> kept == self.smin32 >> kept {
            let (a, b) = (extend(self.smin32), extend(self.smax32));
            if (a.min(b) >= 0) == (a.max(b) >= 0) {
                (least, most) = (a.min(b), a.max(b));
                self.bits = Tnum::range(least.cast_unsigned().into(), most.cast_unsigned().into());
            }
        }
        self.forget32();
        self.smin32 = least;
        self.smax32 = most;
        self.zero_extend();
        self.sync();
    }

    /// Lets each part of what is known refine the others.
    pub(super) fn sync(&mut self) {
        if self.bits.is_known() && self.umin == self.umax && self.umin == self.bits.value {
            // A constant: everything else follows, unless it contradicts.
            let value = self.bits.value;
            let fits = self.smin <= value.cast_signed()
                && self.smax >= value.cast_signed()
                && self.umin32 <= value as u32
                && self.umax32 >= value as u32
                && self.smin32 <= value as i32
                && self.smax32 >= value as i32;
            if fits {
                self.set_known(value);
                return;
            }
        }
        self.bounds_of_bits();
        for _ in 0..3 {
            self.deduce32();
            self.deduce64();
            self.deduce64_of_32();
        }
        self.bits_of_bounds();
        self.bounds_of_bits();
    }

    pub(super) fn bounds_of_bits32(&mut self) {
        let half = self.bits.half();
        let sign = 1_u64 << 31;
        let least = (half.value | half.mask & sign) as i32;
        let most = (half.value | half.mask & (sign - 1)) as i32;
        self.smin32 = self.smin32.max(least);
        self.smax32 = self.smax32.min(most);
        self.umin32 = self.umin32.max(half.least() as u32);
        self.umax32 = self.umax32.min(half.most() as u32);
    }

    fn bounds_of_bits64(&mut self) {
        let sign = 1_u64 << 63;
        let least = self.bits.value | self.bits.mask & sign;
        let most = self.bits.value | self.bits.mask & (sign - 1);
        self.smin = self.smin.max(least.cast_signed());
        self.smax = self.smax.min(most.cast_signed());
        self.umin = self.umin.max(self.bits.least());
        self.umax = self.umax.min(self.bits.most());
        self.only_one();
    }

    /// Where bits and bounds leave one number only, it is that (stable series of 6.18, and 7.0).
    fn only_one(&mut self) {
        if self.bits.mask == u64::MAX || self.bits.mask == 0 || self.umin > self.umax {
            return;
        }
        let Some(first) = self.bits.next_from(self.umin) else {
            return;
        };
        let second = match first.checked_add(1) {
            Some(next) => self.bits.next_from(next),
            None => None,
        };
        if first <= self.umax && second.is_none_or(|second| second > self.umax) {
            self.bits = Tnum::known(first);
            self.umin = first;
            self.umax = first;
            self.smin = self.smin.max(first.cast_signed());
            self.smax = self.smax.min(first.cast_signed());
        }
    }

    pub(super) fn bounds_of_bits(&mut self) {
        self.bounds_of_bits32();
        self.bounds_of_bits64();
    }

    fn signed32(&mut self, least: i32, most: i32) {
        self.smin32 = self.smin32.max(least);
        self.smax32 = self.smax32.min(most);
    }

    fn unsigned32(&mut self, least: u32, most: u32) {
        self.umin32 = self.umin32.max(least);
        self.umax32 = self.umax32.min(most);
    }

    /// Bounds of the lower half: from those of the whole where the upper half is one number, or
    /// two that follow each other; and from each other.
    fn deduce32(&mut self) {
        let (umin, umax, smin, smax) = (self.umin, self.umax, self.smin, self.smax);
        if umin >> 32 == umax >> 32 {
            self.unsigned32(umin as u32, umax as u32);
            if umin as i32 <= umax as i32 {
                self.signed32(umin as i32, umax as i32);
            }
        }
        if smin >> 32 == smax >> 32 {
            if smin as u32 <= smax as u32 {
                self.unsigned32(smin as u32, smax as u32);
            }
            if smin as i32 <= smax as i32 {
                self.signed32(smin as i32, smax as i32);
            }
        }
        let follows = |a: u64, b: u64| ((a >> 32) as u32).wrapping_add(1) == (b >> 32) as u32;
        if follows(umin, umax) && (umin as i32) < 0 && umax as i32 >= 0 {
            self.signed32(umin as i32, umax as i32);
        }
        if follows(smin.cast_unsigned(), smax.cast_unsigned())
            && (smin as i32) < 0
            && smax as i32 >= 0
        {
            self.signed32(smin as i32, smax as i32);
        }
        if self.umin32.cast_signed() <= self.umax32.cast_signed() {
            self.signed32(self.umin32.cast_signed(), self.umax32.cast_signed());
        }
        let (smin, smax) = (self.smin32.cast_unsigned(), self.smax32.cast_unsigned());
        if smin <= smax {
            self.unsigned32(smin, smax);
        } else if self.umax32 < smin {
            // As of the whole, below.
            self.smin32 = self.umin32.cast_signed();
            self.umax32 = self.umax32.min(smax);
        } else if smax < self.umin32 {
            self.smax32 = self.umax32.cast_signed();
            self.umin32 = self.umin32.max(smin);
        }
    }

    /// Bounds with sign from those without, and the other way round.
    fn deduce64(&mut self) {
        if self.umin.cast_signed() <= self.umax.cast_signed() {
            self.smin = self.smin.max(self.umin.cast_signed());
            self.smax = self.smax.min(self.umax.cast_signed());
        }
        let (smin, smax) = (self.smin.cast_unsigned(), self.smax.cast_unsigned());
        if smin <= smax {
            self.umin = self.umin.max(smin);
            self.umax = self.umax.min(smax);
        } else if self.umax < smin {
            // It crosses zero, and only the part from zero on is in the other range, too.
            self.smin = self.umin.cast_signed();
            self.umax = self.umax.min(smax);
        } else if smax < self.umin {
            self.smax = self.umax.cast_signed();
            self.umin = self.umin.max(smin);
        }
    }

    /// Bounds of the whole from those of its lower half.
    fn deduce64_of_32(&mut self) {
        const UPPER: u64 = 0xffff_ffff_0000_0000;
        let (low, high) = (u64::from(self.umin32), u64::from(self.umax32));
        self.umin = self.umin.max(self.umin & UPPER | low);
        self.umax = self.umax.min(self.umax & UPPER | high);
        let smin = self.smin.cast_unsigned() & UPPER | low;
        let smax = self.smax.cast_unsigned() & UPPER | high;
        self.smin = self.smin.max(smin.cast_signed());
        self.smax = self.smax.min(smax.cast_signed());
        if self.smin32 >= 0 && self.smin >= i64::from(i32::MIN) && self.smax <= i64::from(i32::MAX)
        {
            self.smin = i64::from(self.smin32);
            self.smax = i64::from(self.smax32);
            self.umin = self.smin.cast_unsigned();
            self.umax = self.smax.cast_unsigned();
            self.bits = self.bits.intersect(Tnum::range(self.umin, self.umax));
        }
    }

    fn bits_of_bounds(&mut self) {
        let whole = self.bits.intersect(Tnum::range(self.umin, self.umax));
        let half = whole
            .half()
            .intersect(Tnum::range(self.umin32.into(), self.umax32.into()));
        self.bits = whole.with_half(half);
    }
}
