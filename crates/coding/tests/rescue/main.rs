//! Pieces and the root key, and nothing else, give the files back.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "helpers of tests fail as tests do"
)]

mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use coding::piece::{HEADER, verify_piece};
use coding::rescue::{self, Error, Report};
use coding::segment::restore_piece;
use coding::{Header, Identity, Layout, RootKey, limits};
use model::{
    AccessKeyId, BodySlice, Change, Code, Epoch, ObjectKey, SegmentId, SegmentKind, Slot, Timestamp, UploadId,
};
use world::{World, encode, files, folder, noise};

const QUAD: Code = Code { k: 2, m: 2 };

/// An enclave in which everything has happened once: small, large, empty, overwritten, deleted,
/// multipart, copied.
fn eventful(name: &str, code: Code) -> World {
    let mut world = World::new(name, code);
    fill(&mut world);
    world
}

fn fill(world: &mut World) {
    let photos = world.bucket("photos");
    world.put(photos, "small", noise(1, 5_000), "photos/small");
    world.put(photos, "large", noise(2, 1_700_000), "photos/large");
    world.put(photos, "empty", Vec::new(), "photos/empty");
    world.put(photos, "small", noise(3, 6_000), "photos/small");
    world.put(photos, "gone", noise(4, 100), "photos/gone");
    world.delete(photos, "gone", "photos/gone");

    let upload = UploadId([1; 16]);
    let (one, two) = (noise(5, 1_200_000), noise(6, 70_000));
    let parts = vec![world.put_part(photos, upload, 1, &one), world.put_part(photos, upload, 2, &two)];
    let whole = [one, two].concat();
    world.complete(photos, upload, "in parts", parts.clone());
    world.files.insert("photos/in parts".to_owned(), whole.clone());

    // A copy of a range: the end of the first body and the beginning of the second.
    let (first, second) = (parts[0].clone(), parts[1].clone());
    let tail = BodySlice { offset: 1_100_001, length: 99_999, ..first.0 };
    let head = BodySlice { length: 65_521, ..second.0 };
    let copies = world.bucket("copies");
    world.put_slices(copies, "range", vec![(tail, first.1), (head, second.1)]);
    world.files.insert("copies/range".to_owned(), whole[1_100_001..1_265_521].to_vec());

    // Versions: the newest is the object, the others lie beside; a marker hides, and one that was
    // removed is gone.
    let kept = world.bucket("kept");
    let (one, two, three) = (noise(7, 3_000), noise(8, 1_200_000), noise(9, 40));
    let first = world.put_kept(kept, "tea", &one);
    world.put_kept(kept, "tea", &two);
    let hidden = world.put_kept(kept, "cup", &three);
    world.put_marker(kept, "cup");
    let removed = world.put_kept(kept, "cup", b"removed");
    let (key, slot) = (ObjectKey::parse("cup").unwrap(), Slot::Own);
    world.ship(vec![(Change::VersionDeleted { bucket: kept, key, version: removed, slot }, None)]);
    world.files.insert("kept/tea".to_owned(), two);
    world.files.insert(format!("kept%versions/tea/%v{first}"), one);
    world.files.insert(format!("kept%versions/cup/%v{hidden}"), three);

    let dropped = world.bucket("dropped");
    world.ship(vec![(Change::BucketDeleted { bucket: dropped }, None)]);
}

fn rescue_from(world: &World, sites: &[PathBuf]) -> (Report, BTreeMap<String, Vec<u8>>) {
    let out = folder("out");
    let report = rescue::run(&world.root, sites, &out, &mut |_| ()).unwrap();
    let found = files(&out);
    fs::remove_dir_all(out).unwrap();
    (report, found)
}

fn check_complete(world: &World, sites: &[PathBuf]) {
    let (report, found) = rescue_from(world, sites);
    assert_eq!(report.losses, [], "from {sites:?}");
    assert!(found == world.files, "{:?} instead of {:?}", found.keys(), world.files.keys());
    assert_eq!(report.objects, world.files.len() as u64);
    assert_eq!(report.bytes, world.files.values().map(|content| content.len() as u64).sum::<u64>());
}

