//! `entente object pieces s3://BUCKET/KEY`: where an object lies.

use std::fmt::Write;

use http::Method;

use super::client::{Business, Client};
use super::{Output, Tone, count, table_toned, target};
use crate::api::wire::{PieceInfo, PieceSegment, Pieces};
use crate::args::PiecesArgs;
use crate::failure::{Exit, Failure};
use crate::sigv4::segment;

pub fn pieces(args: &PiecesArgs, output: Output) -> Result<(), Failure> {
    let (bucket, key) = target(&args.target)?;
    let key = key.ok_or_else(|| Failure::new(Exit::Usage, format!("`{}` names no object", args.target)))?;
    let version = args.version.as_ref().map(|id| format!("&version={}", segment(id))).unwrap_or_default();
    let path = format!("/api/v1/buckets/{}/pieces?key={}{version}", segment(&bucket), segment(&key));
    let found: Pieces = Client::signed(&args.signer, Business::Owners)?.call(Method::GET, &path, Vec::new())?;
    output.show(&found, || shown(&found))
}

fn shown(found: &Pieces) -> String {
    let Pieces { key, version, bytes, place, segments } = found;
    let lies = match place.as_str() {
        "journal" => "it rides in the journal".to_owned(),
        "nowhere" => "it has no bytes, and lies nowhere".to_owned(),
        "origin" => "it is read from where it is being adopted from".to_owned(),
        _ => format!("it lies in {}", count(segments.len() as u64, "segment")),
    };
    let mut text = format!("{key}, version {version}, {}: {lies}\n", count(*bytes, "byte"));
    for one in segments {
        let PieceSegment { segment, k, m, promise, pieces, .. } = one;
        // Writing into memory cannot fail.
        let _ = writeln!(
            text,
            "\nsegment {segment}: any {k} of {} pieces give it back; it is meant to outlive {}",
            u16::from(*k) + u16::from(*m),
            count(u64::from(*promise), "further vendor")
        );
        let row = |piece: &PieceInfo| {
            let PieceInfo { index, site, vendor, data, proven, state } = piece;
            let holds = if *data { "data" } else { "parity" }.to_owned();
            let proven = proven.clone().unwrap_or_else(|| "not yet".to_owned());
            [index.to_string(), holds, site.clone(), vendor.clone(), state.clone(), proven]
        };
        let rows: Vec<_> = pieces.iter().map(row).collect();
        let tone = |column: &str, cell: &str| if (column, cell) == ("STATE", "out") { Tone::Bad } else { Tone::Plain };
        text += &table_toned(["PIECE", "HOLDS", "SITE", "VENDOR", "STATE", "PROVEN"], &rows, tone);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_told_with_its_pieces_or_why_it_has_none() {
        let piece = |index, site: &str, data, proven: Option<&str>| PieceInfo {
            index,
            site: site.to_owned(),
            vendor: site.to_owned(),
            data,
            proven: proven.map(str::to_owned),
            state: "well".to_owned(),
        };
        let segment = PieceSegment {
            segment: "S".to_owned(),
            k: 1,
            m: 1,
            offset: 0,
            length: 5,
            bytes: 64,
            promise: 1,
            pieces: vec![piece(0, "amazon", true, Some("DATE")), piece(1, "google", false, None)],
        };
        let (key, version) = ("leaf".to_owned(), "V".to_owned());
        let lies = Pieces { key, version, bytes: 5, place: "segments".to_owned(), segments: vec![segment] };
        assert_eq!(
            shown(&lies),
            "leaf, version V, 5 bytes: it lies in 1 segment\n\n\
             segment S: any 1 of 2 pieces give it back; it is meant to outlive 1 further vendor\n\
             PIECE  HOLDS   SITE    VENDOR  STATE  PROVEN\n\
             0      data    amazon  amazon  well   DATE\n\
             1      parity  google  google  well   not yet\n"
        );
        let nowhere = Pieces { bytes: 0, place: "nowhere".to_owned(), segments: Vec::new(), ..lies };
        assert_eq!(shown(&nowhere), "leaf, version V, 0 bytes: it has no bytes, and lies nowhere\n");
    }
}
