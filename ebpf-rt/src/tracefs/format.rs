//! The record of a trace point, as tracefs describes it.

use crate::{Errno, Error};
use ebpf_asm::object::RecordField;

/// The record that a trace point makes: the context of
/// [`Tracepoint`](crate::programs::Tracepoint) programs.
///
/// ```
/// use ebpf_rt::tracefs::Tracefs;
///
/// # kernel_test::example!();
/// let format = Tracefs::open()?.format("sched", "sched_process_exec")?;
/// let pid = format.field("pid")?;
/// println!("pid is {} bytes at offset {}", pid.size, pid.offset);
/// assert!(format.field("pidd").unwrap_err().to_string().contains("did you mean `pid`"));
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Format {
    /// The trace point's directory and name: `sched:sched_process_exec`.
    pub name: String,
    /// Its number.
    pub id: u64,
    /// The fields, in their order; the first four are common to all records.
    pub fields: Vec<Field>,
}

/// A field of a record.
///
/// ```
/// use ebpf_rt::tracefs::Tracefs;
///
/// # kernel_test::example!();
/// let format = Tracefs::open()?.format("sched", "sched_process_exec")?;
/// // Texts are elsewhere in the record: the field says where.
/// let filename = format.field("filename")?;
/// assert!(filename.is_location && filename.type_name.contains("char"));
/// let pid = format.field("pid")?;
/// assert!(pid.is_signed && pid.size == 4);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// Its name: `filename`.
    pub name: String,
    /// Its type in C, without the length of an array: `char`.
    pub type_name: String,
    /// Where it begins in the record.
    pub offset: u32,
    /// Its bytes; of an array, of the whole.
    pub size: u32,
    /// Whether it is a number with a sign.
    pub is_signed: bool,
    /// Whether it says where the value is, and is not the value (`__data_loc`): the lower half
    /// is the offset in the record, the upper half the size.
    pub is_location: bool,
}

impl Format {
    /// The field of this name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), with names that are spelled alike,
    /// if there is none.
    pub fn field(&self, name: &str) -> Result<&Field, Error> {
        if let Some(field) = self.fields.iter().find(|field| field.name == name) {
            return Ok(field);
        }
        let names: Vec<String> = self.fields.iter().map(|field| field.name.clone()).collect();
        let error = Error::failed(
            format!("looking up a field of {}", self.name),
            Errno::ENOENT,
        )
        .because(format!("its record has no field `{name}`"));
        let similar = crate::similar::names(name, &names);
        let quoted = |names: &[String]| {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            names
        };
        Err(match similar.is_empty() {
            true => error.remedy(format!("it has {}", quoted(&names).join(", "))),
            false => error.remedy(format!("did you mean {}?", quoted(&similar).join(" or "))),
        })
    }

    /// Whether the fields are where a program takes them to be:
    /// [`TracepointRecord::FIELDS`](crate::context::TracepointRecord::FIELDS).
    ///
    /// ```
    /// use ebpf_rt::TracepointRecord;
    /// use ebpf_rt::context::TracepointRecord as _;
    /// use ebpf_rt::tracefs::Tracefs;
    ///
    /// /// What the tool believes of `sched_process_exec`.
    /// #[derive(TracepointRecord)]
    /// #[repr(C)]
    /// struct Exec {
    ///     common: [u8; 8],
    ///     filename: u32,
    ///     pid: i32,
    /// }
    ///
    /// # kernel_test::example!();
    /// let format = Tracefs::open()?.format("sched", "sched_process_exec")?;
    /// println!("{:?}", format.check(Exec::FIELDS));
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of the first that is not: [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is
    /// none of that name, [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if it is elsewhere or
    /// of another size.
    pub fn check(&self, fields: &[RecordField]) -> Result<(), Error> {
        for wanted in fields {
            let found = self.field(wanted.name)?;
            if (found.offset, found.size) != (wanted.offset, wanted.size) {
                return Err(Error::invalid(format!(
                    "the program takes the field `{}` of {} to be {} bytes at offset {}, and this \
                     kernel has it with {} bytes at offset {}",
                    wanted.name, self.name, wanted.size, wanted.offset, found.size, found.offset
                ))
                .remedy("give the record this kernel's layout"));
            }
        }
        Ok(())
    }
}

/// Reads the text of the file `format`; `None` if it is not one.
pub(super) fn parse(name: String, text: &str) -> Option<Format> {
    let id = text.lines().find_map(|line| line.strip_prefix("ID:"))?;
    let lines = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("field:"));
    Some(Format {
        name,
        id: id.trim().parse().ok()?,
        fields: lines.map(parse_field).collect::<Option<_>>()?,
    })
}

