//! HTTP by hand: what no well-behaved client would send can be sent.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request as it will lie on the wire.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// `content-length` and `connection: close` are added.
    pub finish: bool,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Request {
        let (method, target) = (method.to_owned(), target.to_owned());
        Request { method, target, headers: Vec::new(), body: Vec::new(), finish: true }
    }

    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.body = body.into();
        self
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let mut line = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
        self.headers.iter().for_each(|(name, value)| line(name, value));
        if self.finish {
            line("connection", "close");
            if self.value("content-length").is_none() && self.value("transfer-encoding").is_none() {
                line("content-length", &self.body.len().to_string());
            }
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The body has as many bytes as its head says.
    pub whole: bool,
}

impl Answer {
    pub fn value(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The texts of all elements with this name.
    pub fn all(&self, element: &str) -> Vec<&str> {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        self.text().split(&open).skip(1).filter_map(|rest| rest.split_once(&close)).map(|(text, _)| text).collect()
    }

    pub fn one(&self, element: &str) -> &str {
        self.all(element).first().copied().unwrap_or_default()
    }

    /// Status and error code.
    pub fn code(&self) -> (u16, &str) {
        (self.status, self.one("Code"))
    }
}

pub async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends on a connection of its own and reads to the end.
pub async fn send(address: SocketAddr, request: &Request) -> Answer {
    let mut stream = connect(address).await;
    // A refusal may close the connection while the body is still on its way.
    let _ = stream.write_all(&[request.head(), request.body.clone()].concat()).await;
    read(&mut stream, &request.method).await.expect("an answer")
}

/// Reads one answer; `None` when the connection ends before a head.
pub async fn read(stream: &mut TcpStream, method: &str) -> Option<Answer> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut body = bytes.split_off(head_end + 4);
    let mut lines = head.split("\r\n");
    let status: u16 = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let split = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers: Vec<_> = lines.filter_map(split).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let wanted = match method {
        "HEAD" => 0,
        _ if [204, 304].contains(&status) => 0,
        _ => length.unwrap_or(usize::MAX),
    };
    while body.len() < wanted && stream.read_buf(&mut body).await.unwrap_or(0) > 0 {}
    let whole = body.len() == wanted || length.is_none();
    Some(Answer { status, headers, body, whole })
}
