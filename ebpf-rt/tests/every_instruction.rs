//! Every instruction of the language through `ebpf_asm!`: the bytes are those of the facts that
//! `ebpf-asm` is tested with.

use ebpf_rt::{Code, ebpf_asm};

/// The texts, each assembled where its jumps (three slots ahead) land.
macro_rules! instructions {
    ($({ $($text:tt)* })*) => {
        &[$((stringify!($($text)*), ebpf_asm! { $($text)*; exit; exit; exit; exit })),*]
    };
}

/// Every text of the facts in their order; the test below compares them all.
#[rustfmt::skip]
const INSTRUCTIONS: &[(&str, Code)] = instructions! {
    { r1 += 10 }
    { r1 += r2 }
    { w1 += 10 }
    { w1 += w2 }
    { r1 -= 10 }
    { r1 -= r2 }
    { w1 -= 10 }
    { w1 -= w2 }
    { r1 *= 10 }
    { r1 *= r2 }
    { w1 *= 10 }
    { w1 *= w2 }
    { r1 /= 10 }
    { r1 /= r2 }
    { w1 /= 10 }
    { w1 /= w2 }
    { r1 |= 10 }
    { r1 |= r2 }
    { w1 |= 10 }
    { w1 |= w2 }
    { r1 &= 10 }
    { r1 &= r2 }
    { w1 &= 10 }
    { w1 &= w2 }
    { r1 <<= 10 }
    { r1 <<= r2 }
    { w1 <<= 10 }
    { w1 <<= w2 }
    { r1 >>= 10 }
    { r1 >>= r2 }
    { w1 >>= 10 }
    { w1 >>= w2 }
    { r1 %= 10 }
    { r1 %= r2 }
    { w1 %= 10 }
    { w1 %= w2 }
    { r1 ^= 10 }
    { r1 ^= r2 }
    { w1 ^= 10 }
    { w1 ^= w2 }
    { r1 = 10 }
    { r1 = r2 }
    { w1 = 10 }
    { w1 = w2 }
    { r1 s>>= 10 }
    { r1 s>>= r2 }
    { w1 s>>= 10 }
    { w1 s>>= w2 }
    { r1 = -r1 }
    { w1 = -w1 }
    { r1 s/= 10 }
    { r1 s/= r2 }
    { w1 s/= 10 }
    { w1 s/= w2 }
    { r1 s%= 10 }
    { r1 s%= r2 }
    { w1 s%= 10 }
    { w1 s%= w2 }
    { r1 = (s8)r2 }
    { r1 = (s16)r2 }
    { r1 = (s32)r2 }
    { w1 = (s8)w2 }
    { w1 = (s16)w2 }
    { r1 = le16 r1 }
    { r1 = le32 r1 }
    { r1 = le64 r1 }
    { r1 = be16 r1 }
    { r1 = be32 r1 }
    { r1 = be64 r1 }
    { r1 = bswap16 r1 }
    { r1 = bswap32 r1 }
    { r1 = bswap64 r1 }
    { r1 = addr_space_cast(r2, 0, 1) }
    { r1 = addr_space_cast(r2, 1, 0) }
    { if r1 == 10 goto +3 }
    { if r1 == 0xa goto pc+3 }
    { if r1 == r2 goto +3 }
    { if r1 == r2 goto pc+3 }
    { if w1 == 10 goto +3 }
    { if w1 == 0xa goto pc+3 }
    { if w1 == w2 goto +3 }
    { if w1 == w2 goto pc+3 }
    { if r1 > 10 goto +3 }
    { if r1 > 0xa goto pc+3 }
    { if r1 > r2 goto +3 }
    { if r1 > r2 goto pc+3 }
    { if w1 > 10 goto +3 }
    { if w1 > 0xa goto pc+3 }
    { if w1 > w2 goto +3 }
    { if w1 > w2 goto pc+3 }
    { if r1 >= 10 goto +3 }
    { if r1 >= 0xa goto pc+3 }
    { if r1 >= r2 goto +3 }
    { if r1 >= r2 goto pc+3 }
    { if w1 >= 10 goto +3 }
    { if w1 >= 0xa goto pc+3 }
    { if w1 >= w2 goto +3 }
    { if w1 >= w2 goto pc+3 }
    { if r1 & 10 goto +3 }
    { if r1 & 0xa goto pc+3 }
    { if r1 & r2 goto +3 }
    { if r1 & r2 goto pc+3 }
    { if w1 & 10 goto +3 }
    { if w1 & 0xa goto pc+3 }
    { if w1 & w2 goto +3 }
    { if w1 & w2 goto pc+3 }
    { if r1 != 10 goto +3 }
    { if r1 != 0xa goto pc+3 }
    { if r1 != r2 goto +3 }
    { if r1 != r2 goto pc+3 }
    { if w1 != 10 goto +3 }
    { if w1 != 0xa goto pc+3 }
    { if w1 != w2 goto +3 }
    { if w1 != w2 goto pc+3 }
    { if r1 s> 10 goto +3 }
    { if r1 s> 0xa goto pc+3 }
    { if r1 s> r2 goto +3 }
    { if r1 s> r2 goto pc+3 }
    { if w1 s> 10 goto +3 }
    { if w1 s> 0xa goto pc+3 }
    { if w1 s> w2 goto +3 }
    { if w1 s> w2 goto pc+3 }
    { if r1 s>= 10 goto +3 }
    { if r1 s>= 0xa goto pc+3 }
    { if r1 s>= r2 goto +3 }
    { if r1 s>= r2 goto pc+3 }
    { if w1 s>= 10 goto +3 }
    { if w1 s>= 0xa goto pc+3 }
    { if w1 s>= w2 goto +3 }
    { if w1 s>= w2 goto pc+3 }
    { if r1 < 10 goto +3 }
    { if r1 < 0xa goto pc+3 }
    { if r1 < r2 goto +3 }
    { if r1 < r2 goto pc+3 }
    { if w1 < 10 goto +3 }
    { if w1 < 0xa goto pc+3 }
    { if w1 < w2 goto +3 }
    { if w1 < w2 goto pc+3 }
    { if r1 <= 10 goto +3 }
    { if r1 <= 0xa goto pc+3 }
    { if r1 <= r2 goto +3 }
    { if r1 <= r2 goto pc+3 }
    { if w1 <= 10 goto +3 }
    { if w1 <= 0xa goto pc+3 }
    { if w1 <= w2 goto +3 }
    { if w1 <= w2 goto pc+3 }
    { if r1 s< 10 goto +3 }
    { if r1 s< 0xa goto pc+3 }
    { if r1 s< r2 goto +3 }
    { if r1 s< r2 goto pc+3 }
    { if w1 s< 10 goto +3 }
    { if w1 s< 0xa goto pc+3 }
    { if w1 s< w2 goto +3 }
    { if w1 s< w2 goto pc+3 }
    { if r1 s<= 10 goto +3 }
    { if r1 s<= 0xa goto pc+3 }
    { if r1 s<= r2 goto +3 }
    { if r1 s<= r2 goto pc+3 }
    { if w1 s<= 10 goto +3 }
    { if w1 s<= 0xa goto pc+3 }
    { if w1 s<= w2 goto +3 }
    { if w1 s<= w2 goto pc+3 }
    { goto +3 }
    { goto pc+3 }
    { gotol +3 }
    { gotol pc+3 }
    { may_goto +3 }
    { may_goto pc+3 }
    { gotox r1 }
    { exit }
    { call 1 }
    { call pc+3 }
    { call kfunc(1234, 0) }
    { r1 = *(u8 *)(r2 + 8) }
    { r1 = *(u8 *)(r2 +8) }
    { r1 = *(u16 *)(r2 + 8) }
    { r1 = *(u16 *)(r2 +8) }
    { r1 = *(u32 *)(r2 + 8) }
    { r1 = *(u32 *)(r2 +8) }
    { r1 = *(u64 *)(r2 + 8) }
    { r1 = *(u64 *)(r2 +8) }
    { r1 = *(s8 *)(r2 + 8) }
    { r1 = *(s8 *)(r2 +8) }
    { r1 = *(s16 *)(r2 + 8) }
    { r1 = *(s16 *)(r2 +8) }
    { r1 = *(s32 *)(r2 + 8) }
    { r1 = *(s32 *)(r2 +8) }
    { *(u8 *)(r1 + 8) = r2 }
    { *(u8 *)(r1 +8) = r2 }
    { *(u16 *)(r1 + 8) = r2 }
    { *(u16 *)(r1 +8) = r2 }
    { *(u32 *)(r1 + 8) = r2 }
    { *(u32 *)(r1 +8) = r2 }
    { *(u64 *)(r1 + 8) = r2 }
    { *(u64 *)(r1 +8) = r2 }
    { *(u8 *)(r1 + 8) = 10 }
    { *(u8 *)(r1 +8) = 10 }
    { *(u16 *)(r1 + 8) = 10 }
    { *(u16 *)(r1 +8) = 10 }
    { *(u32 *)(r1 + 8) = 10 }
    { *(u32 *)(r1 +8) = 10 }
    { *(u64 *)(r1 + 8) = 10 }
    { *(u64 *)(r1 +8) = 10 }
    { w1 = *(u8 *)(r2 + 8) }
    { w1 = *(u16 *)(r2 + 8) }
    { w1 = *(u32 *)(r2 + 8) }
    { *(u8 *)(r1 + 8) = w2 }
    { *(u16 *)(r1 + 8) = w2 }
    { *(u32 *)(r1 + 8) = w2 }
    { r1 = 0x1122334455667788 ll }
    { ld_pseudo r1, 1, 42 }
    { ld_pseudo r1, 2, 42, 16 }
    { ld_pseudo r1, 3, 42 }
    { ld_pseudo r1, 4, 42 }
    { ld_pseudo r1, 5, 2 }
    { ld_pseudo r1, 6, 2, 16 }
    { r0 = *(u8 *)skb[10] }
    { r0 = *(u16 *)skb[10] }
    { r0 = *(u32 *)skb[10] }
    { r0 = *(u8 *)skb[r1] }
    { r0 = *(u8 *)skb[r1 + 0] }
    { r0 = *(u16 *)skb[r1] }
    { r0 = *(u16 *)skb[r1 + 0] }
    { r0 = *(u32 *)skb[r1] }
    { r0 = *(u32 *)skb[r1 + 0] }
    { lock *(u64 *)(r1 + 8) += r2 }
    { lock *(u64 *)(r1 +8) += r2 }
    { lock *(u32 *)(r1 + 8) += w2 }
    { lock *(u32 *)(r1 +8) += r2 }
    { lock *(u64 *)(r1 + 8) |= r2 }
    { lock *(u64 *)(r1 +8) |= r2 }
    { lock *(u32 *)(r1 + 8) |= w2 }
    { lock *(u32 *)(r1 +8) |= r2 }
    { lock *(u64 *)(r1 + 8) &= r2 }
    { lock *(u64 *)(r1 +8) &= r2 }
    { lock *(u32 *)(r1 + 8) &= w2 }
    { lock *(u32 *)(r1 +8) &= r2 }
    { lock *(u64 *)(r1 + 8) ^= r2 }
    { lock *(u64 *)(r1 +8) ^= r2 }
    { lock *(u32 *)(r1 + 8) ^= w2 }
    { lock *(u32 *)(r1 +8) ^= r2 }
    { r2 = atomic_fetch_add((u64 *)(r1 + 8), r2) }
    { r2 = atomic64_fetch_add((u64 *)(r1 +8), r2) }
    { w2 = atomic_fetch_add((u32 *)(r1 + 8), w2) }
    { r2 = atomic_fetch_add((u32 *)(r1 +8), r2) }
    { r2 = atomic_fetch_or((u64 *)(r1 + 8), r2) }
    { r2 = atomic64_fetch_or((u64 *)(r1 +8), r2) }
    { w2 = atomic_fetch_or((u32 *)(r1 + 8), w2) }
    { r2 = atomic_fetch_or((u32 *)(r1 +8), r2) }
    { r2 = atomic_fetch_and((u64 *)(r1 + 8), r2) }
    { r2 = atomic64_fetch_and((u64 *)(r1 +8), r2) }
    { w2 = atomic_fetch_and((u32 *)(r1 + 8), w2) }
    { r2 = atomic_fetch_and((u32 *)(r1 +8), r2) }
    { r2 = atomic_fetch_xor((u64 *)(r1 + 8), r2) }
    { r2 = atomic64_fetch_xor((u64 *)(r1 +8), r2) }
    { w2 = atomic_fetch_xor((u32 *)(r1 + 8), w2) }
    { r2 = atomic_fetch_xor((u32 *)(r1 +8), r2) }
    { r2 = xchg_64(r1 + 8, r2) }
    { r2 = atomic64_xchg((u64 *)(r1 +8), r2) }
    { w2 = xchg32_32(r1 + 8, w2) }
    { r2 = atomic_xchg((u32 *)(r1 +8), r2) }
    { r0 = cmpxchg_64(r1 + 8, r0, r2) }
    { r0 = atomic64_cmpxchg((u64 *)(r1 +8), r0, r2) }
    { w0 = cmpxchg32_32(r1 + 8, w0, w2) }
    { r0 = atomic_cmpxchg((u32 *)(r1 +8), r0, r2) }
    { w1 = load_acquire((u8 *)(r2 + 8)) }
    { r1 = load_acquire((u8 *)(r2 +8)) }
    { w1 = load_acquire((u16 *)(r2 + 8)) }
    { r1 = load_acquire((u16 *)(r2 +8)) }
    { w1 = load_acquire((u32 *)(r2 + 8)) }
    { r1 = load_acquire((u32 *)(r2 +8)) }
    { r1 = load_acquire((u64 *)(r2 + 8)) }
    { r1 = load_acquire((u64 *)(r2 +8)) }
    { store_release((u8 *)(r1 + 8), w2) }
    { store_release((u8 *)(r1 +8), r2) }
    { store_release((u16 *)(r1 + 8), w2) }
    { store_release((u16 *)(r1 +8), r2) }
    { store_release((u32 *)(r1 + 8), w2) }
    { store_release((u32 *)(r1 +8), r2) }
    { store_release((u64 *)(r1 + 8), r2) }
    { store_release((u64 *)(r1 +8), r2) }
};

/// Without white space: `stringify!` and people put it differently.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn every_instruction_has_its_bytes() {
    let facts = include_str!("../../ebpf-asm/tests/data/isa.tsv");
    let rows = facts.lines().filter(|line| !line.starts_with('#')).skip(1);
    let mut compared = 0;
    for row in rows {
        let fields: Vec<&str> = row.split('\t').collect();
        let (kind, text, bytes, kernel) = (fields[0], fields[2], fields[3], fields[4]);
        // Rust cannot read `name#1`, the kernel's way to print a call.
        let kernel = Some(kernel).filter(|k| kind == "insn" && *k != "-" && !k.contains('#'));
        for text in [Some(text), kernel].into_iter().flatten() {
            if kind == "print" {
                continue;
            }
            let (written, code) = &INSTRUCTIONS[compared];
            assert_eq!(squeezed(written), squeezed(text));
            let found: String = code
                .to_le_bytes()
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            assert_eq!(&found[..bytes.len()], bytes, "{text}");
            assert_eq!(found.len(), bytes.len() + 4 * 16, "{text}");
            compared += 1;
        }
    }
    assert_eq!(compared, INSTRUCTIONS.len());
    assert!(compared > 185);
}
