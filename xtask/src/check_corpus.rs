//! `cargo xtask check-corpus`: the checker over programs with the verdicts of kernels.

use crate::check_differential::Predictions;
use crate::{Result, read};
use ebpf_asm::check::{MapFacts, Program, Reference, ReferenceKind, check, predict_on};
use ebpf_asm::isa::Insn;
use ebpf_asm::{AttachType, KernelVersion, MapType, ProgramType};
use kernel_test::differential::{Holds, Map, Sample};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// From this kernel on verdicts count.
const FIRST: KernelVersion = KernelVersion::new(6, 18);

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let mut file = None;
    let mut logs = None;
    let mut list = false;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--logs" => {
                logs = Some(PathBuf::from(
                    arguments.next().ok_or("--logs needs a file")?,
                ))
            }
            "--list" => list = true,
            _ => file = Some(PathBuf::from(argument)),
        }
    }
    let file = file.ok_or("which file?")?;
    let text = read(&file)?;
    let named = named_instructions(&file, logs.as_deref())?;
    let mut tally = Tally::default();
    let mut forecast = Forecast::default();
    for (number, line) in text.lines().enumerate() {
        let row: Value =
            serde_json::from_str(line).map_err(|error| format!("line {}: {error}", number + 1))?;
        let case = Case::read(&row).map_err(|error| format!("line {}: {error}", number + 1))?;
        let verdict = Verdict::of(&row);
        let findings = check(&case.program());
        tally.count(&case, verdict, &findings, &named, list);
        forecast.count(&case, &row, findings.is_empty(), list);
    }
    forecast.print();
    tally.print();
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    Accepted,
    Rejected,
    Neither,
}

impl Verdict {
    fn of(row: &Value) -> Self {
        let mut verdicts = Vec::new();
        for (kernel, verdict) in row["verdicts"].as_object().into_iter().flatten() {
            let version = KernelVersion::parse(kernel);
            if version.is_some_and(|version| version >= FIRST) {
                verdicts.push(verdict.as_str().unwrap_or_default());
            }
        }
        if row["expected"] == "success" || verdicts.contains(&"accepted") {
            Self::Accepted
        } else if !verdicts.is_empty() && verdicts.iter().all(|&verdict| verdict == "rejected") {
            Self::Rejected
        } else {
            Self::Neither
        }
    }
}

/// A program of the collection.
pub(crate) struct Case {
    file: String,
    name: String,
    reason: String,
    insns: Vec<Insn>,
    functions: Vec<u32>,
    references: Vec<Reference>,
    maps: Vec<MapFacts>,
    program_type: Option<ProgramType>,
    attach_type: Option<AttachType>,
    gpl: bool,
}

