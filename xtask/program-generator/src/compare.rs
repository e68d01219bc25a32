//! One program in the kernel and in the interpreter.

use crate::coverage::Coverage;
use crate::generate::{ARRAY, ARRAY_VALUE, HASH, HASH_ENTRIES, Program};
use crate::kernel;
use ebpf_asm::MapType;
use ebpf_asm::isa::{Decoded, Form, ImmediateSource, Insn, decode_all};
use ebpf_asm::object::MapDef;
use ebpf_asm::vm::{Input, MapId, Vm};
use std::fmt::Write;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// What became of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both have done the same.
    Same,
    /// The kernel has refused it.
    Refused,
    /// They have not: what differs.
    Different(String),
}

/// All that a run leaves behind.
#[derive(Debug, PartialEq, Eq)]
struct Result {
    value: u32,
    packet: Vec<u8>,
    array: Vec<u8>,
    /// The entries of the hash map by key.
    hash: Vec<Option<[u8; 8]>>,
}

/// Runs programs on both sides.
#[derive(Debug)]
pub struct Comparison {
    array: OwnedFd,
    hash: OwnedFd,
}

/// The keys that programs use.
const KEYS: std::ops::Range<u32> = 0..6;

/// What the hash map holds before each run.
const BEFORE: [(u32, u64); 2] = [(0, 5), (3, u64::MAX)];

impl Comparison {
    /// With maps in the kernel, which all programs use one after the other.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new() -> io::Result<Self> {
        let array = MapType::Array.as_raw();
        let hash = MapType::Hash.as_raw();
        Ok(Self {
            array: kernel::map(array, 4, ARRAY_VALUE as u32, 1)?,
            hash: kernel::map(hash, 4, 8, HASH_ENTRIES)?,
        })
    }

    /// The descriptors in the order of the programs' numbers for maps.
    fn descriptors(&self) -> [i32; 2] {
        [self.array.as_raw_fd(), self.hash.as_raw_fd()]
    }

    /// The descriptors for programs that name maps by index, else none.
    fn by_index(&self, program: &Program) -> Vec<i32> {
        use ImmediateSource::{MapIndex, MapIndexValue};
        let uses = decode_all(&program.insns).any(|(_, decoded)| {
            let form = decoded.known().map(|instruction| instruction.form());
            matches!(form, Some(Form::LoadImm64(MapIndex | MapIndexValue)))
        });
        if uses {
            self.descriptors().to_vec()
        } else {
            Vec::new()
        }
    }

    /// The slots with the descriptors of the maps.
    fn for_the_kernel(&self, insns: &[Insn]) -> Vec<Insn> {
        let descriptors = self.descriptors();
        let mut insns = insns.to_vec();
        for (at, decoded) in decode_all(&insns.clone()) {
            let Decoded::Known(instruction) = decoded else {
                continue;
            };
            if let Form::LoadImm64(ImmediateSource::MapFd | ImmediateSource::MapValue) =
                instruction.form()
            {
                let number = descriptors[instruction.imm() as usize];
                insns[at] = insns[at].with_imm(number);
            }
        }
        insns
    }

    /// Runs a program on both sides, and counts what it has executed.
    ///
    /// # Errors
    /// What the kernel says about anything but the load.
    pub fn compare(&self, program: &Program, coverage: &mut Coverage) -> io::Result<Verdict> {
        let insns = self.for_the_kernel(&program.insns);
        let Ok(loaded) = kernel::load(&insns, self.by_index(program).as_slice(), &mut []) else {
            return Ok(Verdict::Refused);
        };
        let kernel = self.in_the_kernel(&loaded, program)?;
        Ok(match in_the_interpreter(program, coverage) {
            Ok(interpreter) if interpreter == kernel => Verdict::Same,
            Ok(interpreter) => Verdict::Different(difference(&kernel, &interpreter)),
            Err(fault) => Verdict::Different(format!("the interpreter faults: {fault}")),
        })
    }

    /// What the verifier says about a program.
    #[must_use]
    pub fn log(&self, program: &Program) -> String {
        let insns = self.for_the_kernel(&program.insns);
        let mut log = vec![0; 1 << 20];
        let result = kernel::load(&insns, self.by_index(program).as_slice(), &mut log);
        let end = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
        let text = String::from_utf8_lossy(&log[..end]).into_owned();
        match result {
            Ok(_) => text,
            Err(error) => format!("{text}{error}"),
        }
    }

    fn in_the_kernel(&self, loaded: &OwnedFd, program: &Program) -> io::Result<Result> {
        kernel::update(&self.array, 0, &[0; ARRAY_VALUE])?;
        for key in KEYS {
            kernel::delete(&self.hash, key)?;
        }
        for (key, value) in BEFORE {
            kernel::update(&self.hash, key, &value.to_ne_bytes())?;
        }
        let mut packet = program.packet.clone();
        let value = kernel::run(loaded, &mut packet)?;
        let mut array = vec![0; ARRAY_VALUE];
        kernel::lookup(&self.array, 0, &mut array)?;
        let hash = KEYS.map(|key| {
            let mut value = [0; 8];
            Ok(kernel::lookup(&self.hash, key, &mut value)?.then_some(value))
        });
        Ok(Result {
            value,
            packet,
            array,
            hash: hash.collect::<io::Result<_>>()?,
        })
    }
}

