//! A plain HTTP client: one connection, one request after the other, bodies of known length.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, bail};

use crate::sign::Signer;

/// Where to connect, and as whom.
#[derive(Clone)]
pub struct Door {
    pub signer: Signer,
}

/// One kept connection.
pub struct Connection {
    door: Door,
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, its body read.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// What becomes of a body that comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    Body,
    Length,
}

impl Answer {
    pub fn expect_ok(self, what: &str) -> Result<Answer> {
        if self.status != 200 {
            bail!("cannot {what}: {} {}", self.status, String::from_utf8_lossy(&self.body));
        }
        Ok(self)
    }
}

impl Door {
    pub fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(&self.signer.host)?;
        stream.set_nodelay(true)?;
        Ok(Connection { door: self.clone(), stream, buffer: vec![0; 1 << 18] })
    }

    /// One request on a connection of its own.
    pub fn request(&self, method: &str, path: &str, query: &str, body: &[u8]) -> Result<Answer> {
        self.connect()?.request(method, path, query, body, Keep::Body)
    }
}

impl Connection {
    /// Signs, sends and reads the answer to its end.
    pub fn request(&mut self, method: &str, path: &str, query: &str, body: &[u8], keep: Keep) -> Result<Answer> {
        let headers = self.door.signer.headers(method, path, query)?;
        let mark = if query.is_empty() { "" } else { "?" };
        let head = format!("{method} {path}{mark}{query} HTTP/1.1\r\n{headers}content-length: {}\r\n\r\n", body.len());
        if body.len() <= self.buffer.len() {
            self.stream.write_all(&[head.as_bytes(), body].concat())?;
        } else {
            self.stream.write_all(head.as_bytes())?;
            self.stream.write_all(body)?;
        }
        self.answer(keep)
    }

    fn answer(&mut self, keep: Keep) -> Result<Answer> {
        let mut head = Vec::new();
        let end = loop {
            let count = self.stream.read(&mut self.buffer)?;
            if count == 0 {
                bail!("the connection ended before the answer");
            }
            head.extend_from_slice(self.buffer.get(..count).unwrap_or_default());
            if let Some(at) = head.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let mut body = head.split_off(end);
        let head = String::from_utf8_lossy(&head).to_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status line")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.map_or(Ok(0), |length| length.trim().parse())?;
        let mut left = length.saturating_sub(body.len());
        while left > 0 {
            let count = self.stream.read(&mut self.buffer)?;
            if count == 0 {
                bail!("the connection ended within the body");
            }
            if keep == Keep::Body {
                body.extend_from_slice(self.buffer.get(..count).unwrap_or_default());
            }
            left = left.saturating_sub(count);
        }
        Ok(Answer { status, body })
    }
}
