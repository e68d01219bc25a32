//! The reader on BTF that is written by hand, on damaged BTF, and on BTF that lies.

use super::*;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// BTF word by word.
struct Raw {
    swapped: bool,
    words: Vec<u32>,
    strings: Vec<u8>,
    first_string: u32,
}

impl Raw {
    fn new() -> Self {
        Self {
            swapped: false,
            words: Vec::new(),
            strings: vec![0],
            first_string: 0,
        }
    }

    fn name(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let offset = self.first_string + self.strings.len() as u32;
        self.strings.extend_from_slice(name.as_bytes());
        self.strings.push(0);
        offset
    }

    fn ty(&mut self, name: &str, info: u32, size_or_type: u32, tail: &[u32]) {
        let name = self.name(name);
        self.words.extend([name, info, size_or_type]);
        self.words.extend(tail);
    }

    fn bytes(&self) -> Vec<u8> {
        let length = 4 * self.words.len() as u32;
        let header = [24, 0, length, length, self.strings.len() as u32];
        let order = |word: u32| match self.swapped {
            true => word.swap_bytes().to_ne_bytes(),
            false => word.to_ne_bytes(),
        };
        let mut bytes = match self.swapped {
            true => 0xeb9fu16.swap_bytes().to_ne_bytes(),
            false => 0xeb9fu16.to_ne_bytes(),
        }
        .to_vec();
        bytes.extend([1, 0]);
        bytes.extend(header.iter().chain(&self.words).copied().flat_map(order));
        bytes.extend(&self.strings);
        bytes
    }
}

const fn info(kind: Kind, length: u32) -> u32 {
    kind.as_raw() << 24 | length
}

const FLAG: u32 = 1 << 31;

/// Types of all kinds; the comments are their numbers.
fn sample(swapped: bool) -> Vec<u8> {
    let mut raw = Raw::new();
    raw.swapped = swapped;
    raw.ty("int", info(Kind::Int, 0), 4, &[1 << 24 | 32]); // 1
    raw.ty("u64", info(Kind::Typedef, 0), 3, &[]); // 2
    raw.ty("long unsigned int", info(Kind::Int, 0), 8, &[64]); // 3
    raw.ty("", info(Kind::Ptr, 0), 9, &[]); // 4
    raw.ty("", info(Kind::Array, 0), 0, &[5 + 1, 1, 16]); // 5
    raw.ty("char", info(Kind::Int, 0), 1, &[1 << 24 | 8]); // 6
    let [a, b, x, y] = ["a", "b", "x", "y"].map(|name| raw.name(name));
    // An anonymous union of two anonymous structs.
    raw.ty("", info(Kind::Struct, 2), 16, &[x, 2, 0, y, 1, 64]); // 7
    raw.ty("", info(Kind::Union, 2), 16, &[0, 7, 0, b, 2, 0]); // 8
    let [comm, bits, next, rows] = ["comm", "bits", "next", "rows"].map(|name| raw.name(name));
    raw.ty(
        "task",
        info(Kind::Struct, 6) | FLAG,
        4 + 4 + 16 + 16 + 8 + 16,
        &[
            a,
            1,
            0,
            bits,
            1,
            3 << 24 | 33,
            comm,
            5,
            64,
            0,
            8,
            192,
            next,
            4,
            320,
            rows,
            19,
            384,
        ],
    ); // 9
    let [one, minus] = ["ONE", "MINUS"].map(|name| raw.name(name));
    raw.ty(
        "numbers",
        info(Kind::Enum, 2) | FLAG,
        4,
        &[one, 1, minus, u32::MAX],
    ); // 10
    raw.ty(
        "wide",
        info(Kind::Enum64, 2),
        8,
        &[one, 1, 0, minus, 0xffff_fffe, u32::MAX],
    ); // 11
    let [s, n] = ["s", "n"].map(|name| raw.name(name));
    raw.ty("", info(Kind::Const, 0), 6, &[]); // 12
    raw.ty("", info(Kind::Ptr, 0), 12, &[]); // 13
    raw.ty("", info(Kind::FuncProto, 3), 1, &[s, 13, n, 2, 0, 0]); // 14
    raw.ty("strange", info(Kind::Func, 1), 14, &[]); // 15
    raw.ty("jiffies", info(Kind::Var, 0), 3, &[1]); // 16
    raw.ty(".data", info(Kind::Datasec, 1), 64, &[16, 32, 8]); // 17
    raw.ty("bpf_kfunc", info(Kind::DeclTag, 0), 15, &[u32::MAX]); // 18
    raw.ty("", info(Kind::Array, 0), 0, &[20, 1, 2]); // 19
    raw.ty("", info(Kind::Array, 0), 0, &[1, 1, 2]); // 20
    raw.ty("half", info(Kind::Float, 0), 2, &[]); // 21
    raw.ty("later", info(Kind::Fwd, 0) | FLAG, 0, &[]); // 22
    raw.ty("user", info(Kind::TypeTag, 0), 6, &[]); // 23
    raw.ty("", info(Kind::Ptr, 0), 23, &[]); // 24
    raw.ty("", info(Kind::Volatile, 0), 24, &[]); // 25
    raw.ty("", info(Kind::Restrict, 0), 24, &[]); // 26
    raw.ty("arg:ctx", info(Kind::DeclTag, 0), 15, &[1]); // 27
    raw.ty("", info(Kind::Ptr, 0), 14, &[]); // 28
    raw.bytes()
}

