//! Any bytes are BTF or are told why not, alone and on top of other BTF; every question about
//! every type has an answer or an error.
#![no_main]

use ebpf_asm::btf::{Btf, Definition, TypeId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|parts: (&[u8], &[u8])| {
    let (first, second) = parts;
    let Ok(base) = Btf::parse(first) else { return };
    ask(&base);
    if let Ok(split) = Btf::parse_split(second, &base) {
        ask(&split);
    }
});

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
