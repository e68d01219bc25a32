//! A machine that runs programs without a kernel: for unit tests, for machines where nobody is
//! root, and for programs that are meant for other hosts than the kernel.
//!
//! ```
//! # #[cfg(feature = "text")] {
//! use ebpf_asm::vm::Vm;
//!
//! let code = ebpf_asm::assemble("
//!     r0 = *(u32 *)(r1 + 0)
//!     r0 += *(u32 *)(r1 + 4)
//! ");
//! # assert!(code.is_err());
//! let code = ebpf_asm::assemble("
//!     r0 = *(u32 *)(r1 + 0)
//!     r1 = *(u32 *)(r1 + 4)
//!     r0 += r1
//!     exit
//! ")?;
//! let mut vm = Vm::new();
//! let sum = vm.load_code("sum", &code);
//! let mut context = [0; 8];
//! context[..4].copy_from_slice(&40u32.to_ne_bytes());
//! context[4..].copy_from_slice(&2u32.to_ne_bytes());
//! assert_eq!(vm.run(sum, &mut context)?, 42);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it does
//! - **Every instruction** that the kernel loads, with the meaning of RFC 9669 and the kernel
//!   ([`semantics`](crate::semantics)), and `callx` beside them. What needs a kernel is an error
//!   that says so: kernel functions and variables, arenas, instruction arrays.
//! - **Memory** is regions with bounds and permissions; every access is checked. Addresses are
//!   the machine's own: none leads to the host's memory.
//! - **Helpers** of the kernel in a form for tests: maps, ring buffers, tail calls, callbacks,
//!   time (set by [`Vm::set_clock`]), process, chance (from a seed), packets, printing. And the
//!   user's own, by number ([`Vm::helper`]) or name ([`Vm::helper_named`]).
//! - **A budget** of instructions ends every run ([`Vm::set_budget`]).
//! - **Watching**: [`Vm::debug`] steps, stops at breakpoints and prints what changed;
//!   [`Vm::coverage`] counts instructions.
//!
//! It is no verifier: a program that the kernel would refuse runs until it does something wrong.
//! One thread runs one machine; atomic operations are atomic by that, and ordered.

mod debug;
mod engine;
mod fault;
mod helpers;
mod input;
mod maps;
mod memory;
mod program;
mod state;
#[cfg(all(test, feature = "text"))]
mod tests;
mod world;

pub use debug::{Debugger, Stopped};
pub use fault::{Fault, FaultKind};
pub use helpers::{HelperCall, HelperError};
pub use input::Input;
pub use maps::{MapError, MapId, MapNotModelled};
pub use memory::{Permissions, RegionId};
pub use program::ProgramId;

use crate::Code;
use crate::isa::Insn;
use crate::object::{MapDef, ProgramDef, RelocationKind, UserObject};
use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use engine::Engine;
use fault::Trap;
use helpers::{Helper, Helpers};
use maps::{Data, Map};
use memory::{Memory, Region};
use program::Program;
use state::State;

/// The frames of nested calls that the kernel allows.
const FRAMES: usize = 8;

/// The instructions that a run may execute, if nothing else is said.
const DEFAULT_BUDGET: u64 = 100_000_000;

/// How often the `may_goto`s of a function go on, as in the kernel.
const MAY_GOTO_BUDGET: u32 = 8 * 1024 * 1024;

/// A machine: memory, maps, helpers, and the programs that were loaded into it.
///
/// See [the module](self) for what it does.
///
/// ```
/// use ebpf_asm::object::MapDef;
/// use ebpf_asm::vm::{MapError, Vm};
/// use ebpf_asm::{MapType, assemble};
///
/// let mut vm = Vm::new();
/// let counts = vm.create_map(&MapDef::new("COUNTS", MapType::Hash, 4, 8, 16))?;
/// let text = format!(
///     "
///         *(u32 *)(r10 - 4) = 7
///         *(u64 *)(r10 - 16) = 1
///         ld_pseudo r1, 1, {}         # the map's file descriptor in a kernel
///         r2 = r10
///         r2 += -4
///         r3 = r10
///         r3 += -16
///         r4 = 0
///         call bpf_map_update_elem
///         exit
///     ",
///     counts.index()
/// );
/// let program = vm.load_code("count", &assemble(&text)?);
/// assert_eq!(vm.run(program, &mut [])?, 0);
/// assert_eq!(vm.executed(), 10);
///
/// let mut value = [0; 8];
/// vm.map_lookup(counts, &7_u32.to_ne_bytes(), &mut value)?;
/// assert_eq!(u64::from_ne_bytes(value), 1);
/// vm.map_delete(counts, &7_u32.to_ne_bytes())?;
/// let gone = vm.map_lookup(counts, &7_u32.to_ne_bytes(), &mut value);
/// assert_eq!(gone, Err(MapError::ENOENT));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Vm {
    state: State,
    programs: Vec<Program>,
    /// Names of helpers that are not the kernel's.
    names: BTreeMap<String, u32>,
}