fn id(number: u32) -> TypeId {
    TypeId::new(number)
}

#[test]
fn types_are_found_by_name_and_kind() {
    for swapped in [false, true] {
        let bytes = sample(swapped);
        let btf = Btf::parse(&bytes).unwrap();
        assert_eq!(btf.end_id(), 29);
        assert_eq!(btf.find("task", Kind::Struct), Ok(id(9)));
        assert_eq!(btf.find("strange", Kind::Func), Ok(id(15)));
        assert_eq!(btf.find(".data", Kind::Datasec), Ok(id(17)));
        assert_eq!(btf.find_enum("wide"), Ok(id(11)));
        let error = btf.find("tas", Kind::Struct).unwrap_err();
        assert!(error.is_not_found());
        assert_eq!(error.to_string(), "there is no struct named `tas`");
        assert!(btf.find("task", Kind::Union).is_err());
        assert_eq!(btf.kind(id(9)), Ok(Some(Kind::Struct)));
        assert_eq!(btf.kind(TypeId::VOID), Ok(None));
    }
}

#[test]
fn members_are_found_by_path() {
    let bytes = sample(false);
    let btf = Btf::parse(&bytes).unwrap();
    let place = |path: &str| {
        let found = btf.member(id(9), path).map_err(|error| error.to_string())?;
        Ok::<_, String>((found.bit_offset, found.bit_size, found.ty.get()))
    };
    assert_eq!(place("a"), Ok((0, None, 1)));
    assert_eq!(place("bits"), Ok((33, Some(3), 1)));
    assert_eq!(place("comm"), Ok((64, None, 5)));
    assert_eq!(place("comm[3]"), Ok((88, None, 6)));
    // In the anonymous union, and in the anonymous struct in it.
    assert_eq!(place("b"), Ok((192, None, 2)));
    assert_eq!(place("y"), Ok((256, None, 1)));
    assert_eq!(place("rows[1][1]"), Ok((384 + 96, None, 1)));
    let wrong = |path: &str| place(path).unwrap_err();
    assert_eq!(wrong("pid"), "`struct task` has no member `pid`");
    assert_eq!(
        wrong("next.a"),
        "`next` is a pointer (to `struct task`): what is behind it has to be loaded first"
    );
    assert_eq!(wrong("comm[16]"), "`comm` has 16 elements");
    assert_eq!(wrong("rows[0][2]"), "`rows[0]` has 2 elements");
    assert_eq!(
        wrong("a.b"),
        "`int` is not a struct or union, which alone have members"
    );
    assert_eq!(
        wrong("a[0]"),
        "`int` is not an array, which alone has an index"
    );
    for bad in ["", ".", "a.", "a..b", "[0]", "comm[", "comm[x]", "comm[0]a"] {
        assert!(wrong(bad).contains("is not a path"), "{bad}");
    }
}

#[test]
fn sizes_and_values_are_known() {
    let bytes = sample(false);
    let btf = Btf::parse(&bytes).unwrap();
    let sizes = [
        (2, 8),
        (4, 8),
        (5, 16),
        (8, 16),
        (9, 64),
        (11, 8),
        (16, 8),
        (17, 64),
        (19, 16),
        (21, 2),
        (15, 0),
        (0, 0),
    ];
    for (number, size) in sizes {
        assert_eq!(btf.size_of(id(number)), Ok(size), "{number}");
    }
    let error = btf.size_of(id(22)).unwrap_err().to_string();
    assert_eq!(error, "`union later` is not a type whose size is known");
    assert_eq!(btf.enum_value(id(10), "MINUS").unwrap().value, -1);
    let wide = btf.enum_value(id(11), "MINUS").unwrap().value;
    assert_eq!(wide, 0xffff_ffff_ffff_fffe);
    let error = btf.enum_value(id(10), "TWO").unwrap_err().to_string();
    assert_eq!(error, "`enum numbers` has no value `TWO`");
    assert_eq!(btf.is_signed(id(1)), Ok(true));
    assert_eq!(btf.is_signed(id(2)), Ok(false));
    assert_eq!(btf.is_signed(id(10)), Ok(true));
}