impl Case {
    pub(crate) fn read(row: &Value) -> Result<Self> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let number = |value: &Value| value.as_u64().unwrap_or_default() as u32;
        let mut maps = Vec::new();
        for map in row["maps"].as_array().into_iter().flatten() {
            let kind = text(&map["type"]);
            let map_type = MapType::ALL
                .iter()
                .copied()
                .find(|map_type| map_type.kernel_name() == kind)
                .ok_or_else(|| format!("no map type `{kind}`"))?;
            maps.push(MapFacts {
                map_type,
                key_size: number(&map["key_size"]),
                value_size: number(&map["value_size"]),
                max_entries: number(&map["max_entries"]),
                flags: number(&map["map_flags"]),
                // Constants of C programs are frozen by whoever loads them.
                frozen: text(&map["name"]).contains(".rodata"),
                name: text(&map["name"]).into(),
            });
        }
        let mut insns: Vec<Insn> = Vec::new();
        let mut starts = BTreeMap::new();
        let mut relocs = Vec::new();
        let all: Vec<&Value> = row["functions"].as_array().into_iter().flatten().collect();
        for function in reached(&all, &row["name"]) {
            let start = insns.len();
            starts.insert(text(&function["name"]), start as u32);
            let hex = text(&function["insns"]);
            for slot in hex.as_bytes().chunks(16) {
                let slot = std::str::from_utf8(slot).map_err(|e| e.to_string())?;
                let bytes = u64::from_str_radix(slot, 16).map_err(|e| e.to_string())?;
                insns.push(Insn::from_le_bytes(bytes.to_be_bytes()));
            }
            for reloc in function["relocs"].as_array().into_iter().flatten() {
                relocs.push((
                    start as u32 + number(&reloc["insn"]),
                    text(&reloc["symbol"]),
                ));
            }
        }
        let mut references = Vec::new();
        for (insn, symbol) in relocs {
            if let Some(map) = maps.iter().position(|map| map.name == symbol) {
                let kind = ReferenceKind::Map(map as u16);
                references.push(Reference { insn, kind });
            } else if let Some(&start) = starts.get(&symbol) {
                let slot = insn as usize;
                let distance = start as i32 - insn as i32 - 1;
                let Some(place) = insns.get_mut(slot) else {
                    continue;
                };
                // A call, or the address of a function.
                let source = if place.is_wide() { 4 } else { 1 };
                *place = place.with_src(source).with_imm(distance);
            } else {
                let kind = ReferenceKind::Unknown;
                references.push(Reference { insn, kind });
            }
        }
        references.sort_by_key(|reference| reference.insn);
        let kind = text(&row["prog_type"]);
        let attach = text(&row["attach_type"]);
        Ok(Self {
            file: text(&row["file"]),
            name: text(&row["name"]),
            reason: text(&row["reason_6_18"]),
            functions: starts.values().copied().collect(),
            insns,
            references,
            maps,
            program_type: ProgramType::ALL
                .iter()
                .copied()
                .find(|program_type| program_type.kernel_name() == kind),
            attach_type: AttachType::ALL
                .iter()
                .copied()
                .find(|attach_type| attach_type.kernel_name() == attach)
                .or((attach == "0").then_some(AttachType::CgroupInetIngress)),
            gpl: text(&row["license"]).contains("GPL"),
        })
    }

    /// The program as the differential test takes it: maps by their position.
    pub(crate) fn sample(&self) -> Option<Sample> {
        let mut insns = self.insns.clone();
        for reference in &self.references {
            let ReferenceKind::Map(map) = reference.kind else {
                return None;
            };
            let slot = reference.insn as usize;
            insns[slot] = insns[slot].with_src(1).with_imm(i32::from(map));
        }
        Some(Sample {
            program_type: self.program_type?,
            attach_type: self.attach_type,
            insns,
            maps: self
                .maps
                .iter()
                .map(|map| Map {
                    map_type: map.map_type,
                    key_size: map.key_size,
                    value_size: map.value_size,
                    max_entries: map.max_entries,
                    flags: map.flags,
                    holds: Holds::Bytes,
                })
                .collect(),
            gpl: true,
            global: None,
        })
    }

    fn program(&self) -> Program<'_> {
        let mut program = Program::new(&self.insns);
        let _ = &self.functions;
        program.references.clone_from(&self.references);
        program.maps = self.maps.iter().cloned().map(Some).collect();
        program.program_type = self.program_type;
        program.attach_type = self.attach_type;
        program.gpl_compatible = Some(self.gpl);
        program.min_kernel = FIRST;
        program
    }
}

/// The function of this name, or the first, and those that it reaches.
fn reached<'a>(all: &[&'a Value], main: &Value) -> Vec<&'a Value> {
    let named = |name: &Value| all.iter().position(|function| function["name"] == *name);
    let mut order = vec![named(main).unwrap_or(0)];
    let mut next = 0;
    while let Some(&at) = order.get(next) {
        next += 1;
        let Some(function) = all.get(at) else {
            return Vec::new();
        };
        for reloc in function["relocs"].as_array().into_iter().flatten() {
            if let Some(callee) = named(&reloc["symbol"])
                && !order.contains(&callee)
            {
                order.push(callee);
            }
        }
    }
    order.into_iter().map(|at| all[at]).collect()
}

type Named = BTreeMap<(String, String), u32>;

/// The instruction that 6.18's log of each program stops at.
fn named_instructions(file: &Path, logs: Option<&Path>) -> Result<Named> {
    let guesses = [
        file.with_file_name("rejections.jsonl"),
        file.parent()
            .and_then(Path::parent)
            .unwrap_or(Path::new("."))
            .join("logs/rejections.jsonl"),
    ];
    let path = match logs {
        Some(path) => path,
        None => match guesses.iter().find(|guess| guess.exists()) {
            Some(guess) => guess,
            None => return Ok(Named::new()),
        },
    };
    let mut named = Named::new();
    for line in read(path)?.lines() {
        let row: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        if row["kernel"] != "6.18" {
            continue;
        }
        let log = row["log"].as_str().unwrap_or_default();
        let last = log.lines().rev().find_map(|line| {
            let (number, rest) = line.split_once(": (")?;
            rest.as_bytes().get(2).filter(|&&byte| byte == b')')?;
            number.parse().ok()
        });
        if let (Some(last), Some(file), Some(name)) =
            (last, row["file"].as_str(), row["name"].as_str())
        {
            named.insert((file.to_owned(), name.to_owned()), last);
        }
    }
    Ok(named)
}

/// How predictions turned out, by kernel.
#[derive(Default)]
struct Forecast {
    kernels: BTreeMap<KernelVersion, KernelForecast>,
}

#[derive(Default)]
struct KernelForecast {
    accepted: u32,
    refused: u32,
    predictions: Predictions,
}

