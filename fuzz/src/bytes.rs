//! What lies at the sites.
#![expect(clippy::expect_used, reason = "to stop is what a fuzzer waits for")]

use coding::piece::{HEADER, TRAILER, verify_piece};
use coding::record::{Stored, from_bytes, to_bytes};
use coding::{Header, LabelSecret, journal};
use model::{
    AccessKey, Bucket, BucketSetting, LabelKey, Part, Principal, Record, Segment, Site, Upload, Version, VersionSetting,
};

/// The hash at a header's end, which no mutation meets by chance.
const HASH: usize = 32;

/// A piece's header, as it is and with the hash made right.
pub fn header(bytes: &[u8]) {
    check_header(bytes);
    let mut bytes = bytes.to_vec();
    if make_right(&mut bytes) {
        check_header(&bytes);
    }
}

fn check_header(bytes: &[u8]) {
    let Ok(header) = Header::decode(bytes) else { return };
    // Bytes that mean nothing to this version are not written again.
    let again = Header::decode(&header.encode()).expect("what was written is read");
    assert_eq!(again, header);
    let layout = coding::Layout { code: header.code, cell: header.cell, length: header.length };
    assert!(layout.is_sound(), "{header:?}");
    let rows = layout.rows();
    assert!(layout.cells(0..rows).end <= layout.piece_length());
}

/// Writes the hash that a header of these bytes must have.
fn make_right(bytes: &mut [u8]) -> bool {
    let Some((header, _)) = bytes.split_at_mut_checked(HEADER) else { return false };
    let (hashed, hash) = header.split_at_mut(HEADER - HASH);
    hash.copy_from_slice(blake3::hash(hashed).as_bytes());
    true
}

/// A whole piece.
pub fn piece(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    for _ in 0..2 {
        if let Ok(header) = verify_piece(&bytes) {
            let layout = coding::Layout { code: header.code, cell: header.cell, length: header.length };
            assert_eq!(layout.piece_length(), bytes.len() as u64);
            assert!(bytes.len() >= HEADER + TRAILER);
        }
        if !make_right(&mut bytes) {
            return;
        }
    }
}

/// A value of any kind that is journaled or kept; the kind is in its bytes.
pub fn record(bytes: &[u8]) {
    check_record::<Record>(bytes);
    check_record::<Bucket>(bytes);
    check_record::<Version>(bytes);
    check_record::<Part>(bytes);
    check_record::<Upload>(bytes);
    check_record::<Segment>(bytes);
    check_record::<Principal>(bytes);
    check_record::<AccessKey>(bytes);
    check_record::<LabelKey>(bytes);
    check_record::<Site>(bytes);
    check_record::<BucketSetting>(bytes);
    check_record::<VersionSetting>(bytes);
}

fn check_record<T: Stored + PartialEq>(bytes: &[u8]) {
    let Ok(value) = from_bytes::<T>(bytes) else { return };
    let written = to_bytes(&value);
    let again = from_bytes::<T>(&written).expect("what was written is read");
    assert!(again == value, "a value changed on the way");
    assert_eq!(to_bytes(&again), written, "a value has two spellings of ours");
}

/// The payload of a journal segment, whose keys nobody has.
pub fn journal(bytes: &[u8]) {
    let _ = journal::control_key(bytes);
    let _ = journal::stream_key(bytes);
    assert!(journal::open(bytes, |_| None::<LabelSecret>).is_err(), "opened without a key");
}
