//! The rows of advice: a pattern of reasons, and what to do.

use super::hint::Advice::{self, Say, Work};
use super::hint::{beside_memory, beside_value, beyond_value, no_access, result_range, wrong_argument};

/// In the order in which they are tried.
pub(super) const ROWS: &[(&str, Advice)] = &[
    // Registers.
    ("R* !read_ok", Say("give r{1} a value on every path that comes here")),
    ("frame pointer is read only", Say("r10 always points to the top of the stack: copy it first, `r2 = r10`")),
    ("R* is invalid", Say("the language has r0 to r10 only")),
    // Null.
    ("R* invalid mem access '*_or_null'", Say(TEST_FIRST)),
    ("R* pointer arithmetic on *_or_null prohibited", Say(TEST_FIRST)),
    // Numbers and other things in the place of addresses.
    ("R* invalid mem access 'scalar'", Say(NOT_AN_ADDRESS)),
    ("R* invalid mem access 'inv'", Say(NOT_AN_ADDRESS)),
    ("R* invalid mem access 'map_ptr'", Say("this is the map itself: look a value up with bpf_map_lookup_elem, and use what that returns")),
    ("R* invalid mem access 'pkt_end'", Say("the end of the packet can only be compared with; use the pointer to its data")),
    ("R* invalid mem access '*'", Work(no_access)),
    ("only read from * is supported", Say("this is the map itself: look a value up with bpf_map_lookup_elem, and use what that returns")),
    // The packet.
    ("invalid access to packet, off=-*size=*, R*(", Say("this is before the packet's first byte: offsets begin at 0")),
    ("invalid access to packet, off=*size=*, R*(", Say(PACKET_LAST)),
    ("cannot write into packet", Say("programs of this type read packets only; those at TC, XDP and sk_skb write")),
    ("helper access to the packet is not allowed", Say("copy the bytes to the stack first, and give the helper that")),
    ("*pointer comparison prohibited", Say("compare pointers into the packet with its end, and pointers that may be null with 0")),
    // Maps.
    ("invalid access to map value, value_size=* off=* size=*: R* max", Work(beyond_value)),
    ("invalid access to map value, value_size=* off=* size=*: R* min", Work(beside_value)),
    ("invalid access to map value, value_size=* off=* size=*", Work(beside_value)),
    ("R* unbounded memory access, use 'var", Say("bound the length just before the call: `if r{1} > LIMIT goto …`, or `r{1} &= MASK`")),
    ("R* unbounded memory access", Say("bound the number that was added to r{1}, just before that: `if rN > LIMIT goto …`, or `rN &= MASK`")),
    ("R* min value is negative, either use unsigned or", Say("the length may not be negative: leave with `if r{1} s< 0 goto …`, or `r{1} &= MASK`, just before the call")),
    ("R* min value is negative", Say("the number that was added to r{1} may not be negative: leave with `if rN s< 0 goto …`, or `rN &= MASK`, just before that")),
    ("R* min value is outside of the allowed memory range", Say(KEEP_WITHIN)),
    ("R* max value is outside of the allowed memory range", Say(KEEP_WITHIN)),
    ("write into map forbidden", Say("programs may only read this map: its flags have BPF_F_RDONLY_PROG, as those of `Rodata`; a `Global` can be written")),
    ("read from map forbidden", Say("programs may only write this map: its flags have BPF_F_WRONLY_PROG")),
    ("cannot pass map_type * into func *", Say("`{2}` does not work on this kind of map: take the helper that belongs to it")),
    ("fd * is not pointing to valid bpf_map", Say("load a map with `r1 = NAME ll`")),
    // The stack.
    ("invalid write to stack *: R* ", Say(STACK)),
    ("invalid write to stack", Say(STACK)),
    ("invalid indirect read from stack", Say(STACK_UNWRITTEN)),
    ("invalid read from stack *+", Say(STACK_UNWRITTEN)),
    ("invalid read from stack", Say(STACK_READ)),
    ("invalid indirect access to stack", Say(STACK)),
    ("invalid variable-offset", Say("the largest or the smallest offset is outside of the 512 bytes of the stack: limit each number in it before it is added, with `if rN > MOST goto …` or `rN &= MASK`")),
    ("variable stack access", Say("before Linux 5.12 the stack has constant offsets only: use a map value for what is addressed by a number")),
    ("invalid stack type", Say(STACK)),
    ("invalid stack off", Say(STACK)),
    ("invalid unbounded variable-offset * R*", Say("bound the number that was added to r{2}, just before that: `if rN > LIMIT goto …`")),
    ("misaligned stack access", Say("an access to the stack of 8, 4 or 2 bytes begins at a multiple of that")),
    ("misaligned * access", Say("this kernel wants accesses at multiples of their size: read smaller pieces and put them together")),
    ("invalid size of register fill", Say("what is a pointer on the stack is read back with the 8 bytes that it was written with")),
    ("corrupted spill memory", Say("part of a pointer on the stack was written over: keep other data beside it")),
    ("attempt to corrupt spilled pointer", Say("a pointer on the stack cannot be written over in part: keep other data beside it")),
    ("combined stack size of *", Say("the functions of a chain of calls have 512 bytes of stack together: keep large data in a `PerCpuArray`")),
    ("the call stack of", Say("calls go 8 functions deep: paste some with `#[inline] fn`")),
    // The context.
    ("invalid bpf_context access off=* size=*", Say("the context of this program type has nothing of {2} bytes at offset {1} that may be used so: see `ebpf_rt::context` for the fields")),
    ("dereference of modified ctx ptr R* off=-", Say("the context begins at offset 0: leave it as it is")),
    ("dereference of modified ctx ptr R* off=* disallowed", Say("leave the context as it is, and put the offset into the access: `*(u32 *)(rN + {2})`")),
    ("dereference of modified * ptr", Say("use the pointer as it was returned, and put the offset into the access")),
    ("negative offset ctx ptr R* off=* disallowed", Say("give the helper the context as it came in r1; keep it in r6 to r9 across calls")),
    ("negative offset * ptr", Say("use the pointer as it was returned")),
    ("variable ctx access", Say("the context has constant offsets only: `*(u32 *)(rN + OFFSET)`")),
    ("math between ctx pointer and", Say("the context has constant offsets only: `*(u32 *)(rN + OFFSET)`")),
    ("invalid access to flow keys off=* size=*", Say("there is nothing of {2} bytes at offset {1} of `struct bpf_flow_keys`")),
    ("invalid tracepoint context access", Say("there is no such argument: the trace point's signature says how many it has")),
    ("func '*' doesn't have *-th argument", Say("`{1}` has fewer arguments: argument N is at offset 8 × N")),
    // Arithmetic on pointers.
    ("R* tried to subtract pointer from scalar", Say("pointers have no negative: subtract the number from the pointer, `rPOINTER -= rNUMBER`")),
    ("R* pointer += pointer prohibited", Say("two pointers cannot be added: add a number to one of them")),
    ("R* subtraction from stack pointer prohibited", Say("add a negative constant: `r{1} += -8`")),
    ("R* pointer arithmetic on pkt_end prohibited", Say("compute with the pointer to the data, and compare the result with the end")),
    ("R* pointer arithmetic on * prohibited", Say("leave this pointer as it is, and put the offset into the access: `*(u32 *)(r{1} + OFFSET)`")),
    ("R* pointer arithmetic with * operator prohibited", Say("with pointers there are `+=` and `-=` only")),
    ("R* bitwise operator * on pointer prohibited", Say("with pointers there are `+=` and `-=` only")),
    ("R* 32-bit pointer arithmetic prohibited", Say("use 64 bits: `r{1}` in place of `w{1}`")),
    ("math between * pointer and register with unbounded min value", Say(BOUND_BEFORE_ADDING)),
    ("math between * pointer and * is not allowed", Say("the constant is too large for an offset")),
    ("* pointer offset * is not allowed", Say("the offset is too large: keep it within the object")),
    ("value * makes * pointer be out of bounds", Say("bound the number before it is added: `if rN > LIMIT goto …`")),
    ("R* has * with mixed signed bounds", Say(BOUND_BEFORE_ADDING)),
    ("same insn cannot be used with different pointers", Say("an access is to one kind of memory: write it twice, once on each path")),
    ("R* cannot write into *", Say("this can only be read")),
    ("BPF_ATOMIC stores into R* *", Say("atomic operations work on the stack, map values and memory of the kernel's allocators")),
    ("BPF_XADD stores into R* *", Say("atomic operations work on the stack, map values and memory of the kernel's allocators")),
    ("R* invalid sock access off=* size=*", Say("there is no field of {3} bytes at offset {2} of `struct bpf_sock` that may be read so")),
    ("invalid access to memory, mem_size=* off=* size=*", Work(beside_memory)),
    ("div by zero", Say("a constant divisor cannot be 0")),
    ("R* leaks addr", Say("without CAP_PERFMON pointers may not leave the program")),
    // Helpers.
    ("R* type=*_or_null expected=", Say(TEST_FIRST)),
    ("R* type=* expected=*", Work(wrong_argument)),
    ("R* must be referenced when passed to release", Say("only what an acquiring helper returned can be released, and once")),
    ("func * reference has not been acquired before", Say("only what an acquiring helper returned can be released, and once")),
    ("release helper * expects referenced", Say("only what an acquiring helper returned can be released, and once")),
    ("R* must have zero offset when passed to release", Say("release the pointer as it was returned: keep it in a register of its own")),
    ("R* invalid zero-sized read", Say("the length may be 0 here: leave with `if r{1} == 0 goto …` first")),
    ("invalid zero-sized read", Say("the length may be 0 here: leave with `if rN == 0 goto …` first")),
    ("program of this type cannot use helper *", Say("`{1}` is not for programs of this type on this kernel")),
    ("unknown func *", Say("this kernel has no `{1}` for programs of this type: it may be newer, or for other programs")),
    ("invalid func *", Say("this kernel has no helper of that number: it may be newer")),
    ("cannot call GPL-restricted function from non-GPL compatible program", Say("say `#[license = \"GPL\"]`, if that is the program's licence")),
    ("cannot call GPL only function from proprietary program", Say("say `#[license = \"GPL\"]`, if that is the program's licence")),
    ("helper call is not allowed in probe", Say("this helper needs a program that may sleep")),
    ("helper * might sleep", Say("this helper needs a program that may sleep")),
    ("R* is not a known constant", Say("this argument has to be a constant: `r{1} = NUMBER`")),
    ("*tail_calls are not allowed", Say("this kernel takes tail calls or subprograms, not both: paste functions with `#[inline] fn`")),
    ("at the time of BPF_LD_ABS|IND R6 != pointer to skb", Say("loads from the packet want the context in r6: `r6 = r1` at the beginning")),
    // The result.
    ("At program exit the register R* has * should have been in *", Work(result_range)),
    ("At program exit the register R* is not a known value", Say("programs of this type return a number: set r{1} just before `exit`")),
    // References.
    ("Unreleased reference id=* alloc_insn=*", Say("release it on every path to here: bpf_sk_release for sockets, bpf_ringbuf_submit or bpf_ringbuf_discard for records")),
    ("BPF_LD_[ABS|IND] cannot be mixed with socket references", Say("release the socket before the load: the program may end there")),
    ("*would lead to reference leak", Say("release what was acquired on every path to here")),
    // Structure and complexity.
    ("infinite loop detected at insn", Say("on each round something has to change that the loop's end depends on: count up to a limit, or use bpf_loop")),
    ("back-edge from insn", Say("this kernel takes loops only from processes with CAP_BPF: unroll it")),
    ("BPF program is too large", Say("the verifier follows every path: bound loops, use bpf_loop (Linux 5.17), or move parts into `pub fn`, which is checked once")),
    ("The sequence of * jumps is too complex", Say("too many branches wait to be looked at: leave a loop after fewer rounds (or use `bpf_loop`, Linux 5.17), and move parts into `pub fn`, which is checked once")),
    ("last insn is not an exit or jmp", Say("end every function with `exit` or a jump")),
    ("unreachable insn", Say("nothing leads here: remove it, or jump to it")),
    ("jump out of range from insn", Say("a jump stays inside its function: use a label")),
    ("jump into the middle of ldimm64 insn", Say("the instruction there takes two slots: use a label")),
    ("unknown opcode", Say("this kernel does not know the instruction: it may be newer")),
    ("BPF_* uses reserved fields", Say("this kernel does not know the instruction in this form: it may be newer")),
    ("BPF_ATOMIC uses invalid atomic opcode", Say("this kernel does not know the atomic operation: Linux 5.12 has those beside `lock … +=`")),
    ("missing btf func_info", Say("callbacks need type information of functions, and this load has none")),
    ("number of funcs in func_info", Say("type information does not fit the functions of the program")),
    ("missing bpf_line_info", Say("line information lacks the first instruction of a function")),
];

const TEST_FIRST: &str = "test it with `if r{1} == 0 goto …` first";
const NOT_AN_ADDRESS: &str = "a number is no address that a program may use: read the kernel's memory with \
    bpf_probe_read_kernel, a process's with bpf_probe_read_user";
const PACKET_LAST: &str =
    "compare with the end of the packet first: `rT = r{3}; rT += BYTES; if rT > rEND goto …`";
const KEEP_WITHIN: &str =
    "keep it within the object: `if rN > LIMIT goto …` on the number that was added to r{1}";
const STACK: &str = "the stack is the 512 bytes below r10: from `r10 - 512` to `r10 - 1`; larger data \
    belongs into a map value";
const STACK_READ: &str =
    "the stack is the 512 bytes below r10; before Linux 6.3 only what was written can be read";
const STACK_UNWRITTEN: &str = "write all of these bytes before: this kernel does not let programs use stack that \
    was never written";
const BOUND_BEFORE_ADDING: &str =
    "bound the number before it is added: `if rN > LIMIT goto …`, or `rN &= MASK`";

