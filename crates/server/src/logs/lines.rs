//! Lines, for people or for programs, each with the request that it was written for.
//!
//! The request's number goes along with the task, and is put on a line when there is one. The library would take it from
//! a span, which it formats for each request and enters and leaves at each turn of a task, for lines that are
//! hardly ever written: a small get paid about as much for that as for all that is counted of it.

use std::fmt;

use engine::trail;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::{self, LevelFilter, filter_fn};
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

use crate::logs::is_of_traces;

/// Who reads the lines.
#[derive(Clone, Copy)]
pub enum Shape {
    /// People, on a terminal.
    Text,
    /// Programs: one object per line.
    Json,
}

/// Writes lines that pass `filter`.
pub fn layer<S, W>(shape: Shape, filter: EnvFilter, to: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer::<S>().with_writer(to);
    let lines: Box<dyn Layer<S> + Send + Sync> = match shape {
        Shape::Text => lines.with_target(false).map_event_format(|line| Named { line, shape }).boxed(),
        Shape::Json => {
            let lines = lines.json().flatten_event(true).with_span_list(false);
            lines.map_event_format(|line| Named { line, shape }).boxed()
        }
    };
    // Without a bound of its own it lifts the other's, and each line of each level is asked about.
    let wanted = filter_fn(is_wanted).with_max_level_hint(LevelFilter::TRACE);
    lines.with_filter(filter::FilterExt::and(filter, wanted)).boxed()
}

/// All but the spans that traces are made of: if nobody else wants them either, none is made.
fn is_wanted(what: &Metadata<'_>) -> bool {
    what.is_event() || !is_of_traces(what.target())
}

/// Lines as the library writes them, with the request at their end.
struct Named<F> {
    line: Format<F>,
    shape: Shape,
}

impl<S, N, F> FormatEvent<S, N> for Named<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: Clone,
    Format<F>: FormatEvent<S, N>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        // What is said to stand alone says itself whom it is about.
        let Some(request) = trail::request().filter(|_| !event.is_root()) else {
            return self.line.format_event(ctx, writer, event);
        };
        let mut line = String::new();
        // A string takes no colours unless that is said.
        let format = self.line.clone().with_ansi(writer.has_ansi_escapes());
        format.format_event(ctx, Writer::new(&mut line), event)?;
        // A number is digits and letters alone: nothing of it needs to be escaped.
        let (end, name) = match (self.shape, ctx.lookup_current()) {
            (Shape::Text, _) => ("", format!(" request_id=\"{request}\"")),
            (Shape::Json, None) => ("}", format!(",\"span\":{{\"request_id\":\"{request}\",\"name\":\"request\"}}}}")),
            // The span that the line was written in comes last in it.
            (Shape::Json, Some(_)) => ("}}", format!(",\"request_id\":\"{request}\"}}}}")),
        };
        match line.strip_suffix('\n').and_then(|line| line.strip_suffix(end)) {
            Some(begun) => writeln!(writer, "{begun}{name}"),
            None => writer.write_str(&line),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use engine::trail::RequestNumber;
    use serde_json::{Value, json};
    use tracing::Instrument;
    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    const REQUEST: RequestNumber = RequestNumber([0x5F, 0x0C, 0x6E, 0x0B, 0x9A, 0x1D, 0x2E, 0x3F]);
    const ID: &str = "5F0C6E0B9A1D2E3F";

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What was written while `work` was done.
    async fn written(shape: Shape, filter: &str, work: impl Future<Output = ()>) -> Vec<String> {
        let paper = Paper::default();
        let to = paper.clone();
        let lines = layer::<Registry, _>(shape, EnvFilter::new(filter), move || to.clone());
        let writing = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines));
        work.await;
        drop(writing);
        let bytes = paper.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    fn parsed(lines: &[String]) -> Vec<Value> {
        lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// A request that says something, and begins a task that does.
    async fn serve() {
        trail::of(REQUEST, async {
            tracing::warn!(site = "amazon", "the site is out");
            let upload = trail::carried(async {
                tokio::task::yield_now().await;
                tracing::warn!(site = "amazon", "a piece could not be stored");
            });
            tokio::spawn(upload).await.unwrap();
        })
        .await;
    }

    #[tokio::test]
    async fn a_line_names_its_request_in_an_object() {
        let lines = parsed(&written(Shape::Json, "info", serve()).await);
        let said: Vec<_> = lines.iter().map(|line| line.get("message").unwrap().as_str().unwrap()).collect();
        assert_eq!(said, ["the site is out", "a piece could not be stored"]);
        for line in &lines {
            assert_eq!(line.get("span"), Some(&json!({ "request_id": ID, "name": "request" })), "{line}");
            assert!(line.get("site").is_some() && line.get("timestamp").is_some(), "{line}");
        }
    }

    #[tokio::test]
    async fn a_line_names_its_request_on_a_terminal() {
        let lines = written(Shape::Text, "warn,entente::stop=info", serve()).await;
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines.iter().all(|line| line.ends_with(&format!("\"amazon\" request_id=\"{ID}\""))), "{lines:?}");
    }

    #[tokio::test]
    async fn a_line_of_no_request_names_none() {
        for shape in [Shape::Json, Shape::Text] {
            let lines = written(shape, "info", async {
                trail::of(REQUEST, async {
                    tracing::info!(target: "access", parent: None, request_id = ID, "request");
                })
                .await;
                tracing::info!("ready");
            });
            let lines = lines.await;
            let named: Vec<_> = lines.iter().map(|line| line.matches(ID).count()).collect();
            assert_eq!(named, [1, 0], "{lines:?}");
            assert!(!lines.concat().contains("\"span\""), "{lines:?}");
        }
    }

    #[tokio::test]
    async fn a_span_within_a_request_is_kept_and_says_the_request_too() {
        let asked = async {
            tracing::debug!("asked");
        };
        let work = async {
            let scrub = tracing::info_span!("scrub", site = "amazon");
            trail::of(REQUEST, asked.instrument(scrub)).await;
        };
        let lines = parsed(&written(Shape::Json, "off,entente=debug", work).await);
        let span = json!({ "site": "amazon", "name": "scrub", "request_id": ID });
        assert_eq!(lines.iter().map(|line| line.get("span")).collect::<Vec<_>>(), [Some(&span)]);
    }

    #[tokio::test]
    async fn lines_have_no_span_made_for_a_request_nor_within_it() {
        let made = |filter| {
            written(Shape::Json, filter, async {
                assert!(tracing::info_span!(target: s3::REQUEST_SPANS, "request").is_disabled());
                assert!(tracing::info_span!(target: "trace::site", "site", site = "amazon").is_disabled());
                assert!(!tracing::info_span!("admin").is_disabled());
            })
        };
        made("info").await;
        made("trace").await;
    }
}
