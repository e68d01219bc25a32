//! What users are told about mistakes: place, code, message, advice.
#![cfg(feature = "text")]

mod object;

use ebpf_asm::diag::{Diagnostic, Rule, Severity};
use ebpf_asm::link::link_program;
use ebpf_asm::syntax::{lex, parse_object};
use ebpf_asm::{KernelVersion, assemble};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Line, column, code, a part of the message, a part of the advice or note ("" for none).
type Expected = (u32, u32, &'static str, &'static str, &'static str);

struct Bad {
    source: &'static str,
    errors: &'static [Expected],
}

const fn bad(source: &'static str, errors: &'static [Expected]) -> Bad {
    Bad { source, errors }
}

#[rustfmt::skip] // A case is a line.
const CASES: &[Bad] = &[
    bad("r11 = 5", &[(1, 1, "BPF0013", "there is no register `r11`", "the registers are `r0` to `r10`")]),
    bad("w42 = 5", &[(1, 1, "BPF0013", "there is no register `w42`", "the registers are `w0` to `w10`")]),
    bad("r1 = r16", &[(1, 6, "BPF0013", "there is no register `r16`", "the registers are `r0` to `r10`")]),
    bad("r10 = 5", &[(1, 1, "BPF0020", "`r10` is the frame pointer and cannot be written", "copy it first: `r2 = r10; r2 += -8;`")]),
    bad("r10 += 8", &[(1, 1, "BPF0020", "`r10` is the frame pointer and cannot be written", "copy it first: `r2 = r10; r2 += -8;`")]),
    bad("ld_pseudo r10, 1, 5", &[(1, 11, "BPF0020", "`r10` is the frame pointer and cannot be written", "copy it first: `r2 = r10; r2 += -8;`")]),
    bad("r10 = *(u64 *)(r1 + 0)", &[(1, 1, "BPF0020", "`r10` is the frame pointer and cannot be written", "copy it first: `r2 = r10; r2 += -8;`")]),
    bad("r1 = 0x1ffffffff", &[(1, 6, "BPF0021", "8589934591 (0x1ffffffff) does not fit 32 bits", "write `r1 = 0x1ffffffff ll`")]),
    bad("r1 = 0xffffffff", &[(1, 6, "BPF0022", "0xffffffff does not fit: the instruction would extend its sign to -1", "write `-1` if that is meant")]),
    bad("w1 = 0x1ffffffff", &[(1, 6, "BPF0021", "8589934591 (0x1ffffffff) does not fit a 32-bit constant", "it holds -2147483648 to 4294967295")]),
    bad("r1 += 0xfffffff0", &[(1, 7, "BPF0022", "0xfffffff0 does not fit: the instruction would extend its sign to -16", "write `-16` if that is meant")]),
    bad("r1 <<= 64", &[(1, 8, "BPF0024", "a 64-bit shift by 64 is not possible", "the count is 0 to 63")]),
    bad("w1 >>= 32", &[(1, 8, "BPF0024", "a 32-bit shift by 32 is not possible", "the count is 0 to 31")]),
    bad("r1 s>>= -1", &[(1, 9, "BPF0024", "a 64-bit shift by -1 is not possible", "the count is 0 to 63")]),
    bad("r1 /= 0", &[(1, 7, "BPF0025", "division by zero", "the kernel refuses it: div by zero")]),
    bad("w1 s%= 0", &[(1, 8, "BPF0025", "division by zero", "the kernel refuses it: div by zero")]),
    bad("goto +40000", &[(1, 6, "BPF0026", "this jumps out of the function, which has 1 slot", "a distance counts from the next instruction; a label is easier to keep right")]),
    bad("goto nowhere", &[(1, 6, "BPF0030", "there is no label `nowhere` in this function", "")]),
    bad("goto done\ndnoe: exit", &[(1, 6, "BPF0030", "there is no label `done` in this function", "did you mean `dnoe`?")]),
    bad("r1 = COUNTS ll\nexit", &[(1, 6, "BPF0036", "there is no constant `COUNTS`", "define it: `const COUNTS: u32 = …;`")]),
    bad("r1 = sizeof(task_struct)\nexit", &[(1, 6, "BPF0038", "`sizeof(task_struct)` is known when an object is loaded, and this is no object", "write an object")]),
    bad("a: a: exit", &[(1, 4, "BPF0031", "the label `a` is defined twice", "first defined at line 1, column 1")]),
    bad("goto end\nend:", &[(1, 6, "BPF0026", "no instruction follows the label `end`", "let `exit;` follow it")]),
    bad("if r1 == 1 goto +1\nr2 = 5 ll\nexit", &[(1, 17, "BPF0026", "this jumps into the second half of a 64-bit constant, which takes two slots", "jump to a label")]),
    bad("r1 = 5 ll\ngoto -2", &[(2, 6, "BPF0026", "this jumps into the second half of a 64-bit constant, which takes two slots", "jump to a label")]),
    bad("goto 1f\nexit", &[(1, 6, "BPF0030", "there is no label `1:` after this jump", "")]),
    bad("goto 1b\n1: exit", &[(1, 6, "BPF0030", "there is no label `1:` before this jump", "")]),
    bad("0: exit", &[(1, 1, "BPF0005", "`0` cannot be a label: numbered labels are `1:` and up", "`0:` is left out because Rust cannot read `goto 0b`")]),
    bad("goto 0b", &[(1, 6, "BPF0005", "`0b` is not a label; a numbered one is `1f` or `1b`", "")]),
    bad("goto 5\nexit", &[(1, 6, "BPF0010", "`5` alone is not a place to jump to", "write `+5` for a distance in instructions, `5f` or `5b` for the label `5:` after or before this place")]),
    bad("r1 = 5ll", &[(1, 6, "BPF0004", "`ll` is a word of its own: `5ll` is another instruction to LLVM", "write `5 ll`")]),
    bad("r1 = 017", &[(1, 6, "BPF0003", "`017` is a decimal number with a leading zero, which is octal in C", "write `17` if it is decimal")]),
    bad("r1 = 089", &[(1, 6, "BPF0003", "`089` is a decimal number with a leading zero, which is octal in C", "write `89` if it is decimal")]),
    bad("r1 = 0X1f", &[(1, 6, "BPF0005", "`0X1f` is not a number: the prefix is `0x`", "write `0x1f`")]),
    bad("r1 = 5u64", &[(1, 6, "BPF0004", "numbers have no suffix here: the instruction decides about the size of `5u64`", "write `5`")]),
    bad("r1 = 0x", &[(1, 6, "BPF0005", "`0x` has no digits", "")]),
    bad("r1 = 1e5", &[(1, 6, "BPF0005", "`1e5` is not a number", "")]),
    bad("r1 = 99999999999999999999999", &[(1, 6, "BPF0021", "`99999999999999999999999` does not fit 64 bits", "")]),
    bad("r1 = 1.5", &[(1, 6, "BPF0010", "`1.5` is not an integer", "")]),
    bad("r1 = w2", &[(1, 6, "BPF0015", "`r1 = w2` mixes 32-bit and 64-bit registers", "write `w1 = w2` to copy 32 bits (the upper half becomes zero), or `r1 = r2` to copy all 64")]),
    bad("w1 = r2", &[(1, 6, "BPF0015", "`w1 = r2` mixes 32-bit and 64-bit registers", "write `w1 = w2` to copy 32 bits (the upper half becomes zero), or `r1 = r2` to copy all 64")]),
    bad("w1 += r2", &[(1, 7, "BPF0015", "`r2` has another width than the rest of the instruction", "write `w2`")]),
    bad("if r1 == w2 goto +0\nexit", &[(1, 10, "BPF0015", "`w2` has another width than the rest of the instruction", "write `r2`")]),
    bad("*(u64 *)(r1 + 0) = w2", &[(1, 20, "BPF0015", "`w2` has 32 bits, and the instruction stores eight bytes", "write `r2`")]),
    bad("w1 = *(u64 *)(r1 + 0)", &[(1, 1, "BPF0015", "eight bytes do not fit a 32-bit register", "write `r1`")]),
    bad("w1 = 5 ll", &[(1, 1, "BPF0015", "a 64-bit constant needs a 64-bit register", "write `r1`")]),
    bad("w1 = (s32)w2", &[(1, 1, "BPF0015", "32 bits are not extended to 32 bits", "write `r1`")]),
    bad("r1 = bswap16 r2", &[(1, 14, "BPF0016", "a register changes its byte order in place: both operands must be `r1`", "copy it first: `r1 = …; r1 = … r1;`")]),
    bad("w1 = be16 w1", &[(1, 1, "BPF0015", "changes of byte order are written with `r` registers", "write `r1`")]),
    bad("r1 = -r2", &[(1, 7, "BPF0016", "a register is negated in place: both operands must be `r1`", "copy it first: `r1 = …; r1 = … r1;`")]),
    bad("r2 = atomic_fetch_add((u64 *)(r1 + 8), r3)", &[(1, 40, "BPF0016", "a register gives its value and gets the old one: both operands must be `r2`", "copy it first: `r2 = …; r2 = … r2;`")]),
    bad("r1 = cmpxchg_64(r2 + 0, r1, r3)", &[(1, 1, "BPF0016", "compare and exchange compares with `r0` and leaves the old value there", "write `r0` (`w0` for 32 bits) on both sides")]),
    bad("r0 = cmpxchg_64(r2 + 0, r1, r3)", &[(1, 25, "BPF0016", "a register is compared and gets the old value: both operands must be `r0`", "copy it first: `r0 = …; r0 = … r0;`")]),
    bad("R1 = R2", &[(1, 1, "BPF0014", "registers are written in lower case, not `R1`", "write `r1`")]),
    bad("r1 = R2", &[(1, 6, "BPF0014", "registers are written in lower case, not `R2`", "write `r2`")]),
    bad("EXIT", &[(1, 1, "BPF0014", "mnemonics are written in lower case, not `EXIT`", "write `exit`")]),
    bad("CALL 1", &[(1, 1, "BPF0014", "mnemonics are written in lower case, not `CALL`", "write `call`")]),
    bad("mov r1, r2", &[(1, 1, "BPF0012", "there is no instruction `mov`", "a move is `r1 = r2` or `r1 = 10`")]),
    bad("exti", &[(1, 1, "BPF0012", "there is no instruction `exti`", "did you mean `exit`?")]),
    bad("foo", &[(1, 1, "BPF0012", "there is no instruction `foo`", "a label is `foo:`")]),
    bad("r1 = *(i32 *)(r2 + 0)", &[(1, 8, "BPF0018", "`i32` is not the size of a memory access", "write `s32` (sign-extending) or `u32`")]),
    bad("*(s32 *)(r2 + 0) = 5", &[(1, 3, "BPF0018", "stores do not extend: their sizes are unsigned", "write `u8`, `u16` or `u32`")]),
    bad("r1 = *(u128 *)(r2 + 0)", &[(1, 8, "BPF0018", "`u128` is not the size of a memory access", "the sizes are `u8`, `u16`, `u32`, `u64`, and for sign-extending loads `s8`, `s16`, `s32`")]),
    bad("r1 = (u8)r2", &[(1, 7, "BPF0018", "there is no cast to `u8`", "a mask keeps the lower bits: `r1 &= 0xff`; `w1 = w2` clears the upper half")]),
    bad("r1 = *(u32 *)(r2 + 40000)", &[(1, 20, "BPF0023", "the offset 40000 does not fit 16 bits", "offsets are -32768 to 32767; add the rest to the register first")]),
    bad("r1 = *(u32 *)(r2 + r3)", &[(1, 20, "BPF0010", "an address is one register and a constant", "add the registers first: `r1 += r2`")]),
    bad("r1 = *(u32 *)(r2 + -8)", &[(1, 20, "BPF0010", "the sign of an offset is the `+` or `-` before it", "")]),
    bad("r1 = *(u32 *)(5)", &[(1, 15, "BPF0010", "expected the register of the address, found `5`", "")]),
    bad("*(u8 *)(r1 + 0) = 256", &[(1, 19, "BPF0021", "256 does not fit a value stored in one byte", "it holds -128 to 255")]),
    bad("*(u32 *)(r1 + 0) += r2", &[(1, 18, "BPF0010", "memory is changed in place by atomic instructions only", "write `lock *(u64 *)(r1 + 8) += r2`, or load, add and store")]),
    bad("lock *(u8 *)(r1 + 0) += r2", &[(1, 8, "BPF0018", "there are no atomic operations on `u8`", "they have four or eight bytes: `u32` or `u64`")]),
    bad("lock *(u64 *)(r1 + 0) -= r2", &[(1, 23, "BPF0010", "expected `+=`, `|=`, `&=` or `^=`, found `-`", "")]),
    bad("call bpf_map_lokup_elem", &[(1, 6, "BPF0033", "there is no function or helper `bpf_map_lokup_elem`", "did you mean `bpf_map_lookup_elem`?")]),
    bad("call map_lookup_elem", &[(1, 6, "BPF0033", "there is no function or helper `map_lookup_elem`", "did you mean `bpf_map_lookup_elem`?")]),
    bad("call -1", &[(1, 6, "BPF0021", "the number of a helper is not negative", "write `call pc-1` for a call by distance")]),
    bad("call r1", &[(1, 6, "BPF0010", "no kernel calls through a register: `r1`", "call a function by name, or use a tail call: `call bpf_tail_call`")]),
    bad("callx r1", &[(1, 1, "BPF0012", "there is no instruction `callx`", "LLVM emits `callx`, and no kernel accepts it")]),
    bad("call foo::bar", &[(1, 9, "BPF0010", "functions are called by their plain names", "")]),
    bad("call bpf_map_lookup_elem#2", &[(1, 6, "BPF0034", "`bpf_map_lookup_elem` is helper 1, not 2", "write `call bpf_map_lookup_elem` or `call 2`")]),
    bad("call bpf_foo#99", &[(1, 6, "BPF0033", "there is no helper `bpf_foo`", "write `call 99` if it is a helper, or `call kfunc(99, 0)` if it is a kernel function and 99 its BTF id")]),
    bad("bpf_map_lookup_elem: r0 = 0\ncall bpf_map_lookup_elem\nexit", &[(2, 6, "BPF0034", "`bpf_map_lookup_elem` is a function here and helper 1 of the kernel", "give the function another name")]),
    bad("r1 = u32", &[(1, 6, "BPF0017", "`u32` belongs to the language and is not a value", "")]),
    bad("const r1: u32 = 5", &[(1, 7, "BPF0017", "`r1` belongs to the language and cannot be the name of a constant", "")]),
    bad("const A: u32 = 5\nconst A: u32 = 6\nr1 = A", &[(2, 7, "BPF0037", "`A` is defined twice", "first defined at line 1, column 7")]),
    bad("r1 = LIMIT", &[(1, 6, "BPF0036", "there is no constant `LIMIT`", "define it: `const LIMIT: u32 = …;`")]),
    bad("const LIMITS: u32 = 5\nr1 = LIMIT", &[(2, 6, "BPF0036", "there is no constant `LIMIT`", "did you mean `LIMITS`?")]),
    bad("const A: u32 = 1 / 0\nr1 = A", &[(1, 18, "BPF0029", "`1 / 0` divides by zero", "")]),
    bad("r1 = {size_of::<u32>()}", &[(1, 7, "BPF0029", "a path is Rust, and a text file only knows integers and its own constants", "define it in the file: `const NAME: u32 = …;`")]),
    bad("r1 = {5 as u32}", &[(1, 9, "BPF0029", "`as` is Rust, and a text file only knows integers and its own constants", "define it in the file: `const NAME: u32 = …;`")]),
    bad("r1 = {foo!()}", &[(1, 7, "BPF0029", "a macro is Rust, and a text file only knows integers and its own constants", "define it in the file: `const NAME: u32 = …;`")]),
    bad("r1 = core::mem::size_of", &[(1, 6, "BPF0010", "an operand is a register, a number, the name of a constant, or an expression in braces", "write `{core::mem::size_of}`")]),
    bad("const BIG: u64 = 1 << 40\nr1 = BIG", &[(2, 6, "BPF0021", "1099511627776 (0x10000000000) does not fit a 32-bit constant that is sign-extended to 64 bits", "load it into a register with `ll` first: `r1 = … ll`")]),
    bad("const N: u32 = 64\nr1 <<= N", &[(2, 8, "BPF0024", "a 64-bit shift by 64 is not possible", "the count is 0 to 63")]),
    bad("const Z: u32 = 0\nr1 /= Z", &[(2, 7, "BPF0025", "division by zero", "the kernel refuses it: div by zero")]),
    bad("#[cfg(x)] r1 = 5", &[(1, 1, "BPF0054", "instructions cannot have `#[cfg]`: their layout is fixed when the macro runs", "put `#[cfg]` on the program, or use a load-time constant: `const DEBUG: u32;`")]),
    bad("#[foo] r1 = 5", &[(1, 1, "BPF0052", "instructions have no attributes", "")]),
    bad("r1 = \"abc\"", &[(1, 6, "BPF0010", "`\"abc\"` is not an integer", "")]),
    bad("r1 = 'a'", &[(1, 6, "BPF0010", "`'a'` is not an integer", "write `b'a'`")]),
    bad("r1 = b'é'", &[(1, 6, "BPF0005", "`b'é'` is not a byte", "")]),
    bad("if r1 = 5 goto +0", &[(1, 7, "BPF0010", "expected a comparison behind the register, found `=`", "equality is `==`")]),
    bad("if r1 goto +0", &[(1, 7, "BPF0010", "expected a comparison behind the register, found `goto`", "write `!= 0` to test for anything but zero")]),
    bad("if 5 == r1 goto +0", &[(1, 4, "BPF0010", "expected a register behind `if`, found `5`", "")]),
    bad("r1 == 5", &[(1, 4, "BPF0010", "expected `=` or an operator like `+=` behind `r1`", "an assignment is `=`; a comparison stands in `if … goto`")]),
    bad("r1 + 5", &[(1, 4, "BPF0010", "expected `=` or an operator like `+=` behind `r1`", "arithmetic changes its first operand: `r1 += r2`")]),
    bad("r1++", &[(1, 3, "BPF0010", "expected `=` or an operator like `+=` behind `r1`", "write `+= 1` or `-= 1`")]),
    bad("r1", &[(1, 3, "BPF0010", "expected `=` or an operator like `+=` behind `r1`, found the end of the instruction", "")]),
    bad("r1 =", &[(1, 5, "BPF0010", "expected a value, found the end of the instruction", "")]),
    bad("r1 = r2 + 5", &[(1, 9, "BPF0010", "an assignment has one operand on its right", "write two instructions: `r1 = …; r1 += …;`")]),
    bad("r1 = r2 r3 = r4", &[(1, 9, "BPF0011", "expected `;` before `r3`", "every instruction ends with `;`")]),
    bad("r1 = 5 exit", &[(1, 8, "BPF0011", "expected `;` before `exit`", "every instruction ends with `;`")]),
    bad("r1 = 5 +", &[(1, 8, "BPF0010", "expected `;` at the end of the instruction, found `+`", "")]),
    bad("goto r1", &[(1, 6, "BPF0010", "a jump goes to a label, not to the register `r1`", "`gotox r1` jumps to an address in a register (Linux 6.19)")]),
    bad("goto", &[(1, 5, "BPF0010", "expected a label or a distance like `+3`, found the end of the instruction", "")]),
    bad(".4byte 5", &[(1, 1, "BPF0012", "the only directive is `.8byte 0x…`, which inserts eight bytes", "")]),
    bad(".8byte", &[(1, 7, "BPF0010", "expected the eight bytes, as a little-endian number, found the end of the instruction", "")]),
    bad(".8byte 0x1ffffffffffffffff", &[(1, 8, "BPF0021", "`0x1ffffffffffffffff` does not fit 64 bits", "")]),
    bad("r1 = (r2", &[(1, 6, "BPF0002", "this parenthesis is never closed", "")]),
    bad("r1 = *(u32 *)(r2 + 8\nexit", &[(1, 14, "BPF0002", "this parenthesis is never closed", "")]),
    bad("r1 = 5)", &[(1, 7, "BPF0010", "this parenthesis closes nothing", "")]),
    bad("/* foo", &[(1, 1, "BPF0002", "this comment does not end", "")]),
    bad("r1 = \"foo", &[(1, 6, "BPF0002", "this literal does not end", "")]),
    bad("r1 = 5 § 3", &[(1, 8, "BPF0001", "no token begins with '§'", "")]),
    bad("r1 += 5 ll", &[(1, 9, "BPF0010", "only an assignment takes a 64-bit constant", "load it into a register first: `r2 = … ll`")]),
    bad("r1 = A + 8", &[(1, 8, "BPF0010", "an operand is one constant", "compute it in braces: `{NAME + 8}`")]),
    bad("r1 = A + 8 ll\nexit", &[(1, 10, "BPF0038", "`A` is no map and no global, so there is nothing to be 8 bytes into", "a constant is computed in braces: `{A + 8} ll`")]),
    bad("r3 = *(u16 *)skb[10]", &[(1, 1, "BPF0016", "packet loads put their result into `r0`", "write `r0 = …` and copy it")]),
    bad("r0 = *(u64 *)skb[10]", &[(1, 8, "BPF0018", "packet loads have the sizes `u8`, `u16` and `u32`", "")]),
    bad("ld_pseudo r1, 9, 5", &[(1, 15, "BPF0021", "there is no pseudo source 9", "1 map fd, 2 map value, 3 BTF id, 4 function, 5 map index, 6 map value by index; a plain constant is `r1 = 5 ll`")]),
    bad("ld_pseudo r1, 0, 5", &[(1, 15, "BPF0021", "there is no pseudo source 0", "1 map fd, 2 map value, 3 BTF id, 4 function, 5 map index, 6 map value by index; a plain constant is `r1 = 5 ll`")]),
    bad("call kfunc(5, 70000)", &[(1, 15, "BPF0021", "the index 70000 does not fit 16 bits", "")]),
    bad("r1 = addr_space_cast(r2, 0, 70000)", &[(1, 29, "BPF0021", "the address space 70000 does not fit 16 bits", "")]),
    bad("ll: r1 = ll ll", &[(1, 10, "BPF0017", "`ll` belongs to the language and is not a value", "")]),
    bad("r1 = {}", &[(1, 6, "BPF0010", "there is no expression between the braces", "")]),
    bad("r1 = { 5", &[(1, 6, "BPF0002", "this brace is never closed", "")]),
    bad("lock *(u32 *)(r1 + 0) += w2 + 1", &[(1, 29, "BPF0010", "expected `;` at the end of the instruction, found `+`", "")]),
    bad("r1 = load_acquire((s32 *)(r2 + 0))", &[(1, 20, "BPF0018", "this instruction has no form for `s32`", "")]),
    bad("store_release((u64 *)(r1 + 8), w2)", &[(1, 32, "BPF0015", "`w2` has 32 bits, and the instruction moves eight bytes", "write `r2`")]),
    bad("if w1 > r2 goto +0", &[(1, 9, "BPF0015", "`r2` has another width than the rest of the instruction", "write `w2`")]),
    bad("r1 = ntohs(r2)", &[(1, 6, "BPF0012", "there is no operation `ntohs(…)`", "")]),
    bad("r1 = *(u32 *)r2", &[(1, 14, "BPF0010", "expected an address in parentheses: `(r1 + 8)`, found `r2`", "")]),
    bad("r1 = *r2", &[(1, 7, "BPF0010", "expected a size in parentheses: `(u32 *)`, found `r2`", "")]),
    bad("call kfunc", &[(1, 6, "BPF0033", "there is no function or helper `kfunc`", "")]),
    bad("r1 s= 5", &[(1, 4, "BPF0010", "expected `=` or an operator like `+=` behind `r1`, found `s`", "")]),
    bad("r1 s>= 5", &[(1, 4, "BPF0010", "expected `=` or an operator like `+=` behind `r1`, found `s`", "")]),
    bad("r1 != 5", &[(1, 4, "BPF0010", "expected `=` or an operator like `+=` behind `r1`, found `!`", "")]),
    bad("r1 = !r2", &[(1, 6, "BPF0010", "expected a value, found `!`", "")]),
    bad("r1 = ~r2", &[(1, 6, "BPF0010", "expected a value, found `~`", "")]),
    bad("r1 &= ~5", &[(1, 7, "BPF0010", "expected a register or a constant, found `~`", "")]),
    bad("let x = 5", &[(1, 1, "BPF0012", "there is no instruction `let`", "the body of a program is instructions, not Rust")]),
    bad("r1 = -LIMIT", &[(1, 7, "BPF0036", "there is no constant `LIMIT`", "define it: `const LIMIT: u32 = …;`")]),
    bad("lock r1 += 1", &[(1, 6, "BPF0010", "expected `*` and an address behind `lock`, found `r1`", "")]),
    bad("if r1 === 5 goto +0", &[(1, 9, "BPF0010", "expected a register or a constant, found `=`", "")]),
    bad("r1 = 0x80000000", &[(1, 6, "BPF0022", "0x80000000 does not fit: the instruction would extend its sign to -2147483648", "write `-2147483648` if that is meant")]),
    bad("r1 = -2147483649", &[(1, 6, "BPF0021", "-2147483649 does not fit 32 bits", "write `r1 = -2147483649 ll`")]),
    bad("*(u64 *)(r1 + 0) = 0xffffffff", &[(1, 20, "BPF0022", "0xffffffff does not fit: the instruction would extend its sign to -1", "write `-1` if that is meant")]),
    bad("*(u64 *)(r1 + 0) = 0x1ffffffff", &[(1, 20, "BPF0021", "8589934591 (0x1ffffffff) does not fit a 32-bit constant that is sign-extended to 64 bits", "it holds -2147483648 to 2147483647")]),
    bad("r1 /= 0xffffffff", &[(1, 7, "BPF0022", "0xffffffff does not fit: the instruction would extend its sign to -1", "write `-1` if that is meant")]),
    bad("r1 /= 0x1ffffffff", &[(1, 7, "BPF0021", "8589934591 (0x1ffffffff) does not fit a divisor of 32 bits", "it holds -2147483648 to 2147483647")]),
    bad("if r1 == 0x1ffffffff goto +0", &[(1, 10, "BPF0021", "8589934591 (0x1ffffffff) does not fit a 32-bit constant that is sign-extended to 64 bits", "load it into a register with `ll` first: `r1 = … ll`")]),
    bad("\tr11 = 5", &[(1, 2, "BPF0013", "there is no register `r11`", "the registers are `r0` to `r10`")]),
    bad("r1 = 1\n\t  r2 = 'é'; r11 = 5", &[(2, 9, "BPF0010", "`'é'` is not an integer", ""), (2, 14, "BPF0013", "there is no register `r11`", "the registers are `r0` to `r10`")]),
    bad("r1 = b'é'; r12 = 1", &[(1, 6, "BPF0005", "`b'é'` is not a byte", ""), (1, 12, "BPF0013", "there is no register `r12`", "the registers are `r0` to `r10`")]),
    bad("r1 = {((((1}", &[(1, 7, "BPF0002", "this parenthesis is never closed", "")]),
    bad("))))", &[(1, 1, "BPF0010", "this parenthesis closes nothing", "")]),
    bad("r1 = {", &[(1, 6, "BPF0002", "this brace is never closed", "")]),
    bad("r1 = -18446744073709551615", &[(1, 6, "BPF0021", "-18446744073709551615 does not fit 32 bits", "it does not fit 64 bits either")]),
    bad("goto +1\nexit\ngoto -9", &[(3, 6, "BPF0026", "this jumps out of the function, which has 3 slots", "a distance counts from the next instruction; a label is easier to keep right")]),
    bad("if r1 == 5\nexit", &[(1, 11, "BPF0010", "expected `goto` behind the condition, found the end of the instruction", "")]),
    bad("a:\n\tgoto a\na:\n\texit", &[(3, 1, "BPF0031", "the label `a` is defined twice", "first defined at line 1, column 1")]),
    bad("r1 = 5; r2 = 6 r3 = 7", &[(1, 16, "BPF0011", "expected `;` before `r3`", "every instruction ends with `;`")]),
    bad("call kernel-function#99999999999", &[(1, 22, "BPF0021", "99999999999 does not fit 32 bits", "")]),
    bad("r1 = 0b102", &[(1, 6, "BPF0005", "`0b102` is not a number", "")]),
    bad("r1 = b'ab'", &[(1, 6, "BPF0005", "`b'ab'` is not a byte", "")]),
    bad("/* open\nexit", &[(1, 1, "BPF0002", "this comment does not end", "")]),
    bad("\u{feff}r11 = 5", &[(1, 1, "BPF0013", "there is no register `r11`", "the registers are `r0` to `r10`")]),
    bad("\tr1 = 5\r\n\t/* é */ r11 = 5\r\n", &[(2, 10, "BPF0013", "there is no register `r11`", "the registers are `r0` to `r10`")]),
    bad("call pc-9\nexit", &[(1, 6, "BPF0026", "this jumps out of the function, which has 2 slots", "a distance counts from the next instruction; a label is easier to keep right")]),
    bad("gotox w1", &[(1, 7, "BPF0015", "`w1` has another width than the rest of the instruction", "write `r1`")]),
    bad("r1 = load_acquire(r2)", &[(1, 19, "BPF0010", "expected a size in parentheses: `(u32 *)`, found `r2`", "")]),
    bad("lock *(u64 *)(r1 + 0) += w2", &[(1, 26, "BPF0015", "`w2` has 32 bits, and the instruction moves eight bytes", "write `r2`")]),
    bad("r1 = *(s64 *)(r2 + 0)", &[(1, 8, "BPF0018", "`s64` is not the size of a memory access", "write `u64`: eight bytes need no extension")]),
    bad("const A: u32 = 017\nr1 = A", &[(1, 16, "BPF0003", "`017` is a decimal number with a leading zero, which is octal in C", "write `17` if it is decimal")]),
    bad("r1 = {1 +}", &[(1, 9, "BPF0029", "expected a number, a constant or `(`, found the end", "")]),
    bad("r1 = { 1 2 }", &[(1, 10, "BPF0029", "expected the end of the expression, found `2`", "")]),
];

fn advice(diagnostic: &Diagnostic) -> Vec<String> {
    let notes = diagnostic.notes.iter().map(ToString::to_string);
    notes.chain(diagnostic.advice()).collect()
}

#[test]
fn every_mistake_is_one_error_at_its_place() {
    let mut wrong = String::new();
    for case in CASES {
        let Err(found) = assemble(case.source) else {
            let _ = writeln!(wrong, "{:?} assembles", case.source);
            continue;
        };
        let found = found.as_slice();
        let matches = |(found, expected): (&Diagnostic, &Expected)| {
            let &(line, column, code, message, help) = expected;
            (found.span.line, found.span.column) == (line, column)
                && found.code == code
                && found.message.contains(message)
                && (help.is_empty() || advice(found).iter().any(|text| text.contains(help)))
        };
        let all = found.len() == case.errors.len() && found.iter().zip(case.errors).all(matches);
        if !all {
            let _ = writeln!(wrong, "{:?}: expected {:?}", case.source, case.errors);
            for error in found {
                let _ = writeln!(wrong, "    found {error}; {:?}", advice(error));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(CASES.len() >= 150, "{}", CASES.len());
}

#[test]
fn spans_lie_in_the_text_and_agree_with_line_and_column() {
    for case in CASES {
        let Err(found) = assemble(case.source) else {
            continue;
        };
        for error in &found {
            let (start, end) = (error.span.start as usize, error.span.end as usize);
            assert!(
                case.source.get(start..end).is_some(),
                "{:?}: {error}",
                case.source
            );
            let before = &case.source[..start];
            let line = before.matches('\n').count() + 1;
            let last = before.rsplit('\n').next().unwrap_or("");
            let column = last.trim_start_matches('\u{feff}').chars().count() + 1;
            let place = (error.span.line as usize, error.span.column as usize);
            assert_eq!(place, (line, column), "{:?}: {error}", case.source);
        }
    }
}

#[test]
fn messages_read_alike() {
    for case in CASES {
        let Err(found) = assemble(case.source) else {
            continue;
        };
        for error in &found {
            for text in advice(error).into_iter().chain([error.message.clone()]) {
                assert!(!text.ends_with('.') && !text.contains('\n'), "{text}");
                assert!(
                    !text.starts_with(char::is_uppercase) || text.starts_with("LLVM"),
                    "{text}"
                );
            }
            assert!(advice(error).len() <= 5);
        }
    }
}

#[test]
fn five_mistakes_are_five_errors() {
    let source = "
        r1 = *(u32 *)(r1 + 0)
        r11 = 5                     # no such register
        if r1 == 6 goto dnoe        # a slip of the pen
        r2 <<= 64                   # too far
        call bpf_map_lokup_elem     # another slip
        r3 = 5ll                    # another instruction to LLVM
    done:
        r0 = 0
        exit
    ";
    let errors = assemble(source).unwrap_err();
    let found: Vec<(u32, &str)> = errors
        .iter()
        .map(|e| (e.span.line, e.code.as_str()))
        .collect();
    let expected = [
        (3, "BPF0013"),
        (4, "BPF0030"),
        (5, "BPF0024"),
        (6, "BPF0033"),
        (7, "BPF0004"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn how_an_error_is_shown() {
    let errors = assemble("r0 = 0\n\tr1 = w2\nexit")
        .unwrap_err()
        .with_name("filter.s");
    let expected = "error[BPF0015]: `r1 = w2` mixes 32-bit and 64-bit registers
 --> filter.s:2:7
  |
2 | \tr1 = w2
  | \t     ^^
  = help: write `w1 = w2` to copy 32 bits (the upper half becomes zero), or `r1 = r2` to copy all 64";
    assert_eq!(errors.to_string(), expected);

    // Of a long line the part around the place is shown.
    let source = format!(
        "{}r11 = 5;{}",
        "r0 = 0; ".repeat(1000),
        " r0 = 0;".repeat(1000)
    );
    let shown = assemble(&source).unwrap_err().to_string();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[1], " --> <text>:1:8001");
    assert!(lines[3].starts_with("1 | …") && lines[3].ends_with('…') && lines[3].len() < 200);
    let place = lines[4].find("^^^").unwrap();
    let characters: Vec<char> = lines[3].chars().collect();
    assert_eq!(String::from_iter(&characters[place..place + 3]), "r11");
}

#[test]
fn a_jump_that_is_too_far() {
    let far = |jump: &str| format!("{jump}\n{}far: exit", "r0 = 0\n".repeat(40_000));
    for (jump, column, help) in [
        ("goto far", 6, "`gotol`"),
        (
            "if r1 == 10 goto far",
            18,
            "if r1 != 10 goto +1; gotol label",
        ),
        ("may_goto far", 10, "gotol"),
        ("goto +40000", 6, "`gotol`"),
    ] {
        let errors = assemble(&far(jump)).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors}");
        let error = &errors.as_slice()[0];
        assert_eq!(
            (error.code, error.span.line, error.span.column),
            (Rule::JumpRange, 1, column)
        );
        assert!(error.message.contains("40000 slots far"), "{error}");
        assert!(
            advice(error).iter().any(|text| text.contains(help)),
            "{error:?}"
        );
    }
    let errors = assemble(&far("goto far")).unwrap_err();
    let error = &errors.as_slice()[0];
    assert_eq!(
        (
            error.span.line,
            error.span.column,
            error.code.as_str(),
            error.message.as_str()
        ),
        (
            1,
            6,
            "BPF0027",
            "the jump is 40000 slots far, and 16 bits hold -32768 to 32767"
        )
    );
    assert_eq!(
        assemble(&far("gotol far")).unwrap().insns()[0].imm(),
        40_000
    );
}

/// The diagnostics of an object: of its grammar, and of its first program.
fn object(source: &str) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let tokens = lex(source, &mut diagnostics);
    let mut parsed = parse_object(&tokens);
    diagnostics.append(&mut parsed.diagnostics);
    let Some(object) = parsed.tree else {
        return diagnostics;
    };
    let (scope, functions) = object::functions(&object);
    if !functions.is_empty() {
        let linked = link_program(&functions, 0, &scope, Some(KernelVersion::new(5, 10)));
        diagnostics.extend(linked.diagnostics);
    }
    diagnostics
}

#[rustfmt::skip] // A case is a line.
const OBJECTS: &[Bad] = &[
    bad("mod m { #[p] fn f() { r0 = 0; } }", &[(1, 23, "BPF0040", "does not end here", "end it with `exit;`")]),
    bad("mod m { #[p] fn f() { } }", &[(1, 17, "BPF0041", "`f` has no instructions", "r0 = 0; exit;")]),
    bad("mod m { #[p] fn f() { call g; exit; } fn g() { call g; exit; } }", &[(1, 53, "BPF0042", "`g` calls `g`", "recursive call")]),
    bad("mod m { #[p] fn f() { call g; exit; } fn g() { call f; exit; } }", &[(1, 53, "BPF0038", "`f` is a program", "without attribute")]),
    bad("mod m { #[p] fn f() { r1 = COUNTS ll; exit; } }", &[(1, 28, "BPF0035", "no map, function or constant `COUNTS`", "")]),
    bad("mod m { #[p] fn f() { r1 s/= 2; exit; } }", &[(1, 23, "BPF0060", "needs Linux 6.6", "#[min_kernel = \"6.6\"]")]),
    bad("mod m { #[p] fn f() { call bpf_loop; exit; } }", &[(1, 28, "BPF0060", "`bpf_loop` needs Linux 5.17", "#[min_kernel = \"5.17\"]")]),
    bad("mod m { #[p] fn f() { call g; exit; } #[inline] fn g() { call g; exit; } }", &[(1, 28, "BPF0046", "`g` cannot be pasted here: it contains itself: `g` pastes `g`", "called and not pasted")]),
    bad("mod m { #[p] fn f() { call a; exit; } #[inline] fn a() { call b; } #[inline] fn b() { call a; exit } }", &[(1, 28, "BPF0046", "`a` pastes `b` pastes `a`", "")]),
    bad("mod m { #[p] fn f() { call g; exit; } fn g() { call h; exit; } #[inline] fn h() { call g; exit; } }", &[(1, 88, "BPF0042", "`g` calls `g`", "recursive call")]),
    bad("mod m { #[p] fn f() { r1 = g ll; exit; } #[inline] fn g() { exit; } }", &[(1, 28, "BPF0046", "has no address", "leave `#[inline]` out")]),
    bad("mod m { #[p] fn f() { call g; call g; exit; } #[inline] fn g() { goto done; r1 = COUNTS ll; } }", &[(1, 71, "BPF0030", "no label `done`", ""), (1, 82, "BPF0035", "`COUNTS`", "")]),
    bad("mod m { #[p] fn f() { goto +1; call g; exit; } #[inline] fn g() { r1 = 1; r2 = 2; exit; } }", &[(1, 28, "BPF0026", "a function that is pasted there", "jump to a label")]),
    bad("mod m { #[p] fn f() { call g; } #[inline] fn g() { r0 = 0; exit; } }", &[(1, 23, "BPF0040", "does not end here", "exit;")]),
    bad("mod m { #[p] fn f() { r2 = g ll; exit; } pub fn g() { exit; } }", &[(1, 28, "BPF0045", "`g` is a global function (`pub fn`), and callbacks are static", "leave `pub` out"), (1, 23, "BPF0060", "needs Linux 5.13", "")]),
    bad("mod m { extern \"C\" { fn f(); } }", &[(1, 16, "BPF0050", "expected `\"kernel\"` behind `extern`, found `\"C\"`", "only the kernel has functions")]),
    bad("mod m { extern { fn f(); } }", &[(1, 16, "BPF0050", "found `{`", "extern \"kernel\" {")]),
    bad("mod m { unsafe extern \"kernel\" { fn f(); } }", &[(1, 9, "BPF0050", "found `unsafe`", "declared in `extern \"kernel\" { … }`")]),
    bad("mod m { extern \"kernel\" { fn f() { exit; } } }", &[(1, 34, "BPF0010", "`f` is the kernel's", "end the declaration with `;`")]),
    bad("mod m { extern \"kernel\" { struct S; static mut a: u64; static b; fn c(); } }", &[(1, 27, "BPF0050", "found `struct`", "static name: u64;"), (1, 44, "BPF0050", "not `mut`", ""), (1, 64, "BPF0010", "expected `:`", "")]),
    bad("mod m { extern \"kernel\" { fn bpf_loop(); } #[p] fn f() { call bpf_loop; exit; } }", &[(1, 63, "BPF0034", "a function here and helper 181", "leave the declaration out")]),
    bad("mod m { extern \"kernel\" { static v: u64; } #[p] fn f() { r1 = v; call v; r1 = v + 4 ll; exit; } }", &[(1, 63, "BPF0038", "`v` is a variable of the kernel, and its address has 64 bits", "r1 = v ll"), (1, 71, "BPF0038", "`v` is not a function", ""), (1, 83, "BPF0038", "no map and no global", "")]),
    bad("mod m { extern \"kernel\" { fn k(); } #[p] fn f() { call kk; exit; } }", &[(1, 56, "BPF0033", "there is no function or helper `kk`", "did you mean `k`?")]),
    bad("mod m { #[p] fn f() { r1 = offsetof(a); r1 = enumval(a); r1 = sizeof(); r1 = exists(5); exit; } }", &[(1, 38, "BPF0010", "expected `.` and a member, found `)`", ""), (1, 55, "BPF0010", "the name of a value", ""), (1, 70, "BPF0010", "the name of a type of the kernel, found `)`", ""), (1, 85, "BPF0010", "found `5`", "")]),
    bad("mod m { #[p] fn f() { r1 = offsetof(struct a.b); r1 = offsetof(a.b->c); exit; } }", &[(1, 37, "BPF0010", "without `struct`", "leave it out"), (1, 67, "BPF0010", "behind a pointer", "load the pointer first")]),
    bad("mod m { #[p] fn f() { r1 = -offsetof(a.b); r1 = *(u8 *)(r1 - offsetof(a.b[2].c)); exit; } }", &[(1, 28, "BPF0038", "`offsetof(a.b)` is known when the object is loaded and cannot be negated", "r1 -= offsetof(a.b)"), (1, 62, "BPF0038", "`offsetof(a.b[2].c)`", "")]),
    bad("mod m { #[p] fn f() { r1 = sizeoff(a); exit; } }", &[(1, 28, "BPF0012", "no operation `sizeoff(…)`", "did you mean `sizeof`?")]),
    bad("mod m { struct S; }", &[(1, 9, "BPF0050", "expected an item of an object, found `struct`", "define types outside")]),
    bad("mod m { fn f<T>() { exit; } }", &[(1, 13, "BPF0055", "cannot be generic", "")]),
    bad("mod m { unsafe fn f() { exit; } }", &[(1, 9, "BPF0058", "`unsafe` has no meaning", "write `fn name")]),
    bad("mod m { #[kprobe] fn f0() { call f1; exit; }\nfn f1() { call f2; exit; }\nfn f2() { call f3; exit; }\nfn f3() { call f4; exit; }\nfn f4() { call f5; exit; }\nfn f5() { call f6; exit; }\nfn f6() { call f7; exit; }\nfn f7() { call f8; exit; }\nfn f8() { call f9; exit; }\nfn f9() { call f10; exit; }\nfn f10() { call f11; exit; }\nfn f11() { call f12; exit; }\nfn f12() { call f13; exit; }\nfn f13() { call f14; exit; }\nfn f14() { call f15; exit; }\nfn f15() { call f16; exit; }\nfn f16() { r0 = 0; exit; } }", &[(16, 17, "BPF0043", "this is the call of a 17th function while 16 are active, and no kernel allows that: `f0` calls `f1` calls", "")]),
    bad("mod m { #[socket_filter] fn f() { *(u64 *)(r10 - 400) = 0; call g; exit; }\nfn g() { *(u64 *)(r10 - 400) = 0; r0 = 0; exit; } }", &[(1, 65, "BPF0044", "need 800 bytes of stack", "combined stack size of 2 calls is 800. Too large")]),
    bad("mod m { #[p] fn f() { exit; }", &[(1, 7, "BPF0002", "this brace is never closed", "")]),
];

#[test]
fn mistakes_in_objects() {
    for case in OBJECTS {
        let found = object(case.source);
        assert_eq!(found.len(), case.errors.len(), "{}: {found:?}", case.source);
        for (found, &(line, column, code, message, help)) in found.iter().zip(case.errors) {
            assert_eq!(
                (found.span.line, found.span.column),
                (line, column),
                "{found:?}"
            );
            assert_eq!(found.code, code, "{found:?}");
            assert!(found.message.contains(message), "{found:?}");
            assert!(
                advice(found).iter().any(|text| text.contains(help)) || help.is_empty(),
                "{found:?}"
            );
        }
    }
}

#[test]
fn every_code_is_tested_or_listed_here() {
    let elsewhere = [
        (Rule::JumpRange, "a_jump_that_is_too_far"),
        (Rule::UnusedLabel, "warnings"),
        (Rule::UnreadableListing, "the tests of `import`"),
        (Rule::MissingLicense, "the macros look at attributes"),
        (Rule::AttributeArguments, "the macros look at attributes"),
        (
            Rule::InvalidName,
            "the macros know what the kernel is given",
        ),
        (Rule::ConstantType, "the macros look at types"),
    ];
    let cases = CASES.iter().chain(OBJECTS);
    let mut tested: BTreeSet<&str> = cases.flat_map(|case| case.errors).map(|e| e.2).collect();
    for (rule, _) in elsewhere {
        assert!(tested.insert(rule.as_str()), "{rule} is tested after all");
    }
    // Those of the checker, from 100 on, are tested in `check.rs`.
    let language = Rule::ALL.iter().filter(|&&rule| (rule as u16) < 100);
    let all: BTreeSet<&str> = language.map(|rule| rule.as_str()).collect();
    assert_eq!(tested, all);
}

#[test]
fn warnings() {
    let code = assemble("unused: r0 = 0\n1: exit").unwrap();
    let found: Vec<_> = code
        .warnings()
        .iter()
        .map(|w| {
            (
                w.span.line,
                w.span.column,
                w.code.as_str(),
                w.message.as_str(),
            )
        })
        .collect();
    let unused = [
        (1, 1, "BPF0032", "nothing jumps to the label `unused`"),
        (2, 1, "BPF0032", "nothing jumps to the label `1`"),
    ];
    assert_eq!(found, unused);
    assert!(
        code.warnings()
            .iter()
            .all(|w| w.severity == Severity::Warning)
    );
    // With an error there may be a jump to it that could not be read.
    let errors = assemble("unused: goto\nexit").unwrap_err();
    assert_eq!(errors.len(), 1);
}

#[test]
fn nothing_is_wrong_with_these() {
    for source in [
        "",
        "\u{feff}exit",
        "exit\r\n",
        ";;; exit ;;",
        "exit // a comment's quote\n# it's another\n/* and /* nested */ don't matter */",
        "exit: goto exit",
        "const N = 5\nr1 = N; r1 = -N; r1 = {N * 2 + (1 << 3)}; r1 = {-N}; exit",
        "r1 = b'a'; r1 = 0x7fff_ffff; r1 = 0o17; r1 = 0b1010; exit",
        "w1 = 0xffffffff; *(u8 *)(r10 - 1) = 255; *(u8 *)(r10 - 1) = -128; exit",
        "l_%=: goto l_%=",
        "goto 1f; 1: goto 1f; 1: goto 1b; exit",
    ] {
        match assemble(source) {
            Ok(code) => assert_eq!(code.warnings(), [], "{source}"),
            Err(errors) => panic!("{source:?}: {errors}"),
        }
    }
}

#[test]
fn unreasonable_texts_get_an_answer() {
    let depth = 50_000;
    for source in [
        "(".repeat(depth),
        ")".repeat(depth),
        format!("r1 = {}1{}", "{(".repeat(depth), ")}".repeat(depth)),
        format!("r1 = {{{}1{}}}", "(".repeat(depth), ")".repeat(depth)),
        format!("r1 = {{{}1}}", "-".repeat(depth)),
        format!("r1 = {{{}1}}", "!-".repeat(depth)),
        "/*".repeat(depth),
        "a".repeat(depth),
        format!("call {}", "a".repeat(depth)),
        format!("goto {}", "\u{e9}".repeat(depth)),
        format!("r1 = 0x{}", "f".repeat(depth)),
        "r1 ".repeat(depth),
        "r1 = 0; ".repeat(depth) + "r11 = 0",
        "'".repeat(depth),
        "\"".repeat(depth + 1),
        "#[".repeat(depth),
    ] {
        let t = std::time::Instant::now();
        let errors = assemble(&source).unwrap_err();
        eprintln!(
            "{:?} {:?}",
            source.chars().take(20).collect::<String>(),
            t.elapsed()
        );
        assert!(!errors.is_empty());
        // Showing them ends as well.
        assert!(
            errors
                .iter()
                .take(3)
                .all(|error| !error.to_string().is_empty())
        );
    }
    let labels: String = (0..20_000).fold(String::new(), |mut text, i| {
        let _ = writeln!(text, "goto label_{i}; lable_{i}: 1: exit");
        text
    });
    assert_eq!(assemble(&labels).unwrap_err().len(), 20_000);
    let format_label = |mut text: String, i| {
        let _ = write!(text, "l{i}: ");
        text
    };
    let one_line = (0..20_000).fold(String::new(), format_label);
    assert!(assemble(&(one_line + "exit")).is_ok());
}
