//! What is put together is read back, and what the kernel does not take is refused.

use super::*;
use crate::object::IntEncoding;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

fn signed(builder: &mut Builder) -> TypeId {
    builder.int("i32", 4, IntEncoding::Signed).unwrap()
}

/// One type of each kind, put together in an order of its own.
fn all_kinds() -> Builder {
    let mut builder = Builder::new();
    let int = signed(&mut builder);
    let wide = builder.int("u64", 8, IntEncoding::Unsigned).unwrap();
    builder.int("bool", 1, IntEncoding::Bool).unwrap();
    builder.float("f64", 8).unwrap();
    let array = builder.array(int, int, 4).unwrap();
    let node = builder.reserve();
    let next = builder.pointer(node).unwrap();
    let members = [
        Member::new("next", next, 0),
        Member::new("values", array, 64),
        Member::new("low", int, 192).with_bit_size(3),
    ];
    builder.define(node, false, "node", 32, &members).unwrap();
    builder
        .union(
            "either",
            8,
            &[Member::new("a", int, 0), Member::new("b", wide, 0)],
        )
        .unwrap();
    builder
        .enumeration("small", 1, true, &[("MINUS", -128), ("PLUS", 127)])
        .unwrap();
    builder
        .enumeration("large", 8, false, &[("ALL", i128::from(u64::MAX))])
        .unwrap();
    builder.forward("later", true).unwrap();
    let name = builder.typedef("node_t", node).unwrap();
    let constant = builder.constant(name).unwrap();
    let volatile = builder.volatile(constant).unwrap();
    builder.restrict(next).unwrap();
    let tag = builder.type_tag("kptr", node).unwrap();
    builder.pointer(tag).unwrap();
    let parameters = [
        Parameter::new("node", next),
        Parameter::new("", TypeId::VOID),
    ];
    let prototype = builder
        .function_prototype(TypeId::VOID, &parameters)
        .unwrap();
    let function = builder
        .function("walk", prototype, Linkage::Global)
        .unwrap();
    builder.decl_tag("arg:nonnull", function, Some(0)).unwrap();
    let variable = builder.variable("HEAD", volatile, Linkage::Static).unwrap();
    builder
        .section(".bss.head", 32, &[Variable::new(variable, 0, 32)])
        .unwrap();
    builder
}

#[test]
fn what_is_put_together_is_read_back() {
    let bytes = all_kinds().finish();
    let btf = Btf::parse(&bytes).unwrap();
    let find = |name: &str, kind| btf.find(name, kind).unwrap();
    let kinds: Vec<Kind> = btf
        .own_ids()
        .map(|id| btf.kind(id).unwrap().unwrap())
        .collect();
    for kind in Kind::ALL {
        assert!(kinds.contains(kind), "{kind}");
    }
    let node = find("node", Kind::Struct);
    let place = |path: &str| btf.member(node, path).unwrap();
    assert_eq!(place("values[2]").bit_offset, 128);
    let low = place("low");
    assert_eq!((low.bit_offset, low.bit_size), (192, Some(3)));
    assert_eq!(btf.c_name(place("next").ty).unwrap(), "struct node *");
    assert_eq!(btf.size_of(find("HEAD", Kind::Var)), Ok(32));
    let value = |of: &str, name: &str| {
        let id = btf.find_enum(of).unwrap();
        btf.enum_value(id, name).unwrap().value
    };
    assert_eq!(value("small", "MINUS"), -128);
    assert_eq!(value("large", "ALL"), i128::from(u64::MAX));
    let walk = find("walk", Kind::Func);
    assert_eq!(
        btf.c_name(walk).unwrap(),
        "void walk(struct node *node, ...)"
    );
    assert_eq!(
        btf.tags(walk).collect::<Vec<_>>(),
        [(Some(0), "arg:nonnull")]
    );
    let section = btf.get(find(".bss.head", Kind::Datasec)).unwrap();
    let Definition::Datasec { variables, .. } = section.definition else {
        panic!("{section:?}")
    };
    assert_eq!(variables.map(Result::unwrap).next().unwrap().size, 32);
}

#[test]
fn the_same_calls_give_the_same_bytes() {
    assert_eq!(all_kinds().finish(), all_kinds().finish());
}

#[test]
fn equal_types_and_texts_are_there_once() {
    let mut builder = all_kinds();
    let before = builder.finish();
    let int = signed(&mut builder);
    builder.array(int, int, 4).unwrap();
    let text = builder.text("node").unwrap();
    assert_eq!(builder.text("node"), Ok(text));
    assert_eq!(builder.finish(), before);
    // Another size, sign or name is another type.
    let other = builder.int("i32", 4, IntEncoding::Unsigned).unwrap();
    assert_ne!(other, int);
}

#[test]
fn what_the_kernel_does_not_take_is_refused() {
    let mut builder = Builder::new();
    let int = signed(&mut builder);
    let long = "a".repeat(128);
    for bad in ["", "0a", "a-b", "ä", "a b", "a.b", "a\0", long.as_str()] {
        let error = builder.int(bad, 4, IntEncoding::Signed).unwrap_err();
        assert_eq!(error, BuildError::BadName(String::from(bad)), "{bad}");
        assert!(bad.is_empty() || builder.structure(bad, 0, &[]).is_err());
        assert!(builder.function(bad, int, Linkage::Static).is_err());
        assert!(builder.enumeration("e", 4, true, &[(bad, 0)]).is_err());
        assert!(builder.section(bad, 0, &[]).is_err() || bad == "a.b");
    }
    assert_eq!(
        builder.structure("a-b", 4, &[]).unwrap_err().to_string(),
        "the kernel does not take the name `a-b`: names have letters from a to z, digits and \
         underscores, begin with no digit, and have 127 bytes at most"
    );
    for size in [0, 3, 5, 32] {
        assert!(builder.int("x", size, IntEncoding::Signed).is_err());
        assert!(builder.enumeration("x", size, true, &[]).is_err());
        assert!(builder.float("x", size).is_err());
    }
    assert!(builder.enumeration("x", 1, true, &[("V", 128)]).is_err());
    assert!(builder.enumeration("x", 4, false, &[("V", -1)]).is_err());
    let missing = TypeId::new(99);
    assert_eq!(
        builder.pointer(missing),
        Err(BuildError::NoSuchType(missing))
    );
    assert!(builder.array(int, missing, 1).is_err());
    assert!(
        builder
            .structure("s", 4, &[Member::new("m", missing, 0)])
            .is_err()
    );
    assert!(builder.function_prototype(missing, &[]).is_err());
    let many = alloc::vec![Parameter::new("", int); 65_536];
    assert!(matches!(
        builder.function_prototype(int, &many),
        Err(BuildError::TooMany(_))
    ));
    assert!(builder.text("a\0b").is_err());
    builder.text(&"x".repeat(17 << 20)).unwrap();
    assert_eq!(builder.finish_for_kernel(), Err(BuildError::TooLarge));
}
