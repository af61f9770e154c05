//! A little colour, on a terminal alone: headings stand out, and so does what is out or odd.
//!
//! Nothing is told by colour alone. Whoever sets `NO_COLOR`, has a terminal that knows none (`TERM=dumb`), or
//! reads through a pipe or a file gets plain text.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;

/// How a word is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Heading,
    Bad,
    Odd,
}

impl Tone {
    /// The word, so that it is read like this.
    pub fn of(self, word: &str) -> String {
        static COLOURED: OnceLock<bool> = OnceLock::new();
        let variable = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let coloured = *COLOURED.get_or_init(|| coloured(io::stdout().is_terminal(), variable("NO_COLOR"), dumb()));
        self.painted(word, coloured)
    }

    fn painted(self, word: &str, coloured: bool) -> String {
        let code = match self {
            Tone::Plain => None,
            Tone::Heading => Some(1),
            Tone::Bad => Some(31),
            Tone::Odd => Some(33),
        };
        match code {
            Some(code) if coloured && !word.is_empty() => format!("\x1b[{code}m{word}\x1b[0m"),
            _ => word.to_owned(),
        }
    }
}

fn coloured(terminal: bool, refused: bool, dumb: bool) -> bool {
    terminal && !refused && !dumb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_whose_owner_did_not_refuse_it() {
        for (terminal, refused, dumb, expected) in [
            (true, false, false, true),
            (false, false, false, false),
            (true, true, false, false),
            (true, false, true, false),
        ] {
            assert_eq!(coloured(terminal, refused, dumb), expected);
        }
        assert_eq!(Tone::Bad.painted("out", true), "\u{1b}[31mout\u{1b}[0m");
        assert_eq!(Tone::Bad.painted("out", false), "out");
        assert_eq!(Tone::Plain.painted("well", true), "well");
        assert_eq!(Tone::Heading.painted("", true), "");
    }
}
