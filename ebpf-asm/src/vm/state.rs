//! All of a machine but its programs.

use super::engine::Frame;
use super::helpers::{Helpers, Scratch};
use super::maps::Map;
use super::memory::{Memory, Region, RegionId};
use super::program::Program;
use super::world::World;
use alloc::borrow::Cow;
use alloc::vec;
use alloc::vec::Vec;

/// The bytes of a frame's stack, as in the kernel.
pub(super) const STACK_SIZE: usize = 512;

#[derive(Debug)]
pub(super) struct State {
    pub(super) memory: Memory,
    pub(super) maps: Vec<Map>,
    pub(super) helpers: Helpers,
    pub(super) world: World,
    pub(super) scratch: Scratch,
    pub(super) packet: RegionId,
    pub(super) context: RegionId,
    /// One for each frame.
    pub(super) stacks: Vec<RegionId>,
    /// Where callbacks find the keys of arrays.
    pub(super) array_keys: RegionId,
    pub(super) frames: Vec<Frame>,
    /// The deepest frame since stacks were cleared.
    pub(super) deepest: usize,
    pub(super) budget: u64,
    pub(super) remaining: u64,
    pub(super) may_goto_budget: u32,
    pub(super) cpus: usize,
    pub(super) records_coverage: bool,
    coverage: Vec<Vec<u64>>,
}

impl State {
    pub(super) fn new(frames: usize, helpers: Helpers) -> Self {
        let mut memory = Memory::default();
        let mut region = |name: &'static str, bytes| {
            memory.add(Region {
                name: Cow::Borrowed(name),
                bytes,
                writable: true,
                stride: 0,
                element: 0,
            })
        };
        // The packet comes first: its addresses fit 32 bits.
        let packet = region("the packet", Vec::new());
        let context = region("the context", Vec::new());
        let stacks = (0..frames)
            .map(|_| region("the stack", vec![0; STACK_SIZE]))
            .collect();
        let array_keys = region("a key", vec![0; 8 * frames]);
        Self {
            memory,
            maps: Vec::new(),
            helpers,
            world: World::default(),
            scratch: Scratch::default(),
            packet,
            context,
            stacks,
            array_keys,
            frames: Vec::with_capacity(frames),
            deepest: 0,
            budget: super::DEFAULT_BUDGET,
            remaining: 0,
            may_goto_budget: super::MAY_GOTO_BUDGET,
            cpus: 1,
            records_coverage: false,
            coverage: Vec::new(),
        }
    }

    /// Clears what the last run has left behind.
    pub(super) fn begin(&mut self) {
        self.frames.clear();
        for &stack in &self.stacks[..=self.deepest] {
            self.memory.region_mut(stack).bytes.fill(0);
        }
        self.deepest = 0;
        self.remaining = self.budget;
    }

    /// The counter of a slot, if coverage is recorded.
    pub(super) fn covered(
        &mut self,
        program: usize,
        programs: &[Program],
        slot: usize,
    ) -> Option<&mut u64> {
        if !self.records_coverage {
            return None;
        }
        if self.coverage.len() < programs.len() {
            self.coverage.resize_with(programs.len(), Vec::new);
        }
        let counts = &mut self.coverage[program];
        if counts.is_empty() {
            counts.resize(programs[program].insns().len(), 0);
        }
        counts.get_mut(slot)
    }

    pub(super) fn coverage(&self, program: usize) -> &[u64] {
        self.coverage.get(program).map_or(&[], Vec::as_slice)
    }
}
