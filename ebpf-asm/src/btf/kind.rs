//! The kinds of types.

use crate::kernel_enum::kernel_enum;

kernel_enum! {
    /// A kind of type in BTF, with the kernel's number.
    ///
    /// ```
    /// use ebpf_asm::KernelVersion;
    /// use ebpf_asm::btf::Kind;
    ///
    /// assert_eq!(Kind::Enum64.as_raw(), 19);
    /// assert_eq!(Kind::Enum64.since(), KernelVersion::new(6, 0));
    /// ```
    pub enum Kind {
        /// An integer.
        Int = 1, "BTF_KIND_INT", "int", (4, 18);
        /// A pointer.
        Ptr = 2, "BTF_KIND_PTR", "ptr", (4, 18);
        /// An array.
        Array = 3, "BTF_KIND_ARRAY", "array", (4, 18);
        /// A struct.
        Struct = 4, "BTF_KIND_STRUCT", "struct", (4, 18);
        /// A union.
        Union = 5, "BTF_KIND_UNION", "union", (4, 18);
        /// An enumeration of 32-bit numbers.
        Enum = 6, "BTF_KIND_ENUM", "enum", (4, 18);
        /// A struct or union that is declared only.
        Fwd = 7, "BTF_KIND_FWD", "fwd", (4, 18);
        /// Another name for a type.
        Typedef = 8, "BTF_KIND_TYPEDEF", "typedef", (4, 18);
        /// `volatile`.
        Volatile = 9, "BTF_KIND_VOLATILE", "volatile", (4, 18);
        /// `const`.
        Const = 10, "BTF_KIND_CONST", "const", (4, 18);
        /// `restrict`.
        Restrict = 11, "BTF_KIND_RESTRICT", "restrict", (4, 18);
        /// A function.
        Func = 12, "BTF_KIND_FUNC", "func", (5, 0);
        /// The parameters and result of a function.
        FuncProto = 13, "BTF_KIND_FUNC_PROTO", "func_proto", (5, 0);
        /// A variable.
        Var = 14, "BTF_KIND_VAR", "var", (5, 2);
        /// A section of variables.
        Datasec = 15, "BTF_KIND_DATASEC", "datasec", (5, 2);
        /// A floating-point number.
        Float = 16, "BTF_KIND_FLOAT", "float", (5, 13);
        /// A note on a declaration.
        DeclTag = 17, "BTF_KIND_DECL_TAG", "decl_tag", (5, 16);
        /// A note on a type.
        TypeTag = 18, "BTF_KIND_TYPE_TAG", "type_tag", (5, 17);
        /// An enumeration of 64-bit numbers.
        Enum64 = 19, "BTF_KIND_ENUM64", "enum64", (6, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn kinds_are_the_kernels() {
        crate::kernel_enum::check_kernel_enum!(Kind, 1, "BTF_KIND_");
    }
}