/// `unsigned short common_type; offset:0; size:2; signed:0;`
fn parse_field(line: &str) -> Option<Field> {
    let mut parts = line.split(';').map(str::trim);
    let declaration = parts.next()?;
    let number = |part: Option<&str>, name: &str| -> Option<u32> {
        part?.strip_prefix(name)?.strip_prefix(':')?.parse().ok()
    };
    let offset = number(parts.next(), "offset")?;
    let size = number(parts.next(), "size")?;
    // Kernels before 2.6.36 did not say.
    let is_signed = number(parts.next(), "signed").is_some_and(|signed| signed != 0);
    let (declaration, is_location) = match declaration.strip_prefix("__data_loc ") {
        Some(rest) => (rest, true),
        None => (declaration, false),
    };
    // The length of an array stands behind the name; where it is not known, `[]` before it.
    let declaration = match declaration.split_once('[') {
        Some((before, rest)) if rest.ends_with(']') => before,
        _ => declaration,
    };
    let (type_name, name) = declaration.rsplit_once(' ')?;
    Some(Field {
        name: name.to_owned(),
        type_name: type_name.trim_end_matches("[]").to_owned(),
        offset,
        size,
        is_signed,
        is_location,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXEC: &str = "name: sched_process_exec\nID: 310\nformat:\n\
        \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\
        \tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n\
        \tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n\
        \tfield:__data_loc char[] filename;\toffset:8;\tsize:4;\tsigned:0;\n\
        \tfield:pid_t pid;\toffset:12;\tsize:4;\tsigned:1;\n\
        \tfield:char comm[16];\toffset:16;\tsize:16;\tsigned:0;\n\
        \tfield:const char * path;\toffset:32;\tsize:8;\tsigned:0;\n\n\
        print fmt: \"filename=%s\", __get_str(filename)\n";

    #[test]
    fn fields_are_read() {
        let format = parse("sched:sched_process_exec".into(), EXEC).unwrap();
        assert_eq!((format.id, format.fields.len()), (310, 7));
        let field = |name: &str| {
            let field = format.field(name).unwrap();
            (
                &*field.type_name,
                field.offset,
                field.size,
                field.is_signed,
                field.is_location,
            )
        };
        assert_eq!(field("common_type"), ("unsigned short", 0, 2, false, false));
        assert_eq!(field("filename"), ("char", 8, 4, false, true));
        assert_eq!(field("pid"), ("pid_t", 12, 4, true, false));
        assert_eq!(field("comm"), ("char", 16, 16, false, false));
        assert_eq!(field("path"), ("const char *", 32, 8, false, false));
        let error = format.field("filenme").unwrap_err();
        assert_eq!(
            error.to_string(),
            "looking up a field of sched:sched_process_exec failed with ENOENT: its record has \
             no field `filenme`; did you mean `filename`?"
        );
    }

    #[test]
    fn fields_elsewhere_are_named_with_both_places() {
        let format = parse("sched:sched_process_exec".into(), EXEC).unwrap();
        let check = |name, offset, size| {
            let fields = [
                RecordField::new("comm", 16, 16),
                RecordField::new(name, offset, size),
            ];
            format.check(&fields).map_err(|error| error.to_string())
        };
        assert_eq!(check("pid", 12, 4), Ok(()));
        let message = "the program takes the field `pid` of sched:sched_process_exec to be 8 bytes \
                       at offset 12, and this kernel has it with 4 bytes at offset 12; give the \
                       record this kernel's layout";
        assert_eq!(check("pid", 12, 8).unwrap_err(), message);
        assert!(check("pid", 8, 4).unwrap_err().contains("at offset 8, and"));
        assert!(check("pidd", 8, 4).unwrap_err().contains("no field `pidd`"));
    }

    #[test]
    fn damaged_text_is_no_panic() {
        for end in 0..EXEC.len() {
            let _ = parse(String::new(), &EXEC[..end]);
        }
        assert!(parse(String::new(), "ID: 1\n field:x;offset:0;size:1;").is_none());
    }
}
