//! Sites that lie together, few or all of them: they can take bytes away, and never make a reader take
//! wrong ones for right. While k honest pieces are left they cannot even do the former.

use std::collections::{BTreeMap, BTreeSet};

use crate::world::{World, noise, settings};
use bytes::Bytes;
use coding::piece::{DIGEST, HEADER, Header, TRAILER, verify_piece};
use model::{Label, Profile};
use policy::SystemPermit;
use providers::Store;

/// What liars do to the pieces that they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    Flip,
    Cut,
    Empty,
    Remove,
    /// Whole pieces of another segment of the same size: among them those of the version before.
    Exchange,
    /// Each other's pieces of the same segment.
    Shuffle,
    /// Cells of their own making, with digests and trailer as they should be.
    MakeUp,
    /// The other segment's cells, with digests and trailer as they should be.
    Graft,
}

const LIES: [Lie; 8] =
    [Lie::Flip, Lie::Cut, Lie::Empty, Lie::Remove, Lie::Exchange, Lie::Shuffle, Lie::MakeUp, Lie::Graft];

/// Rides in the journal, and lies in a segment of its own.
const SIZES: [(&str, usize); 2] = [("small", 3_000), ("large", (1 << 20) + 4_711)];

/// A piece as it lies at a site.
#[derive(Clone)]
struct Lying {
    site: usize,
    name: String,
    header: Header,
    bytes: Bytes,
}

/// Digests and trailer of cells under a header, as the format's page says.
fn well_formed(header: &Header, cells: &[&[u8]]) -> Bytes {
    let (mut piece, mut digests) = (header.encode().to_vec(), Vec::new());
    for (row, cell) in (0_u64..).zip(cells) {
        let place = [b"entente cell v1\0", &header.segment.0[..], &[header.index], &row.to_be_bytes()].concat();
        let digest = *blake3::hash(&[&place[..], blake3::hash(cell).as_bytes()].concat()).as_bytes();
        piece.extend_from_slice(cell);
        piece.extend_from_slice(&digest);
        digests.extend_from_slice(&digest);
    }
    let end = [b"ENTPEND\0", &(cells.len() as u64).to_be_bytes()[..], &header.segment.0].concat();
    let hash = *blake3::hash(&[&piece[..HEADER], &digests, &end].concat()).as_bytes();
    piece.extend_from_slice(&end);
    piece.extend_from_slice(&hash);
    assert!(verify_piece(&piece).is_ok(), "a forger who is caught by a digest is no good one");
    piece.into()
}

fn cells(piece: &Lying) -> Vec<&[u8]> {
    let rows = &piece.bytes[HEADER..piece.bytes.len() - TRAILER];
    let cell = piece.header.cell as usize;
    rows.chunks(cell + DIGEST).map(|row| &row[..cell]).collect()
}

/// What now lies in the place of `piece`, if anything. `others` is all that the liars hold.
fn lie(how: Lie, piece: &Lying, others: &[Lying]) -> Option<Bytes> {
    let of_segment =
        |same: bool| others.iter().filter(move |other| (other.header.segment == piece.header.segment) == same);
    let twin = || {
        let layout = |header: &Header| (header.kind, header.code, header.cell, header.length);
        let twins = || of_segment(false).filter(|other| layout(&other.header) == layout(&piece.header));
        twins().find(|other| other.header.index == piece.header.index).or_else(|| twins().next())
    };
    let mut bytes = piece.bytes.to_vec();
    match how {
        Lie::Flip => bytes[HEADER + 40] ^= 1,
        Lie::Cut => bytes.truncate(piece.bytes.len() / 2),
        Lie::Empty => bytes.clear(),
        Lie::Remove => return None,
        Lie::Exchange => return Some(twin().unwrap_or(piece).bytes.clone()),
        Lie::Shuffle => {
            let other = of_segment(true).find(|other| other.header.index != piece.header.index);
            return Some(other.unwrap_or(piece).bytes.clone());
        }
        Lie::MakeUp => {
            let made = cells(piece).into_iter().map(|cell| noise(cell.len() as u64, cell.len())).collect::<Vec<_>>();
            return Some(well_formed(&piece.header, &made.iter().map(Vec::as_slice).collect::<Vec<_>>()));
        }
        Lie::Graft => return Some(well_formed(&piece.header, &cells(twin().unwrap_or(piece)))),
    }
    Some(bytes.into())
}

