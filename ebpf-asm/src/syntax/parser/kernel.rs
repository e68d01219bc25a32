//! What is the kernel's: `extern "kernel" { … }`, `offsetof(task_struct.pid)`.

use super::{Parser, Result};
use crate::diag::{Diagnostic, Rule};
use crate::object::KernelConstantKind;
use crate::syntax::ast::{Attribute, KernelConstant, KernelItem, KernelItemKind, KernelItems};
use crate::syntax::{Delimiter, TokenKind};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

impl Parser<'_> {
    /// `extern "kernel" { … }`
    pub(super) fn kernel_items(&mut self, attributes: Vec<Attribute>) -> Result<KernelItems> {
        self.position += 1;
        let token = self.peek();
        if token.kind != TokenKind::Literal || self.text(token) != "\"kernel\"" {
            let found = self.describe(token);
            let diagnostic = Diagnostic::error(
                Rule::UnknownItem,
                token.span,
                format!("expected `\"kernel\"` behind `extern`, found {found}"),
            )
            .with_help("only the kernel has functions and variables for programs: `extern \"kernel\" { fn name(…) -> i32; static name: u64; }`");
            return Err(self.report(diagnostic));
        }
        self.position += 1;
        let close = self.expect_open(Delimiter::Brace, "`{` and the declarations")?;
        let mut items = Vec::new();
        while self.position < close {
            match self.kernel_item() {
                Ok(item) => items.push(item),
                Err(_) => self.recover_item(close),
            }
        }
        self.position = close + 1;
        Ok(KernelItems { attributes, items })
    }

    fn kernel_item(&mut self) -> Result<KernelItem> {
        let attributes = self.attributes()?;
        let start = self.position;
        let token = self.peek();
        let word = match token.kind {
            TokenKind::Word => self.text(token),
            _ => "",
        };
        let (name, kind) = match word {
            "fn" => {
                self.position += 1;
                let name = self.name("the name of a kernel function")?;
                let (parameters, output) = self.signature()?;
                (name, KernelItemKind::Function { parameters, output })
            }
            "static" => {
                self.position += 1;
                if self.is_word(0, "mut") {
                    let message =
                        "variables of the kernel are not `mut`: programs cannot write them";
                    return self.error(Rule::UnknownItem, self.peek().span, message);
                }
                let name = self.name("the name of a kernel variable")?;
                self.expect(":", "and the type of the variable")?;
                let ty = self.tokens_until(&['=', ';']);
                if ty.is_empty() {
                    return self.unexpected("the type of the variable");
                }
                (name, KernelItemKind::Variable { ty })
            }
            _ => {
                let found = self.describe(token);
                let diagnostic = Diagnostic::error(
                    Rule::UnknownItem,
                    token.span,
                    format!("expected a function or variable of the kernel, found {found}"),
                )
                .with_help("write `fn name(…) -> i32;` or `static name: u64;`");
                return Err(self.report(diagnostic));
            }
        };
        let declaration = self.range(start, self.position);
        let opened = matches!(
            self.peek().kind,
            TokenKind::Open {
                delimiter: Delimiter::Brace,
                ..
            }
        );
        if opened || self.is_punct(0, '=') {
            let diagnostic = Diagnostic::error(
                Rule::UnexpectedToken,
                self.peek().span,
                format!("`{}` is the kernel's and is only declared here", name.text),
            )
            .with_help("end the declaration with `;`");
            return Err(self.report(diagnostic));
        }
        self.expect(";", "behind the declaration")?;
        Ok(KernelItem {
            attributes,
            name,
            kind,
            declaration,
        })
    }

    /// Whether `offsetof(` or one of the others comes next.
    pub(super) fn begins_kernel_constant(&self) -> Option<KernelConstantKind> {
        let token = self.peek();
        let opened = matches!(
            self.peek_at(1).kind,
            TokenKind::Open {
                delimiter: Delimiter::Parenthesis,
                ..
            }
        );
        if token.kind != TokenKind::Word || !opened {
            return None;
        }
        let word = self.text(token);
        let mut kinds = KernelConstantKind::ALL.iter().copied();
        kinds.find(|kind| kind.name() == word)
    }

    /// `offsetof(task_struct.se.vruntime)`, `sizeof(task_struct)`, `exists(task_struct.pid)`,
    /// `enumval(bpf_func_id.BPF_FUNC_loop)`
    pub(super) fn kernel_constant(&mut self, kind: KernelConstantKind) -> Result<KernelConstant> {
        self.position += 2;
        let c_keyword = ["struct", "union", "enum"];
        if c_keyword.iter().any(|word| self.is_word(0, word))
            && self.peek_at(1).kind == TokenKind::Word
        {
            let word = self.text(self.peek());
            let diagnostic = Diagnostic::error(
                Rule::UnexpectedToken,
                self.peek().span,
                format!("types of the kernel are named without `{word}`"),
            )
            .with_help("leave it out");
            return Err(self.report(diagnostic));
        }
        let ty = self.kernel_name("the name of a type of the kernel")?;
        let mut path = String::new();
        loop {
            let indexed = matches!(
                self.peek().kind,
                TokenKind::Open {
                    delimiter: Delimiter::Bracket,
                    ..
                }
            );
            if indexed {
                if path.is_empty() {
                    return self.unexpected("`.` and a member");
                }
                self.position += 1;
                let (index, _) = self.unsigned_number("the number of an element")?;
                self.expect_close(Delimiter::Bracket, "`]` behind the number")?;
                path.push_str(&format!("[{index}]"));
            } else if self.is_punct(0, '-') && self.is_punct(1, '>') {
                let diagnostic = Diagnostic::error(
                    Rule::UnexpectedToken,
                    self.peek().span,
                    "what is behind a pointer is in another place of memory",
                )
                .with_help(format!(
                    "load the pointer first, and name the struct that it points to: `{}(type.member)`",
                    kind.name()
                ));
                return Err(self.report(diagnostic));
            } else if self.eat(".") {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&self.kernel_name("the name of a member")?);
            } else {
                break;
            }
        }
        if path.is_empty() && kind.needs_path() {
            let what = match kind {
                KernelConstantKind::EnumValue => "`.` and the name of a value",
                _ => "`.` and a member",
            };
            return self.unexpected(what);
        }
        self.expect_close(Delimiter::Parenthesis, "`)` at the end")?;
        Ok(KernelConstant { kind, ty, path })
    }

    /// A name of C's, which may be a word of this language or of Rust.
    fn kernel_name(&mut self, what: &str) -> Result<String> {
        if self.peek().kind != TokenKind::Word {
            return self.unexpected(what);
        }
        Ok(self.take_name().text)
    }
}

#[cfg(test)]
mod tests {
    use crate::object::KernelConstantKind;
    use crate::syntax::words;
    use alloc::vec::Vec;

    #[test]
    fn each_fact_has_its_word() {
        let mut names: Vec<&str> = KernelConstantKind::ALL.iter().map(|k| k.name()).collect();
        names.sort_unstable();
        assert_eq!(names, words::FACTS);
    }
}
