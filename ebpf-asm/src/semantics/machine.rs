//! What a domain of values supplies.

use crate::isa::{
    AluOp, AtomicOp, EndianOp, EndianSize, ImmediateSource, JmpOp, PacketSize, Register,
    SignExtension, SignedSize, Size, Width,
};

/// A machine that programs run on: its values, memory and calls.
///
/// [`step`](super::step()) decides which of these an instruction uses, in which order, and what
/// becomes of the results. Operands are read in the kernel's order: the source register first.
/// Positions are slots of the program, counted from 0.
///
/// Every function may end the run: with the program's result, a fault, or whatever else the
/// domain means by [`Stop`](Self::Stop).
///
/// ```
#[doc = include_str!("calculator.rs")]
/// use ebpf_asm::semantics::{Operation, step};
///
/// let code = ebpf_asm::assemble("r0 = 1; again: r0 *= 2; if r0 < 100 goto again; exit")?;
/// let operations = Operation::decode_all(code.insns());
/// let mut machine = Calculator::default();
/// let mut at = 0;
/// let end = loop {
///     match step(&mut machine, at, &operations[at]) {
///         Ok(next) => at = next,
///         Err(end) => break end,
///     }
/// };
/// assert_eq!((end, machine.registers[0]), ("the end", 128));
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
pub trait Machine {
    /// What a register holds.
    type Value: Copy;
    /// Why a run ends.
    type Stop;

    /// A number of the program's.
    fn constant(&self, value: u64) -> Self::Value;

    /// Reads a register that the instruction names, or `r0` for `cmpxchg`.
    fn register(&mut self, register: Register) -> Result<Self::Value, Self::Stop>;

    /// Writes a register that the instruction names, or `r0`.
    fn set_register(&mut self, register: Register, value: Self::Value) -> Result<(), Self::Stop>;

    /// Arithmetic other than 64-bit moves, which [`step`](super::step()) does by itself. A 32-bit
    /// move has the same operand twice.
    fn alu(
        &mut self,
        op: AluOp,
        width: Width,
        dst: Self::Value,
        src: Self::Value,
    ) -> Result<Self::Value, Self::Stop>;

    /// Negation.
    fn negate(&mut self, width: Width, value: Self::Value) -> Result<Self::Value, Self::Stop>;

    /// A sign-extending move.
    fn sign_extend(
        &mut self,
        extension: SignExtension,
        value: Self::Value,
    ) -> Result<Self::Value, Self::Stop>;

    /// A change of byte order.
    fn change_byte_order(
        &mut self,
        op: EndianOp,
        size: EndianSize,
        value: Self::Value,
    ) -> Result<Self::Value, Self::Stop>;

    /// The condition of a jump.
    fn compare(
        &mut self,
        op: JmpOp,
        width: Width,
        dst: Self::Value,
        src: Self::Value,
    ) -> Result<bool, Self::Stop>;

    /// A load, zero-extended.
    fn load(
        &mut self,
        size: Size,
        base: Self::Value,
        offset: i16,
    ) -> Result<Self::Value, Self::Stop>;

    /// A load, sign-extended to 64 bits.
    fn load_signed(
        &mut self,
        size: SignedSize,
        base: Self::Value,
        offset: i16,
    ) -> Result<Self::Value, Self::Stop> {
        let (size, extension) = match size {
            SignedSize::S8 => (Size::Byte, SignExtension::S8ToW64),
            SignedSize::S16 => (Size::Half, SignExtension::S16ToW64),
            SignedSize::S32 => (Size::Word, SignExtension::S32ToW64),
        };
        let value = self.load(size, base, offset)?;
        self.sign_extend(extension, value)
    }

    /// A store of the value's lower bytes.
    fn store(
        &mut self,
        size: Size,
        base: Self::Value,
        offset: i16,
        value: Self::Value,
    ) -> Result<(), Self::Stop>;

