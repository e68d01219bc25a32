//! What is told about a refusal: what is wrong, since when, what to insert, and the kernel's words.

use super::memory::{Access, Span};
use super::scalar::Scalar;
use super::value::{Added, Kind, Pointer};
use super::walk::{Stop, Walk};
use crate::ProgramType;
use crate::check::finding::Finding;
use crate::diag::Rule;
use alloc::format;
use alloc::string::{String, ToString};

/// What gave a value, as people call it.
fn origin(walk: &Walk<'_>, slot: u32) -> &'static str {
    let insn = walk.program.facts.insns.get(slot as usize);
    match insn.map(|insn| insn.opcode()) {
        Some(0x85) => "call",
        Some(opcode) if opcode & 7 == 1 => "load",
        Some(opcode) if opcode & 7 == 0 => "load",
        Some(opcode) if matches!(opcode & 7, 4 | 7) => "computation",
        _ => "instruction",
    }
}

impl Finding {
    /// Says since when a register is what it is; not where that is the instruction itself.
    fn since(self, walk: &Walk<'_>, what: impl Into<String>, slot: u32) -> Self {
        if slot == walk.at() || slot as usize >= walk.program.facts.insns.len() {
            return self;
        }
        let what = what.into();
        let origin = origin(walk, slot);
        self.because(format!("{what} since the {origin}"), Some(slot))
    }
}

/// How to keep a register at or below a number, when comparing and when masking.
fn limit(register: u8, most: i64) -> String {
    let most = most.max(0).cast_unsigned();
    // The largest mask that lets nothing greater pass.
    let mask = match (most + 1).checked_next_power_of_two() {
        Some(power) if power == most + 1 => most,
        Some(power) => power / 2 - 1,
        None => most,
    };
    match mask {
        0 => format!("`if r{register} > {most} goto …`"),
        _ => format!("`if r{register} > {most} goto …` or `r{register} &= {mask}`"),
    }
}

/// How far an index may go, so that `span` stays inside.
fn most_index(pointer: &Pointer, span: Span, size: Option<i64>) -> Option<i64> {
    let most = size? - span.size - pointer.fixed - span.offset;
    (most >= 0).then_some(most)
}

/// Where to insert the limit of what was added to a pointer: to `most`, with all that was added
/// before.
fn limit_help(finding: Finding, pointer: &Pointer, most: Option<i64>) -> Finding {
    let Some(added) = pointer.added else {
        return finding.with_help("limit the number before it is added to the pointer");
    };
    let register = added.register;
    let before = pointer.variable.umax.saturating_sub(added.most);
    if before > 0 && added.most <= 1 << 29 {
        // A limit of the last of several numbers would change what the program does: it may be
        // right that one is small where the other is large.
        let limit = most.map_or_else(String::new, |most| format!(", `if rN > {most} goto …`"));
        return finding.with_help(format!(
            "add the numbers up in one register, limit that{limit}, and add it to the pointer once"
        ));
    }
    let limit = limit(register, most.unwrap_or(63));
    finding.with_help(format!("insert, before `r{register}` is added: {limit}"))
}

/// The register that was added, or the pointer's own.
fn index_name(pointer: &Pointer, span: Span) -> String {
    match pointer.added {
        Some(added) => format!("r{}", added.register),
        None => format!("r{}", span.register),
    }
}

fn verb(access: Access) -> &'static str {
    match access {
        Access::Read => "reads",
        Access::Write => "writes",
        Access::Helper => "is given",
    }
}

/// How the kernel says what is done to the stack.
fn stack_verb(access: Access) -> &'static str {
    match access {
        Access::Read => "read from",
        Access::Write => "write to",
        Access::Helper => "indirect access to",
    }
}

pub(super) fn unwritten(walk: &Walk<'_>, register: usize, call: Option<u32>) -> Finding {
    let finding = walk.finding(
        Rule::MayBeUnwritten,
        format!("`r{register}` holds nothing on a path that leads here"),
        format!("R{register} !read_ok"),
    );
    let finding = match call {
        Some(call) => finding.because(format!("`r{register}` is lost in the call"), Some(call)),
        None => finding,
    };
    finding.with_help(format!(
        "write to `r{register}` on every path that leads here"
    ))
}

