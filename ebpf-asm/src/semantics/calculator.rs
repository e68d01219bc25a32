use ebpf_asm::isa::*;
use ebpf_asm::semantics::{self, Machine};

/// Registers, and nothing else: what needs more ends the run with a word about it.
#[derive(Default)]
pub struct Calculator {
    pub registers: [u64; 11],
}

type Result<T> = core::result::Result<T, &'static str>;

impl Machine for Calculator {
    type Value = u64;
    type Stop = &'static str;

    fn constant(&self, value: u64) -> u64 {
        value
    }
    fn register(&mut self, register: Register) -> Result<u64> {
        Ok(self.registers[usize::from(register.index())])
    }
    fn set_register(&mut self, register: Register, value: u64) -> Result<()> {
        self.registers[usize::from(register.index())] = value;
        Ok(())
    }
    fn alu(&mut self, op: AluOp, width: Width, dst: u64, src: u64) -> Result<u64> {
        Ok(semantics::alu(op, width, dst, src))
    }
    fn negate(&mut self, width: Width, value: u64) -> Result<u64> {
        Ok(semantics::negate(width, value))
    }
    fn sign_extend(&mut self, extension: SignExtension, value: u64) -> Result<u64> {
        Ok(semantics::sign_extend(extension, value))
    }
    fn change_byte_order(&mut self, op: EndianOp, size: EndianSize, value: u64) -> Result<u64> {
        Ok(semantics::change_byte_order(op, size, value))
    }
    fn compare(&mut self, op: JmpOp, width: Width, dst: u64, src: u64) -> Result<bool> {
        Ok(semantics::compare(op, width, dst, src))
    }
    fn load_imm64(&mut self, _at: usize, _source: ImmediateSource, imm: u64) -> Result<u64> {
        Ok(imm)
    }
    fn exit(&mut self, _at: usize) -> Result<usize> {
        Err("the end")
    }
    fn unknown(&mut self, _at: usize) -> &'static str {
        "no instruction"
    }

    // What has memory, calls or budgets in it. `load_signed`, `load_acquire` and `store_release`
    // are made of these, if nothing else is said.
    fn load(&mut self, _size: Size, _base: u64, _offset: i16) -> Result<u64> {
        Err("memory")
    }
    fn store(&mut self, _size: Size, _base: u64, _offset: i16, _value: u64) -> Result<()> {
        Err("memory")
    }
    fn atomic(&mut self, _: AtomicOp, _: Width, _: u64, _: i16, _: u64) -> Result<u64> {
        Err("memory")
    }
    fn compare_exchange(&mut self, _: Width, _: u64, _: i16, _: u64, _: u64) -> Result<u64> {
        Err("memory")
    }
    fn packet_load(&mut self, _: PacketSize, _: Option<u64>, _: i32) -> Result<Option<u64>> {
        Err("packets")
    }
    fn address_space_cast(&mut self, _value: u64, _spaces: i32) -> Result<u64> {
        Err("arenas")
    }
    fn call_helper(&mut self, _at: usize, _id: u32) -> Result<usize> {
        Err("calls")
    }
    fn call_kfunc(&mut self, _at: usize, _btf_id: u32, _fd_index: i16) -> Result<usize> {
        Err("calls")
    }
    fn call_local(&mut self, _at: usize, _target: usize) -> Result<usize> {
        Err("calls")
    }
    fn call_indirect(&mut self, _at: usize, _target: u64) -> Result<usize> {
        Err("calls")
    }
    fn may_goto(&mut self, _at: usize) -> Result<bool> {
        Err("budgets")
    }
    fn goto_indirect(&mut self, _at: usize, _target: u64) -> Result<usize> {
        Err("tables of jumps")
    }
}
