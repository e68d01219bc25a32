//! Functions that others call: callbacks of helpers, as often as a helper may call them, and
//! global functions on their own.

use super::Start;
use super::calls::Told;
use super::input::InputKind;
use super::run::{Frame, Result, Run, Stop};
use super::stack::Stack;
use super::value::{Kind, Lost, Null, Number, Value};
use crate::KernelVersion;
use crate::check::Assumption;
use crate::check::facts::{FunctionFacts, Parameter};
use crate::diag::Rule;
use crate::helpers::Helper;
use alloc::format;

/// Before, kernels took a callback for one that is called exactly once.
const ANY_NUMBER_OF_TIMES: KernelVersion = KernelVersion::new(6, 7);
/// Since then what a callback acquires it has to give back itself.
const OWN_REFERENCES: KernelVersion = KernelVersion::new(6, 1);
/// Before, of two paths that differ in the return value only, one was looked at.
const PRECISE_RETURN: KernelVersion = KernelVersion::new(6, 8);
/// `bpf_loop` goes around at most so often (`BPF_MAX_LOOPS`).
const MAX_LOOPS: u64 = 1 << 23;

/// A call of a callback that is under way.
#[derive(Clone, Debug)]
pub(super) struct Callback {
    helper: &'static str,
    target: u32,
    /// How often it was called before.
    done: u64,
    /// How often it is called if it does not end this.
    times: u64,
    /// What the program hands to it.
    context: Value,
    map: Option<u16>,
}

