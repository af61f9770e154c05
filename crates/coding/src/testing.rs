//! What the tests share: a world from outside that is always the same, values made from a seed, and
//! the vectors in `docs/formats/vectors/`.
#![expect(clippy::cast_possible_truncation, reason = "tests choose numbers that fit")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use model::outside::{Blocking, Clock, Entropy};
use model::{Code, Outside, Timestamp};

/// The codes of every profile, of every outage of theirs, and of mirrors.
pub const CODES: [Code; 9] = [
    Code { k: 1, m: 0 },
    Code { k: 1, m: 1 },
    Code { k: 1, m: 2 },
    Code { k: 1, m: 7 },
    Code { k: 2, m: 1 },
    Code { k: 2, m: 2 },
    Code { k: 3, m: 1 },
    Code { k: 3, m: 2 },
    Code { k: 4, m: 2 },
];

/// An endless run of bytes that a seed determines.
pub struct Dice(blake3::OutputReader);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof())
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    pub fn vec(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.fill(&mut bytes);
        bytes
    }

    pub fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.bytes())
    }

    /// Below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.u64() % end as u64) as usize
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    pub fn text(&mut self, length_max: usize) -> String {
        const LETTERS: [char; 12] = ['a', 'B', '7', '/', '.', '-', ' ', '%', 'é', '日', '\u{1}', '\u{1f600}'];
        let length = self.below(length_max + 1);
        (0..length).map(|_| self.pick(&LETTERS)).collect()
    }
}

struct Seeded(Mutex<Dice>);

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        self.0.lock().unwrap().0.fill(out);
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn monotonic_ms(&self) -> u64 {
        0
    }
}

struct AtOnce;

impl Blocking for AtOnce {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }
}

/// A world whose randomness comes from a seed.
pub fn outside(seed: u64) -> Outside {
    Outside {
        clock: Arc::new(Still),
        entropy: Arc::new(Seeded(Mutex::new(Dice::new(seed)))),
        blocking: Arc::new(AtOnce),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

pub fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "`{text}`");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Compares named values with the vectors in a file, line by line. `ENTENTE_BLESS=1` writes the file
/// anew, which is right only for a format that nobody has written with yet.
pub fn check_vectors(file: &str, values: &[(&str, Vec<u8>)]) {
    let path = vectors(file);
    let lines: String = values.iter().map(|(name, value)| format!("{name} = {}\n", hex(value))).collect();
    if std::env::var_os("ENTENTE_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &lines).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    for (line, kept) in lines.lines().zip(kept.lines()) {
        assert_eq!(line, kept, "the format differs from {}", path.display());
    }
    assert_eq!(lines.lines().count(), kept.lines().count(), "{}", path.display());
}

/// The vectors of a file by name.
pub fn read_vectors(file: &str) -> BTreeMap<String, Vec<u8>> {
    let kept = std::fs::read_to_string(vectors(file)).unwrap();
    let line = |line: &str| line.split_once(" = ").map(|(name, value)| (name.to_owned(), unhex(value))).unwrap();
    kept.lines().map(line).collect()
}

fn vectors(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats/vectors").join(file)
}
