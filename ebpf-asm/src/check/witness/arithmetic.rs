//! Arithmetic and comparisons on numbers and pointers.

use super::run::{Result, Run, Stop};
use super::value::{Kind, Lost, Null, Number, Pointer, Value};
use crate::KernelVersion;
use crate::check::{Assumption, mirrored};
use crate::diag::Rule;
use crate::isa::{AluOp, JmpOp, Width};
use crate::semantics;
use alloc::format;

/// Offsets from here on no pointer may have (`BPF_MAX_VAR_OFF`).
const MAX_OFFSET: i64 = 1 << 29;

/// The first kernels with a fixed bound of offsets into flow keys (6.8, and stable series).
const FIXED_FLOW_KEYS: KernelVersion = KernelVersion::new(6, 9);

impl Run<'_> {
    pub(super) fn unary(
        &mut self,
        value: Value,
        bytes: u8,
        operation: impl Fn(u64) -> u64,
    ) -> Result<Value> {
        Ok(match value {
            Value::Number(number) => Value::Number(Number {
                bits: operation(number.bits),
                known: false,
                input: number.input,
            }),
            // An address, which may be anything.
            Value::Pointer(_) => self.any(bytes)?,
            Value::Unwritten(_) | Value::Opaque => Value::Opaque,
        })
    }

    /// Whether the second operand is in the instruction.
    fn has_immediate(&self) -> bool {
        self.program.facts.insns[self.at].opcode() & 0x08 == 0
    }

    pub(super) fn arithmetic(
        &mut self,
        op: AluOp,
        width: Width,
        dst: Value,
        src: Value,
    ) -> Result<Value> {
        if let (Value::Number(dst), Value::Number(src)) = (dst, src) {
            return self.numbers(op, width, dst, src);
        }
        match (dst, src) {
            (Value::Opaque | Value::Unwritten(_), _) | (_, Value::Opaque | Value::Unwritten(_)) => {
                Ok(Value::Opaque)
            }
            (Value::Pointer(pointer), _) | (_, Value::Pointer(pointer))
                if pointer.from_stack && !self.is_plain(op, width, dst, src) =>
            {
                // A number in its place would be let pass, and makes a number.
                if self.is_certain(pointer) {
                    self.certain_arithmetic(op, width, dst, src)
                } else {
                    Ok(Value::Opaque)
                }
            }
            _ => self.certain_arithmetic(op, width, dst, src),
        }
    }

    /// Whether it is what pointers are for: a number is added, or subtracted.
    fn is_plain(&self, op: AluOp, width: Width, dst: Value, src: Value) -> bool {
        let Value::Number(number) = src else {
            return false;
        };
        let Value::Pointer(pointer) = dst else {
            return false;
        };
        let object = self.of(pointer);
        let small = number.bits.cast_signed().unsigned_abs() < 1 << 20;
        let changeable = matches!(
            object.kind,
            Kind::MapValue(_)
                | Kind::MapKey(_)
                | Kind::Memory(_)
                | Kind::Packet
                | Kind::PacketMeta
                | Kind::Record(_)
                | Kind::Context
        );
        width == Width::W64
            && small
            && (op == AluOp::Add || op == AluOp::Sub)
            && (changeable || op == AluOp::Add && matches!(object.kind, Kind::Stack(_)))
            && object.null == Null::Never
    }

    fn certain_arithmetic(
        &mut self,
        op: AluOp,
        width: Width,
        dst: Value,
        src: Value,
    ) -> Result<Value> {
        match (dst, src) {
            // The lower half of an address.
            _ if width == Width::W32 => match op {
                AluOp::Mov | AluOp::Sub => self.any(4),
                _ => Err(self.narrow_pointer_arithmetic(op).into()),
            },
            (Value::Pointer(dst), Value::Pointer(src)) => self.pointers(op, dst, src),
            (Value::Pointer(pointer), Value::Number(number)) => {
                self.pointer_and_number(op, pointer, number, false)
            }
            (Value::Number(number), Value::Pointer(pointer)) => {
                self.pointer_and_number(op, pointer, number, true)
            }
            _ => Ok(Value::Opaque),
        }
    }

    /// Only differences are let pass in 32 bits, and are numbers then.
    fn narrow_pointer_arithmetic(&self, op: AluOp) -> crate::check::Finding {
        let register = self.program.facts.insns[self.at].dst();
        self.finding(
            Rule::PointerArithmetic,
            format!("`{}` on a pointer in 32 bits", op.symbol()),
            format!("R{register} 32-bit pointer arithmetic prohibited"),
        )
        .with_help("compute in 64 bits: `r1 += 8;`")
    }

    fn numbers(&mut self, op: AluOp, width: Width, dst: Number, src: Number) -> Result<Value> {
        if self.has_immediate() {
            match op {
                AluOp::Div | AluOp::Mod | AluOp::SDiv | AluOp::SMod if src.bits == 0 => {
                    return Err(self
                        .finding(
                            Rule::DivisionByZero,
                            "a division by the constant 0",
                            "div by zero",
                        )
                        .into());
                }
                AluOp::Lsh | AluOp::Rsh | AluOp::Arsh if src.bits >= u64::from(width.bits()) => {
                    let count = src.bits as i32;
                    return Err(self
                        .finding(
                            Rule::ShiftRange,
                            format!("a shift by {count} of {} bits", width.bits()),
                            format!("invalid shift {count}"),
                        )
                        .into());
                }
                _ => {}
            }
        }
        let exact = match op {
            AluOp::Add | AluOp::Sub | AluOp::Or | AluOp::And | AluOp::Xor | AluOp::Mov => true,
            AluOp::Lsh | AluOp::Rsh => src.bits < u64::from(width.bits()),
            _ => false,
        };
        Ok(Value::Number(Number {
            bits: semantics::alu(op, width, dst.bits, src.bits),
            known: exact && dst.known && src.known,
            input: if dst.input != 0 { dst.input } else { src.input },
        }))
    }

    fn pointers(&mut self, op: AluOp, dst: Pointer, src: Pointer) -> Result<Value> {
        if op != AluOp::Sub {
            let register = self.program.facts.insns[self.at].dst();
            return Err(self
                .finding(
                    Rule::PointerArithmetic,
                    format!(
                        "`r{register} {} …` of two pointers has no meaning",
                        op.symbol()
                    ),
                    format!("R{register} pointer {} pointer prohibited", op.symbol()),
                )
                .with_help("only the difference of two pointers can be taken")
                .into());
        }
        let (a, b) = (self.of(dst).kind, self.of(src).kind);
        // The distance of what has one; else that of two addresses.
        match (self.place(dst), self.place(src)) {
            (Some((x, from)), Some((y, to)))
                if x == y
                    && (a.is_packet() || a == Kind::PacketEnd || dst.object == src.object) =>
            {
                let _ = b;
                Ok(Value::Number(Number {
                    bits: from.wrapping_sub(to).cast_unsigned(),
                    known: false,
                    input: if dst.input != 0 { dst.input } else { src.input },
                }))
            }
            _ => self.any(8),
        }
    }

    /// Where a pointer is in a space that it shares with others: which space, and the position.
    fn place(&mut self, pointer: Pointer) -> Option<(usize, i64)> {
        Some(match self.of(pointer).kind {
            Kind::Packet => (usize::MAX, pointer.offset),
            Kind::PacketMeta => {
                let (_, _, meta) = self.packet?;
                (usize::MAX, pointer.offset - meta)
            }
            Kind::PacketEnd => {
                let (_, length, _) = self.packet?;
                (usize::MAX, length + pointer.offset)
            }
            _ => (usize::from(pointer.object), pointer.offset),
        })
    }

    fn pointer_and_number(
        &mut self,
        op: AluOp,
        pointer: Pointer,
        number: Number,
        reversed: bool,
    ) -> Result<Value> {
        let object = *self.of(pointer);
        let name = object.kind.kernel_name();
        let register = self.program.facts.insns[self.at].dst();
        match object.null {
            Null::Unchecked(_) => {
                return Err(self.unchecked_arithmetic(pointer, reversed).into());
            }
            Null::Uncertain => return Ok(Value::Opaque),
            Null::Never | Null::Is => {}
        }
        let prohibited = |run: &Self| -> Stop {
            run.finding(
                Rule::PointerArithmetic,
                format!("a pointer to {} cannot be changed", object.kind.name()),
                format!("R{register} pointer arithmetic on {name} prohibited"),
            )
            .into()
        };
        match object.kind {
            Kind::Map(_) | Kind::InnerMap if number.bits == 0 => {
                return Ok(Value::Pointer(pointer));
            }
            Kind::Map(_) | Kind::InnerMap | Kind::PacketEnd | Kind::Socket(_) => {
                return Err(prohibited(self));
            }
            Kind::FlowKeys if !number.known => {
                if self.program.facts.min_kernel >= FIXED_FLOW_KEYS && number.input != 0 {
                    return Err(prohibited(self));
                }
                return Ok(Value::Opaque);
            }
            // A map's own address cannot be changed, which not all kernels say of every change.
            Kind::Symbol(map) => self.assume(Assumption::IsGlobal(map)),
            Kind::Function(_) => return Ok(Value::Opaque),
            _ => {}
        }
        let by = number.bits.cast_signed();
        if by <= -MAX_OFFSET || number.known && by >= MAX_OFFSET {
            let kernel = if number.known {
                format!("math between {name} pointer and {by} is not allowed")
            } else {
                format!(
                    "math between {name} pointer and register with unbounded min value is not allowed"
                )
            };
            return Err(self
                .finding(
                    Rule::PointerOffset,
                    format!(
                        "{} and {by}: offsets of pointers are below {MAX_OFFSET} either way",
                        object.kind.name()
                    ),
                    kernel,
                )
                .with_help("limit the number before it is added to the pointer")
                .limited(self.limit_here(pointer, reversed))
                .into());
        }
        let offset = match op {
            AluOp::Add => pointer.offset.checked_add(by),
            AluOp::Sub if reversed => {
                return Err(self
                    .finding(
                        Rule::PointerArithmetic,
                        "a pointer cannot be subtracted from a number",
                        format!("R{register} tried to subtract pointer from scalar"),
                    )
                    .into());
            }
            AluOp::Sub if matches!(object.kind, Kind::Stack(_)) => {
                return Err(self
                    .finding(
                        Rule::PointerArithmetic,
                        "nothing can be subtracted from a pointer to the stack",
                        format!("R{register} subtraction from stack pointer prohibited"),
                    )
                    .with_help("add the negative number: `r1 += -8;`")
                    .into());
            }
            AluOp::Sub => pointer.offset.checked_sub(by),
            AluOp::And | AluOp::Or | AluOp::Xor => {
                return Err(self
                    .finding(
                        Rule::PointerArithmetic,
                        format!("`{}` on a pointer to {}", op.symbol(), object.kind.name()),
                        format!(
                            "R{register} bitwise operator {} on pointer prohibited",
                            op.symbol()
                        ),
                    )
                    .with_help("pointers can be added to and subtracted from")
                    .into());
            }
            _ => {
                return Err(self
                    .finding(
                        Rule::PointerArithmetic,
                        format!("`{}` on a pointer to {}", op.symbol(), object.kind.name()),
                        format!(
                            "R{register} pointer arithmetic with {} operator prohibited",
                            op.symbol()
                        ),
                    )
                    .with_help("pointers can be added to and subtracted from")
                    .into());
            }
        };
        let Some(offset) = offset else {
            return Ok(Value::Opaque);
        };
        let known = pointer.known && number.known;
        let varied = match number.known {
            true => pointer.varied,
            false => self.variation(reversed, by),
        };
        if known && offset.unsigned_abs() >= MAX_OFFSET.unsigned_abs() {
            return Err(self
                .finding(
                    Rule::PointerOffset,
                    format!(
                        "{} at offset {offset}: offsets of pointers are below {MAX_OFFSET} either way",
                        object.kind.name()
                    ),
                    format!("{name} pointer offset {offset} is not allowed"),
                )
                .into());
        }
        Ok(Value::Pointer(Pointer {
            offset,
            known,
            input: if number.input != 0 {
                number.input
            } else {
                pointer.input
            },
            varied,
            ..pointer
        }))
    }

    /// Notes that this instruction adds a number that is not known.
    fn variation(&mut self, reversed: bool, number: i64) -> u16 {
        let insn = self.program.facts.insns[self.at];
        let adds_register = insn.opcode() == 0x0f;
        // A loop may come here again and again: nothing is said about those that follow.
        if !adds_register || self.variations.len() >= 256 {
            return 0;
        }
        let register = if reversed { insn.dst() } else { insn.src() };
        self.variations.push((self.at as u32, register, number));
        self.variations.len() as u16
    }

    fn unchecked_arithmetic(&self, pointer: Pointer, reversed: bool) -> crate::check::Finding {
        let object = self.of(pointer);
        let insn = self.program.facts.insns[self.at];
        let register = if reversed { insn.src() } else { insn.dst() };
        let name = object.kind.kernel_name();
        let assumption = object.absent_from.map(Assumption::MayBeAbsent);
        self.finding(
            Rule::PossiblyNull,
            format!(
                "the pointer to {} may be null, and nothing can be added to null",
                object.kind.name()
            ),
            format!(
                "R{} pointer arithmetic on {name}_or_null prohibited, null-check it first",
                insn.dst()
            ),
        )
        .about(register)
        .because(
            format!("it may be null since the {}", self.origin(object.origin)),
            Some(object.origin),
        )
        .with_help(format!(
            "compare it with 0 first: `if r{register} == 0 goto out;`"
        ))
        .assuming(assumption)
    }

    pub(super) fn comparison(
        &mut self,
        op: JmpOp,
        width: Width,
        dst: Value,
        src: Value,
    ) -> Result<bool> {
        let dst = self.number_if_gone(dst)?;
        let src = self.number_if_gone(src)?;
        match (dst, src) {
            (Value::Number(dst), Value::Number(src)) => {
                let taken = semantics::compare(op, width, dst.bits, src.bits);
                if dst.input != 0 || src.input != 0 {
                    self.wish_otherwise(op, width, dst, src, taken);
                }
                Ok(taken)
            }
            (Value::Pointer(pointer), Value::Number(number)) => {
                self.pointer_with_number(op, width, pointer, number)
            }
            (Value::Number(number), Value::Pointer(pointer)) => {
                self.pointer_with_number(mirrored(op), width, pointer, number)
            }
            (Value::Pointer(dst), Value::Pointer(src)) if width == Width::W64 => {
                self.pointer_with_pointer(op, dst, src)
            }
            _ => Err(Stop::Over),
        }
    }

    /// What pointed to something that is gone is a number for the kernel: any.
    fn number_if_gone(&mut self, value: Value) -> Result<Value> {
        match value {
            Value::Unwritten(Lost::Gone(_)) => self.any(8),
            value => Ok(value),
        }
    }

    /// Other values of the inputs, which lead to the other side, or to its edge.
    fn wish_otherwise(&mut self, op: JmpOp, width: Width, a: Number, b: Number, taken: bool) {
        for (one, other) in [(a, b), (b, a)] {
            if one.input == 0 {
                continue;
            }
            let chosen = self.inputs[usize::from(one.input) - 1];
            let targets = match op {
                JmpOp::Set => [
                    one.bits | other.bits,
                    one.bits & !other.bits,
                    one.bits | (other.bits & other.bits.wrapping_neg()),
                ],
                _ => [
                    other.bits,
                    other.bits.wrapping_add(1),
                    other.bits.wrapping_sub(1),
                ],
            };
            for target in targets {
                // As if a constant had been added on the way; or as if the value were the input.
                let shifted = chosen.value.wrapping_add(target.wrapping_sub(one.bits));
                let (x, y) = if one == a {
                    (target, b.bits)
                } else {
                    (a.bits, target)
                };
                let side = semantics::compare(op, width, x, y);
                let flips = (side != taken).then_some(side);
                for value in [shifted, target] {
                    if self.bounds.len() < 1024 {
                        self.bounds.push((one.input, value));
                    }
                    if flips.is_some() {
                        self.wish(flips, one.input, value);
                    }
                    if target == one.bits {
                        break;
                    }
                }
            }
        }
    }

    fn pointer_with_number(
        &mut self,
        op: JmpOp,
        width: Width,
        pointer: Pointer,
        number: Number,
    ) -> Result<bool> {
        let object = *self.of(pointer);
        let equality = matches!(op, JmpOp::Eq | JmpOp::Ne);
        let at = usize::from(pointer.object);
        if width == Width::W64 && equality && number.bits == 0 && number.known {
            let null = match object.null {
                Null::Unchecked(null) => {
                    if !self.has_immediate() {
                        // Some kernels learn from it, others do not.
                        self.objects[at].null = if null { Null::Is } else { Null::Uncertain };
                        return Ok((op == JmpOp::Eq) == null);
                    }
                    self.objects[at].null = if null { Null::Is } else { Null::Never };
                    self.objects[at].checked = Some(self.at as u32);
                    if null {
                        self.objects[at].held = false;
                        if let Some(map) = object.absent_from {
                            self.assume(Assumption::MayBeAbsent(map));
                        }
                    }
                    null
                }
                Null::Uncertain => {
                    self.objects[at].null = Null::Never;
                    false
                }
                Null::Never => false,
                Null::Is => true,
            };
            return Ok((op == JmpOp::Eq) == null);
        }
        if !matches!(object.null, Null::Never) {
            return match object.null {
                // Every kernel takes it for a comparison that says nothing.
                // Only with the number in the instruction: from a register some learn too much.
                Null::Unchecked(false)
                    if equality
                        && width == Width::W64
                        && self.has_immediate()
                        && number.bits >> 47 == 0
                        && number.bits != 0 =>
                {
                    Ok(op == JmpOp::Ne)
                }
                _ => Err(Stop::Over),
            };
        }
        if width == Width::W32 {
            return Err(Stop::Over);
        }
        // Addresses of the kernel are in the upper half, on machines of 64 bits.
        match op {
            JmpOp::Eq if number.bits >> 47 == 0 => Ok(false),
            JmpOp::Ne if number.bits >> 47 == 0 => Ok(true),
            JmpOp::Gt | JmpOp::Ge if number.bits < 4096 => Ok(true),
            JmpOp::Lt | JmpOp::Le if number.bits < 4096 => Ok(false),
            _ => Err(Stop::Over),
        }
    }

    fn pointer_with_pointer(&mut self, op: JmpOp, dst: Pointer, src: Pointer) -> Result<bool> {
        let (a, b) = (*self.of(dst), *self.of(src));
        let equality = matches!(op, JmpOp::Eq | JmpOp::Ne);
        if a.null == Null::Never && b.null == Null::Never {
            let (x, y) = (self.place(dst), self.place(src));
            let (Some((x, from)), Some((y, to))) = (x, y) else {
                return Err(Stop::Over);
            };
            if x != y {
                // Two objects are not at one address, as far as this run goes.
                return match (equality, op) {
                    (true, op) if a.kind != b.kind || a.kind.is_packet() => Ok(op == JmpOp::Ne),
                    _ => Err(Stop::Over),
                };
            }
            if !(a.kind.is_packet() || b.kind.is_packet()) && dst.object != src.object {
                return Err(Stop::Over);
            }
            if a.kind == Kind::PacketEnd || b.kind == Kind::PacketEnd {
                self.compared = Some(self.at as u32);
            }
            // Packets of other lengths.
            if let Some((_, length, _)) = self.packet
                && let Some(input) = self.length_input()
                && (a.kind == Kind::PacketEnd || b.kind == Kind::PacketEnd)
            {
                let now = if a.kind == Kind::PacketEnd { to } else { from };
                for edge in [now, now + 1, now - 1] {
                    if (0..=0xffff).contains(&edge) && edge != length {
                        self.bounds.push((input, edge.cast_unsigned()));
                        self.wish(None, input, edge.cast_unsigned());
                    }
                }
            }
            // As addresses; nothing wraps around.
            if from.unsigned_abs() > 1 << 46 || to.unsigned_abs() > 1 << 46 {
                return Err(Stop::Over);
            }
            let address = |offset: i64| (offset + (1 << 62)).cast_unsigned();
            for input in [dst.input, src.input] {
                if input != 0 {
                    let chosen = self.inputs[usize::from(input) - 1].value;
                    let to_edge = if input == dst.input {
                        to.wrapping_sub(from)
                    } else {
                        from.wrapping_sub(to)
                    };
                    for delta in [0, 1, -1] {
                        let value =
                            chosen.wrapping_add(to_edge.wrapping_add(delta).cast_unsigned());
                        self.wish(None, input, value);
                    }
                }
            }
            return Ok(semantics::compare(
                op,
                Width::W64,
                address(from),
                address(to),
            ));
        }
        if !equality {
            return Err(Stop::Over);
        }
        let is_null = |null: Null| match null {
            Null::Unchecked(null) => Some(null),
            Null::Never => Some(false),
            Null::Is => Some(true),
            Null::Uncertain => None,
        };
        match (is_null(a.null), is_null(b.null)) {
            // Different: nobody learns anything.
            (Some(x), Some(y)) if x != y => Ok(op == JmpOp::Ne),
            (Some(false), Some(false)) if dst.object != src.object => Ok(op == JmpOp::Ne),
            _ => Err(Stop::Over),
        }
    }
}