/// Every piece that is not in `before`.
async fn pieces(world: &World, before: &BTreeSet<(usize, String)>) -> Vec<Lying> {
    let mut found = Vec::new();
    for (site, memory) in world.sites.memories.iter().enumerate() {
        for name in memory.names() {
            if before.contains(&(site, name.clone())) || name == "entente-site" {
                continue;
            }
            let length = memory.head(&name).await.unwrap();
            let bytes = memory.get_range(&name, 0..length).await.unwrap();
            let header = Header::decode(&bytes).unwrap();
            found.push(Lying { site, name, header, bytes });
        }
    }
    found
}

fn names(world: &World) -> BTreeSet<(usize, String)> {
    let of_site = |(site, memory): (usize, &std::sync::Arc<providers::MemoryStore>)| {
        memory.names().into_iter().map(move |name| (site, name)).collect::<Vec<_>>()
    };
    world.sites.memories.iter().enumerate().flat_map(of_site).collect()
}

async fn bad_cells(world: &World) -> u64 {
    world.engine.status(&SystemPermit::for_background_work()).await.unwrap().bad_cells
}

/// Writes each object twice, lets the liars lie about all of that, and reads.
async fn one_case(world: &World, how: Lie, liars: u32, profile: Profile) {
    let what = format!("{profile}: {how:?} by {liars:b}");
    let before = names(world);
    for seed in [1, 2] {
        for (name, size) in SIZES {
            world.put(name, &noise(seed + u64::from(liars) * 8, size)).await.unwrap();
        }
    }
    let written = pieces(world, &before).await;
    let (theirs, honest): (Vec<_>, Vec<_>) = written.into_iter().partition(|piece| (liars >> piece.site) & 1 == 1);
    let mut left = BTreeMap::new();
    for piece in &theirs {
        left.entry(piece.header.segment).or_insert(0_usize);
    }
    honest.iter().for_each(|piece| *left.entry(piece.header.segment).or_insert(0) += 1);
    let enough = left.values().all(|left| *left >= usize::from(profile.code().k));
    for piece in &theirs {
        let memory = &world.sites.memories[piece.site];
        memory.delete(&piece.name).await.unwrap();
        if let Some(bytes) = lie(how, piece, &theirs) {
            memory.put_new(&piece.name, bytes).await.unwrap();
        }
    }
    for (name, size) in SIZES {
        let right = noise(2 + u64::from(liars) * 8, size);
        for range in [0..size, 100..size.min(200), size - 70..size] {
            let wanted = right[range.clone()].to_vec();
            match world.get_range(name, range.start as u64..range.end as u64).await {
                Ok(bytes) => assert!(bytes == wanted, "{what}: {name} {range:?} came wrong"),
                Err(error) => assert!(!enough, "{what}: {name} {range:?}: {error}"),
            }
        }
    }
}

async fn check(profile: Profile, sites: usize) {
    for how in LIES {
        let settings = engine::Settings { default_profile: profile, ..settings() };
        let world = World::under(how as u64, settings, vec![Label::LOWEST; sites]).await;
        let _background = world.background();
        // Few liars first: what they did must be found and made good before more is lost.
        let mut sets: Vec<u32> = (1..1 << sites).collect();
        sets.sort_by_key(|set| set.count_ones());
        let mut alone = true;
        for liars in sets {
            if alone && liars.count_ones() > 1 {
                world.caught_up().await;
                let noticed = bad_cells(&world).await;
                let silent = matches!(how, Lie::Cut | Lie::Empty | Lie::Remove) || how == Lie::Shuffle;
                assert!(silent || noticed > 0, "{profile}: {how:?} was not counted");
                alone = false;
            }
            one_case(&world, how, liars, profile).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn four_sites_of_quad() {
    check(Profile::Quad, 4).await;
}

#[tokio::test(start_paused = true)]
async fn four_sites_of_econ() {
    check(Profile::Econ, 4).await;
}

#[tokio::test(start_paused = true)]
async fn five_sites_of_std() {
    check(Profile::Std, 5).await;
}

#[tokio::test(start_paused = true)]
async fn three_sites_of_a_mirror() {
    check(Profile::Mirror(3), 3).await;
}
