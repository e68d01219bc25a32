//! Arithmetic and comparisons on numbers and pointers.

use super::scalar::{Link, Scalar};
use super::stack::Stack;
use super::value::{Added, Kind, Null, Pointer, Value};
use super::walk::{Result, State, Stop, Walk};
use super::{arithmetic, branch, words};
use crate::check::mirrored;
use crate::isa::{AluOp, JmpOp, Width};

/// Offsets from here on no pointer may have (`BPF_MAX_VAR_OFF`).
pub(super) const MAX_OFFSET: i64 = 1 << 29;

/// What a packet may have at most (`MAX_PACKET_OFF`).
const MAX_PACKET: u64 = 0xffff;

/// The pointer is at the packet's end, or behind it: what its range says then.
const AT_END: i64 = -1;
const BEHIND_END: i64 = -2;

impl Walk<'_> {
    pub(super) fn arithmetic(
        &mut self,
        op: AluOp,
        width: Width,
        dst: Value,
        src: Value,
    ) -> Result<Value> {
        match (dst, src) {
            (Value::Number(a), Value::Number(b)) => self.numbers(op, width, a, b),
            (Value::Opaque | Value::Unwritten(_), _) | (_, Value::Opaque | Value::Unwritten(_)) => {
                Ok(Value::Opaque)
            }
            (Value::Pointer(_), Value::Pointer(_)) if op == AluOp::Sub => {
                Ok(Value::Number(Scalar::unknown(self.at())))
            }
            // What no kernel allows, runs find.
            (Value::Pointer(_), Value::Pointer(_)) => Err(Stop::Over),
            _ if width == Width::W32 && op == AluOp::Sub => {
                Ok(Value::Number(Scalar::unknown(self.at())))
            }
            _ if width == Width::W32 => Err(Stop::Over),
            (Value::Pointer(pointer), Value::Number(number)) => {
                let register = (!self.has_immediate()).then(|| self.insn().src());
                self.pointer_and_number(op, pointer, number, register)
            }
            (Value::Number(number), Value::Pointer(pointer)) => {
                if op != AluOp::Add {
                    return Err(Stop::Over);
                }
                let register = Some(self.insn().dst());
                self.pointer_and_number(op, pointer, number, register)
            }
        }
    }

    fn numbers(&mut self, op: AluOp, width: Width, a: Scalar, b: Scalar) -> Result<Value> {
        let at = self.at();
        let is_register = !self.has_immediate();
        if !is_register {
            let zero = b.constant().is_some_and(|value| value as u32 == 0);
            let far = b.umin >= u64::from(width.bits());
            let divides = matches!(op, AluOp::Div | AluOp::Mod | AluOp::SDiv | AluOp::SMod);
            let shifts = matches!(op, AluOp::Lsh | AluOp::Rsh | AluOp::Arsh);
            if divides && zero || shifts && far {
                return Err(Stop::Over);
            }
        }
        // A number that is 0 or -1 is two numbers, each with its path: in 7.0, and stable series.
        let masks = matches!(op, AluOp::And | AluOp::Or) && b.constant().is_some();
        if masks && !a.bits.is_known() {
            let whole = a.smin == -1 && a.smax == 0;
            let half = a.smin32 == -1 && a.smax32 == 0;
            if whole || half {
                return self.two_numbers(op, width, a, b, whole);
            }
        }
        let mut result = arithmetic::alu(self.kernel, op, width, a, &b, is_register, at);
        (result.id, result.link) = arithmetic::link(self.kernel, op, width, &a, &b);
        Ok(Value::Number(result))
    }

    fn two_numbers(
        &mut self,
        op: AluOp,
        width: Width,
        a: Scalar,
        b: Scalar,
        whole: bool,
    ) -> Result<Value> {
        let at = self.at();
        let kernel = self.kernel;
        let is_register = !self.has_immediate();
        // The kernel's other path goes on behind the instruction with the zero as it is.
        let mut zero = a;
        let mut minus_one = a;
        if whole {
            zero.set_known(0);
            minus_one.set_known(u64::MAX);
        } else {
            zero.set_known32(0);
            minus_one.set_known32(u32::MAX);
            zero.sync();
            minus_one.sync();
        }
        let register = usize::from(self.insn().dst());
        let next = self.state.at + 1;
        let other = arithmetic::alu(kernel, op, width, zero, &b, is_register, at);
        self.fork(|state| {
            state.at = next;
            state.registers[register] = Value::Number(Scalar {
                id: 0,
                link: Link::Same,
                ..other
            });
        })?;
        let mut result = arithmetic::alu(kernel, op, width, minus_one, &b, is_register, at);
        result.id = 0;
        Ok(Value::Number(result))
    }

    fn pointer_and_number(
        &mut self,
        op: AluOp,
        pointer: Pointer,
        number: Scalar,
        register: Option<u8>,
    ) -> Result<Value> {
        match pointer.null {
            Null::Maybe => return Err(words::arithmetic_on_null(self, &pointer).into()),
            Null::Uncertain => return Ok(Value::Opaque),
            Null::Never => {}
        }
        if !matches!(op, AluOp::Add | AluOp::Sub) {
            return Err(Stop::Over);
        }
        let constant = number.constant();
        match pointer.kind {
            Kind::Context
            | Kind::MapValue(_)
            | Kind::Packet
            | Kind::PacketMeta
            | Kind::Record(_) => {}
            Kind::Stack(_) if op == AluOp::Add => {}
            Kind::Map(_) if constant == Some(0) && op == AluOp::Add => {}
            _ => return Err(Stop::Over),
        }
        if number.is_impossible() {
            return Ok(Value::Number(Scalar::unknown(self.at())));
        }
        self.sane(&pointer, &number, register)?;
        let mut result = pointer;
        if let Some(by) = constant {
            let by = by.cast_signed();
            let fixed = match op {
                AluOp::Add => pointer.fixed.wrapping_add(by),
                _ => pointer.fixed.wrapping_sub(by),
            };
            if i32::try_from(fixed).is_err() {
                return Err(Stop::Over);
            }
            result.fixed = fixed;
            if fixed.abs() >= MAX_OFFSET {
                return Err(words::pointer_too_far(self, &result).into());
            }
            return Ok(Value::Pointer(result));
        }
        let before = pointer.variable;
        let at = self.at();
        let mut variable = match op {
            AluOp::Add => sum(&before, &number),
            _ => difference(&before, &number),
        };
        variable.origin = number.origin;
        variable.forget32();
        if let Some(register) = register {
            result.added = Some(Added {
                register,
                slot: at,
                most: number.umax,
            });
        }
        result.variable = variable;
        if pointer.kind.is_packet() {
            result.id = self.new_id();
            if op == AluOp::Add || number.smin < 0 {
                result.range = 0;
            }
        }
        self.sane_sum(&result)?;
        result.variable.sync();
        Ok(Value::Pointer(result))
    }

    /// Whether a number may be added to this pointer at all.
    fn sane(&self, pointer: &Pointer, number: &Scalar, register: Option<u8>) -> Result<()> {
        let far = |bound: i64| bound >= MAX_OFFSET || bound <= -MAX_OFFSET;
        if let Some(value) = number.constant() {
            if far(value.cast_signed()) {
                return Err(words::constant_too_large(self, pointer, value.cast_signed()).into());
            }
            return Ok(());
        }
        if number.smin == i64::MIN {
            return Err(words::unbounded_sum(self, pointer, number, register).into());
        }
        if far(number.smin) {
            return Err(words::sum_out_of_bounds(self, pointer, number, register).into());
        }
        Ok(())
    }

    fn sane_sum(&self, pointer: &Pointer) -> Result<()> {
        let smin = pointer.variable.smin;
        let register = pointer.added.map(|added| added.register);
        if smin == i64::MIN {
            return Err(words::unbounded_sum(self, pointer, &pointer.variable, register).into());
        }
        if smin >= MAX_OFFSET || smin <= -MAX_OFFSET {
            return Err(
                words::sum_out_of_bounds(self, pointer, &pointer.variable, register).into(),
            );
        }
        Ok(())
    }

    pub(super) fn comparison(
        &mut self,
        op: JmpOp,
        width: Width,
        dst: Value,
        src: Value,
    ) -> Result<bool> {
        match (dst, src) {
            (Value::Number(a), Value::Number(b)) => self.compare_numbers(op, width, a, b),
            (Value::Pointer(pointer), Value::Number(number)) => {
                self.pointer_with_number(op, width, pointer, number)
            }
            (Value::Number(number), Value::Pointer(_)) if width == Width::W64 => {
                // Nothing is learned, unless it is null.
                if number.constant().is_none_or(|value| value == 0) {
                    return Err(Stop::Over);
                }
                self.fork(|_| {})
            }
            (Value::Pointer(dst), Value::Pointer(src)) if width == Width::W64 => {
                self.pointer_with_pointer(op, dst, src)
            }
            _ => Err(Stop::Over),
        }
    }

    fn compare_numbers(&mut self, op: JmpOp, width: Width, a: Scalar, b: Scalar) -> Result<bool> {
        let is_register = !self.has_immediate();
        let insn = self.insn();
        let (dst, src) = (usize::from(insn.dst()), usize::from(insn.src()));
        let is_same = is_register && dst == src;
        let kernel = self.kernel;
        if let Some(taken) = branch::decided(kernel, op, width, &a, &b, is_same) {
            if let (Some(value), Some(bound)) = (a.constant(), b.constant()) {
                self.count_round(op, width, value, bound, taken)?;
            }
            return Ok(taken);
        }
        let (mut yes_a, mut yes_b, mut no_a, mut no_b) = (a, b, a, b);
        if !is_same {
            branch::refine(kernel, op, width, &mut yes_a, &mut yes_b, true);
            branch::refine(kernel, op, width, &mut no_a, &mut no_b, false);
        }
        let learn = |state: &mut State, x: Scalar, y: Scalar| {
            if is_same {
                return;
            }
            state.registers[dst] = Value::Number(x);
            if is_register {
                state.registers[src] = Value::Number(y);
                sync_linked(state, &y);
                // What the two have in common may be the same identity.
                if let Value::Number(x) = state.registers[dst] {
                    sync_linked(state, &x);
                }
            } else {
                sync_linked(state, &x);
            }
        };
        // Of a side that is impossible kernels do not all know it; it is not followed.
        let impossible = |a: &Scalar, b: &Scalar| a.is_impossible() || b.is_impossible();
        match (impossible(&no_a, &no_b), impossible(&yes_a, &yes_b)) {
            (true, true) => Err(Stop::Over),
            (true, false) => {
                learn(&mut self.state, yes_a, yes_b);
                Ok(true)
            }
            (false, true) => {
                learn(&mut self.state, no_a, no_b);
                Ok(false)
            }
            (false, false) => {
                let taken = self.fork(|state| learn(state, yes_a, yes_b))?;
                learn(&mut self.state, no_a, no_b);
                Ok(taken)
            }
        }
    }

    fn pointer_with_number(
        &mut self,
        op: JmpOp,
        width: Width,
        pointer: Pointer,
        number: Scalar,
    ) -> Result<bool> {
        if width == Width::W32 {
            return Err(Stop::Over);
        }
        let equality = matches!(op, JmpOp::Eq | JmpOp::Ne);
        if number.constant() != Some(0) {
            return if number.constant().is_some() {
                self.fork(|_| {})
            } else {
                Err(Stop::Over)
            };
        }
        if !equality {
            return match pointer.null {
                Null::Never => self.fork(|_| {}),
                _ => Err(Stop::Over),
            };
        }
        match pointer.null {
            // Of some kinds kernels know it; of the others both sides are looked at.
            Null::Never => Ok(op == JmpOp::Ne),
            Null::Uncertain => {
                let insn = self.insn();
                let register = usize::from(insn.dst());
                if let Value::Pointer(known) = &mut self.state.registers[register] {
                    known.null = Null::Never;
                }
                Ok(op == JmpOp::Ne)
            }
            Null::Maybe if !self.has_immediate() => Err(Stop::Over),
            Null::Maybe => {
                let id = pointer.id;
                if op == JmpOp::Eq {
                    let taken = self.fork(|state| Self::is_null(state, id))?;
                    Self::not_null(&mut self.state, id);
                    Ok(taken)
                } else {
                    let taken = self.fork(|state| Self::not_null(state, id))?;
                    Self::is_null(&mut self.state, id);
                    Ok(taken)
                }
            }
        }
    }

    fn pointer_with_pointer(&mut self, op: JmpOp, dst: Pointer, src: Pointer) -> Result<bool> {
        if dst.null != Null::Never || src.null != Null::Never {
            return Err(Stop::Over);
        }
        let insn = self.insn();
        let (dst_at, src_at) = (usize::from(insn.dst()), usize::from(insn.src()));
        let starts = |pointer: &Pointer| {
            pointer.kind == Kind::Packet
                && pointer.id == 0
                && pointer.is_fixed()
                && pointer.offset() == 0
        };
        let before_end = |a: &Pointer, b: &Pointer| {
            a.kind == Kind::Packet && b.kind == Kind::PacketEnd
                || a.kind == Kind::PacketMeta && starts(b)
        };
        // Seen as `pointer op end`.
        let (pointer, register, op) = if before_end(&dst, &src) {
            (dst, dst_at, op)
        } else if before_end(&src, &dst) {
            (src, src_at, mirrored(op))
        } else {
            return self.fork(|_| {});
        };
        // Where it was found at the end before, the outcome is known.
        match (pointer.range, op) {
            (BEHIND_END, JmpOp::Gt) | (BEHIND_END | AT_END, JmpOp::Ge) => return Ok(true),
            (BEHIND_END, JmpOp::Le) | (BEHIND_END | AT_END, JmpOp::Lt) => return Ok(false),
            _ => {}
        }
        // On which side it is inside, and whether with a byte to spare.
        let (inside_taken, open) = match op {
            JmpOp::Gt => (false, false),
            JmpOp::Ge => (false, true),
            JmpOp::Lt => (true, true),
            JmpOp::Le => (true, false),
            _ => return self.fork(|_| {}),
        };
        let inside = |state: &mut State| good_range(state, &pointer, open);
        let outside = |state: &mut State| {
            if let Value::Pointer(known) = &mut state.registers[register]
                && known.kind == Kind::Packet
            {
                known.range = if open { AT_END } else { BEHIND_END };
            }
        };
        if inside_taken {
            let taken = self.fork(inside)?;
            outside(&mut self.state);
            Ok(taken)
        } else {
            let taken = self.fork(outside)?;
            inside(&mut self.state);
            Ok(taken)
        }
    }
}