impl Run<'_> {
    /// How many callbacks are active.
    pub(super) fn callbacks_active(&self) -> u8 {
        let active = self.frames.iter().filter(|frame| frame.callback.is_some());
        active.count() as u8
    }

    /// Whether no callback is called for the second time.
    pub(super) fn is_first_time(&self) -> bool {
        let mut callbacks = self
            .frames
            .iter()
            .filter_map(|frame| frame.callback.as_ref());
        callbacks.all(|callback| callback.done == 0)
    }

    /// A frame's stack, and the pointer to it.
    pub(super) fn new_stack(&mut self) {
        self.stacks.push(Stack::default());
        let frame = self.object(Kind::Stack(self.frames.len() as u8), Null::Never);
        self.registers[10] = frame;
    }

    fn start_later(&mut self, start: Start) {
        if !self.starts.contains(&start) {
            self.starts.push(start);
        }
    }

    /// A helper that calls a function.
    pub(super) fn call_back(
        &mut self,
        helper: &'static Helper,
        target: u32,
        register: usize,
        told: &Told,
    ) -> Result<usize> {
        if helper.name == "bpf_timer_set_callback" {
            let map = told.map_of_value.ok_or(Stop::Over)?;
            self.start_later(Start::Async { target, map });
            let result = self.any(8)?;
            return Ok(self.after_call(result));
        }
        let always_once = self.program.facts.min_kernel < ANY_NUMBER_OF_TIMES;
        let times = match helper.name {
            "bpf_loop" => {
                let Value::Number(number) = self.now(self.registers[1]) else {
                    return Err(Stop::Over);
                };
                self.wish(None, number.input, 1);
                u64::from(number.bits as u32)
            }
            "bpf_for_each_map_elem" | "bpf_user_ringbuf_drain" => {
                match self.input(InputKind::Number, 3)?.bits {
                    _ if always_once => 1,
                    times => times,
                }
            }
            "bpf_find_vma" => {
                let (found, _) = self.choice()?;
                u64::from(found || always_once)
            }
            _ => return Err(Stop::Over),
        };
        // Flags that no kernel has end it before it begins.
        let flags = match helper.name {
            "bpf_loop" | "bpf_for_each_map_elem" => self.now(self.registers[4]),
            _ => Value::Number(Number::known(0)),
        };
        let refused = match flags {
            Value::Number(flags) => flags.bits != 0 || times > MAX_LOOPS,
            _ => return Err(Stop::Over),
        };
        if refused || times == 0 {
            if always_once {
                return Err(Stop::Over);
            }
            let result = match refused {
                true => self.any(8)?,
                false => number(0),
            };
            return Ok(self.after_call(result));
        }
        let callback = Callback {
            helper: helper.name,
            target,
            done: 0,
            times,
            context: self.registers[register + 1],
            map: told.map,
        };
        self.enter(callback, self.at)
    }

    fn enter(&mut self, callback: Callback, call: usize) -> Result<usize> {
        if self.frames.len() >= 7 {
            return Err(Stop::Over);
        }
        // What is made here, the call makes.
        self.at = call;
        let target = callback.target as usize;
        let [_, _, _, _, _, _, r6, r7, r8, r9, _] = self.registers;
        let context = callback.context;
        let (helper, map, done) = (callback.helper, callback.map, callback.done);
        self.frames.push(Frame {
            saved: [r6, r7, r8, r9],
            writers: self.writers,
            back: call + 1,
            call,
            callback: Some(callback),
        });
        self.registers[..10].fill(Value::Unwritten(Lost::Never));
        self.writers[..10].fill(Some(call as u32));
        self.new_stack();
        let after = match helper {
            "bpf_loop" => {
                self.registers[1] = number(done);
                2
            }
            "bpf_for_each_map_elem" => {
                self.map_element(map.ok_or(Stop::Over)?);
                4
            }
            "bpf_find_vma" => {
                self.registers[1..=2].fill(Value::Opaque);
                3
            }
            _ => {
                self.registers[1] = Value::Opaque;
                2
            }
        };
        self.registers[after] = context;
        Ok(target)
    }

    /// A map, a key and a value of it.
    pub(super) fn map_element(&mut self, map: u16) {
        if self.program.facts.map(map).is_none() {
            self.assume(Assumption::HoldsValues(map));
        }
        self.registers[1] = self.object(Kind::Map(map), Null::Never);
        self.registers[2] = self.object(Kind::MapKey(map), Null::Never);
        self.registers[3] = self.object(Kind::MapValue(map), Null::Never);
    }

    /// What a callback returns, and what it leaves behind. Its frame is gone already.
    pub(super) fn leave_callback(&mut self, callback: &Callback) -> Result<()> {
        self.no_lock("BPF_EXIT instruction in callback")?;
        if self.program.facts.min_kernel >= OWN_REFERENCES {
            let outside = self.callbacks_active();
            let held = self
                .objects
                .iter()
                .find(|one| one.held && one.born > outside);
            if let Some(held) = held {
                let (name, origin) = (held.kind.name(), held.origin);
                return Err(self
                    .finding(
                        Rule::ReferenceLeak,
                        format!("the callback does not give {name} back"),
                        "Unreleased reference in callback",
                    )
                    .because("it was acquired in the call", Some(origin))
                    .into());
            }
        }
        let first = callback.done == 0;
        self.returns(0, 1, "callback", first)
    }

    /// What is returned has to be a number in a range.
    fn returns(&mut self, least: i64, most: i64, what: &str, first: bool) -> Result<()> {
        let value = self.now(self.registers[0]);
        let help = format!("set `r0` to a number from {least} to {most} before `exit`");
        match value {
            Value::Number(number) => {
                let whole = number.bits.cast_signed();
                let half = i64::from(number.bits as u32);
                self.hurt(number.input);
                if (least..=most).contains(&whole) || (least..=most).contains(&half) {
                    return Ok(());
                }
                let precise = self.program.facts.min_kernel >= PRECISE_RETURN;
                let certain = self.path.is_empty() && first && self.is_first_time();
                if !(precise || certain) {
                    return Err(Stop::Over);
                }
                Err(self
                    .finding(
                        Rule::ReturnRange,
                        format!("the {what} returns {whole}, and has to return {least} to {most}"),
                        format!("At {what} return the register R0 has smin={whole} smax={whole} should have been in [{least}, {most}]"),
                    )
                    .with_help(help)
                    .into())
            }
            Value::Pointer(pointer)
                if self.of(pointer).null == Null::Never && !pointer.from_stack =>
            {
                Err(self
                    .finding(
                        Rule::ReturnRange,
                        format!(
                            "the {what} returns a pointer to {}, and has to return a number",
                            self.of(pointer).kind.name()
                        ),
                        "R0 not a scalar value",
                    )
                    .with_help(help)
                    .into())
            }
            Value::Unwritten(Lost::Gone(_)) | Value::Pointer(_) | Value::Opaque => Err(Stop::Over),
            Value::Unwritten(_) => self.written(0).map(drop),
        }
    }

    /// Once more, or back to the caller.
    pub(super) fn after_callback(&mut self, callback: Callback, call: usize) -> Result<usize> {
        let ended = match self.now(self.registers[0]) {
            Value::Number(number) => number.bits != 0,
            _ => return Err(Stop::Over),
        };
        let done = callback.done + 1;
        if !ended && done < callback.times {
            if self.program.facts.min_kernel < ANY_NUMBER_OF_TIMES {
                return Err(Stop::Over);
            }
            return self.enter(Callback { done, ..callback }, call);
        }
        self.at = call;
        let result = match callback.helper {
            "bpf_find_vma" => number(0),
            _ => number(done),
        };
        Ok(self.after_call(result))
    }

    /// What a global function is given, by its types.
    pub(super) fn parameters(&mut self, slot: usize) {
        self.registers[1..=5].fill(Value::Opaque);
        let facts = self.program.facts;
        let mut functions = facts.functions.iter();
        let function = functions.find(|function| function.insn as usize == slot);
        let Some(parameters) = function.and_then(|function| function.parameters.as_ref()) else {
            return;
        };
        for register in 1..=5 {
            let value = match parameters.get(register - 1) {
                None => Value::Unwritten(Lost::Never),
                Some(Parameter::Number) => match self.any(8) {
                    Ok(value) => value,
                    Err(_) => Value::Opaque,
                },
                Some(Parameter::Context) => self.object(Kind::Context, Null::Never),
                Some(Parameter::Memory { size, nullable }) => {
                    let kind = Kind::Memory(u64::from(*size));
                    match nullable {
                        true => self.maybe(kind).unwrap_or(Value::Opaque),
                        false => self.object(kind, Null::Never),
                    }
                }
                Some(Parameter::Unknown) => Value::Opaque,
            };
            self.registers[register] = value;
        }
    }

    /// A call of a global function: what it does, it does on its own.
    pub(super) fn call_global(&mut self, function: &FunctionFacts) -> Result<usize> {
        if self.lock.is_some() {
            // Some kernels let it pass.
            return Err(Stop::Over);
        }
        for (index, parameter) in function.parameters.iter().flatten().enumerate() {
            let register = index + 1;
            let value = self.written(register)?;
            if let (Parameter::Number, Value::Pointer(pointer)) = (parameter, value)
                && self.of(pointer).null == Null::Never
                && self.is_certain(pointer)
            {
                return Err(self
                    .finding(
                        Rule::ArgumentKind,
                        format!(
                            "the function takes a number in `r{register}`, and this is {}",
                            self.of(pointer).kind.name()
                        ),
                        format!("R{register} is not a scalar"),
                    )
                    .with_help("let the parameter's type say that it is a pointer")
                    .into());
            }
        }
        self.start_later(Start::Global(function.insn));
        let result = self.any(8)?;
        Ok(self.after_call(result))
    }

    /// The end of a global function on its own.
    pub(super) fn leave_global(&mut self) -> Result<()> {
        match self.now(self.registers[0]) {
            Value::Pointer(pointer)
                if self.of(pointer).null == Null::Never && self.is_certain(pointer) =>
            {
                Err(self
                    .finding(
                        Rule::ReturnRange,
                        format!(
                            "the global function returns a pointer to {}, and has to return a number",
                            self.of(pointer).kind.name()
                        ),
                        "At subprogram exit the register R0 is not a scalar value",
                    )
                    .with_help("without `pub` the function is part of its callers, and may")
                    .into())
            }
            // Newer kernels let it return nothing.
            _ => Ok(()),
        }
    }

    /// The end of a function that a timer called.
    pub(super) fn leave_async(&mut self) -> Result<()> {
        self.returns(0, 0, "async callback", true)
    }
}

const fn number(bits: u64) -> Value {
    Value::Number(Number {
        bits,
        known: false,
        input: 0,
    })
}
