//! How far a long command is: bars on a terminal, a plain line now and then elsewhere, and lines of JSON for
//! whoever asked for JSON. All of it goes to stderr; stdout is for what comes out in the end.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use crate::cli::Output;

/// Between two lines: a log of a long command stays short.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Between two lines of JSON: whoever reads them draws something.
const JSON_EVERY: Duration = Duration::from_secs(1);
/// Between two turns of what shows that a command still lives.
const TICK_EVERY: Duration = Duration::from_millis(120);

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
    of: Of,
    bar: Option<ProgressBar>,
    told: Instant,
}

/// How much there is to do in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Known(u64),
    Unknown,
    /// Somebody else does it and tells nothing until it is done.
    Untold,
}

impl Progress {
    /// For this process, whose `--json` says whether machines read it.
    pub fn here(output: Output) -> Progress {
        let style = match output {
            Output::Json => Style::Json,
            Output::Text if io::stderr().is_terminal() => Style::Bar,
            Output::Text => Style::Lines,
        };
        Progress { style, stage: Mutex::default() }
    }

    /// Begins the next stage; the one before it is over.
    pub fn begin(&self, what: &'static str, of: Option<u64>) {
        self.next(what, of.map_or(Of::Unknown, Of::Known));
    }

    /// Begins a stage of which nothing is heard until it is over.
    pub fn wait(&self, what: &'static str) {
        self.next(what, Of::Untold);
        match self.style {
            Style::Bar => {}
            Style::Lines => say(what),
            Style::Json => say(&json!({ "stage": what }).to_string()),
        }
    }

    fn next(&self, what: &'static str, of: Of) {
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
        self.tell(stage);
    }

    /// So much of the stage is done in all. What was reached once stays so: whoever is asked may have begun anew.
    pub fn reach(&self, done: u64) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stage) = stage.as_mut() else { return };
        stage.done = stage.done.max(done);
        self.tell(stage);
    }

    fn tell(&self, stage: &mut Stage) {
        let every = if self.style == Style::Json { JSON_EVERY } else { LINE_EVERY };
        match &stage.bar {
            Some(bar) => bar.set_position(stage.done),
            None if stage.told.elapsed() >= every => {
                stage.told = Instant::now();
                say(&line(self.style, stage));
            }
            None => {}
        }
    }

    /// Says something in between: a line for people, a document for programs.
    pub fn remark(&self, text: &str, document: &impl Serialize) {
        let stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = stage.as_ref().and_then(|stage| stage.bar.as_ref());
        match (self.style, bar) {
            (Style::Json, _) => say(&serde_json::to_string(document).unwrap_or_default()),
            (_, Some(bar)) => bar.suspend(|| say(text)),
            (_, None) => say(text),
        }
    }

    /// All stages are over.
    pub fn end(&self) {
        let last = self.stage.lock().unwrap_or_else(PoisonError::into_inner).take();
        last.into_iter().for_each(|last| self.finish(last));
    }

    fn finish(&self, stage: Stage) {
        match stage.bar {
            Some(bar) if stage.of == Of::Untold => bar.finish_and_clear(),
            Some(bar) => bar.finish(),
            // It was said when it began.
            None if stage.of == Of::Untold => {}
            None => say(&line(self.style, &stage)),
        }
    }
}

/// Whatever ends a command, its bar does not stay half drawn.
impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

fn bar(what: &'static str, of: Of) -> ProgressBar {
    let (bar, template) = match of {
        Of::Known(of) => (ProgressBar::new(of), "{msg:24} {wide_bar} {human_pos} of {human_len}, {eta} left"),
        Of::Unknown => (ProgressBar::new_spinner(), "{msg:24} {human_pos}, {elapsed}"),
        Of::Untold => (ProgressBar::new_spinner(), "{spinner} {msg}, {elapsed}"),
    };
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    if of == Of::Untold {
        bar.enable_steady_tick(TICK_EVERY);
    }
    bar.with_message(what)
}

fn line(style: Style, Stage { what, done, of, .. }: &Stage) -> String {
    let known = match of {
        Of::Known(of) => Some(of),
        Of::Unknown | Of::Untold => None,
    };
    match (style, known) {
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
        assert_eq!(line(Style::Lines, &stage(Of::Known(10))), "segments read: 3 of 10");
        assert_eq!(line(Style::Lines, &stage(Of::Unknown)), "segments read: 3");
        assert_eq!(line(Style::Json, &stage(Of::Known(10))), r#"{"done":3,"of":10,"stage":"segments read"}"#);
    }

    #[test]
    fn what_was_reached_is_not_taken_back() {
        let progress = Progress { style: Style::Lines, stage: Mutex::default() };
        progress.reach(9);
        progress.begin("pieces", Some(5));
        for (done, expected) in [(2, 2), (1, 2), (4, 4)] {
            progress.reach(done);
            assert_eq!(progress.stage.lock().unwrap().as_ref().map(|stage| stage.done), Some(expected));
        }
    }

    #[test]
    fn every_bar_has_a_template_that_holds() {
        for (of, length) in [(Of::Known(10), Some(10)), (Of::Unknown, None), (Of::Untold, None)] {
            let bar = bar("x", of);
            assert_eq!(bar.length(), length);
            assert_eq!(bar.message(), "x");
        }
    }
}
