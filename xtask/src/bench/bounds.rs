//! From stage rates to what each load could reach at most on this machine, if nothing else cost
//! anything. A bound is the smallest over the resources that the load cannot do without.

use crate::stages::{CODE, Stages};
use crate::work::{Figure, as_f64};
use crate::{LARGE, SMALL_CLIENTS};

/// A rate in the unit of the figure, and what sets it.
pub struct Bound {
    pub per_second: f64,
    pub by: &'static str,
}

/// Of a figure; `None` where no stage is its measure.
pub fn of(figure: &Figure, stages: &Stages) -> Option<Bound> {
    match figure.name.as_str() {
        "put large" => Some(least([put_cpu(stages), put_disk(stages)])),
        "get large" => Some(least([get_cpu(stages)])),
        "put small" => Some(least([commit(stages), requests(stages)])),
        "get small" => Some(least([requests(stages)])),
        _ => None,
    }
}

fn least<const N: usize>(bounds: [Bound; N]) -> Bound {
    let none = Bound { per_second: f64::INFINITY, by: "nothing" };
    bounds.into_iter().fold(none, |least, bound| if bound.per_second < least.per_second { bound } else { least })
}

/// Every byte passes MD5, AES-GCM, erasure with BLAKE3 and the loopback; the cores share the work. The
/// loopback rate was measured with all cores at work, so it counts for all of them.
fn put_cpu(stages: &Stages) -> Bound {
    let core_s = 1.0 / stages.md5 + 1.0 / stages.seal + 1.0 / stages.encode;
    let second = core_s / as_f64(stages.cores) + 1.0 / stages.upload;
    Bound { per_second: 1.0 / second / as_f64(LARGE), by: "cores: MD5, AES-GCM, erasure, BLAKE3, loopback" }
}

/// Every byte is written n/k times.
fn put_disk(stages: &Stages) -> Bound {
    let written = f64::from(CODE.n()) / f64::from(CODE.k);
    Bound { per_second: stages.disk / written / as_f64(LARGE), by: "disk: sequential writes with fsync" }
}

/// Every byte is opened by AES-GCM, which proves it, and sent; what was just written lies in memory.
fn get_cpu(stages: &Stages) -> Bound {
    let second = 1.0 / stages.open / as_f64(stages.cores) + 1.0 / stages.download;
    Bound { per_second: 1.0 / second / as_f64(LARGE), by: "cores: AES-GCM, loopback" }
}

/// One batch of all callers at a time: decide with one synced append, ship one piece to each of four
/// sites, show with another append.
fn commit(stages: &Stages) -> Bound {
    let batch_s = 2.0 * stages.append_s + stages.pieces_s;
    Bound { per_second: as_f64(SMALL_CLIENTS) / batch_s, by: "disk: two synced appends and four synced pieces a batch" }
}

fn requests(stages: &Stages) -> Bound {
    Bound { per_second: stages.requests, by: "bare HTTP over loopback" }
}
