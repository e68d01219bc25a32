//! Loading objects: by ebpf-rt, bare system calls, libbpf-rs and aya. For the two that read ELF
//! files clang makes the same programs of `workloads/`.

use benchmarks::Work;
use benchmarks::raw;
use benchmarks::rounds::{Result, Side, compare, nanoseconds};
use ebpf_rt::context::__sk_buff;
use ebpf_rt::isa::Insn;
use ebpf_rt::object::RelocationKind;
use ebpf_rt::{HashMap, Object, ebpf};
use std::os::fd::{AsRawFd, OwnedFd};

ebpf! {
    /// A program without a map; `workloads/one.c`.
    #[license = "GPL"]
    pub mod one {
        #[socket_filter]
        fn keep_four(ctx: *mut __sk_buff) -> i32 {
            r0 = 4;
            exit;
        }
    }
}

ebpf! {
    /// A program with a map; `workloads/counter.c`.
    #[license = "GPL"]
    pub mod counter {
        static M0: HashMap<u32, u64> = HashMap::with_max_entries(64);

        #[socket_filter]
        fn count_0(ctx: *mut __sk_buff) -> i32 {
            r6 = r1;
            r0 = *(u32 *)(r6 + 0);
            *(u32 *)(r10 - 4) = w0;
            r2 = r10;
            r2 += -4;
            r1 = M0 ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;
            r1 = 1;
            lock *(u64 *)(r0 + 0) += r1;
        done:
            r0 = 0;
            exit;
        }
    }
}

/// An object with ten maps, and a program for each name that counts in the map beside it.
macro_rules! counters {
    ($($program:ident $map:ident,)*) => {
        ebpf! {
            /// Twenty programs with ten maps; `workloads/twenty.c`.
            #[license = "GPL"]
            pub mod twenty {
                static M0: HashMap<u32, u64> = HashMap::with_max_entries(64);
                static M1: HashMap<u32, u64> = HashMap::with_max_entries(64);
                static M2: HashMap<u32, u64> = HashMap::with_max_entries(64);
                static M3: HashMap<u32, u64> = HashMap::with_max_entries(64);
                static M4: HashMap<u32, u64> = HashMap::with_max_entries(64);
                static M5: HashMap<u32, u64> = HashMap::with_max_entries(64);
                static M6: HashMap<u32, u64> = HashMap::with_max_entries(64);
                static M7: HashMap<u32, u64> = HashMap::with_max_entries(64);
                static M8: HashMap<u32, u64> = HashMap::with_max_entries(64);
                static M9: HashMap<u32, u64> = HashMap::with_max_entries(64);
                $(
                    #[socket_filter]
                    fn $program(ctx: *mut __sk_buff) -> i32 {
                        r6 = r1;
                        r0 = *(u32 *)(r6 + 0);
                        *(u32 *)(r10 - 4) = w0;
                        r2 = r10;
                        r2 += -4;
                        r1 = $map ll;
                        call bpf_map_lookup_elem;
                        if r0 == 0 goto done;
                        r1 = 1;
                        lock *(u64 *)(r0 + 0) += r1;
                    done:
                        r0 = 0;
                        exit;
                    }
                )*
            }
        }
    };
}

counters! {
    count_0 M0, count_1 M1, count_2 M2, count_3 M3, count_4 M4,
    count_5 M5, count_6 M6, count_7 M7, count_8 M8, count_9 M9,
    count_10 M0, count_11 M1, count_12 M2, count_13 M3, count_14 M4,
    count_15 M5, count_16 M6, count_17 M7, count_18 M8, count_19 M9,
}

/// What the bare system calls make: descriptors.
pub fn load_raw(object: &Object) -> Result<Vec<OwnedFd>> {
    let mut maps = Vec::with_capacity(object.maps.len());
    for map in object.maps {
        let sizes = [map.key_size, map.value_size];
        maps.push(raw::map_create(
            map.map_type as u32,
            sizes,
            map.max_entries,
            map.name,
        )?);
    }
    let mut programs = Vec::with_capacity(object.programs.len());
    for program in object.programs {
        let mut insns = program.insns.to_vec();
        for relocation in program.relocations {
            let RelocationKind::MapFd { map } = relocation.kind else {
                return Err("the workloads have maps, and nothing else to fill in".into());
            };
            let insn = &mut insns[relocation.insn as usize];
            let fd = maps[usize::from(map)].as_raw_fd();
            *insn = Insn::from_fields(insn.opcode(), insn.dst(), insn.src(), insn.offset(), fd);
        }
        let kind = program.kind.program_type() as u32;
        programs.push(raw::prog_load(kind, &insns, c"GPL", program.name)?);
    }
    maps.extend(programs);
    Ok(maps)
}

/// As a rule it reads the kernel's types first, whether it needs them or not.
pub fn load_aya(bytes: &[u8]) -> Result<aya::Ebpf> {
    let mut ebpf = aya::Ebpf::load(bytes)?;
    for (_, program) in ebpf.programs_mut() {
        let program: &mut aya::programs::SocketFilter = program.try_into()?;
        program.load()?;
    }
    Ok(ebpf)
}

pub fn load_libbpf(bytes: &[u8]) -> Result<libbpf_rs::Object> {
    Ok(libbpf_rs::ObjectBuilder::default()
        .open_memory(bytes)?
        .load()?)
}

/// The time from nothing to descriptors, of so many loads; what was loaded is freed outside of it.
fn side<'a, T>(
    name: &'static str,
    loads: usize,
    mut load: impl FnMut() -> Result<T> + 'a,
) -> Side<'a> {
    Side::new(name, move || {
        // Once for the caches, which whoever came before has filled with other things.
        load()?;
        let mut time = 0.0;
        for _ in 0..loads {
            let mut loaded = None;
            time += nanoseconds(|| {
                loaded = Some(load()?);
                Ok(())
            })?;
            drop(loaded);
        }
        Ok(time / loads as f64 / 1e3)
    })
}

pub fn run(work: &Work) -> Result<()> {
    type Load = fn() -> Result<Box<dyn std::any::Any>>;
    let cases: [(&str, &str, &Object, Load); 3] = [
        ("one", "one program", &one::OBJECT, || {
            Ok(Box::new(one::load()?))
        }),
        ("counter", "one program, one map", &counter::OBJECT, || {
            Ok(Box::new(counter::load()?))
        }),
        ("twenty", "20 programs, 10 maps", &twenty::OBJECT, || {
            Ok(Box::new(twenty::load()?))
        }),
    ];
    for (file, case, object, ours) in cases {
        let bytes = work.object(file)?;
        // About a millisecond of each.
        let loads = (60 / (object.maps.len() + object.programs.len())).max(4);
        let mut sides = vec![
            side("ebpf-rt", loads, ours),
            side("raw system calls", loads, || load_raw(object)),
        ];
        if let Some(bytes) = &bytes {
            sides.push(side("libbpf-rs", loads, || load_libbpf(bytes)));
            // Ten milliseconds each.
            sides.push(side("aya", 1, || load_aya(bytes)));
        }
        compare("load", case, "µs", work.effort.rounds(101), sides)?;
    }
    Ok(())
}
