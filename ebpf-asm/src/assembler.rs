//! placeholder
/// x
#[derive(Debug)] pub struct Assembler;
/// x
#[derive(Debug)] pub struct AssemblerError;
/// x
#[derive(Debug)] pub struct Label;