/// Every piece of a segment, or of all, with its site.
fn pieces(world: &World, segment: Option<SegmentId>) -> Vec<(usize, PathBuf, Header)> {
    let mut found = Vec::new();
    for (nth, site) in world.sites.iter().enumerate() {
        for (name, bytes) in files(site) {
            let header = Header::decode(&bytes).unwrap();
            if segment.is_none_or(|segment| segment == header.segment) {
                found.push((nth, site.join(name), header));
            }
        }
    }
    found
}

fn lose(world: &World, segment: SegmentId, sites: usize) {
    for (site, path, _) in pieces(world, Some(segment)) {
        if site < sites {
            fs::remove_file(path).unwrap();
        }
    }
}

/// Everything must come back from each choice of `k` sites.
fn check_any(world: &World, k: u8) {
    for kept in 0_u32..1 << world.sites.len() {
        if kept.count_ones() == u32::from(k) {
            let chosen = world.sites.iter().enumerate().filter(|(site, _)| kept >> site & 1 == 1);
            let sites: Vec<PathBuf> = chosen.map(|(_, site)| site.clone()).collect();
            check_complete(world, &sites);
        }
    }
}

/// Writes the piece with this index of each segment with this k, as one of `code`, to a site: as a
/// later epoch would, from the others.
fn restore(world: &World, index: u8, site: usize, code: Code) {
    let mut segments: BTreeMap<SegmentId, Vec<(PathBuf, Header)>> = BTreeMap::new();
    for (_, path, header) in pieces(world, None).into_iter().filter(|(_, _, header)| header.code.k == code.k) {
        segments.entry(header.segment).or_default().push((path, header));
    }
    for (segment, found) in segments {
        let bytes: Vec<(u8, Vec<u8>)> = found
            .iter()
            .filter(|(_, header)| header.index != index)
            .map(|(path, header)| (header.index, fs::read(path).unwrap()))
            .collect();
        let have: Vec<(u8, &[u8])> = bytes.iter().map(|(index, bytes)| (*index, bytes.as_slice())).collect();
        let header = found[0].1;
        let identity = Identity { epoch: Epoch(header.epoch.0 + 1 + u64::from(index)), ..header.identity() };
        let piece = restore_piece(identity, Layout { code, ..Layout::of(&header) }, index, &have).unwrap();
        found.iter().filter(|(_, header)| header.index == index).for_each(|(path, _)| fs::remove_file(path).unwrap());
        fs::write(world.sites[site].join(segment.to_string()), piece).unwrap();
    }
}

#[test]
fn any_k_sites_give_everything_back() {
    for code in [QUAD, Code { k: 3, m: 2 }, Code { k: 2, m: 1 }, Code { k: 1, m: 2 }] {
        check_any(&eventful(&format!("any-{code}"), code), code.k);
    }
}

#[test]
fn batches_that_were_placed_anew_give_everything_back() {
    for anew in [Code { k: 3, m: 1 }, Code { k: 1, m: 3 }] {
        let mut world = World::placed_anew(&format!("anew-{anew}"), QUAD, Some(anew));
        fill(&mut world);
        check_any(&world, anew.k.max(QUAD.k));
    }
}

#[test]
fn pieces_that_were_restored_in_later_epochs_stand_in_for_any() {
    let world = eventful("restored", QUAD);
    restore(&world, 3, 3, QUAD);
    restore(&world, 1, 1, QUAD);
    check_any(&world, QUAD.k);
}

#[test]
fn a_further_copy_is_put_together_with_the_first_ones() {
    let mut world = World::placed_anew("copies", QUAD, Some(Code { k: 1, m: 1 }));
    fill(&mut world);
    restore(&world, 2, 2, Code { k: 1, m: 2 });
    check_complete(&world, &world.sites);
    // Some rows are whole only in the first two copies, the others only in the third.
    for (_, path, header) in pieces(&world, None) {
        if header.kind == SegmentKind::Journal {
            let layout = Layout::of(&header);
            let mut bytes = fs::read(&path).unwrap();
            for row in (0..layout.rows()).filter(|row| (row % 2 == 0) == (header.index < 2)) {
                bytes[layout.cells(row..row).start as usize] ^= 1;
            }
            fs::write(path, bytes).unwrap();
        }
    }
    check_complete(&world, &world.sites);
}

