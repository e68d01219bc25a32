//! Serves the files of the book, as a web server would.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

/// Serves a directory until the process ends; gives the address with its scheme.
pub(crate) fn serve(directory: &Path) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    let directory = directory.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let directory = directory.clone();
            // Browsers open connections before they need them.
            std::thread::spawn(move || answer(stream, &directory));
        }
    });
    Ok(address)
}

fn answer(mut stream: TcpStream, directory: &Path) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or("/");
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let (status, body) = match file(directory, path).map(std::fs::read) {
        Some(Ok(body)) => ("200 OK", body),
        _ => ("404 Not Found", b"there is no such page".to_vec()),
    };
    let kind = match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css",
        "js" => "text/javascript",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: \
         close\r\n\r\n"
    )?;
    stream.write_all(&body)
}

fn file(directory: &Path, path: &str) -> Option<PathBuf> {
    let path = path.strip_prefix('/')?;
    // Nothing outside of the directory.
    (!path.split('/').any(|part| part == "..")).then(|| directory.join(path))
}
