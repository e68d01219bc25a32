//! Objects and their items.

use super::{Parser, Result};
use crate::diag::{Diagnostic, Rule, Span};
use crate::syntax::ast::{
    Attribute, ConstItem, Function, Item, Name, Object, Sequence, StaticItem, TokenRange,
};
use crate::syntax::{Delimiter, TokenKind};
use alloc::format;
use alloc::vec::Vec;

impl Parser<'_> {
    /// Whether the source begins like an object: attributes, visibility, `mod`.
    pub(super) fn begins_object(&mut self) -> bool {
        let start = self.position;
        let reported = self.diagnostics.len();
        let attributes = self.attributes().is_ok_and(|list| !list.is_empty());
        self.visibility();
        let result = attributes || self.is_word(0, "mod");
        self.position = start;
        self.diagnostics.truncate(reported);
        result
    }

    pub(super) fn object(&mut self) -> Option<Object> {
        let object = self.try_object().ok()?;
        if self.peek().kind != TokenKind::End {
            let found = self.describe(self.peek());
            let span = self.peek().span;
            let diagnostic = Diagnostic::error(
                Rule::UnexpectedToken,
                span,
                format!("expected the end behind the object, found {found}"),
            )
            .with_help("one block holds one `mod`; write another block for another object");
            self.report(diagnostic);
        }
        Some(object)
    }

    fn try_object(&mut self) -> Result<Object> {
        let attributes = self.attributes()?;
        let visibility = self.visibility();
        if !self.eat_word("mod") {
            let token = self.peek();
            let found = self.describe(token);
            let diagnostic = Diagnostic::error(
                Rule::UnexpectedToken,
                token.span,
                format!("expected `mod name {{ … }}`, found {found}"),
            )
            .with_help("an object is a module: `#[license = \"GPL\"] pub mod name { … }`");
            return Err(self.report(diagnostic));
        }
        let name = self.name("the name of an object")?;
        let close = self.expect_open(Delimiter::Brace, "`{` and the items of the object")?;
        self.options.relaxed |= is_relaxed(&attributes);
        let mut items = Vec::new();
        while self.position < close {
            match self.item() {
                Ok(item) => items.push(item),
                Err(_) => self.recover_item(close),
            }
        }
        self.position = close + 1;
        Ok(Object {
            attributes,
            visibility,
            name,
            items,
        })
    }

    /// Goes on behind the item that could not be read: its `;` or its braces.
    pub(super) fn recover_item(&mut self, end: u32) {
        while self.position < end {
            match self.tokens.get(self.position).kind {
                TokenKind::Punct { character: ';', .. } => {
                    self.position += 1;
                    return;
                }
                TokenKind::Open { delimiter, close } => {
                    self.position = close + 1;
                    if delimiter == Delimiter::Brace {
                        return;
                    }
                }
                _ => self.position += 1,
            }
        }
        self.position = end;
    }

    pub(super) fn attributes(&mut self) -> Result<Vec<Attribute>> {
        let mut attributes = Vec::new();
        while self.is_punct(0, '#') {
            let start = self.position;
            self.position += 1;
            if self.is_punct(0, '!') {
                let message = "inner attributes have no place here: write `#[…]` before the item";
                return self.error(Rule::UnknownAttribute, self.peek().span, message);
            }
            let close = self.expect_open(Delimiter::Bracket, "`[` behind `#`")?;
            // A macro fragment `$attribute:meta` arrives in invisible brackets.
            let inner = match self.peek().kind {
                TokenKind::Open {
                    delimiter: Delimiter::Invisible,
                    close: end,
                } if end + 1 == close => {
                    self.position += 1;
                    end
                }
                _ => close,
            };
            let content = self.range(self.position, inner);
            if self.peek().kind != TokenKind::Word {
                return self.unexpected("the name of an attribute");
            }
            let name = self.take_name();
            self.position = close + 1;
            attributes.push(Attribute {
                name,
                content,
                tokens: self.range(start, close + 1),
            });
        }
        Ok(attributes)
    }

    /// `pub`, `pub(crate)`, `pub(in path)` or nothing.
    fn visibility(&mut self) -> TokenRange {
        let start = self.position;
        // A macro fragment `$vis` arrives in invisible brackets.
        if let TokenKind::Open {
            delimiter: Delimiter::Invisible,
            close,
        } = self.peek().kind
            && (self.is_word(1, "pub") || close == self.position + 1)
        {
            self.position = close + 1;
            return self.range(start, self.position);
        }
        if self.eat_word("pub")
            && let TokenKind::Open {
                delimiter: Delimiter::Parenthesis,
                close,
            } = self.peek().kind
        {
            self.position = close + 1;
        }
        self.range(start, self.position)
    }

    fn item(&mut self) -> Result<Item> {
        let attributes = self.attributes()?;
        let visibility = self.visibility();
        let token = self.peek();
        let word = if token.kind == TokenKind::Word {
            self.text(token)
        } else {
            ""
        };
        match word {
            "static" => self.static_item(attributes, visibility).map(Item::Static),
            "const" if self.is_word(1, "fn") => self.function_qualifier(),
            "const" => self.const_item(attributes, visibility).map(Item::Const),
            "fn" => self.function(attributes, visibility).map(Item::Function),
            "extern" if self.text(self.peek_at(1)) == "\"user\"" => {
                self.extern_block(&attributes).map(Item::Extern)
            }
            "extern" if !self.is_word(1, "fn") => self.kernel_items(attributes).map(Item::Kernel),
            "unsafe" | "async" | "extern" if self.is_word(1, "fn") => self.function_qualifier(),
            "use" => {
                let start = attributes
                    .first()
                    .map_or(visibility.start, |a| a.tokens.start);
                while !self.is_punct(0, ';') {
                    if matches!(self.peek().kind, TokenKind::End | TokenKind::Close(_)) {
                        return self.unexpected("`;` behind `use`");
                    }
                    match self.peek().kind {
                        TokenKind::Open { close, .. } => self.position = close + 1,
                        _ => self.position += 1,
                    }
                }
                self.position += 1;
                Ok(Item::Use(self.range(start, self.position)))
            }
            _ => {
                let found = self.describe(token);
                let mut diagnostic = Diagnostic::error(
                    Rule::UnknownItem,
                    token.span,
                    format!("expected an item of an object, found {found}"),
                )
                .with_help(
                    "an object holds maps (`static`), constants (`const`) and functions (`fn`)",
                );
                diagnostic = match word {
                    "unsafe" => diagnostic.with_note("functions and variables of the kernel are declared in `extern \"kernel\" { … }`"),
                    "struct" | "enum" | "union" | "type" | "mod" | "impl" | "trait" => {
                        diagnostic.with_note("the object sees everything around it: define types outside the block")
                    }
                    _ => diagnostic,
                };
                Err(self.report(diagnostic))
            }
        }
    }

    fn function_qualifier<T>(&mut self) -> Result<T> {
        let token = self.peek();
        let message = format!("`{}` has no meaning for an eBPF function", self.text(token));
        let diagnostic = Diagnostic::error(Rule::Signature, token.span, message)
            .with_help("write `fn name(ctx: *mut c_void) -> i32 { … }`");
        Err(self.report(diagnostic))
    }

    fn static_item(
        &mut self,
        attributes: Vec<Attribute>,
        visibility: TokenRange,
    ) -> Result<StaticItem> {
        self.position += 1;
        if self.is_word(0, "mut") {
            let diagnostic = Diagnostic::error(
                Rule::UnknownItem,
                self.peek().span,
                "maps and globals are not `mut`: their handles allow changes by themselves",
            )
            .with_help("leave `mut` out");
            return Err(self.report(diagnostic));
        }
        let name = self.name("the name of a map")?;
        if self.is_punct(0, '=') {
            let diagnostic = Diagnostic::error(
                Rule::UnexpectedToken,
                self.peek().span,
                format!("the type of `{}` is missing", name.text),
            )
            .with_help(format!(
                "write `static {}: HashMap<u32, u64> = …`",
                name.text
            ));
            return Err(self.report(diagnostic));
        }
        self.expect(":", "and the type of the map")?;
        let ty = self.tokens_until(&['=', ';']);
        if ty.is_empty() {
            return self.unexpected("the type of the map");
        }
        if self.is_punct(0, ';') {
            let diagnostic = Diagnostic::error(
                Rule::UnexpectedToken,
                name.span,
                format!("`{}` has no definition", name.text),
            )
            .with_help("sizes are never guessed: write `= HashMap::with_max_entries(1024)`");
            return Err(self.report(diagnostic));
        }
        self.expect("=", "and the definition of the map")?;
        let value = self.tokens_until(&[';']);
        if value.is_empty() {
            return self.unexpected("the definition of the map");
        }
        self.expect(";", "behind the definition")?;
        Ok(StaticItem {
            attributes,
            visibility,
            name,
            ty,
            value,
        })
    }

    fn const_item(
        &mut self,
        attributes: Vec<Attribute>,
        visibility: TokenRange,
    ) -> Result<ConstItem> {
        self.position += 1;
        let name = self.name("the name of a constant")?;
        self.expect(":", "and the type of the constant")?;
        let ty = self.tokens_until(&['=', ';']);
        if ty.is_empty() {
            return self.unexpected("the type of the constant");
        }
        let mut value = None;
        if self.eat("=") {
            let range = self.tokens_until(&[';']);
            if range.is_empty() {
                return self.unexpected("the value of the constant");
            }
            value = Some(range);
        }
        self.expect(";", "behind the constant")?;
        Ok(ConstItem {
            attributes,
            visibility,
            name,
            ty,
            value,
        })
    }

    fn function(&mut self, attributes: Vec<Attribute>, visibility: TokenRange) -> Result<Function> {
        self.position += 1;
        let name = self.name("the name of a function")?;
        if self.is_punct(0, '<') {
            let diagnostic = Diagnostic::error(
                Rule::Generics,
                self.peek().span,
                "eBPF functions cannot be generic: there is one copy of each",
            );
            return Err(self.report(diagnostic));
        }
        let (parameters, output) = self.signature()?;
        if self.is_word(0, "where") {
            let message = "eBPF functions cannot be generic: there is one copy of each";
            return self.error(Rule::Generics, self.peek().span, message);
        }
        let close = self.expect_open(Delimiter::Brace, "`{` and the instructions")?;
        let outer = self.options;
        self.options.relaxed |= is_relaxed(&attributes);
        let body = self.sequence(close);
        self.options = outer;
        self.position = close + 1;
        self.warn_if_empty(&name, &body);
        Ok(Function {
            attributes,
            visibility,
            name,
            parameters,
            output,
            body,
        })
    }

    /// `(a: A, b: B) -> T`: what is between the parentheses and the type behind `->`.
    pub(super) fn signature(&mut self) -> Result<(TokenRange, TokenRange)> {
        let close = self.expect_open(Delimiter::Parenthesis, "`(` and the parameters")?;
        let parameters = self.range(self.position, close);
        self.position = close + 1;
        let mut output = self.range(self.position, self.position);
        if self.eat("->") {
            let start = self.position;
            while !matches!(
                self.peek().kind,
                TokenKind::Open {
                    delimiter: Delimiter::Brace,
                    ..
                } | TokenKind::End
                    | TokenKind::Close(_)
            ) && !self.is_punct(0, ';')
            {
                match self.peek().kind {
                    TokenKind::Open { close, .. } => self.position = close + 1,
                    _ => self.position += 1,
                }
            }
            output = self.range(start, self.position);
        }
        Ok((parameters, output))
    }

    fn warn_if_empty(&mut self, name: &Name, body: &Sequence) {
        let inside = |span: Span| span.start >= name.span.end && span.end <= body.end.end;
        if body.statements.is_empty() && !self.diagnostics.iter().any(|d| inside(d.span)) {
            let diagnostic = Diagnostic::error(
                Rule::EmptyFunction,
                name.span,
                format!("the function `{}` has no instructions", name.text),
            )
            .with_help("the shortest program is `r0 = 0; exit;`");
            self.report(diagnostic);
        }
    }
}

/// `#[relaxed]`: constants wrap as they do in LLVM.
fn is_relaxed(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|a| a.name.text == "relaxed")
}
