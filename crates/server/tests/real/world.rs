//! A scratch data directory, the binary run on it, and the least HTTP that tests need.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Far above what anything here takes, so that a hang is a failure and not a stuck run.
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory that is gone at the end.
pub struct World {
    root: PathBuf,
}

impl World {
    pub fn new(name: &str) -> World {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("entente-real-{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(unique);
        fs::create_dir_all(&root).unwrap();
        World { root }
    }

    /// Where nothing but the test writes.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The data directory; not there before the first start.
    pub fn dir(&self) -> PathBuf {
        self.root.join("data")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    /// `entente up` on the data directory and any free port, with these further arguments.
    fn up_command(&self, more: &[&str]) -> Command {
        let mut command = entente();
        command.args(["up", "--data-dir", &self.dir().display().to_string()]);
        if !more.contains(&"--s3-listen") {
            command.args(["--s3-listen", "127.0.0.1:0"]);
        }
        if !more.contains(&"--console-listen") {
            command.args(["--console-listen", "127.0.0.1:0"]);
        }
        command.args(more);
        command
    }

    /// Starts it and waits until it is ready.
    pub fn up(&self) -> Running {
        self.up_with(&["--json"])
    }

    pub fn up_with(&self, more: &[&str]) -> Running {
        Running::start(self.up_command(more), &self.root)
    }

    /// Starts it without waiting.
    pub fn spawn(&self) -> Child {
        self.up_command(&["--json"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Starts it, and finds it refused with this exit code and all of these words.
    pub fn refused(&self, more: &[&str], code: i32, words: &[&str]) {
        check_refused(&wait_for_output(self.up_command(more)), code, words);
    }

    /// Runs another subcommand on the data directory.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = entente();
        command.args(arguments).args(["--data-dir", &self.dir().display().to_string()]);
        wait_for_output(command)
    }

    /// What it prints on stdout, when it succeeds.
    pub fn said(&self, arguments: &[&str]) -> String {
        said(&self.run(arguments))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// The binary under test, with nothing of the caller's environment that it would read.
pub fn entente() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entente"));
    command.env_remove("ENTENTE_LOG").stdin(Stdio::null());
    command
}

pub fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn check_refused(output: &Output, code: i32, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    assert!(output.stdout.is_empty(), "a refused start says nothing on stdout");
}

/// Waits for the end of a command that should end by itself.
pub fn wait_for_output(mut command: Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!("it did not end: {}", String::from_utf8_lossy(&output.stderr));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// A started Entente; killed if the test does not stop it.
pub struct Running {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    /// The first line of stdout.
    pub first_line: String,
    log: PathBuf,
}

/// How a stopped Entente ended.
pub struct Ended {
    pub code: Option<i32>,
    /// What was on stdout behind the first line.
    pub rest: String,
    pub log: String,
}

impl Running {
    pub fn start(mut command: Command, log_dir: &Path) -> Running {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let log = log_dir.join(format!("log-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let mut child = command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first_line = String::new();
        stdout.read_line(&mut first_line).unwrap();
        assert!(!first_line.is_empty(), "it did not start: {}", fs::read_to_string(&log).unwrap());
        Running { child, stdout, first_line, log }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A member of the line of JSON.
    pub fn ready(&self, name: &str) -> String {
        let line: Value = serde_json::from_str(&self.first_line).unwrap();
        line.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no {name}")).to_owned()
    }

    /// Reads stdout until a line contains this.
    pub fn read_until(&mut self, words: &str) -> String {
        let mut text = self.first_line.clone();
        while !text.contains(words) {
            let begun = text.len();
            self.stdout.read_line(&mut text).unwrap();
            assert!(text.len() > begun, "stdout ended: {text}");
        }
        text
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Interrupts it and waits for its end.
    pub fn stop(self) -> Ended {
        self.signal("TERM");
        self.wait()
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn wait(mut self) -> Ended {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < PATIENCE, "it did not stop: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        Ended { code: status.code(), rest, log: self.log() }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Lower-case names.
    pub head: String,
    pub body: String,
}

/// One request over its own connection; `url` may be absolute, `host` is what it says it is.
pub fn http(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let (host, path) = split(url);
    let mut stream = connect(&host);
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head += &format!("Host: {host}\r\n");
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
    read_answer(&mut stream)
}

/// `host:port` and the path of an `http://` URL.
pub fn split(url: &str) -> (String, String) {
    let rest = url.trim().strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    (host.to_owned(), format!("/{path}"))
}

pub fn connect(host: &str) -> TcpStream {
    let stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

pub fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: `{text}`"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

/// Does one thing to one object by a presigned URL.
pub fn s3(world: &World, method: &str, target: &str, body: &str) -> Answer {
    let url = world.said(&["presign", method, target]);
    http(&method.to_uppercase(), &url, &[], body)
}

/// Every file below, with its bytes; the lock and SQLite's transient files left out.
pub fn snapshot(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                todo.push(path);
            } else if name != "lock" && !name.ends_with("-shm") && !name.ends_with("-wal") {
                files.push((path.clone(), fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// Copies a directory with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}
