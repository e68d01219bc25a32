//! The checker against the running kernel: programs made at random, each judged by both. What
//! the checker refuses the kernel has to refuse.

mod functions;
mod generate;
mod mutate;
mod ranges;
mod seeds;
mod types;

use crate::bpf;
use ebpf_asm::check::{
    Finding, FunctionFacts, MapFacts, Parameter, Program, Reference, ReferenceKind, check,
    predict_on,
};
use ebpf_asm::isa::{Decoded, Form, ImmediateSource, Insn, decode_all};
use ebpf_asm::object::Linkage;
use ebpf_asm::{AttachType, KernelVersion, MapType, ProgramType};
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsRawFd, OwnedFd};

/// A program with what it needs to be loaded. Two-slot loads of source 1 have the position of a
/// map in their first immediate.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its type.
    pub program_type: ProgramType,
    /// Where it attaches, if that is asked for at load.
    pub attach_type: Option<AttachType>,
    /// Its slots.
    pub insns: Vec<Insn>,
    /// Its maps.
    pub maps: Vec<Map>,
    /// Whether its licence is the GPL.
    pub gpl: bool,
    /// The slot of a global function, and how many numbers it takes.
    pub global: Option<(u32, u8)>,
}

/// A map to create.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the fields of the map's creation")]
pub struct Map {
    pub map_type: MapType,
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
    pub flags: u32,
    pub holds: Holds,
}

/// What the values of a map are, besides bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    /// Nothing else.
    Bytes,
    /// A spin lock at their beginning: arrays only.
    Lock,
    /// A timer at their beginning: arrays only.
    Timer,
}

/// What both said.
#[derive(Debug)]
pub struct Verdicts {
    /// Whether the kernel accepts it.
    pub accepted: bool,
    /// What the checker found.
    pub findings: Vec<Finding>,
    /// What this kernel is predicted to refuse.
    pub predictions: Vec<Finding>,
}

impl Verdicts {
    /// Whether the checker refuses what the kernel accepts.
    #[must_use]
    pub fn is_false_alarm(&self) -> bool {
        self.accepted && !self.findings.is_empty()
    }

    /// Whether a refusal is predicted that did not happen.
    #[must_use]
    pub fn is_wrong_prediction(&self) -> bool {
        self.accepted && !self.predictions.is_empty()
    }
}

/// The kernel that is compared with: rules may hold from some kernel on.
fn this_kernel() -> KernelVersion {
    let (major, minor) = crate::kernel_version();
    KernelVersion::new(major, minor)
}

