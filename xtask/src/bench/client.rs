//! A plain HTTP client: one connection, one request after the other, bodies of known length.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, bail};

use crate::sign::Signer;

/// Bytes read at once. Also how much is buffered, so that larger reads pass the buffer by.
const READ: usize = 1 << 18;

/// Where to connect, and as whom.
#[derive(Clone)]
pub struct Door {
    pub signer: Signer,
}

/// One kept connection, whose requests are signed.
pub struct Connection {
    door: Door,
    wire: Wire,
    /// Requests answered with the server's own failure.
    pub failed: usize,
}

/// What a connection is without its keys.
pub struct Wire {
    stream: BufReader<TcpStream>,
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

/// How the end of a body is known.
enum Framing {
    Length(usize),
    Chunked,
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
        Ok(Connection { door: self.clone(), wire: Wire::connect(&self.signer.host)?, failed: 0 })
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
        self.wire.send(&head, body)?;
        self.wire.answer(keep)
    }

    /// The same, asked again when the server fails or breaks off: not every peer bears 16 clients in one
    /// folder, or gives every body whole. Each time is counted.
    pub fn request_until_served(
        &mut self,
        method: &str,
        path: &str,
        query: &str,
        body: &[u8],
        keep: Keep,
    ) -> Result<Answer> {
        const TRIES: usize = 5;
        for _ in 1..TRIES {
            match self.request(method, path, query, body, keep) {
                Ok(answer) if answer.status < 500 => return Ok(answer),
                Ok(_) => {}
                Err(_) => self.wire = Wire::connect(&self.door.signer.host)?,
            }
            self.failed += 1;
        }
        self.request(method, path, query, body, keep)
    }
}

impl Wire {
    pub fn connect(host: &str) -> Result<Wire> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        Ok(Wire { stream: BufReader::with_capacity(READ, stream), buffer: vec![0; READ] })
    }

    pub fn send(&mut self, head: &str, body: &[u8]) -> Result<()> {
        let stream = self.stream.get_mut();
        if body.len() <= READ {
            stream.write_all(&[head.as_bytes(), body].concat())?;
        } else {
            stream.write_all(head.as_bytes())?;
            stream.write_all(body)?;
        }
        Ok(())
    }

    pub fn answer(&mut self, keep: Keep) -> Result<Answer> {
        let status = self.line()?.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status line")?;
        let framing = self.framing()?;
        let mut body = Vec::new();
        match framing {
            Framing::Length(length) => self.take(length, keep, &mut body)?,
            Framing::Chunked => loop {
                let size = usize::from_str_radix(self.line()?.trim(), 16).context("no chunk size")?;
                self.take(size, keep, &mut body)?;
                self.line()?;
                if size == 0 {
                    break;
                }
            },
        }
        Ok(Answer { status, body })
    }

    /// Reads the headers; what they say of the body.
    fn framing(&mut self) -> Result<Framing> {
        let mut framing = Framing::Length(0);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            match line.split_once(':').map(|(name, value)| (name, value.trim())) {
                None => return Ok(framing),
                Some(("content-length", length)) => framing = Framing::Length(length.parse()?),
                Some(("transfer-encoding", "chunked")) => framing = Framing::Chunked,
                Some(_) => {}
            }
        }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            bail!("the connection ended before the answer");
        }
        Ok(line.trim_end().to_owned())
    }

    fn take(&mut self, mut left: usize, keep: Keep, body: &mut Vec<u8>) -> Result<()> {
        while left > 0 {
            let most = left.min(self.buffer.len());
            let count = self.stream.read(self.buffer.get_mut(..most).unwrap_or_default())?;
            if count == 0 {
                bail!("the connection ended within the body");
            }
            if keep == Keep::Body {
                body.extend_from_slice(self.buffer.get(..count).unwrap_or_default());
            }
            left -= count;
        }
        Ok(())
    }
}