    /// An atomic operation other than `cmpxchg`; the old value, zero-extended.
    fn atomic(
        &mut self,
        op: AtomicOp,
        width: Width,
        base: Self::Value,
        offset: i16,
        src: Self::Value,
    ) -> Result<Self::Value, Self::Stop>;

    /// `cmpxchg`; the old value, zero-extended.
    fn compare_exchange(
        &mut self,
        width: Width,
        base: Self::Value,
        offset: i16,
        expected: Self::Value,
        new: Self::Value,
    ) -> Result<Self::Value, Self::Stop>;

    /// A load that later accesses stay behind.
    ///
    /// ```
    /// # mod calculator { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/semantics/calculator.rs")); }
    /// # use calculator::Calculator;
    /// use ebpf_asm::isa::Size;
    /// use ebpf_asm::semantics::Machine;
    ///
    /// // If a machine says nothing else, order is no matter of its own: a load and a store.
    /// let mut machine = Calculator::default();
    /// assert_eq!(machine.load_acquire(Size::Word, 0, 0), machine.load(Size::Word, 0, 0));
    /// assert_eq!(machine.store_release(Size::Word, 0, 0, 1), machine.store(Size::Word, 0, 0, 1));
    /// ```
    fn load_acquire(
        &mut self,
        size: Size,
        base: Self::Value,
        offset: i16,
    ) -> Result<Self::Value, Self::Stop> {
        self.load(size, base, offset)
    }

    /// A store that earlier accesses stay before.
    fn store_release(
        &mut self,
        size: Size,
        base: Self::Value,
        offset: i16,
        value: Self::Value,
    ) -> Result<(), Self::Stop> {
        self.store(size, base, offset, value)
    }

    /// The value of a two-slot load: both words as the instruction has them (of
    /// [`ImmediateSource::MapValue`] the lower word is the map, the upper one the offset).
    fn load_imm64(
        &mut self,
        at: usize,
        source: ImmediateSource,
        imm: u64,
    ) -> Result<Self::Value, Self::Stop>;

    /// A legacy packet load at `imm`, plus `index` if there is one: the number, converted from
    /// network byte order; `None` if the packet has no such bytes, which ends the function with
    /// `r0 = 0`. The machine reads the context in `r6` and forgets `r1` to `r5`.
    fn packet_load(
        &mut self,
        size: PacketSize,
        index: Option<Self::Value>,
        imm: i32,
    ) -> Result<Option<Self::Value>, Self::Stop>;

    /// A pointer of an arena from one address space to another; `spaces` is the immediate.
    fn address_space_cast(
        &mut self,
        value: Self::Value,
        spaces: i32,
    ) -> Result<Self::Value, Self::Stop>;

    /// Calls a helper: reads the arguments and writes `r0`. Where the program goes on: `at + 1`,
    /// or elsewhere if the helper calls back or does not return.
    fn call_helper(&mut self, at: usize, id: u32) -> Result<usize, Self::Stop>;

    /// Calls a kernel function by BTF id and index into the load's `fd_array`.
    fn call_kfunc(&mut self, at: usize, btf_id: u32, fd_index: i16) -> Result<usize, Self::Stop>;

    /// Calls the function at `target`: a new frame that [`exit`](Self::exit) leaves. Where the
    /// program goes on.
    fn call_local(&mut self, at: usize, target: usize) -> Result<usize, Self::Stop>;

    /// Calls through a register.
    fn call_indirect(&mut self, at: usize, target: Self::Value) -> Result<usize, Self::Stop>;

    /// Returns from the function; the result is in `r0`. Where the program goes on, or the end
    /// of the run.
    fn exit(&mut self, at: usize) -> Result<usize, Self::Stop>;

    /// Whether the loop budget of this `may_goto` is used up.
    fn may_goto(&mut self, at: usize) -> Result<bool, Self::Stop>;

    /// The slot that an address from an instruction array stands for.
    fn goto_indirect(&mut self, at: usize, target: Self::Value) -> Result<usize, Self::Stop>;

    /// A slot that is no instruction, or one that only the kernel itself makes.
    fn unknown(&mut self, at: usize) -> Self::Stop;
}