#[test]
fn names_of_pieces_do_not_matter() {
    let world = eventful("renamed", QUAD);
    let heap = world.folder.join("heap");
    fs::create_dir(&heap).unwrap();
    for (nth, (_, path, _)) in pieces(&world, None).into_iter().enumerate() {
        fs::rename(path, heap.join(nth.to_string())).unwrap();
    }
    fs::write(heap.join("README"), "no piece").unwrap();
    check_complete(&world, &[heap]);
}

#[test]
fn a_flipped_byte_in_every_piece_of_a_site_does_no_harm() {
    let world = eventful("flipped", QUAD);
    for (nth, (site, path, _)) in pieces(&world, None).into_iter().enumerate() {
        if site == 0 {
            let mut bytes = fs::read(&path).unwrap();
            // Now in the header, now in a cell, now in a digest, now near the end.
            let places = [20, HEADER + 10, bytes.len() - 90, bytes.len() - 1];
            bytes[places[nth % places.len()]] ^= 0x40;
            fs::write(path, bytes).unwrap();
        }
    }
    check_complete(&world, &world.sites);
    check_complete(&world, &world.sites[..3]);
}

/// Pieces with right headers and digests and wrong content: only the seals tell.
#[test]
fn a_lying_site_does_no_harm_while_k_others_are_there() {
    let world = eventful("lying", QUAD);
    for (site, path, header) in pieces(&world, None) {
        if site == 1 {
            let layout = Layout::of(&header);
            let forged = encode(layout.code, layout.cell, &noise(9, layout.length as usize), header.identity());
            let piece = &forged.pieces[usize::from(header.index)];
            assert!(verify_piece(piece).is_ok());
            fs::write(path, piece).unwrap();
        }
    }
    check_complete(&world, &world.sites);
    check_complete(&world, &world.sites[..3]);
}

#[test]
fn what_is_lost_is_named_and_the_rest_comes_back() {
    let mut world = eventful("lost", QUAD);
    let bucket = world.bucket("more");
    let segment = world.put(bucket, "two\nlines", noise(7, 1_500_000), "more/two%0alines");
    lose(&world, segment, 3);
    world.files.remove("more/two%0alines");
    let (report, found) = rescue_from(&world, &world.sites);
    assert!(found == world.files);
    let told: Vec<String> = report.losses.iter().map(ToString::to_string).collect();
    let why = format!("segment {segment} cannot be put together in row 0: only 1 usable pieces where 2 are needed");
    assert_eq!(told, [format!("object `more/two\\nlines`: {why}")]);
}

#[test]
fn a_hole_in_the_journal_is_told() {
    let mut world = eventful("hole", QUAD);
    let bucket = world.bucket("more");
    let hole = world.put(bucket, "in the hole", noise(7, 500), "more/in the hole");
    world.put(bucket, "behind", noise(8, 500), "more/behind");
    lose(&world, hole, 3);
    world.files.remove("more/in the hole");
    let (report, found) = rescue_from(&world, &world.sites);
    assert!(found == world.files);
    let told: Vec<String> = report.losses.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].ends_with("its changes 23 to 23 are missing"), "{told:?}");
    assert!(told[1].contains(&format!("journal segment {hole}")), "{told:?}");
}

#[test]
fn a_lost_end_of_a_stream_shows_in_the_numbers_of_others() {
    let mut world = eventful("end", QUAD);
    let bucket = world.bucket("more");
    let end = world.put(bucket, "at the end", noise(7, 500), "more/at the end");
    world.ship_control(vec![Change::KeyRevoked { id: AccessKeyId("ENTE1".to_owned()), at: Timestamp(0) }]);
    lose(&world, end, 4);
    let (report, _) = rescue_from(&world, &world.sites);
    assert_eq!(report.losses, []);
    assert!(
        report.notes.iter().any(|note| note.starts_with("changes 25 to 25 are in no segment")),
        "{:?}",
        report.notes
    );
}