impl Forecast {
    fn count(&mut self, case: &Case, row: &Value, no_error: bool, list: bool) {
        for (kernel, verdict) in row["verdicts"].as_object().into_iter().flatten() {
            let Some(version) = KernelVersion::parse(kernel) else {
                continue;
            };
            let accepted = match verdict.as_str() {
                Some("accepted") => true,
                Some("rejected") => false,
                _ => continue,
            };
            let mut program = case.program();
            program.min_kernel = version;
            let findings = predict_on(&program, &[version]);
            let of_kernel = self.kernels.entry(version).or_default();
            of_kernel.accepted += u32::from(accepted);
            of_kernel.refused += u32::from(!accepted);
            of_kernel.predictions.count(&findings, accepted, no_error);
            if let Some(finding) = findings.first()
                && accepted
            {
                println!(
                    "WRONG PREDICTION for {version} {} {}: {} at {}: {} ({})",
                    case.file,
                    case.name,
                    finding.rule,
                    finding.insn,
                    finding.message,
                    finding.kernel
                );
            } else if findings.is_empty() && !accepted && list {
                println!("not predicted for {version}: {} {}", case.file, case.name);
            }
        }
    }

    fn print(&self) {
        for (version, of_kernel) in &self.kernels {
            println!("Linux {version}:");
            of_kernel
                .predictions
                .print(of_kernel.accepted, of_kernel.refused);
        }
    }
}

#[derive(Default)]
struct Tally {
    accepted: u32,
    false_alarms: u32,
    rejected: u32,
    found: u32,
    located: u32,
    on_named: u32,
    reasons: BTreeMap<String, (u32, u32)>,
    codes: BTreeMap<&'static str, u32>,
    seen: BTreeSet<&'static str>,
}

impl Tally {
    fn count(
        &mut self,
        case: &Case,
        verdict: Verdict,
        findings: &[ebpf_asm::check::Finding],
        named: &Named,
        list: bool,
    ) {
        let first = findings.first();
        match verdict {
            Verdict::Accepted => {
                self.accepted += 1;
                if let Some(finding) = first {
                    self.false_alarms += 1;
                    println!(
                        "FALSE ALARM {} {}: {} at {}: {} ({})",
                        case.file,
                        case.name,
                        finding.rule,
                        finding.insn,
                        finding.message,
                        finding.kernel
                    );
                }
            }
            Verdict::Rejected => {
                self.rejected += 1;
                let reason = reason_class(&case.reason);
                let of_reason = self.reasons.entry(reason).or_default();
                of_reason.1 += 1;
                let Some(finding) = first else {
                    if list {
                        println!("not found: {} {}: {}", case.file, case.name, case.reason);
                    }
                    return;
                };
                of_reason.0 += 1;
                self.found += 1;
                *self.codes.entry(finding.rule.as_str()).or_default() += 1;
                self.seen.insert(finding.rule.as_str());
                if let Some(&at) = named.get(&(case.file.clone(), case.name.clone())) {
                    self.located += 1;
                    if at == finding.insn {
                        self.on_named += 1;
                    } else if list {
                        println!(
                            "elsewhere: {} {}: {} at {} ({}), the kernel at {at}: {}",
                            case.file,
                            case.name,
                            finding.rule,
                            finding.insn,
                            finding.kernel,
                            case.reason
                        );
                    }
                }
            }
            Verdict::Neither => {}
        }
    }

    fn print(&self) {
        println!("by reason (found of rejected):");
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by_key(|(_, (_, all))| std::cmp::Reverse(*all));
        for (reason, (found, all)) in reasons {
            println!("{found:>5} of {all:<4} {reason}");
        }
        println!("by code:");
        for (code, count) in &self.codes {
            println!("{count:>5} {code}");
        }
        println!(
            "on the instruction that the kernel names: {} of {} found ({})",
            self.on_named,
            self.located,
            percent(self.on_named, self.located)
        );
        println!(
            "false alarms: {} of {} accepted",
            self.false_alarms, self.accepted
        );
        println!(
            "found: {} of {} rejected ({})",
            self.found,
            self.rejected,
            percent(self.found, self.rejected)
        );
    }
}

fn percent(part: u32, whole: u32) -> String {
    match whole {
        0 => "-".to_owned(),
        _ => format!("{:.1} %", 100.0 * f64::from(part) / f64::from(whole)),
    }
}

/// A reason without its numbers and registers.
fn reason_class(reason: &str) -> String {
    let mut class = String::new();
    let mut last_digit = false;
    for character in reason.chars() {
        let digit = character.is_ascii_digit();
        if !digit {
            class.push(character);
        } else if !last_digit {
            class.push(if class.ends_with('R') || class.is_empty() {
                '_'
            } else {
                'N'
            });
        }
        last_digit = digit;
    }
    class.truncate(
        class
            .char_indices()
            .nth(90)
            .map_or(class.len(), |(at, _)| at),
    );
    class
}
