//! Runs that are watched.

use super::engine::Engine;
use super::fault::Fault;
use crate::isa::{Register, decode};
use alloc::collections::BTreeSet;
use core::fmt::Write;

/// A run that goes on when it is told to.
///
/// ```
/// # #[cfg(feature = "text")] {
/// use ebpf_asm::isa::Register;
/// use ebpf_asm::vm::{Input, Stopped, Vm};
///
/// let mut vm = Vm::new();
/// let program = vm.load_code("example", &ebpf_asm::assemble("r0 = 1; r0 += 41; exit")?);
/// let input = Input::context(&mut []);
/// let mut debugger = vm.debug(program, &input)?;
/// debugger.add_breakpoint(1);
/// assert_eq!(debugger.run()?, Stopped::Breakpoint(1));
/// assert_eq!(debugger.register(Register::R0), 1);
///
/// let mut trace = String::new();
/// assert_eq!(debugger.trace(&mut trace)?, Stopped::Finished(42));
/// assert_eq!(trace, "   1: r0 += 41  ; r0 = 0x2a\n   2: exit\n");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Debugger<'a> {
    engine: Engine<'a>,
    at: usize,
    breakpoints: BTreeSet<usize>,
}

/// Why a watched run stands still.
///
/// ```
/// use ebpf_asm::vm::{Input, Stopped, Vm};
///
/// let mut vm = Vm::new();
/// let program = vm.load_code("example", &ebpf_asm::assemble("r0 = 1; exit")?);
/// let mut debugger = vm.debug(program, &Input::context(&mut []))?;
/// match debugger.run()? {
///     Stopped::Breakpoint(slot) => println!("before {slot}"),
///     Stopped::Finished(result) => assert_eq!(result, 1),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The instruction at this slot is next.
    Breakpoint(usize),
    /// The program has returned this.
    Finished(u64),
}

impl<'a> Debugger<'a> {
    pub(super) const fn new(engine: Engine<'a>) -> Self {
        Self {
            engine,
            at: 0,
            breakpoints: BTreeSet::new(),
        }
    }

    /// The slot of the instruction that is next.
    #[must_use]
    pub const fn slot(&self) -> usize {
        self.at
    }

    /// The program that runs, which after a tail call is another one.
    #[must_use]
    pub fn program(&self) -> &str {
        self.engine.programs[self.engine.program].name()
    }

    /// File, line and column of the instruction that is next, if the program knows.
    #[must_use]
    pub fn source(&self) -> Option<(&'static str, u32, u16)> {
        self.engine.programs[self.engine.program].source(self.at)
    }

    /// What a register holds.
    #[must_use]
    pub const fn register(&self, register: Register) -> u64 {
        self.engine.registers[register as usize]
    }

    /// Changes what a register holds.
    pub const fn set_register(&mut self, register: Register, value: u64) {
        self.engine.registers[register as usize] = value;
    }

    /// Stops before the instruction at this slot, of whichever program.
    pub fn add_breakpoint(&mut self, slot: usize) {
        self.breakpoints.insert(slot);
    }

    /// Stops there no more; whether there was a breakpoint.
    pub fn remove_breakpoint(&mut self, slot: usize) -> bool {
        self.breakpoints.remove(&slot)
    }

    /// The result, if the program has returned.
    #[must_use]
    pub fn result(&self) -> Option<u64> {
        self.engine.finished.then(|| self.register(Register::R0))
    }

    /// Does one instruction; the result, if it was the last.
    ///
    /// ```
    /// use ebpf_asm::isa::Register;
    /// use ebpf_asm::vm::{Input, Vm};
    ///
    /// let mut vm = Vm::new();
    /// let program = vm.load_code("example", &ebpf_asm::assemble("r0 = 1; r0 += 1; exit")?);
    /// let mut debugger = vm.debug(program, &Input::context(&mut []))?;
    /// debugger.add_breakpoint(2);
    /// debugger.step()?;
    /// assert_eq!((debugger.program(), debugger.slot(), debugger.source()), ("example", 1, None));
    /// debugger.set_register(Register::R0, 41);        // what would happen if …
    /// assert!(debugger.remove_breakpoint(2));
    /// debugger.run()?;
    /// assert_eq!(debugger.result(), Some(42));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The fault that ended the run.
    pub fn step(&mut self) -> Result<Option<u64>, Fault> {
        if !self.engine.finished {
            self.at = self.engine.single_step(self.at)?;
        }
        Ok(self.result())
    }

    /// Goes on to the next breakpoint, or to the end.
    ///
    /// # Errors
    /// The fault that ended the run.
    pub fn run(&mut self) -> Result<Stopped, Fault> {
        self.go(|_, _| {})
    }

    /// Goes on like [`run`](Self::run) and writes a line for each instruction: slot, text, and
    /// the registers that it has changed.
    ///
    /// # Errors
    /// The fault that ended the run.
    pub fn trace(&mut self, to: &mut impl Write) -> Result<Stopped, Fault> {
        self.go(|debugger, before| {
            // What cannot be written is the caller's; a trace changes nothing about the run.
            let _ = debugger.write_line(to, before);
        })
    }

    fn go(&mut self, mut each: impl FnMut(&Self, &Before)) -> Result<Stopped, Fault> {
        loop {
            let before = Before {
                program: self.engine.program,
                slot: self.at,
                registers: self.engine.registers,
            };
            let result = self.step();
            each(self, &before);
            if let Some(result) = result? {
                return Ok(Stopped::Finished(result));
            }
            if self.breakpoints.contains(&self.at) {
                return Ok(Stopped::Breakpoint(self.at));
            }
        }
    }

    fn write_line(&self, to: &mut impl Write, before: &Before) -> core::fmt::Result {
        write!(to, "{:>4}: ", before.slot)?;
        let insns = self.engine.programs[before.program].insns();
        match insns.get(before.slot..).and_then(decode) {
            Some(instruction) => write!(to, "{instruction}")?,
            None => write!(to, "-")?,
        }
        let mut separator = "  ; ";
        for register in Register::ALL {
            let value = self.register(*register);
            if value != before.registers[register.index() as usize] {
                write!(to, "{separator}{} = {value:#x}", register.name())?;
                separator = ", ";
            }
        }
        writeln!(to)
    }
}

struct Before {
    program: usize,
    slot: usize,
    registers: [u64; Register::ALL.len()],
}