/// Numbers that look random and are always the same.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next one.
    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`, which is not 0.
    pub const fn below(&mut self, end: usize) -> usize {
        ((self.next() >> 32) % end as u64) as usize
    }

    /// True once in so many times.
    pub const fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of a list, which is not empty.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

/// Makes programs, and asks both about them.
#[derive(Debug)]
pub struct Comparison {
    random: Random,
    seeds: Vec<Sample>,
    maps: BTreeMap<Map, OwnedFd>,
    types: types::Types,
}

impl Comparison {
    /// Programs of this seed, made from built-in ones and `more`.
    #[must_use]
    pub fn new(seed: u64, mut more: Vec<Sample>) -> Self {
        let mut seeds = seeds::all();
        seeds.append(&mut more);
        Self {
            random: Random::new(seed),
            seeds,
            maps: BTreeMap::new(),
            types: types::Types::new(),
        }
    }

    /// The built-in programs and those that were given.
    #[must_use]
    pub fn seeds(&self) -> &[Sample] {
        &self.seeds
    }

    /// The next program.
    pub fn make(&mut self) -> Sample {
        loop {
            let mut sample = if self.random.once_in(100) {
                functions::special(&mut self.random)
            } else if self.random.once_in(8) {
                self.make_of_ranges()
            } else if self.random.once_in(3) {
                generate::generate(&mut self.random)
            } else {
                let at = self.random.below(self.seeds.len());
                mutate::mutate(&self.seeds[at], &mut self.random)
            };
            if self.random.once_in(20) {
                sample.gpl = false;
            }
            // Loops that end late, or never, take a kernel a second.
            let quick = !sample.jumps_back() || sample.insns.len() <= functions::SHORT_LOOP;
            if sample.is_safe() && (quick || self.random.once_in(200)) {
                return sample;
            }
        }
    }

    /// The next program about bounds of numbers, for predictions.
    pub fn make_of_ranges(&mut self) -> Sample {
        ranges::generate(&mut self.random)
    }

    /// What kernel and checker say.
    ///
    /// # Errors
    /// A map that cannot be created.
    pub fn judge(&mut self, sample: &Sample) -> std::io::Result<Verdicts> {
        let bytes = self.bytes(sample)?;
        let records = sample.records(&self.types);
        let program = sample.program(&bytes, self.functions(sample, &records));
        let accepted = bpf::load(&program, None).is_ok();
        Ok(Verdicts {
            accepted,
            findings: sample.check(),
            predictions: sample.predict(),
        })
    }

    /// The kernel's log about a program.
    ///
    /// # Errors
    /// A map that cannot be created.
    pub fn log(&mut self, sample: &Sample) -> std::io::Result<String> {
        let bytes = self.bytes(sample)?;
        let mut log = vec![0; 1 << 20];
        let records = sample.records(&self.types);
        let program = sample.program(&bytes, self.functions(sample, &records));
        let outcome = bpf::load(&program, Some(&mut log));
        let end = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
        let text = String::from_utf8_lossy(&log[..end]).into_owned();
        Ok(match outcome {
            Ok(_) => text,
            Err(error) => format!("{text}{error}\n"),
        })
    }

    /// The types of a program's functions, if the kernel wants to know them.
    fn functions<'a>(
        &'a self,
        sample: &Sample,
        records: &'a [[u32; 2]],
    ) -> Option<bpf::Functions<'a>> {
        let btf = self.types.btf()?;
        sample
            .needs_types()
            .then_some(bpf::Functions { btf, records })
    }

    /// The slots with the descriptors of maps.
    fn bytes(&mut self, sample: &Sample) -> std::io::Result<Vec<u8>> {
        let mut insns = sample.insns.clone();
        for (slot, map) in sample.map_slots() {
            let Some(&spec) = sample.maps.get(map) else {
                continue;
            };
            let fd = match self.maps.get(&spec) {
                Some(fd) => fd.as_raw_fd(),
                None => {
                    let fd = match (self.types.value(spec.holds), self.types.btf()) {
                        (Some(ids), Some(btf)) => {
                            bpf::create_array_of(spec.value_size, spec.max_entries, btf, ids)?
                        }
                        _ => bpf::create_map(
                            spec.map_type.as_raw(),
                            spec.key_size,
                            spec.value_size,
                            spec.max_entries,
                            spec.flags,
                        )?,
                    };
                    let raw = fd.as_raw_fd();
                    self.maps.insert(spec, fd);
                    raw
                }
            };
            insns[slot] = insns[slot].with_imm(fd);
        }
        Ok(insns.iter().flat_map(|insn| insn.to_ne_bytes()).collect())
    }
}

impl Sample {
    /// The slots that name maps, with the map's position.
    fn map_slots(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        decode_all(&self.insns).filter_map(|(slot, decoded)| {
            let instruction = decoded.known()?;
            match instruction.form() {
                Form::LoadImm64(ImmediateSource::MapFd) => {
                    Some((slot, usize::try_from(instruction.imm()).ok()?))
                }
                _ => None,
            }
        })
    }

    /// The first slots of functions, the program's own first.
    fn starts(&self) -> BTreeSet<u32> {
        let mut starts = BTreeSet::from([0]);
        for (at, decoded) in decode_all(&self.insns) {
            let Decoded::Known(instruction) = decoded else {
                continue;
            };
            let distance = match instruction.form() {
                Form::CallLocal => instruction.jump_distance().unwrap_or(0),
                Form::LoadImm64(ImmediateSource::Function) => instruction.imm(),
                _ => continue,
            };
            starts.extend(u32::try_from(at as i64 + 1 + i64::from(distance)));
        }
        starts
    }

    /// Whether the kernel wants to know the types of the functions.
    fn needs_types(&self) -> bool {
        let is_callback = |decoded: Decoded| {
            decoded.known().is_some_and(|instruction| {
                instruction.form() == Form::LoadImm64(ImmediateSource::Function)
            })
        };
        self.global.is_some() || decode_all(&self.insns).any(|(_, decoded)| is_callback(decoded))
    }

    fn records(&self, types: &types::Types) -> Vec<[u32; 2]> {
        let starts = self.starts().into_iter();
        starts
            .map(|start| match self.global {
                Some((slot, parameters)) if slot == start => [start, types.global(parameters)],
                _ => [start, types.function()],
            })
            .collect()
    }

    fn program<'a>(
        &self,
        bytes: &'a [u8],
        functions: Option<bpf::Functions<'a>>,
    ) -> bpf::Program<'a> {
        /// `BPF_F_ANY_ALIGNMENT`, `BPF_F_TEST_STATE_FREQ` and others stay away.
        const FLAGS: u32 = 0;
        bpf::Program {
            program_type: self.program_type.as_raw(),
            attach_type: self.attach_type.map_or(0, AttachType::as_raw),
            insns: bytes,
            license: if self.gpl { c"GPL" } else { c"MIT" },
            flags: FLAGS,
            functions,
        }
    }

    /// What the checker says.
    #[must_use]
    pub fn check(&self) -> Vec<Finding> {
        check(&self.facts())
    }

    /// What the checker predicts for this kernel.
    #[must_use]
    pub fn predict(&self) -> Vec<Finding> {
        predict_on(&self.facts(), &[this_kernel()])
    }

    fn facts(&self) -> Program<'_> {
        let mut program = Program::new(&self.insns);
        program.references = self
            .map_slots()
            .map(|(slot, map)| Reference {
                insn: slot as u32,
                kind: match map < self.maps.len() {
                    true => ReferenceKind::Map(map as u16),
                    false => ReferenceKind::Unknown,
                },
            })
            .collect();
        program.maps = self
            .maps
            .iter()
            .map(|map| {
                Some(MapFacts {
                    map_type: map.map_type,
                    key_size: map.key_size,
                    value_size: map.value_size,
                    max_entries: map.max_entries,
                    flags: map.flags,
                    frozen: false,
                    name: "MAP".into(),
                })
            })
            .collect();
        program.program_type = Some(self.program_type);
        program.attach_type = self.attach_type.or(Some(AttachType::CgroupInetIngress));
        program.gpl_compatible = Some(self.gpl);
        if let Some((global, parameters)) = self.global {
            let starts = self.starts().into_iter();
            program.functions = starts
                .map(|insn| FunctionFacts {
                    insn,
                    linkage: match insn == global {
                        true => Linkage::Global,
                        false => Linkage::Static,
                    },
                    parameters: (insn == global)
                        .then(|| vec![Parameter::Number; usize::from(parameters)]),
                })
                .collect();
        }
        program.min_kernel = this_kernel();
        program
    }

    fn jumps_back(&self) -> bool {
        decode_all(&self.insns).any(|(_, decoded)| {
            decoded
                .known()
                .filter(|instruction| instruction.form() != Form::CallLocal)
                .and_then(|instruction| instruction.jump_distance())
                .is_some_and(|distance| distance < 0)
        })
    }

    /// Legacy packet loads in programs with functions make some kernels oops: they stay away.
    fn is_safe(&self) -> bool {
        let mut loads = false;
        let mut calls = false;
        for (_, decoded) in decode_all(&self.insns) {
            if let Decoded::Known(instruction) = decoded {
                match instruction.form() {
                    Form::PacketAbsolute(_) | Form::PacketIndirect(_) => loads = true,
                    Form::CallLocal | Form::LoadImm64(ImmediateSource::Function) => calls = true,
                    _ => {}
                }
            }
        }
        !(loads && calls)
    }
}