/// Pointers into the packet with this identity have so many bytes.
fn good_range(state: &mut State, pointer: &Pointer, open: bool) {
    let fixed = pointer.fixed;
    if fixed < 0 || fixed == 0 && open {
        return;
    }
    let most = pointer.variable.umax;
    if most > MAX_PACKET || most + fixed.cast_unsigned() > MAX_PACKET {
        return;
    }
    let range = fixed + i64::from(open);
    let (kind, id) = (pointer.kind, pointer.id);
    let wanted =
        |value: &Value| matches!(value, Value::Pointer(one) if one.kind == kind && one.id == id);
    Walk::change_values(state, wanted, |value| {
        if let Value::Pointer(one) = value {
            one.range = one.range.max(range);
        }
    });
}

/// What was learned of a number holds for its copies.
fn sync_linked(state: &mut State, known: &Scalar) {
    if known.id == 0 {
        return;
    }
    let delta = |link: Link| match link {
        Link::Same => 0,
        Link::Sum(delta) | Link::NarrowSum(delta) => i64::from(delta),
    };
    let known = *known;
    let wanted = |value: &Value| matches!(value, Value::Number(number) if number.id == known.id);
    Walk::change_values(state, wanted, |value| {
        if let Value::Number(number) = value {
            let (id, link, origin) = (number.id, number.link, number.origin);
            let by = delta(link) - delta(known.link);
            *number = if by == 0 {
                known
            } else {
                let narrow =
                    matches!(known.link, Link::NarrowSum(_)) || matches!(link, Link::NarrowSum(_));
                arithmetic::linked_sum(&known, by, narrow)
            };
            (number.id, number.link, number.origin) = (id, link, origin);
        }
    });
}

