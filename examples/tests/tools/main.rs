fn main() -> std::process::ExitCode {
    kernel_test::Suite::new().run()
}