pub(super) fn not_a_pointer(walk: &Walk<'_>, number: &Scalar, register: u8) -> Finding {
    walk.finding(
        Rule::MayBeNumber,
        format!("`r{register}` holds a number on a path that leads here"),
        format!("R{register} invalid mem access 'scalar'"),
    )
    .since(walk, format!("`r{register}` is a number"), number.origin)
    .with_help("leave before this instruction where the pointer is null or was replaced")
}

pub(super) fn number_as_argument(
    walk: &Walk<'_>,
    helper: &str,
    number: &Scalar,
    register: u8,
) -> Finding {
    walk.finding(
        Rule::MayBeNumber,
        format!("`{helper}` takes a pointer in `r{register}`, which holds a number on a path that leads here"),
        format!("R{register} type=scalar expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_"),
    )
    .since(walk, format!("`r{register}` is a number"), number.origin)
}

pub(super) fn possibly_null(walk: &Walk<'_>, pointer: &Pointer, register: u8) -> Finding {
    let name = pointer.kind.kernel_name();
    walk.finding(
        Rule::MayStillBeNull,
        format!(
            "`r{register}`, a pointer to {}, was not compared with 0 on a path that leads here",
            pointer.kind.name()
        ),
        format!("R{register} invalid mem access '{name}_or_null'"),
    )
    .since(walk, format!("`r{register}` may be null"), pointer.origin)
    .with_help(format!(
        "insert before this line: `if r{register} == 0 goto …`"
    ))
}

pub(super) fn null_as_argument(
    walk: &Walk<'_>,
    helper: &str,
    pointer: &Pointer,
    register: u8,
) -> Finding {
    let name = pointer.kind.kernel_name();
    walk.finding(
        Rule::MayStillBeNull,
        format!("`{helper}` takes no null in `r{register}`, which was not compared with 0 on a path that leads here"),
        format!("R{register} type={name}_or_null expected={name}"),
    )
    .since(walk, format!("`r{register}` may be null"), pointer.origin)
    .with_help(format!(
        "insert before this line: `if r{register} == 0 goto …`"
    ))
}

pub(super) fn arithmetic_on_null(walk: &Walk<'_>, pointer: &Pointer) -> Finding {
    let register = walk.insn().dst();
    let name = pointer.kind.kernel_name();
    walk.finding(
        Rule::MayStillBeNull,
        format!("nothing can be added to `r{register}` before it is compared with 0"),
        format!("R{register} pointer arithmetic on {name}_or_null prohibited, null-check it first"),
    )
    .since(walk, format!("`r{register}` may be null"), pointer.origin)
    .with_help(format!(
        "insert before this line: `if r{register} == 0 goto …`"
    ))
}

pub(super) fn constant_too_large(walk: &Walk<'_>, pointer: &Pointer, by: i64) -> Finding {
    let name = pointer.kind.kernel_name();
    walk.finding(
        Rule::PointerTooFar,
        format!(
            "{by} is added to a pointer to {}: offsets are below 536870912 either way",
            pointer.kind.name()
        ),
        format!("math between {name} pointer and {by} is not allowed"),
    )
}

pub(super) fn pointer_too_far(walk: &Walk<'_>, pointer: &Pointer) -> Finding {
    let name = pointer.kind.kernel_name();
    let at = pointer.fixed;
    walk.finding(
        Rule::PointerTooFar,
        format!(
            "the pointer to {} is {at} bytes from where it began: offsets are below 536870912 either way",
            pointer.kind.name()
        ),
        format!("{name} pointer offset {at} is not allowed"),
    )
}

pub(super) fn unbounded_sum(
    walk: &Walk<'_>,
    pointer: &Pointer,
    number: &Scalar,
    register: Option<u8>,
) -> Finding {
    let name = pointer.kind.kernel_name();
    let register = register.unwrap_or_else(|| walk.insn().dst());
    walk.finding(
        Rule::PointerTooFar,
        format!(
            "`r{register}` has no lower bound that kernels know, and is added to a pointer to {}",
            pointer.kind.name()
        ),
        format!("math between {name} pointer and register with unbounded min value is not allowed"),
    )
    .since(walk, format!("`r{register}` has no bounds"), number.origin)
    .with_help(format!("insert before this line: {}", limit(register, 63)))
}

