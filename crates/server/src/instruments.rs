//! What the S3 door was asked, kept apart by label: whoever is told of one hears nothing of the others.
//!
//! One answered request costs a few additions and one exemplar. Nothing here names a bucket, a key or a person.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::SystemTime;

use http::StatusCode;
use model::timings::BOUNDS_US;
use model::{Label, Timed, Timings};
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use s3::{Answered, Class, Watch};

/// A histogram in whose buckets the last request of each is named.
pub type Exemplified = HistogramWithExemplars<[(&'static str, String); 1]>;

/// The hundreds that statuses are told by.
pub const STATUSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// Counts since the start.
#[derive(Default)]
pub struct Instruments {
    /// A handful. `None`: of those who proved nothing.
    by_label: RwLock<Vec<(Option<Label>, Arc<OfLabel>)>>,
    all: Timings,
    errors: AtomicU64,
}

/// What sessions of one label asked.
#[derive(Default)]
pub struct OfLabel {
    classes: [OfClass; Class::ALL.len()],
}

#[derive(Default)]
struct OfClass {
    /// By the hundred of the status.
    seconds: [OnceLock<Exemplified>; STATUSES.len()],
    broken: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

/// Of one class of requests of one label.
pub struct ClassCounts {
    pub class: Class,
    /// By status, of those there were.
    pub seconds: Vec<(&'static str, Exemplified)>,
    pub broken: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

/// Of all labels together: only who sees all may be told.
#[derive(Clone, Copy, Debug, Default)]
pub struct DoorSums {
    /// Every request.
    pub timed: Timed,
    /// Those that were answered with a failure of ours, or whose answer broke off.
    pub errors: u64,
}

impl Instruments {
    pub fn door(&self) -> DoorSums {
        DoorSums { timed: self.all.taken(), errors: self.errors.load(Ordering::Relaxed) }
    }

    /// What there is by label.
    pub fn by_label(&self) -> Vec<(Option<Label>, Arc<OfLabel>)> {
        self.by_label.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn of(&self, label: Option<Label>) -> Arc<OfLabel> {
        let find = |all: &[(Option<Label>, Arc<OfLabel>)]| {
            all.iter().find(|(known, _)| *known == label).map(|(_, of_label)| Arc::clone(of_label))
        };
        if let Some(known) = find(&self.by_label.read().unwrap_or_else(PoisonError::into_inner)) {
            return known;
        }
        let mut by_label = self.by_label.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have come between.
        find(&by_label).unwrap_or_else(|| {
            let fresh = Arc::<OfLabel>::default();
            by_label.push((label, Arc::clone(&fresh)));
            fresh
        })
    }
}

impl OfLabel {
    pub fn counts(&self) -> impl Iterator<Item = ClassCounts> {
        Class::ALL.into_iter().zip(&self.classes).filter_map(|(class, of_class)| {
            let seconds = STATUSES.into_iter().zip(&of_class.seconds);
            let seconds: Vec<_> =
                seconds.filter_map(|(status, seconds)| Some((status, seconds.get()?.clone()))).collect();
            let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
            let (broken, bytes_in, bytes_out) =
                (load(&of_class.broken), load(&of_class.bytes_in), load(&of_class.bytes_out));
            (!seconds.is_empty()).then_some(ClassCounts { class, seconds, broken, bytes_in, bytes_out })
        })
    }
}

impl Watch for Instruments {
    fn answered(&self, request: &Answered<'_>) {
        self.all.note(request.took);
        self.errors.fetch_add(u64::from(request.broken || request.status.is_server_error()), Ordering::Relaxed);
        let of_label = self.of(request.label);
        let Some(counts) = of_label.classes.get(request.class as usize) else { return };
        counts.broken.fetch_add(u64::from(request.broken), Ordering::Relaxed);
        counts.bytes_in.fetch_add(request.bytes_in, Ordering::Relaxed);
        counts.bytes_out.fetch_add(request.bytes_out, Ordering::Relaxed);
        if let Some(seconds) = counts.seconds.get(hundred(request.status)) {
            let exemplar = [("request_id", request.request_id.to_owned())];
            let seconds = seconds.get_or_init(|| Exemplified::new(bounds_s()));
            seconds.observe(request.took.as_secs_f64(), Some(exemplar), Some(SystemTime::now()));
        }
    }
}

/// Its place in [`STATUSES`].
fn hundred(status: StatusCode) -> usize {
    usize::from(status.as_u16() / 100).clamp(2, 1 + STATUSES.len()) - 2
}

fn bounds_s() -> impl Iterator<Item = f64> {
    // Written as people write them: 0.0025 and not its nearest sum.
    BOUNDS_US.into_iter().map(|us| std::time::Duration::from_micros(us).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_one_label_asked_is_in_nothing_of_another() {
        let (low, high) = (Label::LOWEST, Label::highest_of(Label::LOWEST.table()));
        let instruments = Instruments::default();
        let ask = |label, class, status, broken| {
            instruments.answered(&Answered {
                request_id: "0123456789ABCDEF",
                label,
                class,
                status,
                broken,
                took: Duration::from_millis(3),
                bytes_in: 1,
                bytes_out: 10,
            });
        };
        ask(Some(low), Class::Get, StatusCode::OK, false);
        ask(Some(high), Class::Get, StatusCode::NOT_FOUND, false);
        ask(Some(high), Class::Put, StatusCode::OK, true);
        ask(None, Class::Refused, StatusCode::FORBIDDEN, false);
        let told: Vec<_> = instruments
            .by_label()
            .into_iter()
            .map(|(label, of_label)| {
                let of_label: Vec<_> = of_label
                    .counts()
                    .map(|counts| {
                        let statuses: Vec<_> = counts.seconds.iter().map(|(status, _)| *status).collect();
                        (counts.class.name(), statuses, counts.broken, counts.bytes_out)
                    })
                    .collect();
                (label, of_label)
            })
            .collect();
        let expected = vec![
            (Some(low), vec![("get", vec!["2xx"], 0, 10)]),
            (Some(high), vec![("get", vec!["4xx"], 0, 10), ("put", vec!["2xx"], 1, 10)]),
            (None, vec![("refused", vec!["4xx"], 0, 10)]),
        ];
        assert_eq!(told, expected);
        let sums = instruments.door();
        assert_eq!((sums.timed.count(), sums.errors), (4, 1));
    }

    #[test]
    fn statuses_are_told_by_their_hundred() {
        for (status, told) in [(100, "2xx"), (206, "2xx"), (304, "3xx"), (412, "4xx"), (503, "5xx"), (599, "5xx")] {
            assert_eq!(STATUSES.get(hundred(StatusCode::from_u16(status).unwrap())), Some(&told), "{status}");
        }
    }
}
