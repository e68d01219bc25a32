// Highlighting of the dialect: a language for highlight.js, and its use for the blocks of Rust
// that hold eBPF. This file is loaded before highlight.js, which mdBook runs at the end of a
// page; so it waits until highlight.js sets its name.
"use strict";

(() => {
    const RUST = "as async const crate else enum extern fn for if impl in let loop match mod move mut " +
        "pub ref return self static struct super trait type unsafe use where while";
    const OPERATIONS = "exit lock ll if";
    const FUNCTIONS = "ld_pseudo addr_space_cast load_acquire store_release skb s8 s16 s32 " +
        "le16 le32 le64 be16 be32 be64 bswap16 bswap32 bswap64 offset_of size_of offsetof exists " +
        "xchg_64 xchg32_32 cmpxchg_64 cmpxchg32_32 " +
        ["add", "or", "and", "xor"].map((name) => `atomic_fetch_${name}`).join(" ");
    const TYPES = "u8 u16 u32 u64 usize i8 i16 i32 i64 isize bool str char Self Option Result Vec String";

    const dialect = (hljs) => {
        const number = {
            className: "number",
            begin: /\b(0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|[0-9][0-9_]*)(u8|u16|u32|u64|i8|i16|i32|i64|usize)?\b/,
        };
        const name = { className: "symbol", begin: /[A-Za-z_]\w*/ };
        return {
            name: "eBPF",
            aliases: ["bpf"],
            keywords: {
                $pattern: /[A-Za-z_]\w*/,
                keyword: `${RUST} ${OPERATIONS}`,
                built_in: FUNCTIONS,
                type: TYPES,
                literal: "true false None Some Ok Err",
            },
            contains: [
                hljs.C_LINE_COMMENT_MODE,
                hljs.C_BLOCK_COMMENT_MODE,
                // Comments of text files; `#[` begins an attribute.
                hljs.COMMENT(/#(?![!\[])/, /$/),
                { className: "meta", begin: /#!?\[/, end: /\]/, contains: [hljs.QUOTE_STRING_MODE] },
                hljs.QUOTE_STRING_MODE,
                { className: "string", begin: /b?'(\\.|[^\\'])'/ },
                { className: "variable", begin: /\b[rw](10|[0-9])\b/ },
                {
                    className: "symbol",
                    begin: /^[ \t]*[A-Za-z_]\w*(?=:([ \t]*$|[ \t]+([rw]\d|\*\(|if|goto|call|exit|lock|\/\/|#)))/,
                },
                {
                    className: "keyword",
                    begin: /\b(may_goto|gotol|gotox|goto)\b/,
                    starts: { end: /(?=;|$)/, contains: [number, name] },
                },
                {
                    className: "keyword",
                    begin: /\bcallx?\b/,
                    starts: {
                        end: /(?=[;\/#]|$)/,
                        contains: [number, { className: "title", begin: /[A-Za-z_]\w*/ }],
                    },
                },
                { className: "title", begin: /\b[A-Za-z_]\w*!(?=\s*[\[({])/ },
                { className: "built_in", begin: /\bbpf_\w+/ },
                number,
            ],
        };
    };

    const LINES = new RegExp("\\bebpf(_asm)?!|^\\s*(" + [
        "[rw]\\d+ (s?[-+*/%|&^]|s?<<|s?>>)?= ",
        "exit;?$",
        "call [a-z_]\\w*;",
        "if [rw]\\d+ ",
        "goto \\w+;",
        "\\*\\([us]\\d+ \\*\\)\\(",
    ].join("|") + ")", "m");

    const prepare = (hljs) => {
        hljs.registerLanguage("ebpf", dialect);
        for (const code of document.querySelectorAll("code.language-rust")) {
            if (LINES.test(code.textContent)) {
                code.classList.replace("language-rust", "language-ebpf");
            }
        }
    };

    let highlighter;
    Object.defineProperty(window, "hljs", {
        configurable: true,
        get: () => highlighter,
        set: (value) => {
            highlighter = value;
            prepare(value);
        },
    });
})();
