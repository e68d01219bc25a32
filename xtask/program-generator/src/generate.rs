//! Programs by types.
//!
//! Between two statements the registers always hold the same sort of things, so that a jump over
//! any of them is fine: numbers in `r0` to `r5` and `r9`, the context in `r6`, the value of the
//! array in `r7`, the packet in `r8`. In functions `r6` and `r8` are numbers. The first 64 bytes
//! of the stack are written, and behind them are pointers.

use crate::Random;
use ebpf_asm::KernelVersion;
use ebpf_asm::isa::{
    AluOp, AtomicOp, EndianOp, EndianSize, Form, ImmediateSource, Insn, Instruction, JmpOp,
    PacketSize, Register, Register::*, SignExtension, SignedSize, Size, Source, Width,
};

/// The number of the array in programs: one value of this many bytes.
pub(crate) const ARRAY: i32 = 0;
pub(crate) const ARRAY_VALUE: usize = 512;
/// The number of the hash map: keys of 4 bytes, values of 8.
pub(crate) const HASH: i32 = 1;
pub(crate) const HASH_ENTRIES: u32 = 4;
/// The bytes of the packet that programs may look at without asking.
pub(crate) const PACKET: usize = 64;

/// The bytes of the array's value that statements use; the rest is for what is left at the end.
const USED_VALUE: i16 = 256;
const USED_STACK: i16 = 64;
/// Where pointers are spilled: behind the bytes that are used.
const SPILLED_VALUE: i16 = -72;

/// A program and what it is run on.
#[derive(Clone, Debug)]
pub struct Program {
    /// The slots. Maps are named by number: 0 is the array, 1 the hash map.
    pub insns: Vec<Insn>,
    /// The packet, with its Ethernet header.
    pub packet: Vec<u8>,
}

/// Makes programs.
#[derive(Debug)]
pub struct Generator {
    random: Random,
    kernel: KernelVersion,
}

/// Where a statement stands.
#[derive(Clone, Copy)]
struct Place {
    /// The function: 0 is the program, which has context and packet.
    function: usize,
    /// How many functions there are.
    functions: usize,
    /// Whether `r9` counts a loop.
    in_loop: bool,
    /// How deep in branches.
    depth: u32,
}

/// Memory that statements use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Memory {
    Stack,
    Value,
    Packet,
}

const SIZES: &[Size] = Size::ALL;

/// The slots that instructions take.
fn slots(instructions: &[Instruction]) -> usize {
    instructions.iter().map(Instruction::slots).sum()
}

impl Generator {
    /// Programs of this seed, of instructions that this kernel has.
    #[must_use]
    pub const fn new(seed: u64, kernel: KernelVersion) -> Self {
        Self {
            random: Random::new(seed),
            kernel,
        }
    }

    /// The next program.
    pub fn next_program(&mut self) -> Program {
        let functions = 1 + self.random.of(&[0, 0, 0, 1, 2, 3]);
        let mut parts: Vec<Vec<Instruction>> = (0..functions)
            .map(|function| self.function(function, functions))
            .collect();
        // The distances of calls: where a part begins is known now.
        let starts: Vec<usize> = parts
            .iter()
            .scan(0, |start, part| {
                let here = *start;
                *start += slots(part);
                Some(here)
            })
            .collect();
        for (part, start) in parts.iter_mut().zip(&starts) {
            let mut at = *start;
            for instruction in part {
                let length = instruction.slots();
                if instruction.form() == Form::CallLocal {
                    // Until now it is the function's number.
                    let target = starts[instruction.imm() as usize];
                    *instruction = Instruction::call_local(target as i32 - at as i32 - 1);
                }
                at += length;
            }
        }
        let insns = parts
            .concat()
            .iter()
            .flat_map(|instruction| instruction.encode().to_vec())
            .collect();
        let length = PACKET + self.random.below(64) as usize;
        let mut packet: Vec<u8> = (0..length).map(|_| self.random.any() as u8).collect();
        // IPv4 and nothing that the kernel looks at any further.
        packet[12..14].copy_from_slice(&[0x08, 0x00]);
        Program { insns, packet }
    }

