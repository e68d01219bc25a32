//! `extern "user" { … }`: functions that the host of the programs has.

use super::{Parser, Result};
use crate::diag::{Diagnostic, Rule};
use crate::syntax::Delimiter;
use crate::syntax::ast::{Attribute, ExternBlock, ExternFunction};
use alloc::format;
use alloc::vec::Vec;

impl Parser<'_> {
    /// At `extern`, with the host behind it.
    pub(super) fn extern_block(&mut self, attributes: &[Attribute]) -> Result<ExternBlock> {
        if let Some(attribute) = attributes.first() {
            let message = "an `extern` block has no attributes: write them before its functions";
            return self.error(Rule::UnknownAttribute, attribute.name.span, message);
        }
        self.position += 1;
        let host = self.take_name();
        let close = self.expect_open(Delimiter::Brace, "`{` and the functions of the host")?;
        let mut functions = Vec::new();
        while self.position < close {
            match self.extern_function() {
                Ok(function) => functions.push(function),
                // One mistake is reported for each block.
                Err(_) => break,
            }
        }
        self.position = close + 1;
        Ok(ExternBlock { host, functions })
    }

    fn extern_function(&mut self) -> Result<ExternFunction> {
        let attributes = self.attributes()?;
        if !self.eat_word("fn") {
            let found = self.describe(self.peek());
            let diagnostic = Diagnostic::error(
                Rule::UnknownItem,
                self.peek().span,
                format!("expected a function of the host, found {found}"),
            )
            .with_help("write `#[helper = 1] fn name(a: u64) -> u64;`");
            return Err(self.report(diagnostic));
        }
        let name = self.name("the name of a function")?;
        let (parameters, output) = self.signature()?;
        self.expect(";", "behind the declaration: the host has the function")?;
        Ok(ExternFunction {
            attributes,
            name,
            parameters,
            output,
        })
    }
}
