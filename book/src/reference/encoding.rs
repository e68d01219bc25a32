//! The drawing of an instruction's slots.

use ebpf_asm::isa::{Definition, Field, Form};

/// What the fields of a row hold, as a table of HTML: a head with the fields' names, and a row
/// for each slot.
pub(super) fn drawn(row: &Definition) -> String {
    let mut html = String::from(
        "<table class=\"slot\"><thead><tr><th>opcode</th><th>dst</th><th>src</th>\
         <th>off</th><th>imm</th></tr></thead><tbody>",
    );
    let first = [
        format!("{:#04x}", row.opcode),
        cell(row.dst, "D"),
        cell(row.src, "S"),
        cell(row.offset, offset_name(row.form)),
        cell(row.imm, imm_name(row.form)),
    ];
    html.push_str(&cells(&first));
    if row.slots() == 2 {
        let second = ["0x00", "0", "0", "0", high_name(row.form)].map(String::from);
        html.push_str(&cells(&second));
    }
    html + "</tbody></table>"
}

fn cells(cells: &[String]) -> String {
    let cells = cells.iter().map(|cell| format!("<td>{cell}</td>"));
    format!("<tr>{}</tr>", cells.collect::<String>())
}

fn cell(field: Field, operand: &str) -> String {
    match field {
        Field::Operand => format!("<var>{operand}</var>"),
        Field::Fixed(value) if (0..10).contains(&value) => value.to_string(),
        Field::Fixed(value) if value < 0 => value.to_string(),
        Field::Fixed(value) => format!("{value:#x}"),
    }
}

/// The operand that is in the offset.
fn offset_name(form: Form) -> &'static str {
    match form {
        Form::Branch(..) | Form::Goto | Form::MayGoto => "distance",
        Form::CallKfunc => "index",
        _ => "OFF",
    }
}

/// The operand that is in the immediate, or in its lower half.
fn imm_name(form: Form) -> &'static str {
    use ebpf_asm::isa::ImmediateSource as Source;
    match form {
        Form::GotoLong | Form::CallLocal => "distance",
        Form::CallHelper => "helper",
        Form::CallKfunc => "BTF id",
        Form::AddressSpaceCast => "to &lt;&lt; 16 | from",
        Form::LoadImm64(Source::Value) => "lower half",
        Form::LoadImm64(Source::MapFd | Source::MapValue) => "descriptor",
        Form::LoadImm64(Source::BtfId) => "BTF id",
        Form::LoadImm64(Source::Function) => "distance",
        Form::LoadImm64(Source::MapIndex | Source::MapIndexValue) => "index",
        _ => "IMM",
    }
}

fn high_name(form: Form) -> &'static str {
    use ebpf_asm::isa::ImmediateSource as Source;
    match form {
        Form::LoadImm64(Source::Value) => "<var>upper half</var>",
        Form::LoadImm64(Source::MapValue | Source::MapIndexValue) => "<var>offset</var>",
        Form::LoadImm64(Source::BtfId) => "<var>module’s descriptor, or 0</var>",
        _ => "0",
    }
}