    fn function(&mut self, function: usize, functions: usize) -> Vec<Instruction> {
        let mut code = Vec::new();
        let place = Place {
            function,
            functions,
            in_loop: false,
            depth: 0,
        };
        if function == 0 {
            code.push(Instruction::mov_reg(R6, R1));
            // data and data_end of the context, and the one check that the packet needs.
            code.push(Instruction::load(Size::Word, R8, R6, 76));
            code.push(Instruction::load(Size::Word, R1, R6, 80));
            code.push(Instruction::mov_reg(R2, R8));
            code.push(Instruction::alu_imm(
                Width::W64,
                AluOp::Add,
                R2,
                PACKET as i32,
            ));
            code.push(Instruction::branch_reg(Width::W64, JmpOp::Le, R2, R1, 2));
            code.push(Instruction::mov_imm(R0, -1));
            code.push(Instruction::exit());
        }
        code.push(self.value_address(R7));
        let numbers: &[Register] = match function {
            0 => &[R0, R1, R2, R3, R4, R5, R9],
            _ => &[R0, R6, R8, R9],
        };
        for &register in numbers {
            code.push(self.number(register));
        }
        for slot in 1..=USED_STACK / 8 {
            let value = self.random.immediate();
            code.push(Instruction::store_imm(Size::Double, R10, -8 * slot, value));
        }
        code.push(Instruction::store_reg(Size::Double, R10, SPILLED_VALUE, R7));
        let count = if function == 0 {
            4 + self.random.below(24)
        } else {
            1 + self.random.below(8)
        };
        if function + 1 < functions {
            // What nothing calls is refused.
            code.push(Instruction::call_local(function as i32 + 1));
            code.extend(self.after_call());
        }
        for _ in 0..count {
            let statement = self.statement(place);
            code.extend(statement);
        }
        if function == 0 {
            // All that is left behind is looked at.
            for (index, &register) in (0i16..).zip(numbers) {
                code.push(Instruction::store_reg(
                    Size::Double,
                    R7,
                    USED_VALUE + 8 * index,
                    register,
                ));
            }
            for slot in 1..=USED_STACK / 8 {
                code.push(Instruction::load(Size::Double, R1, R10, -8 * slot));
                code.push(Instruction::store_reg(
                    Size::Double,
                    R7,
                    USED_VALUE + 64 + 8 * slot,
                    R1,
                ));
            }
        }
        code.push(Instruction::exit());
        code
    }

    /// A number in a register.
    fn number(&mut self, register: Register) -> Instruction {
        if self.random.one_in(4) {
            return Instruction::load_imm64(register, self.random.edge());
        }
        let width = self.random.of(Width::ALL);
        Instruction::alu_imm(width, AluOp::Mov, register, self.random.immediate())
    }

    /// The address of the array's value, by descriptor or by index.
    fn value_address(&mut self, register: Register) -> Instruction {
        let source = match self.has(Form::LoadImm64(ImmediateSource::MapIndexValue)) {
            true => self
                .random
                .of(&[ImmediateSource::MapValue, ImmediateSource::MapIndexValue]),
            false => ImmediateSource::MapValue,
        };
        Instruction::load_pseudo(register, source, ARRAY, 0)
    }

    /// The address of a map.
    fn map(&mut self, register: Register, map: i32) -> Instruction {
        let source = match self.has(Form::LoadImm64(ImmediateSource::MapIndex)) {
            true => self
                .random
                .of(&[ImmediateSource::MapFd, ImmediateSource::MapIndex]),
            false => ImmediateSource::MapFd,
        };
        Instruction::load_pseudo(register, source, map, 0)
    }

    /// Whether the kernel has the instruction.
    fn has(&self, form: Form) -> bool {
        form.definition()
            .min_kernel
            .is_some_and(|since| since <= self.kernel)
    }

