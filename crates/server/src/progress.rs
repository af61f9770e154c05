//! How far a long command is: bars on a terminal, a plain line now and then elsewhere, and lines of JSON for
//! whoever asked for JSON. All of it goes to stderr; stdout is for what comes out in the end.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

/// Between two lines: a log of a long command stays short.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Between two lines of JSON: whoever reads them draws something.
const JSON_EVERY: Duration = Duration::from_secs(1);

/// How it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Bar,
    Lines,
    Json,
}

/// One command's progress: stages one after the other, each of a known or unknown amount.
pub struct Progress {
    style: Style,
    stage: Mutex<Option<Stage>>,
}

struct Stage {
    what: &'static str,
    done: u64,
    of: Option<u64>,
    bar: Option<ProgressBar>,
    told: Instant,
}

impl Progress {
    /// For this process, whose `--json` says whether machines read it.
    pub fn here(as_json: bool) -> Progress {
        let style = match as_json {
            true => Style::Json,
            false if io::stderr().is_terminal() => Style::Bar,
            false => Style::Lines,
        };
        Progress { style, stage: Mutex::default() }
    }

    /// Begins the next stage; the one before it is over.
    pub fn begin(&self, what: &'static str, of: Option<u64>) {
        let bar = (self.style == Style::Bar).then(|| bar(what, of));
        let stage = Stage { what, done: 0, of, bar, told: Instant::now() };
        let before = self.stage.lock().unwrap_or_else(PoisonError::into_inner).replace(stage);
        before.into_iter().for_each(|before| self.finish(before));
    }

    /// So much more of the stage is done.
    pub fn advance(&self, by: u64) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stage) = stage.as_mut() else { return };
        stage.done += by;
        let every = if self.style == Style::Json { JSON_EVERY } else { LINE_EVERY };
        match &stage.bar {
            Some(bar) => bar.inc(by),
            None if stage.told.elapsed() >= every => {
                stage.told = Instant::now();
                say(&line(self.style, stage));
            }
            None => {}
        }
    }

    /// All stages are over.
    pub fn end(&self) {
        let last = self.stage.lock().unwrap_or_else(PoisonError::into_inner).take();
        last.into_iter().for_each(|last| self.finish(last));
    }

    fn finish(&self, stage: Stage) {
        match stage.bar {
            Some(bar) => bar.finish(),
            None => say(&line(self.style, &stage)),
        }
    }
}

fn bar(what: &'static str, of: Option<u64>) -> ProgressBar {
    let (bar, template) = match of {
        Some(of) => (ProgressBar::new(of), "{msg:24} {wide_bar} {human_pos} of {human_len}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{msg:24} {human_pos}, {elapsed}"),
    };
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.with_message(what)
}

fn line(style: Style, Stage { what, done, of, .. }: &Stage) -> String {
    match (style, of) {
        (Style::Json, of) => json!({ "stage": what, "done": done, "of": of }).to_string(),
        (_, Some(of)) => format!("{what}: {done} of {of}"),
        (_, None) => format!("{what}: {done}"),
    }
}

/// Whoever closed stderr wants to hear nothing.
fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_for_people_or_for_machines() {
        let stage = |of| Stage { what: "segments read", done: 3, of, bar: None, told: Instant::now() };
        assert_eq!(line(Style::Lines, &stage(Some(10))), "segments read: 3 of 10");
        assert_eq!(line(Style::Lines, &stage(None)), "segments read: 3");
        assert_eq!(line(Style::Json, &stage(Some(10))), r#"{"done":3,"of":10,"stage":"segments read"}"#);
    }

    #[test]
    fn every_bar_has_a_template_that_holds() {
        for of in [Some(10), None] {
            let bar = bar("x", of);
            assert_eq!(bar.length(), of);
            assert_eq!(bar.message(), "x");
        }
    }
}
