//! Tracked numbers: which bits of a value are known, and what they are.

/// A number of which some bits are known. Where `mask` has a 1, the bit is not known, and `value`
/// has a 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tnum {
    pub(super) value: u64,
    pub(super) mask: u64,
}

impl Tnum {
    pub(super) const UNKNOWN: Self = Self {
        value: 0,
        mask: u64::MAX,
    };

    pub(super) const fn known(value: u64) -> Self {
        Self { value, mask: 0 }
    }

    /// The smallest set that has all numbers from `least` to `most`.
    pub(super) const fn range(least: u64, most: u64) -> Self {
        let differing = least ^ most;
        let bits = 64 - differing.leading_zeros();
        if bits > 63 {
            return Self::UNKNOWN;
        }
        let delta = (1 << bits) - 1;
        Self {
            value: least & !delta,
            mask: delta,
        }
    }

    pub(super) const fn is_known(self) -> bool {
        self.mask == 0
    }

    /// Whether the lower half is known.
    pub(super) const fn is_half_known(self) -> bool {
        self.mask as u32 == 0
    }

    /// The least number without sign.
    pub(super) const fn least(self) -> u64 {
        self.value
    }

    /// The greatest number without sign.
    pub(super) const fn most(self) -> u64 {
        self.value | self.mask
    }

    const fn of(value: u64, unknown: u64) -> Self {
        Self {
            value: value & !unknown,
            mask: unknown,
        }
    }

    pub(super) const fn add(self, other: Self) -> Self {
        let value = self.value.wrapping_add(other.value);
        let mask = self.mask.wrapping_add(other.mask);
        let carries = value.wrapping_add(mask) ^ value;
        Self::of(value, carries | self.mask | other.mask)
    }

    pub(super) const fn sub(self, other: Self) -> Self {
        let value = self.value.wrapping_sub(other.value);
        let borrows = value.wrapping_add(self.mask) ^ value.wrapping_sub(other.mask);
        Self::of(value, borrows | self.mask | other.mask)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        let value = self.value & other.value;
        Self {
            value,
            mask: self.most() & other.most() & !value,
        }
    }

    pub(super) const fn or(self, other: Self) -> Self {
        let value = self.value | other.value;
        Self {
            value,
            mask: (self.mask | other.mask) & !value,
        }
    }

    pub(super) const fn xor(self, other: Self) -> Self {
        Self::of(self.value ^ other.value, self.mask | other.mask)
    }

    /// Whatever is in one of the two.
    const fn union(self, other: Self) -> Self {
        Self::of(
            self.value & other.value,
            self.value ^ other.value | self.mask | other.mask,
        )
    }

    /// What is in both; of two that exclude each other, something.
    pub(super) const fn intersect(self, other: Self) -> Self {
        Self::of(self.value | other.value, self.mask & other.mask)
    }

    /// Whether some number is in both.
    pub(super) const fn overlaps(self, other: Self) -> bool {
        let known = !self.mask & !other.mask;
        self.value & known == other.value & known
    }

    /// Whether `other` has nothing that is not here.
    pub(super) const fn contains(self, other: Self) -> bool {
        other.mask & !self.mask == 0 && self.value == other.value & !self.mask
    }

    /// The least of its numbers that is not below this one.
    pub(super) const fn next_from(self, least: u64) -> Option<u64> {
        const fn below(bit: u32) -> u64 {
            (1 << bit) - 1
        }
        let nearest = least & self.mask | self.value;
        if nearest == least {
            return Some(least);
        }
        let bit = 63 - (nearest ^ least).leading_zeros();
        if nearest > least {
            // It is above already: what follows may be as small as it can.
            return Some(nearest & !below(bit) | self.value & below(bit));
        }
        let free = self.mask & !nearest & !below(bit);
        if free == 0 {
            return None;
        }
        let bit = free.trailing_zeros();
        Some((nearest | 1 << bit) & !below(bit) | self.value & below(bit))
    }