#[test]
fn a_batch_that_was_shipped_again_is_no_loss() {
    let mut world = eventful("again", QUAD);
    // A torso of an epoch that is over: nothing of it was ever acknowledged.
    let before = files(&world.sites[0]).len();
    let torso = world.ship(Vec::new());
    lose(&world, torso, 3);
    assert_eq!(files(&world.sites[0]).len(), before);
    let (report, _) = rescue_from(&world, &world.sites);
    assert_eq!(report.losses.len(), 1, "in the newest epoch it may be a loss");
    world.epoch = Epoch(2);
    let bucket = world.bucket("later");
    world.put(bucket, "key", noise(8, 500), "later/key");
    let (report, found) = rescue_from(&world, &world.sites);
    assert_eq!(report.losses, []);
    assert!(report.notes.iter().any(|note| note.contains(&torso.to_string())), "{:?}", report.notes);
    assert!(found == world.files);
}

#[test]
fn keys_become_paths_that_stay_inside() {
    let mut world = World::new("keys", QUAD);
    let bucket = world.bucket("keys");
    for (key, path) in [
        ("../../outside", "%2e./%2e./outside"),
        ("/root", "%/root"),
        ("a", "a%="),
        ("a/b", "a/b"),
        ("a/", "a/%%="),
        ("a//b", "a/%/b"),
        ("%2e%2e/x", "%252e%252e/x"),
        ("nul\0", "nul%00"),
        (&"k".repeat(1_024), &format!("{}{}", format!("{}%-/", "k".repeat(200)).repeat(5), "k".repeat(24))),
    ] {
        world.put(bucket, key, key.as_bytes().to_vec(), &format!("keys/{path}"));
    }
    check_complete(&world, &world.sites);
}

#[test]
fn a_wrong_root_an_occupied_folder_and_no_pieces_are_refused() {
    let world = eventful("refused", QUAD);
    let run = |root: &RootKey, sites: &[PathBuf], out: &Path| rescue::run(root, sites, out, &mut |_| ());
    let other = RootKey::from_bytes([1; 32]);
    assert!(matches!(run(&other, &world.sites, &folder("out")), Err(Error::WrongRoot(13..))));
    assert!(matches!(run(&world.root, &world.sites, &world.folder), Err(Error::NotEmpty(_))));
    assert!(matches!(run(&world.root, &[folder("none")], &folder("out")), Err(Error::NoPieces(_))));
    assert!(matches!(run(&world.root, &[world.folder.join("absent")], &folder("out")), Err(Error::NoPieces(_))));
}

/// Exit code, stdout, and the files, from three of four sites.
fn run_binary(world: &World, key_file: &Path) -> (Option<i32>, String, BTreeMap<String, Vec<u8>>) {
    let out = folder("out");
    let mut command = Command::new(env!("CARGO_BIN_EXE_entente-rescue"));
    command.arg("--root-key").arg(key_file).arg("--out").arg(&out).args(&world.sites[1..]);
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), files(&out))
}

#[test]
fn the_binary_tells_by_its_exit_code_what_is_lost() {
    let mut world = eventful("binary", QUAD);
    let key_file = world.folder.join("root.key");
    fs::write(&key_file, format!("{}\n", *world.root.to_hex())).unwrap();
    let (code, told, found) = run_binary(&world, &key_file);
    assert_eq!((code, told.as_str()), (Some(0), ""));
    assert!(found == world.files);
    assert_eq!(run_binary(&world, &world.folder.join("absent")).0, Some(2));

    let bucket = world.bucket("more");
    let segment = world.put(bucket, "key", noise(7, limits::INLINE_MAX as usize + 1), "more/key");
    lose(&world, segment, 3);
    world.files.remove("more/key");
    let (code, told, found) = run_binary(&world, &key_file);
    assert_eq!(code, Some(1));
    assert!(told.starts_with("object `more/key`: segment "), "{told}");
    assert!(found == world.files);
}
