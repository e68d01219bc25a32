bpf::log_lines! {
    enum Line {
        #[log("something of {uid}")]
        Other { uid: u32, number: u64 },
        #[log("process {pid} ends")]
        End { pid: u32, _gap: u64 },
    }
}

fn main() {
    let _ = Line::Other;
    let _ = Line::End;
}