fn in_the_interpreter(
    program: &Program,
    coverage: &mut Coverage,
) -> std::result::Result<Result, String> {
    let mut vm = Vm::new();
    let mut create = |name, map_type, value, entries| {
        vm.create_map(&MapDef::new(name, map_type, 4, value, entries))
            .map_err(|error| error.to_string())
    };
    let array = create("ARRAY", MapType::Array, ARRAY_VALUE as u32, 1)?;
    let hash = create("HASH", MapType::Hash, 8, HASH_ENTRIES)?;
    assert_eq!((array.index(), hash.index()), (ARRAY as u32, HASH as u32));
    for (key, value) in BEFORE {
        let put = vm.map_update(hash, &key.to_ne_bytes(), &value.to_ne_bytes(), 0);
        put.map_err(|error| error.to_string())?;
    }
    let id = vm.load_insns("random", &program.insns);
    let mut packet = program.packet.clone();
    let value = coverage.count(&mut vm, id, program, Input::skb(&mut packet))?;
    let mut lookup = |map: MapId, key: u32, value: &mut [u8]| {
        vm.map_lookup(map, &key.to_ne_bytes(), value).is_ok()
    };
    let mut bytes = vec![0; ARRAY_VALUE];
    lookup(array, 0, &mut bytes);
    let hash = KEYS.map(|key| {
        let mut value = [0; 8];
        lookup(hash, key, &mut value).then_some(value)
    });
    Ok(Result {
        // A test run gives the lower half.
        value: value as u32,
        packet,
        array: bytes,
        hash: hash.collect(),
    })
}

fn difference(kernel: &Result, interpreter: &Result) -> String {
    let mut text = String::new();
    let mut say = |what: &str, kernel: &dyn std::fmt::Debug, other: &dyn std::fmt::Debug| {
        // A String takes whatever is written.
        let _ = writeln!(text, "{what}: {kernel:x?} in the kernel, {other:x?} here");
    };
    if kernel.value != interpreter.value {
        say("r0", &kernel.value, &interpreter.value);
    }
    let bytes = |what: &str, a: &[u8], b: &[u8], say: &mut dyn FnMut(&str, &u8, &u8)| {
        for (at, (a, b)) in a.iter().zip(b).enumerate().filter(|(_, (a, b))| a != b) {
            say(&format!("byte {at} of the {what}"), a, b);
        }
    };
    let mut say_byte = |what: &str, a: &u8, b: &u8| say(what, a, b);
    bytes("packet", &kernel.packet, &interpreter.packet, &mut say_byte);
    bytes("array", &kernel.array, &interpreter.array, &mut say_byte);
    if kernel.hash != interpreter.hash {
        say("the hash map", &kernel.hash, &interpreter.hash);
    }
    text
}