    /// Long multiplication, a bit at a time (6.18; before, in some cases less was known).
    pub(super) const fn mul(self, other: Self) -> Self {
        let (mut a, mut b) = (self, other);
        let mut sum = Self::known(0);
        while a.value != 0 || a.mask != 0 {
            if a.value & 1 == 1 {
                sum = sum.add(b);
            } else if a.mask & 1 == 1 {
                sum = sum.union(sum.add(b));
            }
            a = a.rsh(1);
            b = b.lsh(1);
        }
        sum
    }

    pub(super) const fn lsh(self, count: u32) -> Self {
        Self {
            value: self.value << count,
            mask: self.mask << count,
        }
    }

    pub(super) const fn rsh(self, count: u32) -> Self {
        Self {
            value: self.value >> count,
            mask: self.mask >> count,
        }
    }

    /// A shift that keeps the sign, of 64 bits.
    pub(super) const fn arsh(self, count: u32) -> Self {
        Self {
            value: (self.value.cast_signed() >> count).cast_unsigned(),
            mask: (self.mask.cast_signed() >> count).cast_unsigned(),
        }
    }

    /// The same of the lower half; the upper one is zero.
    pub(super) const fn arsh32(self, count: u32) -> Self {
        Self {
            value: ((self.value as i32) >> count) as u32 as u64,
            mask: ((self.mask as i32) >> count) as u32 as u64,
        }
    }

    /// The lower half, with zeros above.
    pub(super) const fn half(self) -> Self {
        Self {
            value: self.value as u32 as u64,
            mask: self.mask as u32 as u64,
        }
    }

    /// The same number with another lower half.
    pub(super) const fn with_half(self, half: Self) -> Self {
        const UPPER: u64 = 0xffff_ffff_0000_0000;
        Self {
            value: self.value & UPPER | half.value,
            mask: self.mask & UPPER | half.mask,
        }
    }

    /// The lower bytes, with zeros above.
    pub(super) const fn truncated(self, bytes: u8) -> Self {
        if bytes >= 8 {
            return self;
        }
        let kept = (1 << (8 * bytes)) - 1;
        Self {
            value: self.value & kept,
            mask: self.mask & kept,
        }
    }

    /// Whether every number here is a multiple of `size`, a power of two.
    pub(super) const fn is_aligned(self, size: u64) -> bool {
        (self.value | self.mask) & (size - 1) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Tnum;
    use alloc::vec::Vec;

    /// All numbers of four bits that one stands for.
    fn members(tnum: Tnum) -> Vec<u64> {
        (0..16).filter(|&n| n & !tnum.mask == tnum.value).collect()
    }

    fn all() -> impl Iterator<Item = Tnum> {
        (0..16_u64).flat_map(|mask| {
            (0..16)
                .filter(move |value| value & mask == 0)
                .map(move |value| Tnum { value, mask })
        })
    }

    /// What an operation makes of members is a member of what it makes of the sets.
    #[test]
    fn operations_lose_nothing() {
        type Pair = (fn(Tnum, Tnum) -> Tnum, fn(u64, u64) -> u64);
        let operations: [Pair; 6] = [
            (Tnum::add, u64::wrapping_add),
            (Tnum::sub, u64::wrapping_sub),
            (Tnum::mul, u64::wrapping_mul),
            (Tnum::and, |a, b| a & b),
            (Tnum::or, |a, b| a | b),
            (Tnum::xor, |a, b| a ^ b),
        ];
        for (sets, numbers) in operations {
            for a in all() {
                for b in all() {
                    let result = sets(a, b);
                    for x in members(a) {
                        for y in members(b) {
                            let number = numbers(x, y);
                            assert_eq!(number & !result.mask, result.value, "{a:?} {b:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_next_member_is_the_least_that_follows() {
        for tnum in all() {
            for least in 0..18 {
                let expected = members(tnum).into_iter().find(|&number| number >= least);
                assert_eq!(tnum.next_from(least), expected, "{tnum:?} from {least}");
            }
        }
    }

    #[test]
    fn a_range_has_its_members() {
        for least in 0..16 {
            for most in least..16 {
                let range = Tnum::range(least, most);
                let members = members(range);
                assert!((least..=most).all(|number| members.contains(&number)));
            }
        }
        assert_eq!(Tnum::range(0, u64::MAX), Tnum::UNKNOWN);
        assert_eq!(Tnum::range(8, 15), Tnum { value: 8, mask: 7 });
    }
}
