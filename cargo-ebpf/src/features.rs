//! `cargo ebpf features`.

use crate::Exit;
use lexopt::prelude::*;

const HELP: &str = "\
Shows what the running kernel can do: each thing is tried, nothing stays in the kernel.

Usage: cargo ebpf features [--helpers TYPE] [--json]

Options:
      --helpers TYPE    The helpers that programs of this type may call: socket_filter, kprobe, …
      --json            One JSON object instead of a table
  -h, --help            Print this

What may not be asked without more privileges is marked with `?`: root can ask everything.
";

/// What the command line asks for.
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "there is nothing to ask elsewhere")
)]
struct Request {
    helpers: Option<String>,
    json: bool,
}

pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let mut request = Request {
        helpers: None,
        json: false,
    };
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Err(Exit::Help(HELP)),
            Long("helpers") => request.helpers = Some(arguments.value()?.string()?),
            Long("json") => request.json = true,
            other => return Err(other.unexpected().into()),
        }
    }
    answer(&request)
}

#[cfg(not(target_os = "linux"))]
fn answer(_: &Request) -> Result<(), Exit> {
    Err(Exit::Failed(
        "this is not Linux: there is no kernel to ask".into(),
    ))
}

#[cfg(target_os = "linux")]
fn answer(request: &Request) -> Result<(), Exit> {
    let sections = match &request.helpers {
        Some(name) => vec![linux::helpers(name)?],
        None => linux::sections(),
    };
    linux::print(&sections, request.json)
}

#[cfg(target_os = "linux")]
mod linux {
    use crate::Exit;
    use ebpf_rt::features::{self, BtfKind, LinkKind};
    use ebpf_rt::isa::{IsaLevel, TABLE};
    use ebpf_rt::{Error, KernelVersion, MapType, ProgramType, helpers};
    use serde_json::{Map, Value, json};
    use std::io::{self, Write};

    /// A part of the table.
    pub(super) struct Section {
        title: &'static str,
        key: &'static str,
        rows: Vec<Row>,
    }

    /// A thing that can be there or not.
    struct Row {
        name: String,
        since: Option<KernelVersion>,
        answer: Result<bool, Error>,
    }

    fn row(
        name: impl Into<String>,
        since: Option<KernelVersion>,
        answer: Result<bool, Error>,
    ) -> Row {
        Row {
            name: name.into(),
            since,
            answer,
        }
    }

    pub(super) fn sections() -> Vec<Section> {
        let programs = ProgramType::ALL
            .iter()
            .map(|&ty| row(ty.name(), Some(ty.since()), features::program_type(ty)))
            .collect();
        let maps = MapType::ALL
            .iter()
            .map(|&ty| row(ty.name(), Some(ty.since()), features::map_type(ty)))
            .collect();
        let links = LinkKind::ALL
            .iter()
            .map(|&kind| row(kind.name(), Some(kind.since()), features::link(kind)))
            .collect();
        let levels = [IsaLevel::V1, IsaLevel::V2, IsaLevel::V3, IsaLevel::V4]
            .into_iter()
            .map(|level| {
                row(
                    format!("v{}", level as u8),
                    None,
                    features::isa_level(level),
                )
            })
            .collect();
        // A level says little about these, which came later or one by one.
        let instructions = TABLE
            .iter()
            .filter(|row| {
                row.min_kernel
                    .is_some_and(|since| since > KernelVersion::new(5, 1))
            })
            .map(|definition| {
                row(
                    definition.name,
                    definition.min_kernel,
                    features::instruction(definition),
                )
            })
            .collect();
        let btf = BtfKind::ALL
            .iter()
            .map(|&kind| {
                let name = format!("{kind:?}").to_lowercase();
                row(name, Some(kind.since()), features::btf_kind(kind))
            })
            .collect();
        [
            ("Program types", "program_types", programs),
            ("Map types", "map_types", maps),
            ("Links", "links", links),
            ("Instruction set levels", "isa_levels", levels),
            ("Instructions since Linux 5.1", "instructions", instructions),
            ("Kinds of BTF types", "btf_kinds", btf),
        ]
        .into_iter()
        .map(|(title, key, rows)| Section { title, key, rows })
        .collect()
    }

    pub(super) fn helpers(name: &str) -> Result<Section, Exit> {
        let program_type = crate::check::type_named(name)?;
        let rows = helpers::ALL
            .iter()
            .map(|helper| {
                let answer = features::helper(program_type, helper);
                row(helper.name, Some(helper.since), answer)
            })
            .collect();
        Ok(Section {
            title: "Helpers",
            key: "helpers",
            rows,
        })
    }

    pub(super) fn print(sections: &[Section], json: bool) -> Result<(), Exit> {
        let kernel = features::kernel_version().map_err(|error| Exit::Failed(error.to_string()))?;
        let mut out = io::stdout().lock();
        if json {
            let mut object = Map::new();
            object.insert("kernel".into(), kernel.to_string().into());
            for section in sections {
                let rows = section.rows.iter();
                let answers: Map<String, Value> = rows
                    .map(|row| (row.name.clone(), as_json(&row.answer)))
                    .collect();
                object.insert(section.key.into(), answers.into());
            }
            writeln!(out, "{:#}", Value::Object(object))?;
            return Ok(());
        }
        writeln!(
            out,
            "Linux {kernel}: what it can do, and since which version kernels can"
        )?;
        let mut unknown: Option<&Error> = None;
        for section in sections {
            writeln!(out, "\n{}", section.title)?;
            for row in &section.rows {
                let mark = match &row.answer {
                    Ok(true) => "yes",
                    Ok(false) => "no",
                    Err(error) => {
                        unknown.get_or_insert(error);
                        "?"
                    }
                };
                let since = row.since.map(|since| since.to_string()).unwrap_or_default();
                writeln!(out, "  {mark:<4} {:<36} {since}", row.name)?;
            }
        }
        if let Some(error) = unknown {
            writeln!(out, "\n?: {error}")?;
        }
        Ok(())
    }

    /// true, false, or what is in the way of an answer.
    fn as_json(answer: &Result<bool, Error>) -> Value {
        match answer {
            Ok(answer) => (*answer).into(),
            Err(error) => json!({ "error": error.to_string() }),
        }
    }
}