    fn numbers(place: Place) -> &'static [Register] {
        match (place.function, place.in_loop) {
            (0, false) => &[R0, R1, R2, R3, R4, R5, R9],
            (0, true) => &[R0, R1, R2, R3, R4, R5],
            (_, false) => &[R0, R1, R2, R3, R4, R5, R6, R8, R9],
            (_, true) => &[R0, R1, R2, R3, R4, R5, R6, R8],
        }
    }

    fn register(&mut self, place: Place) -> Register {
        self.random.of(Self::numbers(place))
    }

    /// Some memory that has so many bytes: its base and offset.
    fn memory(&mut self, place: Place, bytes: u8, packet: bool) -> (Memory, Register, i16) {
        let choices: &[Memory] = match (place.function, packet) {
            (0, true) => &[Memory::Stack, Memory::Value, Memory::Packet],
            _ => &[Memory::Stack, Memory::Value],
        };
        let memory = self.random.of(choices);
        let bytes = i16::from(bytes);
        let (register, offset) = match memory {
            // Places on the stack are aligned.
            Memory::Stack => {
                let index = self.random.below((USED_STACK / bytes) as u64) as i16;
                (R10, -bytes * (index + 1))
            }
            Memory::Value => (
                R7,
                self.random.below((USED_VALUE - bytes + 1) as u64) as i16,
            ),
            Memory::Packet => (
                R8,
                self.random.below((PACKET as i16 - bytes + 1) as u64) as i16,
            ),
        };
        (memory, register, offset)
    }

    /// As [`memory`](Self::memory) without the packet, aligned.
    fn aligned(&mut self, place: Place, bytes: u8) -> (Register, i16) {
        let (memory, register, offset) = self.memory(place, bytes, false);
        match memory {
            Memory::Value => (register, offset - offset % i16::from(bytes)),
            _ => (register, offset),
        }
    }

    fn statement(&mut self, place: Place) -> Vec<Instruction> {
        loop {
            let statement = self.any_statement(place);
            if statement
                .iter()
                .all(|instruction| self.has(instruction.form()))
            {
                return statement;
            }
        }
    }

    fn any_statement(&mut self, place: Place) -> Vec<Instruction> {
        match self.random.below(40) {
            0..=9 => vec![self.arithmetic(place)],
            10 => {
                let width = self.random.of(Width::ALL);
                vec![Instruction::neg(width, self.register(place))]
            }
            11 => {
                let extension = self.random.of(SignExtension::ALL);
                let (dst, src) = (self.register(place), self.register(place));
                vec![Instruction::sign_extend(extension, dst, src)]
            }
            12 | 13 => {
                let (op, size) = (
                    self.random.of(EndianOp::ALL),
                    self.random.of(EndianSize::ALL),
                );
                vec![Instruction::endian(op, size, self.register(place))]
            }
            14 => {
                let register = self.register(place);
                vec![self.number(register)]
            }
            15..=17 => {
                let size = self.random.of(SIZES);
                let (_, base, offset) = self.memory(place, size.bytes(), true);
                vec![Instruction::load(size, self.register(place), base, offset)]
            }
            18 => {
                let size = self.random.of(SignedSize::ALL);
                let (_, base, offset) = self.memory(place, size.bytes(), true);
                vec![Instruction::load_signed(
                    size,
                    self.register(place),
                    base,
                    offset,
                )]
            }
            19..=21 => {
                let size = self.random.of(SIZES);
                let (_, base, offset) = self.memory(place, size.bytes(), true);
                vec![match self.random.of(Source::ALL) {
                    Source::Reg => Instruction::store_reg(size, base, offset, self.register(place)),
                    Source::Imm => {
                        Instruction::store_imm(size, base, offset, self.random.immediate())
                    }
                }]
            }
            22..=24 => self.atomic(place),
            25 => {
                let size = self.random.of(SIZES);
                let (base, offset) = self.aligned(place, size.bytes());
                vec![if self.random.one_in(2) {
                    Instruction::load_acquire(size, self.register(place), base, offset)
                } else {
                    Instruction::store_release(size, base, offset, self.register(place))
                }]
            }
            26..=30 if place.depth < 3 => self.branch(place),
            31 if place.depth == 0 && !place.in_loop => self.bounded_loop(place),
            32 if place.function + 1 < place.functions => self.call(place),
            33 => self.map_element(),
            34 => self.indexed(place),
            35 => self.through_a_spilled_pointer(place),
            36 if place.function == 0 && place.functions == 1 => self.packet_load(place),
            37 if place.function == 0 => self.packet_bytes(),
            38 if place.function == 0 => self.context_field(place),
            39 => vec![
                self.random
                    .of(&[Instruction::goto(0), Instruction::goto_long(0)]),
            ],
            _ => vec![self.arithmetic(place)],
        }
    }

    fn arithmetic(&mut self, place: Place) -> Instruction {
        let (op, width) = (self.random.of(AluOp::ALL), self.random.of(Width::ALL));
        let dst = self.register(place);
        if self.random.one_in(2) {
            return Instruction::alu_reg(width, op, dst, self.register(place));
        }
        let mut imm = self.random.immediate();
        match op {
            AluOp::Lsh | AluOp::Rsh | AluOp::Arsh => {
                imm = self.random.below(width.bits().into()) as i32;
            }
            AluOp::Div | AluOp::Mod | AluOp::SDiv | AluOp::SMod if imm == 0 => imm = 1,
            _ => {}
        }
        Instruction::alu_imm(width, op, dst, imm)
    }

    /// An atomic operation, around two mistakes of kernels that the interpreter does not make:
    ///
    /// - The verifier can take what a fetch from the stack returns for what was there on another
    ///   path, and drop a branch that is taken (until `bpf: Fix incorrect pruning due to atomic
    ///   fetch precision tracking`, 2026): fetches are from the array.
    /// - The upper half of `r0` can stay what it was when a 32-bit `cmpxchg` succeeds (seen on
    ///   6.18, x86-64): a move clears it.
    fn atomic(&mut self, place: Place) -> Vec<Instruction> {
        let (op, width) = (self.random.of(AtomicOp::ALL), self.random.of(Width::ALL));
        let bytes = width.bits() / 8;
        let (mut base, mut offset) = self.aligned(place, bytes);
        if op.fetches() && base == R10 {
            base = R7;
            offset = i16::from(bytes) * self.random.below(16) as i16;
        }
        let mut code = Vec::new();
        if op == AtomicOp::CmpXchg && self.random.one_in(2) {
            // So that they are equal; or would be, in 32 bits.
            let size = if width == Width::W32 {
                Size::Word
            } else {
                Size::Double
            };
            code.push(Instruction::load(size, R0, base, offset));
            if width == Width::W32 && self.random.one_in(2) {
                code.push(Instruction::load_imm64(R1, self.random.any() << 32));
                code.push(Instruction::alu_reg(Width::W64, AluOp::Or, R0, R1));
            }
        }
        let src = self.register(place);
        code.push(Instruction::atomic(width, op, base, offset, src));
        if op == AtomicOp::CmpXchg && width == Width::W32 {
            code.push(Instruction::alu_reg(Width::W32, AluOp::Mov, R0, R0));
        }
        code
    }

    /// A few statements.
    fn block(&mut self, place: Place) -> Vec<Instruction> {
        let count = 1 + self.random.below(3);
        (0..count).flat_map(|_| self.statement(place)).collect()
    }

    /// `if … goto`, over a block or to the other of two.
    fn branch(&mut self, place: Place) -> Vec<Instruction> {
        let inside = Place {
            depth: place.depth + 1,
            ..place
        };
        let mut block = self.block(inside);
        let other = if self.random.one_in(3) {
            self.block(inside)
        } else {
            Vec::new()
        };
        if !other.is_empty() {
            let over = slots(&other) as i16;
            let long = self.random.one_in(2) && self.has(Form::GotoLong);
            block.push(match long {
                true => Instruction::goto_long(over.into()),
                false => Instruction::goto(over),
            });
        }
        let (op, width) = (self.random.of(JmpOp::ALL), self.random.of(Width::ALL));
        let dst = self.register(place);
        let over = slots(&block) as i16;
        let jump = match self.random.of(Source::ALL) {
            Source::Imm => {
                let imm = self.random.immediate();
                Instruction::branch_imm(width, op, dst, imm, over)
            }
            Source::Reg => {
                let src = self.register(place);
                Instruction::branch_reg(width, op, dst, src, over)
            }
        };
        [vec![jump], block, other].concat()
    }

    /// A loop of a few rounds, counted in `r9`, with or without a `may_goto`.
    fn bounded_loop(&mut self, place: Place) -> Vec<Instruction> {
        let inside = Place {
            in_loop: true,
            depth: 2,
            ..place
        };
        let rounds = 1 + self.random.below(4) as i32;
        let mut body = self.block(inside);
        if self.random.one_in(3) && self.has(Form::MayGoto) {
            // Over the body, the counting and the jump back.
            body.insert(0, Instruction::may_goto(slots(&body) as i16 + 2));
        }
        body.push(Instruction::alu_imm(Width::W64, AluOp::Sub, R9, 1));
        let back = -(slots(&body) as i16) - 1;
        body.push(Instruction::branch_imm(Width::W64, JmpOp::Ne, R9, 0, back));
        [vec![Instruction::mov_imm(R9, rounds)], body].concat()
    }

    /// New numbers in the registers that a call has lost.
    fn after_call(&mut self) -> Vec<Instruction> {
        [R1, R2, R3, R4, R5]
            .into_iter()
            .map(|register| {
                if self.random.one_in(3) {
                    Instruction::mov_reg(register, R0)
                } else {
                    self.number(register)
                }
            })
            .collect()
    }

    /// A call of a later function.
    fn call(&mut self, place: Place) -> Vec<Instruction> {
        let later = (place.functions - place.function - 1) as u64;
        let function = place.function + 1 + self.random.below(later) as usize;
        let mut code = vec![Instruction::call_local(function as i32)];
        code.extend(self.after_call());
        code
    }

    /// Something with the hash map: its key is on the stack.
    fn map_element(&mut self) -> Vec<Instruction> {
        const LOOKUP: u32 = 1;
        const UPDATE: u32 = 2;
        const DELETE: u32 = 3;
        let helper = self.random.of(&[LOOKUP, LOOKUP, UPDATE, DELETE]);
        let key = self.random.below(6) as i32;
        let mut code = vec![
            Instruction::store_imm(Size::Word, R10, -4, key),
            Instruction::mov_reg(R2, R10),
            Instruction::alu_imm(Width::W64, AluOp::Add, R2, -4),
            self.map(R1, HASH),
        ];
        if helper == UPDATE {
            code.push(Instruction::mov_reg(R3, R10));
            code.push(Instruction::alu_imm(Width::W64, AluOp::Add, R3, -16));
            code.push(Instruction::mov_imm(R4, self.random.of(&[0, 0, 1, 2])));
        }
        code.push(Instruction::call_helper(helper));
        if helper != LOOKUP && self.kernel < KernelVersion::new(6, 4) {
            // Their results had 32 bits, and the upper half of a negative one was anything.
            code.push(Instruction::alu_reg(Width::W32, AluOp::Mov, R0, R0));
        }
        if helper == LOOKUP {
            let atomic = self
                .random
                .of(&[AtomicOp::Add, AtomicOp::Xor, AtomicOp::Or]);
            let size = self.random.of(SIZES);
            let found = [
                Instruction::mov_imm(R1, self.random.immediate()),
                Instruction::atomic(Width::W64, atomic, R0, 0, R1),
                Instruction::load(size, R1, R0, 0),
                Instruction::mov_reg(R0, R1),
            ];
            let over = slots(&found) as i16;
            code.push(Instruction::branch_imm(Width::W64, JmpOp::Eq, R0, 0, over));
            code.extend(found);
        }
        code.extend(self.after_call());
        code
    }

    /// A byte of the array's value at an index that is not known.
    fn indexed(&mut self, place: Place) -> Vec<Instruction> {
        let index = self.register(place);
        let (dst, size) = (self.register(place), self.random.of(SIZES));
        let mask = self.random.of(&[1, 3, 15, 31, 127]);
        let access = if self.random.one_in(2) {
            Instruction::load(size, R4, R5, 8)
        } else {
            Instruction::store_reg(size, R5, 8, R4)
        };
        let mut code = vec![
            Instruction::mov_reg(R5, index),
            Instruction::alu_imm(Width::W64, AluOp::And, R5, mask),
            Instruction::alu_reg(Width::W64, AluOp::Add, R5, R7),
            access,
            Instruction::mov_reg(R5, R4),
        ];
        code.push(Instruction::mov_reg(dst, R4));
        code
    }

    /// The address of the array's value from where it was spilled to.
    fn through_a_spilled_pointer(&mut self, place: Place) -> Vec<Instruction> {
        let offset = self.random.below(USED_VALUE as u64 - 8) as i16;
        let size = self.random.of(SIZES);
        let register = self.register(place);
        let mut code = vec![Instruction::load(Size::Double, R5, R10, SPILLED_VALUE)];
        if register != R5 && self.random.one_in(2) {
            code.push(Instruction::store_reg(size, R5, offset, register));
        }
        code.push(Instruction::load(size, R5, R5, offset));
        code
    }

    /// A legacy packet load, inside of the packet or behind it.
    fn packet_load(&mut self, place: Place) -> Vec<Instruction> {
        let size = self.random.of(PacketSize::ALL);
        let limit = if self.random.one_in(8) { 200 } else { 60 };
        let offset = self.random.below(limit) as i32;
        let load = if self.random.one_in(2) {
            vec![Instruction::packet_absolute(size, offset)]
        } else {
            let index = self.register(place);
            let mask = Instruction::alu_imm(Width::W64, AluOp::And, index, 15);
            vec![mask, Instruction::packet_indirect(size, index, offset)]
        };
        [load, self.after_call()].concat()
    }

    /// `bpf_skb_load_bytes` to the stack.
    fn packet_bytes(&mut self) -> Vec<Instruction> {
        const SKB_LOAD_BYTES: u32 = 26;
        let length = self.random.of(&[1, 4, 8, 16]);
        let limit = if self.random.one_in(8) { 200 } else { 64 };
        let offset = self.random.below(limit) as i32;
        let mut code = vec![
            Instruction::mov_reg(R1, R6),
            Instruction::mov_imm(R2, offset),
            Instruction::mov_reg(R3, R10),
            Instruction::alu_imm(Width::W64, AluOp::Add, R3, -32),
            Instruction::mov_imm(R4, length),
            Instruction::call_helper(SKB_LOAD_BYTES),
        ];
        code.extend(self.after_call());
        code
    }

    /// A field of the context: the length is read, `mark`, `priority` and `cb` written, too.
    fn context_field(&mut self, place: Place) -> Vec<Instruction> {
        const LENGTH: i16 = 0;
        const MARK: i16 = 8;
        const PRIORITY: i16 = 32;
        const CB: i16 = 48;
        let register = self.register(place);
        if self.random.one_in(2) {
            let field = self
                .random
                .of(&[LENGTH, MARK, PRIORITY, CB, CB + 8, CB + 16]);
            return vec![Instruction::load(Size::Word, register, R6, field)];
        }
        let field = self.random.of(&[MARK, PRIORITY, CB, CB + 4, CB + 16]);
        vec![Instruction::store_reg(Size::Word, R6, field, register)]
    }
}
