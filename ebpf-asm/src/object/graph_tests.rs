use crate::isa::Register::{R0, R1};
use crate::isa::{ImmediateSource, Instruction, JmpOp, Width};
use crate::object::{
    Code, FunctionRecord, LabelTable, LineTable, Linkage, Object, ProgramDef, ProgramKind,
};
use crate::{KernelVersion, MapType};
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

fn code(instructions: &[Instruction]) -> Code {
    let slots = instructions.iter().map(|i| i.encode().to_vec());
    Code::from_vec(slots.collect::<Vec<_>>().concat())
}

fn leak<T>(list: Vec<T>) -> &'static [T] {
    Box::leak(list.into_boxed_slice())
}

/// A graph without the lines that all have.
fn body(graph: &str) -> Vec<&str> {
    let lines = graph.lines().skip(4);
    lines.map(str::trim).collect()
}

#[test]
fn blocks_end_where_jumps_are_and_begin_where_they_lead() {
    let code = code(&[
        Instruction::load_imm64(R1, 5),
        Instruction::branch_imm(Width::W64, JmpOp::Eq, R1, 0, 2),
        Instruction::mov_imm(R0, 0),
        Instruction::goto(1),
        Instruction::mov_imm(R0, 1),
        Instruction::exit(),
    ])
    .with_labels(Vec::from([(6, "done".to_string())]));
    assert_eq!(
        body(&code.to_dot()),
        [
            r#"p0_0 [label="0: r1 = 0x5 ll\l2: if r1 == 0 goto +2\l"];"#,
            r#"p0_3 [label="3: r0 = 0\l4: goto done\l"];"#,
            r#"p0_5 [label="5: r0 = 1\l"];"#,
            r#"p0_6 [label="done:\l6: exit\l"];"#,
            r#"p0_0 -> p0_5 [label="true", class="true"];"#,
            r#"p0_0 -> p0_3 [label="false", class="false"];"#,
            "p0_3 -> p0_6;",
            "p0_5 -> p0_6;",
            "}",
        ]
    );
}

#[test]
fn places_without_an_instruction_are_nodes_of_their_own() {
    let nowhere = code(&[
        Instruction::goto(-9),
        Instruction::branch_imm(Width::W32, JmpOp::Ne, R0, 0, 1),
        Instruction::load_imm64(R1, 5),
    ]);
    let graph = nowhere.to_dot();
    for line in [
        r#""p0 at -8" [label="no instruction begins at -8", shape=plaintext];"#,
        r#""p0 at 3" [label="no instruction begins at 3", shape=plaintext];"#,
        r#""p0 at 4" [label="end", shape=plaintext];"#,
        r#"p0_0 -> "p0 at -8";"#,
        r#"p0_1 -> "p0 at 3" [label="true", class="true"];"#,
        r#"p0_2 -> "p0 at 4";"#,
    ] {
        assert!(body(&graph).contains(&line), "{line}: {graph}");
    }
    assert_eq!(body(&Code::from_vec(Vec::new()).to_dot()), ["}"]);
}

#[test]
fn calls_lead_to_functions() {
    let code = code(&[
        Instruction::load_pseudo(R1, ImmediateSource::Function, 4, 0),
        Instruction::call_local(1),
        Instruction::exit(),
        Instruction::exit(),
        Instruction::exit(),
    ])
    .with_labels(Vec::from([(4, "bump".to_string())]));
    let graph = code.to_dot();
    assert_eq!(
        body(&graph),
        [
            "subgraph cluster_p0_0 {",
            r#"label="";"#,
            r#"p0_0 [label="0: ld_pseudo r1, 4, 4\l2: call bump\l3: exit\l"];"#,
            "}",
            "subgraph cluster_p0_4 {",
            r#"label="fn bump";"#,
            r#"p0_4 [label="bump:\l4: exit\l"];"#,
            "}",
            "subgraph cluster_p0_5 {",
            r#"label="function at 5";"#,
            r#"p0_5 [label="5: exit\l"];"#,
            "}",
            r#"p0_0 -> p0_5 [label="callback", style=dotted, class="callback"];"#,
            r#"p0_0 -> p0_4 [label="call", style=dashed, class="call"];"#,
            "}",
        ]
    );
}

#[test]
fn an_object_has_its_programs_and_their_functions() {
    static MAPS: [crate::object::MapDef; 1] = [crate::object::MapDef::new(
        "COUNTS",
        MapType::Hash,
        4,
        8,
        16,
    )];
    let count = leak(
        code(&[
            Instruction::load_map_fd(R1, 0),
            Instruction::call_local(1),
            Instruction::exit(),
            Instruction::branch_imm(Width::W64, JmpOp::Ne, R1, 0, -1),
            Instruction::exit(),
        ])
        .into_insns(),
    );
    let functions = leak(Vec::from([
        FunctionRecord::new("count", 0, Linkage::Static),
        FunctionRecord::new("bump", 4, Linkage::Global),
    ]));
    let relocation = crate::object::RelocationKind::MapFd { map: 0 };
    let relocations = leak(Vec::from([crate::object::Relocation::new(0, relocation)]));
    let kind = ProgramKind::RawTracepoint { name: "sys_enter" };
    let count = ProgramDef::new(
        "count",
        kind,
        count,
        relocations,
        functions,
        LineTable::EMPTY,
    )
    .with_labels(LabelTable::new("4 again\n"));
    let exit = leak(code(&[Instruction::exit()]).into_insns());
    let kind = ProgramKind::SocketFilter;
    let drop = ProgramDef::new("drop", kind, exit, &[], &[], LineTable::EMPTY);
    let version = KernelVersion::new(5, 10);
    let programs = leak(Vec::from([count, drop]));
    let object = Object::new("opens", "GPL", version, &MAPS, &[], programs);
    let graph = object.to_dot();
    assert!(graph.starts_with("digraph \"opens\" {\n"));
    assert_eq!(
        body(&graph),
        [
            "subgraph cluster_p0_0 {",
            r#"label="count: raw_tracepoint(\"sys_enter\")";"#,
            r#"p0_0 [label="0: r1 = COUNTS ll\l2: call bump\l3: exit\l"];"#,
            "}",
            "subgraph cluster_p0_4 {",
            r#"label="pub fn bump";"#,
            r#"p0_4 [label="again:\l4: if r1 != 0 goto again\l"];"#,
            r#"p0_5 [label="5: exit\l"];"#,
            "}",
            r#"p0_0 -> p0_4 [label="call", style=dashed, class="call"];"#,
            r#"p0_4 -> p0_4 [label="true", class="true"];"#,
            r#"p0_4 -> p0_5 [label="false", class="false"];"#,
            "subgraph cluster_p1_0 {",
            r#"label="drop: socket_filter";"#,
            r#"p1_0 [label="0: exit\l"];"#,
            "}",
            "}",
        ]
    );
    let one = object.program_to_dot(&object.programs[1]);
    assert!(one.starts_with("digraph \"drop\" {\n"));
    assert!(one.contains("p0_0 [label=\"0: exit\\l\"];"));
}