/// A variable offset and a number together.
fn sum(a: &Scalar, b: &Scalar) -> Scalar {
    let mut result = *a;
    match (a.smin.checked_add(b.smin), a.smax.checked_add(b.smax)) {
        (Some(least), Some(most)) => (result.smin, result.smax) = (least, most),
        _ => (result.smin, result.smax) = (i64::MIN, i64::MAX),
    }
    match (a.umin.checked_add(b.umin), a.umax.checked_add(b.umax)) {
        (Some(least), Some(most)) => (result.umin, result.umax) = (least, most),
        _ => (result.umin, result.umax) = (0, u64::MAX),
    }
    result.bits = a.bits.add(b.bits);
    result
}

fn difference(a: &Scalar, b: &Scalar) -> Scalar {
    let mut result = *a;
    match (a.smin.checked_sub(b.smax), a.smax.checked_sub(b.smin)) {
        (Some(least), Some(most)) => (result.smin, result.smax) = (least, most),
        _ => (result.smin, result.smax) = (i64::MIN, i64::MAX),
    }
    if a.umin < b.umax {
        (result.umin, result.umax) = (0, u64::MAX);
    } else {
        (result.umin, result.umax) = (a.umin - b.umax, a.umax - b.umin);
    }
    result.bits = a.bits.sub(b.bits);
    result
}

/// The stack of a frame, where there is one.
pub(super) fn stack_of(state: &State, frame: u8) -> Option<&Stack> {
    state.stacks.get(usize::from(frame))
}
