#![allow(missing_docs)]
#![deny(warnings)]
use ebpf_rt::{Code, ebpf_asm};
const N: u32 = 7;
const FILTER: Code = ebpf_asm! {
    r0 = *(u32 *)(r1 + 0);          // __sk_buff.len
    if r0 <= N goto keep;
    r0 = N;
    r2 = {1u64 << 40} ll;
    r2 = { 5 + 3 };
    w2 = -{N};
keep:
    exit;
};
fn generic<T>() -> Code { ebpf_asm! { r0 = { size_of::<T>() }; exit } }
macro_rules! wrap { ($e:expr, $r:ident, $t:tt) => { ebpf_asm! { $r = $e; r1 = $t; exit } } }
#[test]
fn works() {
    const S: &[ebpf_rt::isa::Insn] = FILTER.into_static();
    assert_eq!(S.len(), 8);
    assert_eq!(S[1].imm(), 7);
    assert_eq!((S[3].imm(), S[4].imm()), (0, 256));
    assert_eq!(S[6].imm(), -7);
    assert_eq!(generic::<u64>().insns()[0].imm(), 8);
    assert_eq!(wrap!(3 + 4, r2, 5).insns()[0].imm(), 7);
    let c = ebpf_asm! { *(u64 *)(r10 - {8}) = -1; r1 = b'a'; 1: goto 1b; };
    assert_eq!(c.insns()[0].offset(), -8);
}