pub(super) fn sum_out_of_bounds(
    walk: &Walk<'_>,
    pointer: &Pointer,
    number: &Scalar,
    register: Option<u8>,
) -> Finding {
    let name = pointer.kind.kernel_name();
    let register = register.unwrap_or_else(|| walk.insn().dst());
    let least = number.smin;
    walk.finding(
        Rule::PointerTooFar,
        format!(
            "`r{register}` may be {least}, as far as kernels know, and is added to a pointer to {}",
            pointer.kind.name()
        ),
        format!("value {least} makes {name} pointer be out of bounds"),
    )
    .since(
        walk,
        format!("`r{register}` has these bounds"),
        number.origin,
    )
    .with_help(format!("insert before this line: {}", limit(register, 63)))
}

pub(super) fn index_may_be_negative(walk: &Walk<'_>, pointer: &Pointer, span: Span) -> Finding {
    let index = index_name(pointer, span);
    let finding = walk
        .finding(
            Rule::MayBeNegative,
            format!(
                "`{index}` may be negative, as far as kernels know: then this {} what lies before {}",
                verb(span.access),
                pointer.kind.name()
            ),
            format!(
                "R{} min value is negative, either use unsigned index or do a if (index >=0) check.",
                span.register
            ),
        )
        .since(
            walk,
            format!("`{index}` has no lower bound"),
            pointer.variable.origin,
        );
    let size = region(walk, pointer);
    limit_help(finding, pointer, most_index(pointer, span, size))
}

/// How long the memory is that a pointer points into.
fn region(walk: &Walk<'_>, pointer: &Pointer) -> Option<i64> {
    match pointer.kind {
        Kind::MapValue(map) => Some(i64::from(walk.program.facts.map(map)?.value_size)),
        Kind::Record(size) => i64::try_from(size).ok(),
        _ => None,
    }
}

pub(super) fn index_unbounded(
    walk: &Walk<'_>,
    pointer: &Pointer,
    span: Span,
    size: Option<i64>,
) -> Finding {
    let index = index_name(pointer, span);
    let finding = walk
        .finding(
            Rule::NoUpperBound,
            format!(
                "`{index}` has no upper bound that kernels know: this may go beyond {}",
                pointer.kind.name()
            ),
            format!(
                "R{} unbounded memory access, make sure to bounds check any such access",
                span.register
            ),
        )
        .since(
            walk,
            format!("`{index}` has no upper bound"),
            pointer.variable.origin,
        );
    limit_help(finding, pointer, most_index(pointer, span, size))
}

pub(super) fn index_outside(
    walk: &Walk<'_>,
    pointer: &Pointer,
    span: Span,
    size: Option<i64>,
    at: i64,
    most: bool,
) -> Finding {
    let end = at.saturating_add(span.size);
    let length = size.map_or_else(String::new, |size| size.to_string());
    let what = pointer.kind.name();
    let kernel = match pointer.kind {
        Kind::MapValue(_) => format!(
            "invalid access to map value, value_size={length} off={at} size={}",
            span.size
        ),
        _ => format!(
            "invalid access to memory, mem_size={length} off={at} size={}",
            span.size
        ),
    };
    let side = if most { "max" } else { "min" };
    let kernel = format!(
        "{kernel}; R{} {side} value is outside of the allowed memory range",
        span.register
    );
    let finding = walk.finding(
        Rule::MayLeaveMemory,
        format!(
            "as far as kernels know, this {} bytes {at} to {end} of {what}, which has {length}",
            verb(span.access)
        ),
        kernel,
    );
    if pointer.is_fixed() {
        return finding.with_help("use an offset inside of it");
    }
    let index = index_name(pointer, span);
    let finding = finding.since(
        walk,
        format!("`{index}` has these bounds"),
        pointer.variable.origin,
    );
    limit_help(finding, pointer, most_index(pointer, span, size))
}

