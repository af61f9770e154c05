//! A scrape's answer, written by the library that knows both formats.

use std::collections::BTreeMap;
use std::fmt;

use http::HeaderMap;
use http::header::ACCEPT;
use model::Timed;
use model::timings::BOUNDS_US;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit};

use super::names::{Kind, Metric};
use crate::instruments::Exemplified;

/// One series' value.
#[derive(Debug)]
pub enum Value {
    Count(u64),
    /// A count that has fractions.
    Sum(f64),
    Gauge(f64),
    Whole(u64),
    Timed(Box<Timed>),
    Exemplified(Exemplified),
}

type Labels = Vec<(&'static str, String)>;
type Series = (&'static Metric, Vec<(Labels, Value)>);

/// Series by metric: those of one stand together.
#[derive(Debug, Default)]
pub struct Page(BTreeMap<&'static str, Series>);

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Has units and exemplars.
    OpenMetrics,
    /// What everybody reads.
    Prometheus,
}

impl Format {
    /// What the client asks for.
    pub fn of(headers: &HeaderMap) -> Format {
        let wanted = headers.get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
        match wanted
            .flat_map(|accept| accept.split(','))
            .any(|one| one.trim().starts_with("application/openmetrics-text"))
        {
            true => Format::OpenMetrics,
            false => Format::Prometheus,
        }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

impl Page {
    /// A series of the metric; what `labels` are called is the metric's.
    pub fn put(&mut self, metric: &'static Metric, labels: &[&str], value: Value) {
        debug_assert_eq!(labels.len(), metric.labels.len(), "labels of {}", metric.name);
        let labels = metric.labels.iter().copied().zip(labels.iter().map(|value| (*value).to_owned())).collect();
        self.0.entry(metric.name).or_insert_with(|| (metric, Vec::new())).1.push((labels, value));
    }

    pub fn text(self, format: Format) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        match format {
            Format::OpenMetrics => text::encode(&mut text, &registry)?,
            Format::Prometheus => prometheus_text::encode(&mut text, &registry)?,
        }
        Ok(text)
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let unlabelled: [(&str, &str); 0] = [];
        for (metric, series) in self.0.values() {
            // The library appends the unit again.
            let unit = metric.unit.map(|unit| match unit {
                "seconds" => Unit::Seconds,
                "bytes" => Unit::Bytes,
                other => Unit::Other(other.to_owned()),
            });
            let end = metric.unit.map_or_else(String::new, |unit| format!("_{unit}"));
            let name = metric.name.strip_suffix(end.as_str()).unwrap_or(metric.name);
            let kind = match metric.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
            };
            let mut family = encoder.encode_descriptor(name, metric.help, unit.as_ref(), kind)?;
            for (labels, value) in series {
                match labels.is_empty() {
                    true => value.encode(family.encode_family(&unlabelled)?)?,
                    false => value.encode(family.encode_family(labels)?)?,
                }
            }
        }
        Ok(())
    }
}

impl Value {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let none = None::<&Exemplar<NoLabelSet, f64>>;
        match self {
            Value::Count(count) => encoder.encode_counter(count, none),
            Value::Sum(sum) => encoder.encode_counter(sum, none),
            Value::Gauge(value) => encoder.encode_gauge(value),
            Value::Whole(value) => encoder.encode_gauge(value),
            Value::Exemplified(histogram) => histogram.encode(encoder),
            Value::Timed(timed) => {
                let bounds = BOUNDS_US.into_iter().map(|us| std::time::Duration::from_micros(us).as_secs_f64());
                let buckets: Vec<_> = bounds.chain([f64::INFINITY]).zip(timed.counts).collect();
                let sum = std::time::Duration::from_micros(timed.sum_us).as_secs_f64();
                encoder.encode_histogram::<NoLabelSet>(sum, timed.count(), &buckets, None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderValue;
    use model::Timings;

    use super::super::names;
    use super::*;

    fn page() -> Page {
        let timings = Timings::default();
        timings.note(Duration::from_micros(300));
        timings.note(Duration::from_secs(60));
        let mut page = Page::default();
        page.put(&names::SITE_SECONDS, &["a", "get", "done"], Value::Timed(Box::new(timings.taken())));
        page.put(&names::HEDGES, &[], Value::Count(7));
        page.put(&names::SITE_OUT, &["say \"hi\"\\\n", "reads"], Value::Whole(1));
        page.put(&names::SITE_OUT, &["b", "reads"], Value::Whole(0));
        page
    }

    #[test]
    fn series_of_one_metric_stand_together_and_values_are_escaped() {
        let text = page().text(Format::OpenMetrics).unwrap();
        let lines: Vec<_> = text.lines().collect();
        for line in [
            "# TYPE entente_hedged_reads counter",
            "entente_hedged_reads_total 7",
            "entente_site_out{site=\"say \\\"hi\\\"\\\\\\n\",half=\"reads\"} 1",
            "# UNIT entente_site_request_seconds seconds",
            "entente_site_request_seconds_bucket{le=\"0.0005\",site=\"a\",kind=\"get\",outcome=\"done\"} 1",
            "entente_site_request_seconds_bucket{le=\"+Inf\",site=\"a\",kind=\"get\",outcome=\"done\"} 2",
            "entente_site_request_seconds_sum{site=\"a\",kind=\"get\",outcome=\"done\"} 60.0003",
            "entente_site_request_seconds_count{site=\"a\",kind=\"get\",outcome=\"done\"} 2",
        ] {
            assert!(lines.contains(&line), "no `{line}` in\n{text}");
        }
        assert_eq!(lines.last(), Some(&"# EOF"));
        assert_eq!(lines.iter().filter(|line| line.starts_with("# TYPE entente_site_out ")).count(), 1);
    }

    #[test]
    fn who_does_not_ask_for_openmetrics_gets_what_everybody_reads() {
        let text = page().text(Format::Prometheus).unwrap();
        assert!(text.contains("entente_hedged_reads_total 7\n") && !text.contains("# EOF"), "{text}");
        for (accept, format) in [
            ("", Format::Prometheus),
            ("*/*", Format::Prometheus),
            ("text/plain;version=0.0.4;q=0.5, application/openmetrics-text;version=1.0.0;q=0.7", Format::OpenMetrics),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(Format::of(&headers), format, "`{accept}`");
        }
    }
}