#[test]
fn functions_have_prototypes() {
    let bytes = sample(false);
    let btf = Btf::parse(&bytes).unwrap();
    // The function, its type, a pointer to it.
    for number in [15, 14, 28] {
        let prototype = btf.function_prototype(id(number)).unwrap();
        assert_eq!(prototype.id, id(14));
        assert_eq!(prototype.result, id(1));
        let parameters: Vec<_> = prototype.parameters.map(Result::unwrap).collect();
        let parameters: Vec<_> = parameters.iter().map(|p| (p.name, p.ty.get())).collect();
        assert_eq!(parameters, [("s", 13), ("n", 2), ("", 0)]);
    }
    let function = btf.function_prototype(id(15)).unwrap();
    assert_eq!(
        (function.name, function.linkage),
        ("strange", Some(Linkage::Global))
    );
    let error = btf.function_prototype(id(9)).unwrap_err().to_string();
    assert_eq!(error, "`struct task` is not a function");
    let tags: Vec<_> = btf.tags(id(15)).collect();
    assert_eq!(tags, [(None, "bpf_kfunc"), (Some(1), "arg:ctx")]);
}

#[test]
fn types_are_spelled_as_in_c() {
    let bytes = sample(false);
    let btf = Btf::parse(&bytes).unwrap();
    let names = [
        (0, "void"),
        (4, "struct task *"),
        (5, "char [16]"),
        (8, "union {…}"),
        (13, "const char *"),
        (15, "int strange(const char *s, u64 n, ...)"),
        (16, "long unsigned int jiffies"),
        (19, "int [2][2]"),
        (25, "char *volatile"),
        (28, "int (*)(const char *s, u64 n, ...)"),
    ];
    for (number, name) in names {
        assert_eq!(btf.c_name(id(number)).as_deref(), Ok(name), "{number}");
    }
}

#[test]
fn split_btf_goes_on_where_its_base_ends() {
    let base = sample(false);
    let base = Btf::parse(&base).unwrap();
    let mut module = Raw::new();
    module.first_string = base.bytes().len() as u32 - 24 - 4 * section_words(&base);
    let n = module.name("n");
    // A name of the base and one of its own; a type of the base and one of its own.
    module
        .words
        .extend([module_name(&base, "task"), info(Kind::Struct, 2), 72]);
    module.words.extend([n, 9, 0, n, 30, 512]); // 29
    module.ty("module_int", info(Kind::Int, 0), 8, &[64]); // 30
    let module = module.bytes();
    let module = Btf::parse_split(&module, &base).unwrap();
    assert_eq!((module.own_ids().len(), module.end_id()), (2, 31));
    assert_eq!(module.find("module_int", Kind::Int), Ok(id(30)));
    assert_eq!(module.find("task", Kind::Struct), Ok(id(9)));
    assert_eq!(module.find_own("task", Kind::Struct), Ok(id(29)));
    assert!(base.find("module_int", Kind::Int).is_err());
    assert_eq!(module.member(id(29), "n.comm").unwrap().bit_offset, 64);
    assert_eq!(module.size_of(id(30)), Ok(8));
    assert_eq!(
        module.get(id(31)).unwrap_err(),
        Error::NoSuchType {
            id: id(31),
            end: 31
        }
    );
    assert!(base.get(id(29)).is_err());
}

fn section_words(btf: &Btf<'_>) -> u32 {
    u32::from_ne_bytes(btf.bytes()[12..16].try_into().unwrap()) / 4
}

/// Where a name of the base is.
fn module_name(base: &Btf<'_>, name: &str) -> u32 {
    let strings = &base.bytes()[24 + 4 * section_words(base) as usize..];
    let wanted = format!("\0{name}\0");
    let at = strings
        .windows(wanted.len())
        .position(|window| window == wanted.as_bytes());
    at.unwrap() as u32 + 1
}

/// Asks everything about every type; the answers do not matter.
fn ask_everything(btf: &Btf<'_>) {
    for number in 0..btf.end_id().min(1000) + 2 {
        let id = id(number);
        let _ = btf.kind(id);
        let _ = btf.size_of(id);
        let _ = btf.c_name(id);
        let _ = btf.is_signed(id);
        let _ = btf.member(id, "comm[3].x");
        let _ = btf.member(id, "missing");
        let _ = btf.enum_value(id, "ONE");
        let _ = btf.tags(id).count();
        if let Ok(prototype) = btf.function_prototype(id) {
            assert!(prototype.parameters.count() <= btf.bytes().len());
        }
        let Ok(ty) = btf.get(id) else { continue };
        match ty.definition {
            Definition::Struct { members, .. } | Definition::Union { members, .. } => {
                assert!(members.count() <= btf.bytes().len());
            }
            Definition::Enum { values, .. } => assert!(values.count() <= btf.bytes().len()),
            Definition::Datasec { variables, .. } => {
                assert!(variables.count() <= btf.bytes().len());
            }
            _ => {}
        }
    }
}