impl Default for Vm {
    fn default() -> Self {
        Self::new()
    }
}

/// There is no helper with this name.
///
/// ```
/// use ebpf_asm::vm::Vm;
///
/// let mut vm = Vm::new();
/// let unknown = vm.helper_named("bpf_no_such_helper", |_, _, _, _, _| 0).unwrap_err();
/// println!("{unknown}");
/// vm.name_helper("bpf_no_such_helper", 1000);     // from now on there is one
/// vm.helper_named("bpf_no_such_helper", |_, _, _, _, _| 0)?;
/// assert_eq!(vm.helper_id("bpf_no_such_helper")?, 1000);
/// # Ok::<(), ebpf_asm::vm::UnknownHelper>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownHelper {
    name: String,
}

impl fmt::Display for UnknownHelper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "neither the kernel nor a loaded program has a helper `{}`",
            self.name
        )
    }
}

impl core::error::Error for UnknownHelper {}

impl Vm {
    /// A machine with the kernel's helpers and frames, and nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::with(FRAMES, Helpers::of_the_kernel())
    }

    /// A machine for programs that are not for the kernel: no helper but the user's own, and as
    /// many frames of nested calls as are wanted, at least one.
    #[must_use]
    pub fn for_user(frames: usize) -> Self {
        Self::with(frames.clamp(1, 1 << 16), Helpers::none())
    }

    fn with(frames: usize, helpers: Helpers) -> Self {
        Self {
            state: State::new(frames, helpers),
            programs: Vec::new(),
            names: BTreeMap::new(),
        }
    }

    /// Adds a bare sequence of instructions. Any slots will do: what is wrong with them is found
    /// when it is executed. The labels of the code are names of functions.
    pub fn load_code(&mut self, name: &str, code: &Code) -> ProgramId {
        let program = Program::new(name, code.insns().to_vec());
        self.add_program(program.with_labels(code.labels()))
    }

    /// Adds slots, as [`load_code`](Self::load_code) does.
    ///
    /// ```
    /// use ebpf_asm::isa::{Instruction, Register::*};
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::new();
    /// let slots = [Instruction::mov_imm(R0, 7).encode()[0], Instruction::exit().encode()[0]];
    /// let program = vm.load_insns("seven", &slots);
    /// assert_eq!(vm.run(program, &mut []), Ok(7));
    /// ```
    pub fn load_insns(&mut self, name: &str, insns: &[Insn]) -> ProgramId {
        self.add_program(Program::new(name, insns.to_vec()))
    }

    /// Adds a program of an object, whose maps are there already: at the positions of the
    /// object's maps. `insns` are its slots with constants filled in.
    ///
    /// ```
    /// use ebpf_asm::isa::Insn;
    /// use ebpf_asm::object::{FunctionRecord, LineTable, Linkage, ProgramDef, ProgramKind};
    /// use ebpf_asm::vm::Vm;
    ///
    /// static INSNS: [Insn; 2] = Insn::array_from_le_bytes(b"\xb7\0\0\0\x05\0\0\0\x95\0\0\0\0\0\0\0");
    /// static FUNCTIONS: [FunctionRecord; 1] = [FunctionRecord::new("five", 0, Linkage::Static)];
    /// let kind = ProgramKind::SocketFilter;
    /// let def = ProgramDef::new("five", kind, &INSNS, &[], &FUNCTIONS, LineTable::EMPTY);
    ///
    /// let mut vm = Vm::new();
    /// let program = vm.load_program(&def, def.insns.to_vec(), &[]);
    /// assert_eq!(vm.run(program, &mut []), Ok(5));
    /// ```
    ///
    /// # Panics
    /// If a map that the program refers to is not among `maps`.
    pub fn load_program(
        &mut self,
        def: &ProgramDef,
        mut insns: Vec<Insn>,
        maps: &[MapId],
    ) -> ProgramId {
        for relocation in def.relocations {
            let (map, source) = match relocation.kind {
                RelocationKind::MapFd { map } => (map, 1),
                RelocationKind::MapValue { map } => (map, 2),
                // What a kernel knows is left open: a call of its functions is a fault.
                _ => continue,
            };
            let number = maps[usize::from(map)].0.cast_signed();
            let slot = &mut insns[relocation.insn as usize];
            *slot = slot.with_src(source).with_imm(number);
        }
        let program = Program::new(def.name, insns);
        self.add_program(program.with_functions(def.functions).with_lines(def.lines))
    }

    /// Adds an object for a host of the user's own, and the names of its helpers:
    /// [`helper_named`](Self::helper_named) then gives the machine what they do, and
    /// [`call`](Self::call) calls a function.
    ///
    /// ```
    /// use ebpf_asm::isa::Insn;
    /// use ebpf_asm::object::{FunctionRecord, LabelTable, LineTable, Linkage, UserObject};
    /// use ebpf_asm::vm::Vm;
    ///
    /// static INSNS: [Insn; 2] = Insn::array_from_le_bytes(b"\xbf\x20\0\0\0\0\0\0\x95\0\0\0\0\0\0\0");
    /// static FUNCTIONS: [FunctionRecord; 1] = [FunctionRecord::new("second", 0, Linkage::Static)];
    /// static OBJECT: UserObject =
    ///     UserObject::new("rules", &INSNS, &FUNCTIONS, &[], LineTable::EMPTY, LabelTable::EMPTY);
    ///
    /// let mut vm = Vm::for_user(8);                   // eight frames of nested calls
    /// let rules = vm.load_user(&OBJECT);
    /// assert_eq!(vm.call(rules, "second", &[1, 2]), Ok(2));
    /// ```
    pub fn load_user(&mut self, object: &UserObject) -> ProgramId {
        for helper in object.helpers {
            self.name_helper(helper.name, helper.id);
        }
        let program = Program::new(object.name, object.insns.to_vec());
        self.add_program(
            program
                .with_functions(object.functions)
                .with_lines(object.lines),
        )
    }

    fn add_program(&mut self, program: Program) -> ProgramId {
        self.programs.push(program);
        ProgramId(self.programs.len() - 1)
    }

    /// Runs a program: `r1` is the context, `r2` its length, the result is `r0`. What the
    /// program writes to the context is there afterwards.
    ///
    /// # Errors
    /// The fault that ended the run.
    pub fn run(&mut self, program: ProgramId, context: &mut [u8]) -> Result<u64, Fault> {
        self.run_on(program, Input::context(context))
    }

    /// Runs a program on a packet, or a context with a packet.
    ///
    /// # Errors
    /// The fault that ended the run.
    pub fn run_on(&mut self, program: ProgramId, input: Input<'_>) -> Result<u64, Fault> {
        self.check(program)?;
        let length = input.put(&mut self.state);
        let arguments = [Memory::address(self.state.context), length as u64];
        let result = Engine::new(&mut self.state, &self.programs, program.0, &arguments).run(0);
        input.take(&self.state);
        result
    }

    /// Calls a function of a program by name, with up to five arguments; the result is `r0`.
    /// Of a bare sequence its labels are functions.
    ///
    /// ```
    /// # #[cfg(feature = "text")] {
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::new();
    /// let code = ebpf_asm::assemble("
    /// max:
    ///     r0 = r1
    ///     if r0 > r2 goto out
    ///     r0 = r2
    /// out:
    ///     exit
    /// first:
    ///     r1 = 7
    ///     call max
    ///     exit
    /// ")?;
    /// let program = vm.load_code("example", &code);
    /// assert_eq!(vm.call(program, "max", &[3, 4])?, 4);
    /// assert_eq!(vm.call(program, "first", &[0, 9])?, 9);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`FaultKind::NoProgram`] if there is no such function or there are more than five
    /// arguments; the fault that ended the run.
    pub fn call(
        &mut self,
        program: ProgramId,
        function: &str,
        arguments: &[u64],
    ) -> Result<u64, Fault> {
        let slot = self.entry(program, function, arguments)?;
        Engine::new(&mut self.state, &self.programs, program.0, arguments).run(slot)
    }

    fn entry(&self, program: ProgramId, function: &str, arguments: &[u64]) -> Result<usize, Fault> {
        self.check(program)?;
        let found = &self.programs[program.0];
        let wrong = |message| Err(Trap::new(FaultKind::NoProgram, message).at(found, 0, [0; 11]));
        if arguments.len() > 5 {
            return wrong(format!(
                "a function takes 5 arguments, not {}",
                arguments.len()
            ));
        }
        match found.function(function) {
            Some(slot) => Ok(slot),
            None => wrong(format!("it has no function `{function}`")),
        }
    }

    /// A number of another machine's.
    fn check(&self, program: ProgramId) -> Result<(), Fault> {
        if program.0 < self.programs.len() {
            return Ok(());
        }
        let trap = Trap::new(FaultKind::NoProgram, "this machine has no such program");
        Err(trap.at(&Program::new("?", Vec::new()), 0, [0; 11]))
    }

    /// Begins a run that is watched: stepped through, stopped at breakpoints, traced.
    ///
    /// # Errors
    /// [`FaultKind::NoProgram`] if there is no such program.
    pub fn debug(&mut self, program: ProgramId, input: &Input<'_>) -> Result<Debugger<'_>, Fault> {
        self.check(program)?;
        let length = input.put(&mut self.state);
        let arguments = [Memory::address(self.state.context), length as u64];
        let engine = Engine::new(&mut self.state, &self.programs, program.0, &arguments);
        Ok(Debugger::new(engine))
    }

    /// How many instructions the last run has executed.
    #[must_use]
    pub const fn executed(&self) -> u64 {
        self.state.budget - self.state.remaining
    }

    /// How many instructions a run may execute before it ends with [`FaultKind::Budget`]:
    /// 100 million, if nothing is said.
    ///
    /// ```
    /// use ebpf_asm::vm::{FaultKind, Vm};
    ///
    /// let mut vm = Vm::new();
    /// vm.set_budget(1000);
    /// let program = vm.load_code("forever", &ebpf_asm::assemble("again: goto again")?);
    /// assert_eq!(vm.run(program, &mut []).unwrap_err().kind(), &FaultKind::Budget);
    /// # Ok::<(), ebpf_asm::Diagnostics>(())
    /// ```
    pub const fn set_budget(&mut self, instructions: u64) {
        self.state.budget = instructions;
        self.state.remaining = instructions;
    }

    /// How often the `may_goto`s of one call of a function go on: 8 Mi as in the kernel, if
    /// nothing is said.
    ///
    /// ```
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::new();
    /// vm.set_may_goto_budget(10);                     // 8 million in the kernel
    /// let text = "r0 = 0; again: r0 += 1; may_goto done; goto again; done: exit";
    /// let program = vm.load_code("rounds", &ebpf_asm::assemble(text)?);
    /// assert_eq!(vm.run(program, &mut []), Ok(11));
    /// # Ok::<(), ebpf_asm::Diagnostics>(())
    /// ```
    pub const fn set_may_goto_budget(&mut self, times: u32) {
        self.state.may_goto_budget = times;
    }

    /// Begins or ends counting how often each instruction is executed. It makes runs slower.
    ///
    /// ```
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::new();
    /// vm.record_coverage(true);
    /// let text = "r0 = 0; if r2 == 0 goto out; r0 = 1; out: exit";
    /// let program = vm.load_code("branch", &ebpf_asm::assemble(text)?);
    /// vm.run(program, &mut [])?;                      // r2 is the context's length
    /// assert_eq!(vm.coverage(program), [1, 1, 0, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn record_coverage(&mut self, record: bool) {
        self.state.records_coverage = record;
    }

    /// How often each slot of a program was executed while that was recorded; empty if it never
    /// was. The second slot of a 64-bit immediate counts 0.
    #[must_use]
    pub fn coverage(&self, program: ProgramId) -> &[u64] {
        self.state.coverage(program.0)
    }

    // Helpers.

    /// Gives the machine a helper by number, in place of the one it may have.
    ///
    /// ```
    /// # #[cfg(feature = "text")] {
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::new();
    /// vm.helper(1, |a, b, _, _, _| a.max(b));
    /// let code = ebpf_asm::assemble("r1 = 7; r2 = 9; call 1; exit")?;
    /// let program = vm.load_code("max", &code);
    /// assert_eq!(vm.run(program, &mut [])?, 9);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn helper<F>(&mut self, id: u32, mut helper: F)
    where
        F: FnMut(u64, u64, u64, u64, u64) -> u64 + Send + 'static,
    {
        self.helper_with_memory(id, move |call| {
            let [a, b, c, d, e] = call.arguments();
            Ok(helper(a, b, c, d, e))
        });
    }

    /// Gives the machine a helper that sees the program's memory; see [`HelperCall`].
    ///
    /// ```
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::new();
    /// vm.helper_with_memory(1, |call| {
    ///     let [address, ..] = call.arguments();
    ///     Ok(u64::from(call.read(address, 1)?[0]))
    /// });
    /// let program = vm.load_code("first", &ebpf_asm::assemble("call 1; exit")?);
    /// assert_eq!(vm.run(program, &mut [42])?, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn helper_with_memory<F>(&mut self, id: u32, helper: F)
    where
        F: FnMut(&mut HelperCall<'_>) -> Result<u64, HelperError> + Send + 'static,
    {
        self.state.helpers.set(id, Helper::Custom(Box::new(helper)));
    }

    /// Gives the machine a helper by name: one of the kernel's, or one whose number was given
    /// with [`name_helper`](Self::name_helper).
    ///
    /// ```
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::new();
    /// vm.helper_named("bpf_get_numa_node_id", |_, _, _, _, _| 3)?;
    /// assert!(vm.helper_named("bpf_get_numa_node", |_, _, _, _, _| 3).is_err());
    /// # Ok::<(), ebpf_asm::vm::UnknownHelper>(())
    /// ```
    ///
    /// # Errors
    /// If no helper has this name.
    pub fn helper_named<F>(&mut self, name: &str, helper: F) -> Result<(), UnknownHelper>
    where
        F: FnMut(u64, u64, u64, u64, u64) -> u64 + Send + 'static,
    {
        let id = self.helper_id(name)?;
        self.helper(id, helper);
        Ok(())
    }

    /// The number of a helper's name.
    ///
    /// # Errors
    /// If no helper has this name.
    pub fn helper_id(&self, name: &str) -> Result<u32, UnknownHelper> {
        self.names
            .get(name)
            .copied()
            .or_else(|| Some(crate::helpers::by_name(name)?.id))
            .ok_or_else(|| UnknownHelper {
                name: name.to_owned(),
            })
    }

    /// Says which number a name of the user's own has.
    ///
    /// ```
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::for_user(8);
    /// vm.name_helper("max", 1);
    /// vm.helper_named("max", |a, b, _, _, _| a.max(b))?;
    /// let program = vm.load_code("max", &ebpf_asm::assemble("r1 = 7; r2 = 9; call 1; exit")?);
    /// assert_eq!(vm.run(program, &mut [])?, 9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn name_helper(&mut self, name: &str, id: u32) {
        self.names.insert(name.to_owned(), id);
    }

    // Memory.

    /// Adds a region of memory; [`address`](Self::address) is what programs reach it by.
    ///
    /// ```
    /// # #[cfg(feature = "text")] {
    /// use ebpf_asm::vm::{Permissions, Vm};
    ///
    /// let mut vm = Vm::new();
    /// let table = vm.add_region("the table", vec![1, 2, 3], Permissions::ReadOnly);
    /// let program = vm.load_code("last", &ebpf_asm::assemble("
    /// last:
    ///     r0 = *(u8 *)(r1 + 2)
    ///     exit
    /// ")?);
    /// let address = vm.address(table);
    /// assert_eq!(vm.call(program, "last", &[address])?, 3);
    /// let fault = vm.call(program, "last", &[address + 1]).unwrap_err();
    /// assert_eq!(fault.region(), Some("the table"));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_region(&mut self, name: &str, bytes: Vec<u8>, permissions: Permissions) -> RegionId {
        self.state.memory.add(Region {
            name: Cow::Owned(name.to_owned()),
            bytes,
            writable: permissions == Permissions::ReadWrite,
            stride: 0,
            element: 0,
        })
    }

    /// The address of a region's first byte.
    #[must_use]
    pub const fn address(&self, region: RegionId) -> u64 {
        Memory::address(region)
    }

    /// The bytes of a region that was added.
    ///
    /// # Panics
    /// If the region is another machine's.
    #[must_use]
    pub fn region(&self, region: RegionId) -> &[u8] {
        &self.state.memory.region(region).bytes
    }

    /// The bytes of a region that was added, to be changed.
    ///
    /// ```
    /// use ebpf_asm::vm::{Permissions, Vm};
    ///
    /// let mut vm = Vm::new();
    /// let counter = vm.add_region("the counter", vec![0; 8], Permissions::ReadWrite);
    /// vm.region_mut(counter)[0] = 41;
    /// let text = "add: r0 = *(u64 *)(r1 + 0); r0 += 1; *(u64 *)(r1 + 0) = r0; exit";
    /// let program = vm.load_code("add", &ebpf_asm::assemble(text)?);
    /// let address = vm.address(counter);
    /// vm.call(program, "add", &[address])?;
    /// assert_eq!(vm.region(counter)[0], 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If the region is another machine's.
    pub fn region_mut(&mut self, region: RegionId) -> &mut [u8] {
        &mut self.state.memory.region_mut(region).bytes
    }

    // Maps.

    /// Creates a map, with what it holds from the start.
    ///
    /// # Errors
    /// If the machine has no such map: some kinds only a kernel has.
    pub fn create_map(&mut self, def: &MapDef) -> Result<MapId, MapNotModelled> {
        let map = Map::new(def, self.state.cpus, &mut self.state.memory)?;
        self.state.maps.push(map);
        Ok(MapId(self.state.maps.len() as u32 - 1))
    }

    fn map(&mut self, map: MapId) -> Result<(&mut Map, &mut Memory), MapError> {
        let found = self.state.maps.get_mut(map.0 as usize);
        Ok((found.ok_or(MapError::EINVAL)?, &mut self.state.memory))
    }

    /// Copies the value of a key: of a per-CPU map those of all CPUs, each rounded up to 8
    /// bytes. Of a queue or stack, whose keys have no bytes, the value that is next.
    ///
    /// # Errors
    /// What the kernel says: [`MapError::ENOENT`] if there is no such key.
    #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
    pub fn map_lookup(&mut self, map: MapId, key: &[u8], value: &mut [u8]) -> Result<(), MapError> {
        let (map, memory) = self.map(map)?;
        map.host_lookup(memory, key, value)
    }

    /// Puts a value under a key; `flags` is 0, `BPF_NOEXIST` (1) or `BPF_EXIST` (2).
    ///
    /// # Errors
    /// What the kernel says: [`MapError::E2BIG`] if the map is full.
    #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
    pub fn map_update(
        &mut self,
        map: MapId,
        key: &[u8],
        value: &[u8],
        flags: u64,
    ) -> Result<(), MapError> {
        let (map, memory) = self.map(map)?;
        map.host_update(memory, key, value, flags)
    }

    /// Removes a key.
    ///
    /// # Errors
    /// What the kernel says: [`MapError::ENOENT`] if there is no such key.
    #[doc(alias = "BPF_MAP_DELETE_ELEM")]
    pub fn map_delete(&mut self, map: MapId, key: &[u8]) -> Result<(), MapError> {
        let (map, memory) = self.map(map)?;
        map.host_delete(memory, key)
    }

    /// Copies the value of a key, or the next one of a queue or stack, and removes it.
    ///
    /// ```
    /// use ebpf_asm::MapType;
    /// use ebpf_asm::object::MapDef;
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::new();
    /// let counts = vm.create_map(&MapDef::new("COUNTS", MapType::Hash, 1, 1, 4))?;
    /// for key in 1..=3 {
    ///     vm.map_update(counts, &[key], &[10 * key], 0)?;
    /// }
    /// let (mut key, mut value) = ([0], vec![0; vm.map_value_size(counts)]);
    /// vm.map_next_key(counts, None, &mut key)?;       // the first, in no order
    /// vm.map_take(counts, &key.clone(), &mut value)?; // read and removed
    /// assert_eq!(value, [10 * key[0]]);
    /// vm.map_freeze(counts)?;
    /// assert!(vm.map_update(counts, &[9], &[9], 0).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What the kernel says.
    #[doc(alias = "BPF_MAP_LOOKUP_AND_DELETE_ELEM")]
    pub fn map_take(&mut self, map: MapId, key: &[u8], value: &mut [u8]) -> Result<(), MapError> {
        let (map, memory) = self.map(map)?;
        map.host_take(memory, key, value)
    }

    /// The key after this one, or the first.
    ///
    /// # Errors
    /// [`MapError::ENOENT`] after the last one.
    #[doc(alias = "BPF_MAP_GET_NEXT_KEY")]
    pub fn map_next_key(
        &mut self,
        map: MapId,
        key: Option<&[u8]>,
        next: &mut [u8],
    ) -> Result<(), MapError> {
        let (map, memory) = self.map(map)?;
        map.host_next_key(memory, key, next)
    }

    /// Makes a map read-only for the host.
    ///
    /// # Errors
    /// [`MapError::EPERM`] if it is frozen already.
    #[doc(alias = "BPF_MAP_FREEZE")]
    pub fn map_freeze(&mut self, map: MapId) -> Result<(), MapError> {
        self.map(map)?.0.freeze()
    }

    /// The bytes that are copied for a value of a map; 0 if there is no such map.
    #[must_use]
    pub fn map_value_size(&self, map: MapId) -> usize {
        let map = self.state.maps.get(map.0 as usize);
        map.map_or(0, Map::copied_size)
    }

    /// Puts a program into a program array, for tail calls.
    ///
    /// ```
    /// use ebpf_asm::MapType;
    /// use ebpf_asm::object::MapDef;
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::new();
    /// let calls = vm.create_map(&MapDef::new("CALLS", MapType::ProgArray, 4, 4, 4))?;
    /// let next = vm.load_code("next", &ebpf_asm::assemble("r0 = 7; exit")?);
    /// vm.set_tail_call(calls, 2, next)?;
    /// let text = format!("ld_pseudo r2, 1, {}; r3 = 2; call bpf_tail_call; r0 = 0; exit", calls.index());
    /// let first = vm.load_code("first", &ebpf_asm::assemble(&text)?);
    /// assert_eq!(vm.run(first, &mut [])?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`MapError::E2BIG`] if the index is beyond the map's entries.
    pub fn set_tail_call(
        &mut self,
        map: MapId,
        index: u32,
        program: ProgramId,
    ) -> Result<(), MapError> {
        self.map_update(
            map,
            &index.to_ne_bytes(),
            &(program.0 as u32).to_ne_bytes(),
            0,
        )
    }

    /// Takes the next record of a ring buffer out; `None` if there is none.
    ///
    /// ```
    /// use ebpf_asm::MapType;
    /// use ebpf_asm::object::MapDef;
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::new();
    /// let events = vm.create_map(&MapDef::new("EVENTS", MapType::Ringbuf, 0, 0, 4096))?;
    /// let text = format!(
    ///     "
    ///         *(u64 *)(r10 - 8) = 7
    ///         ld_pseudo r1, 1, {}
    ///         r2 = r10
    ///         r2 += -8
    ///         r3 = 8
    ///         r4 = 0
    ///         call bpf_ringbuf_output
    ///         exit
    ///     ",
    ///     events.index()
    /// );
    /// let program = vm.load_code("event", &ebpf_asm::assemble(&text)?);
    /// vm.run(program, &mut [])?;
    /// assert!(!vm.has_reserved_record(events));       // all that was reserved was submitted
    /// assert_eq!(vm.next_record(events), Some(vec![7, 0, 0, 0, 0, 0, 0, 0]));
    /// assert_eq!(vm.next_record(events), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn next_record(&mut self, map: MapId) -> Option<Vec<u8>> {
        let (map, memory) = self.map(map).ok()?;
        match &mut map.data {
            Data::Ring(ring) => ring.next(memory, <[u8]>::to_vec),
            Data::Events(events) => Some(events.pop_front()?.1),
            _ => None,
        }
    }

    /// Shows the records of a ring buffer that programs have finished since the last time: how
    /// many bytes were ever reserved before each, its bytes, and whether it is discarded. They
    /// take room until [`set_consumed`](Self::set_consumed) says that they were read: for
    /// readers with memory of their own.
    ///
    /// ```
    /// use ebpf_asm::MapType;
    /// use ebpf_asm::object::MapDef;
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::new();
    /// let events = vm.create_map(&MapDef::new("EVENTS", MapType::Ringbuf, 0, 0, 4096))?;
    /// let mut read = 0;
    /// vm.finished_records(events, |position, bytes, _discarded| read = position + bytes.len() as u64);
    /// vm.set_consumed(events, read);                  // their room is free
    /// assert_eq!(read, 0);                            // no program has run
    /// # Ok::<(), ebpf_asm::vm::MapNotModelled>(())
    /// ```
    pub fn finished_records(&mut self, map: MapId, each: impl FnMut(u64, &[u8], bool)) {
        if let Ok((map, memory)) = self.map(map)
            && let Data::Ring(ring) = &mut map.data
        {
            ring.finished(memory, each);
        }
    }

    /// Says up to which position the records of a ring buffer were read.
    pub fn set_consumed(&mut self, map: MapId, position: u64) {
        if let Ok((map, _)) = self.map(map)
            && let Data::Ring(ring) = &mut map.data
        {
            ring.set_consumed(position);
        }
    }

    /// All values of an array, one after the other; if there are more than one each is rounded
    /// up to 8 bytes. `None` of other kinds.
    #[must_use]
    pub fn map_values(&self, map: MapId) -> Option<&[u8]> {
        let values = self.state.maps.get(map.0 as usize)?.only_value()?;
        Some(&self.state.memory.region(values).bytes)
    }

    /// The same, to be changed.
    ///
    /// ```
    /// use ebpf_asm::MapType;
    /// use ebpf_asm::object::MapDef;
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::new();
    /// let limits = vm.create_map(&MapDef::new("LIMITS", MapType::Array, 4, 8, 2))?;
    /// vm.map_values_mut(limits).unwrap()[8] = 7;      // the second value
    /// assert_eq!(vm.map_values(limits).unwrap().len(), 16);
    /// # Ok::<(), ebpf_asm::vm::MapNotModelled>(())
    /// ```
    pub fn map_values_mut(&mut self, map: MapId) -> Option<&mut [u8]> {
        let values = self.state.maps.get(map.0 as usize)?.only_value()?;
        Some(&mut self.state.memory.region_mut(values).bytes)
    }

    /// Whether a ring buffer has a record that a program has reserved and neither submitted nor
    /// discarded. No kernel loads a program that returns so.
    #[must_use]
    pub fn has_reserved_record(&self, map: MapId) -> bool {
        match self.state.maps.get(map.0 as usize).map(|map| &map.data) {
            Some(Data::Ring(ring)) => ring.has_reserved(),
            _ => false,
        }
    }

    // The world around.

    /// Sets the clock, in nanoseconds: what `bpf_ktime_get_ns` and its like give until it is set
    /// again. It begins at one second.
    ///
    /// ```
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::new();
    /// vm.set_clock(5_000);
    /// vm.set_process(42, 43);                         // process and thread
    /// vm.set_user(1000, 100);
    /// vm.set_comm("cat");
    /// vm.set_cgroup(1);
    /// vm.set_cpus(4);
    /// vm.set_cpu(3);
    /// vm.seed_random(1);
    /// vm.set_stacks(&[0xffff_8000_0010], &[]);
    /// let cpu = vm.load_code("cpu", &ebpf_asm::assemble("call bpf_get_smp_processor_id; exit")?);
    /// assert_eq!(vm.run(cpu, &mut []), Ok(3));
    /// let process = vm.load_code("pid", &ebpf_asm::assemble("call bpf_get_current_pid_tgid; r0 >>= 32; exit")?);
    /// assert_eq!(vm.run(process, &mut []), Ok(42));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn set_clock(&mut self, nanoseconds: u64) {
        self.state.world.clock = nanoseconds;
    }

    /// Sets the current process: its number and that of the thread.
    pub const fn set_process(&mut self, pid: u32, thread: u32) {
        self.state.world.tgid = pid;
        self.state.world.pid = thread;
    }

    /// Sets the current user and group.
    pub const fn set_user(&mut self, uid: u32, gid: u32) {
        self.state.world.uid = uid;
        self.state.world.gid = gid;
    }

    /// Sets the name of the current task, of which 15 bytes count.
    pub fn set_comm(&mut self, comm: &str) {
        let mut bytes = [0; world::COMM];
        for (to, from) in bytes[..world::COMM - 1].iter_mut().zip(comm.bytes()) {
            *to = from;
        }
        self.state.world.comm = bytes;
    }

    /// Sets the current control group's number.
    pub const fn set_cgroup(&mut self, id: u64) {
        self.state.world.cgroup = id;
    }

    /// Sets how many CPUs there are: the values of per-CPU maps that are created from now on.
    pub fn set_cpus(&mut self, cpus: usize) {
        self.state.cpus = cpus.max(1);
    }

    /// Sets the CPU that programs run on.
    pub const fn set_cpu(&mut self, cpu: u32) {
        self.state.world.cpu = cpu;
    }

    /// Sets the stacks of the current task, which `bpf_get_stackid` puts into a map: addresses in
    /// the kernel and in the process, the innermost first. One without addresses is not there,
    /// as at the start. The numbers of stacks are not those that a kernel would give them.
    pub fn set_stacks(&mut self, kernel: &[u64], user: &[u64]) {
        self.state.world.kernel_stack = kernel.to_vec();
        self.state.world.user_stack = user.to_vec();
    }

    /// Sets the seed of `bpf_get_prandom_u32`.
    pub const fn seed_random(&mut self, seed: u64) {
        self.state.world.random = seed;
    }

    /// Takes out what programs have printed with `bpf_trace_printk`, oldest first.
    ///
    /// ```
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::new();
    /// let text = "
    ///     *(u32 *)(r10 - 8) = 0x6968      # \"hi\"
    ///     r1 = r10
    ///     r1 += -8
    ///     r2 = 3
    ///     call bpf_trace_printk
    ///     exit
    /// ";
    /// let program = vm.load_code("greet", &ebpf_asm::assemble(text)?);
    /// vm.run(program, &mut [])?;
    /// assert_eq!(vm.take_printed().collect::<Vec<_>>(), ["hi"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_printed(&mut self) -> impl Iterator<Item = String> + '_ {
        self.state.world.printed.drain(..)
    }
}
