//! Signature Version 4, written apart from the door's own.

use std::net::SocketAddr;
use std::time::SystemTime;

use ring::{digest, hmac};
use time::OffsetDateTime;

use super::wire::Request;

pub const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
pub const CHUNKED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
pub const CHUNKED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
pub const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

pub struct Signer {
    pub host: String,
    pub access: String,
    pub secret: String,
    pub region: String,
    pub stamp: String,
}

pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// Percent-encodes all but unreserved characters.
pub fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next().unwrap()).to_digit(16).unwrap();
        bytes.push(if byte == b'%' { u8::try_from(digit() * 16 + digit()).unwrap() } else { byte });
    }
    String::from_utf8(bytes).unwrap()
}

impl Signer {
    pub fn new(address: SocketAddr, keys: &(String, String), region: &str) -> Signer {
        let now = OffsetDateTime::from(SystemTime::now());
        let (year, month, day) = now.to_calendar_date();
        let (hour, minute, second) = now.to_hms();
        let stamp = format!("{year:04}{:02}{day:02}T{hour:02}{minute:02}{second:02}Z", u8::from(month));
        let (access, secret) = keys.clone();
        Signer { host: format!("localhost:{}", address.port()), access, secret, region: region.to_owned(), stamp }
    }

    pub fn scope(&self) -> String {
        format!("{}/{}/s3/aws4_request", &self.stamp[..8], self.region)
    }

    fn sign(&self, kind: &str, rest: &str) -> String {
        self.sign_text(&format!("{kind}\n{}\n{}\n{rest}", self.stamp, self.scope()))
    }

    /// Signs a text as it is: the policy of a form, in base64.
    pub fn sign_text(&self, text: &str) -> String {
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in self.scope().split('/') {
            key = mac(&key, part);
        }
        hex::encode(mac(&key, text))
    }

    fn canonical(&self, request: &Request, query: &str, signed: &[String], payload: &str) -> String {
        let path = request.target.split('?').next().unwrap();
        let path: Vec<_> = path.split('/').map(|part| encode(&decode(part))).collect();
        let mut pairs: Vec<_> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| format!("{}={}", encode(&decode(name)), encode(&decode(value))))
            .collect();
        pairs.sort();
        let line = |name: &String| format!("{name}:{}\n", request.value(name).unwrap().trim());
        let lines: String = signed.iter().map(line).collect();
        let signed = signed.join(";");
        sha256(
            format!("{}\n{}\n{}\n{lines}\n{signed}\n{payload}", request.method, path.join("/"), pairs.join("&"))
                .as_bytes(),
        )
    }

    /// Signs in a header. The payload's form is the body's SHA-256 unless the request says another.
    pub fn header(&self, request: Request) -> Request {
        self.header_with_seed(request).0
    }

    /// The same, with the signature that chunks sign on.
    pub fn header_with_seed(&self, request: Request) -> (Request, String) {
        let payload = request.value("x-amz-content-sha256").map_or_else(|| sha256(&request.body), str::to_owned);
        let mut request = request;
        for (name, value) in [("host", &self.host), ("x-amz-date", &self.stamp), ("x-amz-content-sha256", &payload)] {
            if request.value(name).is_none() {
                request = request.header(name, value);
            }
        }
        let mut signed: Vec<_> = request.headers.iter().map(|(name, _)| name.clone()).collect();
        signed.sort();
        let query = request.target.split_once('?').map_or("", |(_, query)| query).to_owned();
        let seed = self.sign("AWS4-HMAC-SHA256", &self.canonical(&request, &query, &signed, &payload));
        let (access, scope) = (&self.access, self.scope());
        let signed = signed.join(";");
        let value = format!("AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={signed}, Signature={seed}");
        (request.header("authorization", &value), seed)
    }

    /// A presigned request; its headers are signed.
    pub fn presigned(&self, request: Request, expires_s: u32) -> Request {
        let mut request = request.header("host", &self.host);
        let mut signed: Vec<_> = request.headers.iter().map(|(name, _)| name.clone()).collect();
        signed.sort();
        let credential = encode(&format!("{}/{}", self.access, self.scope()));
        let (joint, stamp, names) =
            (if request.target.contains('?') { '&' } else { '?' }, &self.stamp, encode(&signed.join(";")));
        request.target.push_str(&format!(
            "{joint}X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={stamp}\
             &X-Amz-Expires={expires_s}&X-Amz-SignedHeaders={names}"
        ));
        let query = request.target.split_once('?').unwrap().1.to_owned();
        let signature = self.sign("AWS4-HMAC-SHA256", &self.canonical(&request, &query, &signed, UNSIGNED));
        request.target.push_str(&format!("&X-Amz-Signature={signature}"));
        request
    }

    /// A PUT in signed chunks, with a signed trailer if one is given.
    pub fn chunked(&self, request: Request, chunk: usize, trailer: Option<(&str, &str)>) -> Request {
        let body = request.body.clone();
        let form = if trailer.is_some() { CHUNKED_TRAILER } else { CHUNKED };
        let mut request = request
            .header("x-amz-content-sha256", form)
            .header("x-amz-decoded-content-length", &body.len().to_string())
            .header("content-encoding", "aws-chunked");
        if let Some((name, _)) = trailer {
            request = request.header("x-amz-trailer", name);
        }
        let (mut request, mut previous) = self.header_with_seed(request);
        let mut framed = Vec::new();
        for chunk in body.chunks(chunk).chain([&[][..]]) {
            let rest = format!("{previous}\n{}\n{}", sha256(b""), sha256(chunk));
            previous = self.sign("AWS4-HMAC-SHA256-PAYLOAD", &rest);
            framed.extend(format!("{:x};chunk-signature={previous}\r\n", chunk.len()).into_bytes());
            if !chunk.is_empty() {
                framed.extend([chunk, b"\r\n"].concat());
            }
        }
        if let Some((name, value)) = trailer {
            let digest = sha256(format!("{name}:{value}\n").as_bytes());
            let signature = self.sign("AWS4-HMAC-SHA256-TRAILER", &format!("{previous}\n{digest}"));
            framed.extend(format!("{name}:{value}\r\nx-amz-trailer-signature:{signature}\r\n").into_bytes());
        }
        framed.extend(b"\r\n");
        request.body = framed;
        request
    }

    /// A PUT in unsigned chunks with a trailer.
    pub fn unsigned_chunks(&self, request: Request, chunk: usize, (name, value): (&str, &str)) -> Request {
        let body = request.body.clone();
        let request = request
            .header("x-amz-content-sha256", UNSIGNED_TRAILER)
            .header("x-amz-decoded-content-length", &body.len().to_string())
            .header("x-amz-trailer", name);
        let mut request = self.header(request);
        let mut framed = Vec::new();
        for chunk in body.chunks(chunk) {
            framed.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            framed.extend([chunk, b"\r\n"].concat());
        }
        framed.extend(format!("0\r\n{name}:{value}\r\n\r\n").into_bytes());
        request.body = framed;
        request
    }
}
