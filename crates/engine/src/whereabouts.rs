//! Where an object lies: its segments, and when their pieces were last proven.

use std::collections::BTreeMap;

use model::{Extent, Segment, SegmentId, Timestamp, Version, Which};
use policy::{GetObject, Permit};

use crate::api::Engine;
use crate::error::Error;

/// Where a version lies.
pub struct Whereabouts {
    pub version: Version,
    /// Whether it lies here; else it is read from the origin of an adoption.
    pub here: bool,
    /// In the order of the version's bytes.
    pub segments: Vec<SegmentHeld>,
}

/// A segment that holds some of it.
pub struct SegmentHeld {
    pub segment: Segment,
    /// What of the segment's payload is the version's.
    pub extents: Vec<Extent>,
    /// Of each of its pieces, in their order: when it was last seen whole or read, if ever.
    pub proven: Vec<Option<Timestamp>>,
}

impl Engine {
    /// Where the version that is meant lies, for those who may read it.
    pub async fn whereabouts(&self, permit: Permit<GetObject>, which: Which) -> Result<Whereabouts, Error> {
        let found = self.find_version(permit, which).await?;
        let known: BTreeMap<SegmentId, Segment> =
            found.segments().map(|segment| (segment.id, Segment::clone(segment))).collect();
        let mut segments: Vec<SegmentHeld> = Vec::new();
        for extent in found.version.bodies.iter().flat_map(|body| &body.extents) {
            if let Some(held) = segments.iter_mut().find(|held| held.segment.id == extent.segment) {
                held.extents.push(*extent);
                continue;
            }
            let Some(segment) = known.get(&extent.segment) else { continue };
            let mut proven = Vec::new();
            for piece in &segment.pieces {
                let at = self.inner.catalog.piece_at(piece.site, piece.name).await?;
                proven.push(at.and_then(|at| at.seen.max(at.read)));
            }
            segments.push(SegmentHeld { segment: segment.clone(), extents: vec![*extent], proven });
        }
        Ok(Whereabouts { here: found.is_here(), version: found.version, segments })
    }
}