pub(super) fn packet_not_covered(
    walk: &Walk<'_>,
    pointer: &Pointer,
    span: Span,
    at: i64,
) -> Finding {
    let range = pointer.range.max(0);
    let end = at.saturating_add(span.size);
    let what = pointer.kind.name();
    let message = match range {
        0 => format!(
            "on a path that leads here `r{}` was not compared with the end of {what}",
            span.register
        ),
        _ => format!(
            "on a path that leads here the comparison covers {range} bytes of {what}, and this {} up to {end}",
            verb(span.access)
        ),
    };
    let finding = walk.finding(
        Rule::PacketNotCovered,
        message,
        format!(
            "invalid access to packet, off={at} size={}, R{} offset is outside of the packet",
            span.size, span.register
        ),
    );
    let finding = match pointer.added {
        Some(added) => finding.because(
            format!(
                "`r{}` was added, and the comparison has to come behind that",
                added.register
            ),
            Some(added.slot),
        ),
        None => finding.since(walk, "the pointer comes from here", pointer.origin),
    };
    let register = span.register;
    finding.with_help(format!(
        "insert before this line, with the packet's end in `r3`: `r4 = r{register}; r4 += {}; if r4 > r3 goto …`",
        end.max(1)
    ))
}

pub(super) fn size_may_be_negative(
    walk: &Walk<'_>,
    number: &Scalar,
    register: u8,
    room: Option<i64>,
) -> Finding {
    walk.finding(
        Rule::MayBeNegative,
        format!("the size in `r{register}` may be negative, as far as kernels know"),
        format!("R{register} min value is negative, either use unsigned or 'var &= const'"),
    )
    .since(
        walk,
        format!("`r{register}` has no lower bound"),
        number.origin,
    )
    .with_help(format!(
        "insert before the call: {}",
        limit(register, room.unwrap_or(63))
    ))
}

pub(super) fn size_may_be_zero(walk: &Walk<'_>, number: &Scalar, register: u8) -> Finding {
    walk.finding(
        Rule::MayBeZero,
        format!(
            "the size in `r{register}` may be 0, as far as kernels know, and the helper takes at least 1 byte"
        ),
        format!(
            "R{register} invalid zero-sized read: u64=[{},{}]",
            number.umin, number.umax
        ),
    )
    .since(
        walk,
        format!("`r{register}` may be 0"),
        number.origin,
    )
    .with_help(format!(
        "insert before the call: `if r{register} < 1 goto …`"
    ))
}

pub(super) fn size_unbounded(
    walk: &Walk<'_>,
    number: &Scalar,
    register: u8,
    room: Option<i64>,
) -> Finding {
    walk.finding(
        Rule::NoUpperBound,
        format!("the size in `r{register}` has no upper bound that kernels know"),
        format!("R{register} unbounded memory access, use 'var &= const' or 'if (var < const)'"),
    )
    .since(
        walk,
        format!("`r{register}` has no upper bound"),
        number.origin,
    )
    .with_help(format!(
        "insert before the call: {}",
        limit(register, room.unwrap_or(63))
    ))
}

/// Memory that is too short for a size in a register: it is the size that wants a limit.
pub(super) fn of_size(walk: &Walk<'_>, stop: Stop, size: &Scalar, register: u8) -> Stop {
    let Stop::Refused(mut finding) = stop else {
        return stop;
    };
    if register == 0 || size.constant().is_some() {
        return Stop::Refused(finding);
    }
    finding.causes.clear();
    let most = size.umax;
    let room = walk.room_at(usize::from(register - 1));
    let mut finding = finding.since(
        walk,
        format!("the size in `r{register}` may be {most}"),
        size.origin,
    );
    if let Some(room) = room {
        finding.help = Some(format!("insert before the call: {}", limit(register, room)));
    }
    finding.into()
}

pub(super) fn stack_misaligned(walk: &Walk<'_>, pointer: &Pointer, span: Span) -> Finding {
    let size = span.size;
    let finding = walk
        .finding(
            Rule::MayBeMisaligned,
            format!("{size} bytes of the stack, at an offset that may be no multiple of {size}, as far as kernels know"),
            format!(
                "misaligned stack access off {}+{} size {size}",
                pointer.fixed, span.offset
            ),
        )
        .since(
            walk,
            format!("`{}` is not known to be a multiple", index_name(pointer, span)),
            pointer.variable.origin,
        );
    match pointer.added {
        Some(Added { register, .. }) => finding.with_help(format!(
            "insert, before `r{register}` is added: `r{register} &= {}`",
            -size
        )),
        None => finding,
    }
}