#[test]
fn damaged_btf_is_an_error_and_nothing_else() {
    let good = sample(false);
    for length in 0..good.len() {
        assert!(Btf::parse(&good[..length]).is_err(), "cut off at {length}");
    }
    // Every byte changed in several ways.
    for at in 0..good.len() {
        for change in [0x01, 0x80, 0xff, 0x20] {
            let mut bytes = good.clone();
            bytes[at] ^= change;
            if let Ok(btf) = Btf::parse(&bytes) {
                ask_everything(&btf);
            }
        }
    }
}

#[test]
fn lengths_of_four_gigabytes_are_refused() {
    for word in 1..6 {
        for value in [u32::MAX, u32::MAX - 3, 1 << 31] {
            let mut bytes = sample(false);
            bytes[4 * word..4 * word + 4].copy_from_slice(&value.to_ne_bytes());
            let error = Btf::parse(&bytes).unwrap_err();
            assert!(matches!(error, Error::Header(_)), "{word}: {error}");
        }
    }
    // A type with as many members as the field can say.
    let mut raw = Raw::new();
    raw.ty("x", info(Kind::Struct, 0xff_ffff), 4, &[0, 0, 0]);
    let error = Btf::parse(raw.bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "type [1] of the BTF is corrupt: it is cut off"
    );
    // Arrays of arrays of arrays: more bytes than 64 bits count.
    let mut raw = Raw::new();
    raw.ty("x", info(Kind::Int, 0), 8, &[64]);
    for element in 1..4 {
        raw.ty("", info(Kind::Array, 0), 0, &[element, 1, u32::MAX]);
    }
    let bytes = raw.bytes();
    let btf = Btf::parse(&bytes).unwrap();
    assert_eq!(btf.size_of(id(4)), Err(Error::TooLarge(id(4))));
    assert!(btf.size_of(id(2)).is_ok());
}

#[test]
fn types_of_themselves_come_to_an_end() {
    let mut raw = Raw::new();
    raw.ty("self", info(Kind::Typedef, 0), 1, &[]); // 1
    raw.ty("", info(Kind::Const, 0), 3, &[]); // 2
    raw.ty("", info(Kind::Volatile, 0), 2, &[]); // 3
    raw.ty("", info(Kind::Array, 0), 0, &[4, 1, 2]); // 4
    raw.ty("", info(Kind::Ptr, 0), 5, &[]); // 5
    raw.ty("", info(Kind::FuncProto, 2), 5, &[0, 7, 0, 7]); // 6
    raw.ty("", info(Kind::Ptr, 0), 6, &[]); // 7
    // Anonymous structs of each other and of themselves, which in C could not be.
    for number in 8..40 {
        let next = number + 1;
        raw.ty(
            "",
            info(Kind::Struct, 3),
            8,
            &[0, next, 0, 0, next, 8, 0, number, 16],
        );
    }
    raw.ty("", info(Kind::Struct, 1), 8, &[0, 8, 0]); // 40
    raw.ty("var", info(Kind::Var, 0), 41, &[0]); // 41
    let bytes = raw.bytes();
    let btf = Btf::parse(&bytes).unwrap();
    assert_eq!(btf.size_of(id(1)), Err(Error::Endless(id(1))));
    assert_eq!(
        btf.resolve(id(2)).map(|ty| ty.id),
        Err(Error::Endless(id(2)))
    );
    assert!(btf.size_of(id(4)).is_err());
    assert_eq!(btf.size_of(id(41)), Err(Error::Endless(id(41))));
    assert!(btf.c_name(id(5)).unwrap().contains('…'));
    assert!(btf.c_name(id(6)).unwrap().len() < 10_000);
    assert!(btf.member(id(8), "missing").is_err());
    ask_everything(&btf);
}

#[test]
fn a_kind_from_the_future_is_named() {
    let mut raw = Raw::new();
    raw.ty("x", 25 << 24, 4, &[]);
    let error = Btf::parse(raw.bytes()).unwrap_err();
    assert_eq!(
        error,
        Error::UnknownKind {
            id: id(1),
            kind: 25
        }
    );
}

#[test]
fn split_btf_needs_the_order_of_its_base() {
    let base = sample(true);
    let base = Btf::parse(&base).unwrap();
    let module = sample(false);
    assert!(Btf::parse_split(&module, &base).is_err());
}
