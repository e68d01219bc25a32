//! Any bytes are BTF or are told why not, alone and on top of other BTF; every question about
//! every type has an answer or an error.
#![no_main]

use ebpf_asm::btf::{Btf, Definition, TypeId};
use libfuzzer_sys::fuzz_target;

/// A type: kind, length, flag, name, size or type, and what comes behind it.
type Type = (u8, u8, bool, u8, u16, Vec<u16>);

fuzz_target!(|input: (bool, &[u8], Vec<Type>, Vec<Type>, &[u8])| {
    let (raw, bytes, types, more, strings) = input;
    if raw {
        // Also the header is the fuzzer's.
        if let Ok(btf) = Btf::parse(bytes) {
            ask(&btf);
        }
        return;
    }
    let first = encode(&types, strings);
    let Ok(base) = Btf::parse(&first) else { return };
    ask(&base);
    let second = encode(&more, strings);
    if let Ok(split) = Btf::parse_split(&second, &base) {
        ask(&split);
    }
});

/// Types that are long enough, of kinds that there are or nearly: what they say is the fuzzer's.
fn encode(types: &[Type], strings: &[u8]) -> Vec<u8> {
    let mut words = Vec::new();
    for (kind, length, flag, name, size_or_type, tail) in types {
        let (kind, length) = (u32::from(kind % 21), u32::from(length % 9));
        words.extend([
            u32::from(*name),
            u32::from(*flag) << 31 | kind << 24 | length,
            u32::from(*size_or_type),
        ]);
        let behind = match kind {
            1 | 14 | 17 => 1,
            3 => 3,
            4 | 5 | 15 | 19 => 3 * length,
            6 | 13 => 2 * length,
            _ => 0,
        };
        // Some numbers are as large as can be.
        let number = |&word: &u16| match word {
            0xff00.. => u32::MAX - u32::from(word & 0xff),
            word => u32::from(word),
        };
        let behind = behind as usize;
        words.extend(
            tail.iter()
                .map(number)
                .chain(std::iter::repeat(0))
                .take(behind),
        );
    }
    let mut names = vec![0];
    names.extend_from_slice(strings);
    names.push(0);
    let size = 4 * words.len() as u32;
    let header = [24, 0, size, size, names.len() as u32];
    let mut bytes = 0xeb9fu16.to_ne_bytes().to_vec();
    bytes.extend([1, 0]);
    bytes.extend(
        header
            .iter()
            .chain(&words)
            .flat_map(|word| word.to_ne_bytes()),
    );
    bytes.extend(names);
    bytes
}

fn ask(btf: &Btf<'_>) {
    // Names that are there, for paths that go somewhere.
    let mut paths = vec!["a[1].b".to_owned()];
    for number in 0..btf.end_id().min(64) + 1 {
        let id = TypeId::new(number);
        if let Ok(ty) = btf.get(id) {
            if let Definition::Struct { members, .. } | Definition::Union { members, .. } =
                ty.definition
            {
                let names = members.filter_map(Result::ok).take(4);
                paths.extend(names.map(|member| member.name.to_owned()));
            }
            for kind in ebpf_asm::btf::Kind::ALL {
                if let Ok(found) = btf.find(ty.name, *kind) {
                    assert_eq!(btf.kind(found), Ok(Some(*kind)));
                }
            }
        }
        let _ = btf.size_of(id);
        let _ = btf.c_name(id);
        let _ = btf.is_signed(id);
        let _ = btf.enum_value(id, "A");
        let _ = btf.tags(id).count();
        if let Ok(prototype) = btf.function_prototype(id) {
            assert!(prototype.parameters.count() <= btf.bytes().len());
        }
    }
    paths.truncate(16);
    for number in 0..btf.end_id().min(64) {
        for path in &paths {
            let _ = btf.member(TypeId::new(number), path);
        }
    }
}