pub(super) fn stack_unbounded(walk: &Walk<'_>, pointer: &Pointer, span: Span) -> Finding {
    let index = index_name(pointer, span);
    let finding = walk
        .finding(
            Rule::MayLeaveStack,
            format!("`{index}` has no bounds that kernels know: this may leave the stack"),
            format!(
                "invalid unbounded variable-offset {} stack R{}",
                stack_verb(span.access),
                span.register
            ),
        )
        .since(
            walk,
            format!("`{index}` has no bounds"),
            pointer.variable.origin,
        );
    let most = -(pointer.fixed + span.offset) - span.size;
    limit_help(finding, pointer, (most >= 0).then_some(most))
}

pub(super) fn stack_outside(
    walk: &Walk<'_>,
    pointer: &Pointer,
    span: Span,
    least: i64,
    most: i64,
) -> Finding {
    let fixed = pointer.is_fixed();
    let kernel = match fixed {
        true => format!(
            "invalid {} stack R{} off={least} size={}",
            stack_verb(span.access),
            span.register,
            span.size
        ),
        false => format!(
            "invalid variable-offset {} stack R{} var_off=… off={} size={}",
            stack_verb(span.access),
            span.register,
            pointer.fixed + span.offset,
            span.size
        ),
    };
    let finding = walk.finding(
        Rule::MayLeaveStack,
        format!(
            "as far as kernels know, this {} something between `r10 {least:+}` and `r10 {most:+}`: the frame is the 512 bytes before `r10`",
            verb(span.access)
        ),
        kernel,
    );
    if fixed {
        return finding;
    }
    let finding = finding.since(
        walk,
        format!("`{}` has these bounds", index_name(pointer, span)),
        pointer.variable.origin,
    );
    let room = -(pointer.fixed + span.offset) - span.size;
    limit_help(finding, pointer, (room >= 0).then_some(room))
}

pub(super) fn stack_not_written(walk: &Walk<'_>, span: Span, at: i64) -> Finding {
    walk.finding(
        Rule::StackNotWritten,
        format!(
            "on a path that leads here nothing was written at `r10 {at:+}` or below, where kernels before 6.8 do not allow to read",
        ),
        format!(
            "invalid read from stack R{} off {at}+0 size {}",
            span.register, span.size
        ),
    )
    .with_help(format!(
        "write there first: `*(u64 *)(r10 - {}) = 0`",
        ((-at).max(8) + 7) & !7
    ))
}

pub(super) fn not_given_back(walk: &Walk<'_>, slot: u32) -> Finding {
    walk.finding(
        Rule::MayLeak,
        "a reference is not given back on a path that leads here",
        "BPF_EXIT instruction in main prog would lead to reference leak",
    )
    .because("it was acquired in the call", Some(slot))
    .with_help("give it back on every path where it is not null")
}

pub(super) fn return_range(
    walk: &Walk<'_>,
    number: &Scalar,
    program_type: ProgramType,
    least: i64,
    most: i64,
) -> Finding {
    walk.finding(
        Rule::MayReturnOutside,
        format!(
            "as far as kernels know, the program may return something else than {least} to {most}, which is what `{}` programs return",
            program_type.name()
        ),
        format!(
            "At program exit the register R0 has smin={} smax={} should have been in [{least}, {most}]",
            number.smin, number.smax
        ),
    )
    .since(walk, "`r0` has these bounds", number.origin)
    .with_help(format!("insert before this line: {}", limit(0, most)))
}

pub(super) fn endless(walk: &Walk<'_>) -> Finding {
    let at = walk.at();
    walk.finding(
        Rule::MayNotEnd,
        "the loop comes back here with everything as it was, as far as kernels know",
        format!("infinite loop detected at insn {at}"),
    )
    .with_help("count the rounds in a register, and leave the loop after a fixed number")
}

pub(super) fn too_complex(walk: &Walk<'_>, total: u64) -> Finding {
    walk.finding(
        Rule::TooComplex,
        format!("the kernel walks through every round of this loop, about {total} instructions, and gives up after 1000000"),
        "BPF program is too large. Processed 1000001 insn",
    )
    .with_help("make fewer rounds, or use `bpf_loop` (Linux 5.17)")
}
