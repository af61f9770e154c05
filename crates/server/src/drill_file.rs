//! The outcome of the last rebuild drill, in the data directory. It is replaced whole: whoever reads it finds the last
//! one or the one before.

use model::Outside;
use serde::{Deserialize, Serialize};

use crate::api::wire::Drill;
use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure};
use crate::files;

/// Rises when what is written is read otherwise.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    drill: Drill,
}

pub fn write(dir: &DataDir, drill: &Drill, outside: &Outside) -> Result<(), Failure> {
    let path = dir.last_drill();
    let refused = |error: std::io::Error| Failure::io(Exit::Storage, "keep the outcome of the drill in", &path, &error);
    let kept = Kept { version: VERSION, drill: drill.clone() };
    let mut text = serde_json::to_vec(&kept).map_err(|error| refused(error.into()))?;
    text.push(b'\n');
    // The data directory's lock is another process's: two drills may write at once, each its own file.
    let suffix = format!("{}.new", hex::encode(outside.random::<8>()));
    files::replace_synced(&path, &text, files::PRIVATE_FILE, &suffix).map_err(refused)
}

/// `None` where none was made, or a newer program tells of it.
pub fn read(dir: &DataDir) -> Result<Option<Drill>, Failure> {
    let path = dir.last_drill();
    let text = files::read_if_there(&path)
        .map_err(|error| Failure::io(Exit::Storage, "read the outcome of the last drill", &path, &error))?;
    // What cannot be read says nothing, and the next drill writes it anew.
    let kept = text.and_then(|text| serde_json::from_str::<Kept>(&text).ok());
    Ok(kept.filter(|kept| kept.version == VERSION).map(|kept| kept.drill))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::api::wire::{DrillOutcome, DrillRows};
    use crate::data_dir::tests::scratch;
    use crate::outside;

    #[tokio::test]
    async fn the_last_drill_is_read_as_it_was_written() {
        let folder = scratch("drill");
        let dir = DataDir::at(folder.clone());
        let outside = outside::real(tokio::runtime::Handle::current());
        assert_eq!(read(&dir).unwrap(), None);
        let of = |failed: Option<&str>, missing| Drill {
            at: "2026-01-02T03:04:05Z".to_owned(),
            outcome: Some(DrillOutcome {
                failed: failed.map(str::to_owned),
                differs: missing > 0,
                tables: vec![DrillRows { table: "object".to_owned(), same: 7, missing, unknown: 0 }],
                ..DrillOutcome::default()
            }),
        };
        for drill in [of(None, 0), of(None, 2), of(Some("no"), 0)] {
            write(&dir, &drill, &outside).unwrap();
            assert_eq!(read(&dir).unwrap(), Some(drill));
        }
        let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(left, [dir.last_drill().file_name().unwrap()], "and nothing beside it");
        assert_eq!(std::fs::metadata(dir.last_drill()).unwrap().permissions().mode() & 0o777, 0o600);
        for other in ["{", "{\"version\":2,\"drill\":{\"at\":\"x\"}}"] {
            std::fs::write(dir.last_drill(), other).unwrap();
            assert_eq!(read(&dir).unwrap(), None, "{other}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
