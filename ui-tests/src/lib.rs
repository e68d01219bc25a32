//! The tests are in `tests/`: `fail` has what must not compile, with rustc's words beside each
//! file, `pass` what must.
