//! The tables, and the way from each older form of them to this one.
//!
//! Model objects lie in versioned blobs; beside them only the columns that queries need. Text that
//! people choose and that is ordered (keys) is kept as BLOB, so that its order is that of its bytes.

use rusqlite::{Connection, params};

use super::codec;
use crate::error::Error;

/// Marks a database as a catalog: "ente".
pub const APPLICATION_ID: i32 = 0x656e_7465;

/// What the newest migration leads to.
pub const VERSION: u32 = 11;

/// Migration `i` leads from version `i` to `i + 1`: a script, and what SQL alone cannot do after it.
/// They are never edited once released.
const MIGRATIONS: [(&str, Afterwards); VERSION as usize] = [
    (VERSION_1, nothing),
    (VERSION_2, nothing),
    (VERSION_3, name_versions),
    (VERSION_4, nothing),
    (VERSION_5, nothing),
    (VERSION_6, nothing),
    (VERSION_7, name_streams),
    (VERSION_8, nothing),
    (VERSION_9, nothing),
    (VERSION_10, nothing),
    (VERSION_11, nothing),
];

type Afterwards = fn(&Connection) -> Result<(), Error>;

fn nothing(_: &Connection) -> Result<(), Error> {
    Ok(())
}

/// Brings the database to [`VERSION`], each step in a transaction of its own; refuses newer ones.
pub fn migrate(connection: &Connection) -> Result<(), Error> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > VERSION {
        return Err(Error::Newer { found, known: VERSION });
    }
    for (from, (script, afterwards)) in (0..).zip(MIGRATIONS).skip(found as usize) {
        connection.execute_batch(&format!("BEGIN IMMEDIATE; {script}"))?;
        afterwards(connection)?;
        connection.execute_batch(&format!("PRAGMA user_version = {}; COMMIT;", from + 1))?;
    }
    if found == 0 {
        // Nothing was ever stored in it.
        super::rest::done(connection)?;
    }
    Ok(())
}

const VERSION_11: &str = "
    -- The snapshot that a rebuild is taking rows of, and how many batches of them are here.
    CREATE TABLE taking (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        snapshot BLOB NOT NULL,
        batches INTEGER NOT NULL
    ) STRICT;
";

const VERSION_10: &str = "
    -- Bytes of the bodies that lie in a segment, shared ones as often as they are held, and of the records
    -- in a journal segment. Unknown of what was there before.
    ALTER TABLE segment_use ADD COLUMN bytes INTEGER;
    ALTER TABLE journal ADD COLUMN records INTEGER;
    -- The first record that the segment holds, if it holds some that others brought: it is to take their place.
    ALTER TABLE journal ADD COLUMN begins INTEGER;
    -- Who holds a body of a journal segment that did not ride with a record of its own: copies, and versions
    -- that were put together from parts.
    CREATE TABLE version_holder (
        version INTEGER NOT NULL,
        segment BLOB NOT NULL,
        PRIMARY KEY (version, segment)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX version_holder_segment ON version_holder (segment);
    CREATE TRIGGER version_lets_go AFTER DELETE ON version
        BEGIN DELETE FROM version_holder WHERE version = old.row; END;
    CREATE TABLE part_holder (
        upload BLOB NOT NULL,
        part_number INTEGER NOT NULL,
        segment BLOB NOT NULL,
        PRIMARY KEY (upload, part_number, segment)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX part_holder_segment ON part_holder (segment);
    CREATE TRIGGER part_lets_go AFTER DELETE ON part
        BEGIN DELETE FROM part_holder WHERE upload = old.upload AND part_number = old.part_number; END;
    CREATE TRIGGER part_is_another AFTER UPDATE OF body ON part WHEN new.body <> old.body
        BEGIN DELETE FROM part_holder WHERE upload = old.upload AND part_number = old.part_number; END;
    -- Streams may be replayed in any order, and what a copy lies in may turn out to be no journal segment.
    CREATE TRIGGER holders_of_data AFTER INSERT ON segment WHEN new.kind = 1
        BEGIN DELETE FROM version_holder WHERE segment = new.id; DELETE FROM part_holder WHERE segment = new.id; END;
    CREATE TRIGGER holders_let_go AFTER DELETE ON segment WHEN old.kind = 0
        BEGIN DELETE FROM version_holder WHERE segment = old.id; DELETE FROM part_holder WHERE segment = old.id; END;
";

const VERSION_9: &str = "
    -- A place in the order of `SiteState::ALL`.
    ALTER TABLE site ADD COLUMN state INTEGER NOT NULL DEFAULT 0;
    -- What was brought away from sites that are being left: an observation, which no rebuild brings back.
    CREATE TABLE moved (
        site BLOB PRIMARY KEY,
        pieces INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        read INTEGER NOT NULL,
        cost INTEGER NOT NULL,
        dearer INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    -- How a segment was placed that is not shown yet (see `early_piece`).
    CREATE TABLE early_placing (
        segment BLOB PRIMARY KEY,
        number INTEGER NOT NULL,
        k INTEGER NOT NULL,
        m INTEGER NOT NULL,
        promise INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

const VERSION_8: &str = "
    -- When a piece was last seen in its whole length, and when cells of it were last read and proven:
    -- wall-clock milliseconds, 0 for never since this catalog came to know it. Observations, which no
    -- rebuild brings back.
    ALTER TABLE piece ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE piece ADD COLUMN read INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX piece_at ON piece (site, name);
    CREATE INDEX piece_seen ON piece (site, seen, name);
    CREATE INDEX piece_read ON piece (site, read, name);
    -- How far a walk of one depth over a site is, and what all of them spent there on the newest day.
    CREATE TABLE scrub_walk (
        site BLOB NOT NULL,
        depth INTEGER NOT NULL,
        place TEXT,
        began INTEGER,
        ended INTEGER,
        PRIMARY KEY (site, depth)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE scrub_spent (
        site BLOB PRIMARY KEY,
        day INTEGER NOT NULL,
        requests INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        nano_dollars INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE finding (
        row INTEGER PRIMARY KEY,
        fault INTEGER NOT NULL,
        site BLOB NOT NULL,
        object TEXT NOT NULL,
        segment BLOB,
        piece_index INTEGER,
        label BLOB,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        times INTEGER NOT NULL,
        over INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX finding_object ON finding (site, object, fault);
    CREATE INDEX finding_last ON finding (last);
    -- Whether a record freed the piece: one that none did is a stray. Their grace begins with it.
    ALTER TABLE unnamed ADD COLUMN freed INTEGER NOT NULL DEFAULT 0;
    -- Of those that were noted before nobody knows, and nearly all of them were.
    UPDATE unnamed SET freed = 1;
    CREATE TRIGGER piece_removed AFTER DELETE ON piece
        BEGIN INSERT INTO unnamed (site, name, since, freed) SELECT old.site, old.name, running_ms, 1 FROM state
            WHERE true ON CONFLICT DO UPDATE SET freed = 1; END;
";

const VERSION_5: &str = "
    -- Groups; the name of the thing is a word of SQL.
    CREATE TABLE team (
        id BLOB PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        team BLOB NOT NULL
    ) STRICT;
    -- The number of the last record that changed the principal or the groups it is in.
    ALTER TABLE principal ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE release (
        id BLOB PRIMARY KEY,
        -- Of its source.
        label BLOB NOT NULL,
        release BLOB NOT NULL
    ) STRICT;
";

const VERSION_6: &str = "
    -- The streams of labels that were shredded: what is at the sites of them opens no more. What the
    -- catalog held of one is gone when it is `cleared`; segments up to row `cleared_to` were looked at.
    CREATE TABLE shredded_stream (
        id BLOB PRIMARY KEY,
        label BLOB NOT NULL,
        number INTEGER NOT NULL,
        cleared_to INTEGER NOT NULL DEFAULT 0,
        cleared INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID;
    -- Their buckets, until nothing of them is left.
    CREATE TABLE shredded_bucket (
        id BLOB PRIMARY KEY
    ) STRICT, WITHOUT ROWID;
    -- Shares of the root key and backups, by the number of the record that tells of them.
    CREATE TABLE known_copy (
        number INTEGER PRIMARY KEY,
        copy BLOB NOT NULL
    ) STRICT;
";

const VERSION_7: &str = "
    -- Of a record that is sealed, the stream cannot be read in itself.
    ALTER TABLE decided ADD COLUMN stream BLOB NOT NULL DEFAULT x'';
    -- Whether nothing lies open here that older programs left so.
    ALTER TABLE state ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
    -- What was said of versions before they were shown: under which label nobody could say. One
    -- gateway's stream has a version's own record first, so nothing is lost that was ever met.
    DELETE FROM early_setting;
";

/// Until records were sealed, theirs stood in them alone.
fn name_streams(c: &Connection) -> Result<(), Error> {
    let mut rows = c.prepare("SELECT number, encoded FROM decided")?;
    let mut name = c.prepare("UPDATE decided SET stream = ? WHERE number = ?")?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let record = codec::decode(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?)?;
        name.execute(params![record.stream.0, row.get::<_, u64>(0)?])?;
    }
    Ok(())
}

const VERSION_4: &str = "
    -- Keys that were deleted while their bucket is being adopted: what the origin holds stays hidden.
    CREATE TABLE hidden (
        bucket BLOB NOT NULL,
        key BLOB NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (bucket, key)
    ) STRICT, WITHOUT ROWID;
";

/// Until there were several versions of a key, a version's id stood in its blob alone.
fn name_versions(c: &Connection) -> Result<(), Error> {
    let mut rows = c.prepare("SELECT row, version FROM version")?;
    let mut name = c.prepare("UPDATE version SET id = ? WHERE row = ?")?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let blob = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        let version: model::Version = codec::from_blob(blob)?;
        name.execute(params![version.id.0, row.get::<_, i64>(0)?])?;
    }
    Ok(())
}

const VERSION_3: &str = "
    -- A key has several versions, and markers that say it names none. `slot` is 0 for the null
    -- version; `current` is 1 for a key's newest version if that is no marker, and those alone are
    -- objects. `id` is filled in by what follows this script.
    CREATE TABLE versions (
        row INTEGER PRIMARY KEY,
        bucket BLOB NOT NULL,
        key BLOB NOT NULL,
        number INTEGER NOT NULL,
        id BLOB NOT NULL,
        slot INTEGER NOT NULL,
        marker INTEGER NOT NULL,
        current INTEGER NOT NULL,
        size INTEGER NOT NULL,
        etag TEXT NOT NULL,
        modified INTEGER NOT NULL,
        checksums BLOB NOT NULL,
        version BLOB NOT NULL
    ) STRICT;
    INSERT INTO versions
        SELECT row, bucket, key, number, x'', 0, 0, 1, size, etag, modified, checksums, version FROM version;
    DROP TABLE version;
    ALTER TABLE versions RENAME TO version;
    CREATE UNIQUE INDEX version_key ON version (bucket, key, number DESC);
    CREATE UNIQUE INDEX version_current ON version (bucket, key) WHERE current = 1;

    -- What was said of a version since it was put, the last of each kind.
    CREATE TABLE version_setting (
        version INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        number INTEGER NOT NULL,
        setting BLOB NOT NULL,
        PRIMARY KEY (version, kind)
    ) STRICT, WITHOUT ROWID;
    -- The same of a version that is not shown yet (see `early_piece`).
    CREATE TABLE early_setting (
        id BLOB NOT NULL,
        kind INTEGER NOT NULL,
        number INTEGER NOT NULL,
        setting BLOB NOT NULL,
        PRIMARY KEY (id, kind)
    ) STRICT, WITHOUT ROWID;

    CREATE TRIGGER version_added AFTER INSERT ON version
        BEGIN UPDATE total SET objects = objects + new.current, object_bytes = object_bytes + new.size; END;
    CREATE TRIGGER version_removed AFTER DELETE ON version
        BEGIN UPDATE total SET objects = objects - old.current, object_bytes = object_bytes - old.size;
            DELETE FROM version_setting WHERE version = old.row; END;
    CREATE TRIGGER version_changed AFTER UPDATE OF current ON version
        BEGIN UPDATE total SET objects = objects + new.current - old.current; END;
";

const VERSION_2: &str = "
    -- What a bucket was told, the last of each aspect.
    CREATE TABLE bucket_setting (
        bucket BLOB NOT NULL,
        aspect INTEGER NOT NULL,
        number INTEGER NOT NULL,
        setting BLOB NOT NULL,
        PRIMARY KEY (bucket, aspect)
    ) STRICT, WITHOUT ROWID;
";

const VERSION_1: &str = "
    PRAGMA application_id = 0x656e7465;

    -- What there is one of. `number` is the newest given or seen; every record numbered up to
    -- `shown_through` is shown.
    CREATE TABLE state (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        enclave BLOB,
        control BLOB,
        number INTEGER NOT NULL DEFAULT 0,
        shown_through INTEGER NOT NULL DEFAULT 0,
        newest_epoch INTEGER NOT NULL DEFAULT 0,
        closed_below INTEGER NOT NULL DEFAULT 0,
        running_ms INTEGER NOT NULL DEFAULT 0,
        policy_epoch INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    INSERT INTO state (one) VALUES (1);

    -- Counted by the triggers below, so that no path can forget to.
    CREATE TABLE total (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        buckets INTEGER NOT NULL DEFAULT 0,
        objects INTEGER NOT NULL DEFAULT 0,
        object_bytes INTEGER NOT NULL DEFAULT 0,
        uploads INTEGER NOT NULL DEFAULT 0,
        segments INTEGER NOT NULL DEFAULT 0,
        below_promise INTEGER NOT NULL DEFAULT 0,
        unshown INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    INSERT INTO total (one) VALUES (1);

    CREATE TABLE stream (
        id BLOB PRIMARY KEY,
        label BLOB,
        vendors TEXT NOT NULL,
        decided INTEGER NOT NULL,
        decided_hash BLOB NOT NULL,
        shown INTEGER NOT NULL,
        shown_hash BLOB NOT NULL,
        newest BLOB
    ) STRICT, WITHOUT ROWID;

    -- The shown journal segments: which records of its stream each one brought, and the hash of the
    -- last, so that a fork in the past can be told.
    CREATE TABLE journal (
        stream BLOB NOT NULL,
        last INTEGER NOT NULL,
        first INTEGER NOT NULL,
        hash BLOB NOT NULL,
        segment BLOB NOT NULL,
        PRIMARY KEY (stream, last)
    ) STRICT, WITHOUT ROWID;

    -- Decided, not yet shown. What a record touches stands in columns: the object's bucket and key,
    -- a subject (upload, principal, access key or bucket by id) and a name to be unique.
    CREATE TABLE decided (
        number INTEGER PRIMARY KEY,
        kind INTEGER NOT NULL,
        bucket BLOB,
        key BLOB,
        subject BLOB,
        name BLOB,
        encoded BLOB NOT NULL,
        body BLOB
    ) STRICT;
    CREATE INDEX decided_key ON decided (bucket, key) WHERE bucket IS NOT NULL;
    CREATE INDEX decided_subject ON decided (subject) WHERE subject IS NOT NULL;
    CREATE INDEX decided_name ON decided (name) WHERE name IS NOT NULL;
    CREATE TABLE decided_piece (
        name BLOB NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (name, number)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX decided_piece_number ON decided_piece (number);

    -- Not unique by name: streams may be replayed one after the other, and a bucket that is gone may
    -- then meet its namesake; the greatest number is the one that is.
    CREATE TABLE bucket (
        id BLOB PRIMARY KEY,
        label BLOB NOT NULL,
        name TEXT NOT NULL,
        owner BLOB NOT NULL,
        number INTEGER NOT NULL,
        bucket BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX bucket_name ON bucket (label, name, number);
    CREATE INDEX bucket_owner ON bucket (owner, label, name);

    -- Listings read the columns; the blob stands last, so that they need not read through it.
    CREATE TABLE version (
        row INTEGER PRIMARY KEY,
        bucket BLOB NOT NULL,
        key BLOB NOT NULL,
        number INTEGER NOT NULL,
        size INTEGER NOT NULL,
        etag TEXT NOT NULL,
        modified INTEGER NOT NULL,
        checksums BLOB NOT NULL,
        version BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX version_key ON version (bucket, key, number);

    CREATE TABLE upload (
        id BLOB PRIMARY KEY,
        bucket BLOB NOT NULL,
        key BLOB NOT NULL,
        initiated INTEGER NOT NULL,
        number INTEGER NOT NULL,
        upload BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX upload_key ON upload (bucket, key, initiated, id);
    CREATE TABLE part (
        upload BLOB NOT NULL,
        part_number INTEGER NOT NULL,
        bucket BLOB NOT NULL,
        number INTEGER NOT NULL,
        body BLOB NOT NULL,
        part BLOB NOT NULL,
        PRIMARY KEY (upload, part_number)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX part_bucket ON part (bucket);

    -- `spare`: proven pieces (of different index, so of different vendors) beyond the k needed.
    CREATE TABLE segment (
        row INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        kind INTEGER NOT NULL,
        stream BLOB NOT NULL,
        k INTEGER NOT NULL,
        m INTEGER NOT NULL,
        cell INTEGER NOT NULL,
        length INTEGER NOT NULL,
        key BLOB NOT NULL,
        epoch INTEGER NOT NULL,
        promise INTEGER NOT NULL,
        spare INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX segment_below ON segment (spare, id) WHERE spare < promise;
    CREATE TABLE piece (
        segment INTEGER NOT NULL,
        piece_index INTEGER NOT NULL,
        name BLOB NOT NULL,
        site BLOB NOT NULL,
        PRIMARY KEY (segment, piece_index, name)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX piece_name ON piece (name);
    -- How many versions and parts lie in a segment; none: no row.
    CREATE TABLE segment_use (
        segment BLOB PRIMARY KEY,
        uses INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE principal (
        id BLOB PRIMARY KEY,
        name TEXT NOT NULL,
        principal BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX principal_name ON principal (name);
    CREATE TABLE access_key (
        id TEXT PRIMARY KEY,
        active INTEGER NOT NULL,
        access_key BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE label_key (
        tag BLOB PRIMARY KEY,
        label_key BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE site (
        id BLOB PRIMARY KEY,
        site BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- Pieces seen at a site that no record names, and the running time when first seen.
    CREATE TABLE unnamed (
        site BLOB NOT NULL,
        name BLOB NOT NULL,
        since INTEGER NOT NULL,
        PRIMARY KEY (site, name)
    ) STRICT, WITHOUT ROWID;

    -- What is kept while a record with a smaller number may still be shown (streams are shown side
    -- by side): numbers shown early, what is gone, segments without use, pieces without segment.
    CREATE TABLE ahead (
        number INTEGER PRIMARY KEY
    ) STRICT;
    CREATE TABLE gone (
        subject BLOB PRIMARY KEY,
        number INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE unused (
        segment BLOB PRIMARY KEY,
        number INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE early_piece (
        segment BLOB NOT NULL,
        piece_index INTEGER NOT NULL,
        name BLOB NOT NULL,
        site BLOB NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (segment, piece_index, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TRIGGER bucket_added AFTER INSERT ON bucket
        BEGIN UPDATE total SET buckets = buckets + 1; END;
    CREATE TRIGGER bucket_removed AFTER DELETE ON bucket
        BEGIN UPDATE total SET buckets = buckets - 1; END;
    CREATE TRIGGER version_added AFTER INSERT ON version
        BEGIN UPDATE total SET objects = objects + 1, object_bytes = object_bytes + new.size; END;
    CREATE TRIGGER version_removed AFTER DELETE ON version
        BEGIN UPDATE total SET objects = objects - 1, object_bytes = object_bytes - old.size; END;
    CREATE TRIGGER upload_added AFTER INSERT ON upload
        BEGIN UPDATE total SET uploads = uploads + 1; END;
    CREATE TRIGGER upload_removed AFTER DELETE ON upload
        BEGIN UPDATE total SET uploads = uploads - 1; END;
    CREATE TRIGGER segment_added AFTER INSERT ON segment
        BEGIN UPDATE total SET segments = segments + 1,
            below_promise = below_promise + (new.spare < new.promise); END;
    CREATE TRIGGER segment_removed AFTER DELETE ON segment
        BEGIN UPDATE total SET segments = segments - 1,
            below_promise = below_promise - (old.spare < old.promise); END;
    CREATE TRIGGER segment_changed AFTER UPDATE OF spare ON segment
        BEGIN UPDATE total SET
            below_promise = below_promise - (old.spare < old.promise) + (new.spare < new.promise); END;
    CREATE TRIGGER decided_added AFTER INSERT ON decided
        BEGIN UPDATE total SET unshown = unshown + 1; END;
    CREATE TRIGGER decided_removed AFTER DELETE ON decided
        BEGIN UPDATE total SET unshown = unshown - 1; END;
";

#[cfg(test)]
mod tests {
    use model::{BucketId, Epoch, Number, PieceName, SegmentKind, SiteId, Which};

    use super::super::codec::NameColumn;
    use super::super::sealed::{Db, Handed};
    use super::super::{epochs, streams, versions};
    use super::*;
    use crate::contract::make;
    use crate::interface::Why;

    /// A catalog as a program of this version made it.
    fn of_version(version: usize) -> Connection {
        let c = Connection::open_in_memory().unwrap();
        for (from, (script, _)) in (0..).zip(MIGRATIONS).take(version) {
            c.execute_batch(&format!("{script} PRAGMA user_version = {};", from + 1)).unwrap();
        }
        c
    }

    #[test]
    fn what_an_older_program_freed_is_no_stray() {
        let c = of_version(7);
        let name = |random| PieceName { kind: SegmentKind::Data, epoch: Epoch(1), random: [random; 16] };
        c.execute("INSERT INTO unnamed (site, name, since) VALUES (?, ?, 5)", params![[1_u8; 16], NameColumn(name(1))])
            .unwrap();
        migrate(&c).unwrap();
        let found = epochs::note_unnamed(&c, SiteId([1; 16]), &[name(1), name(2)], 9).unwrap();
        let found: Vec<_> = found.iter().map(|unnamed| (unnamed.since_running_ms, unnamed.why)).collect();
        assert_eq!(found, [(5, Why::Freed), (9, Why::NeverNamed)]);
    }

    #[test]
    fn objects_of_an_older_catalog_are_null_versions() {
        let c = of_version(2);
        let (bucket, key) = (BucketId(make::id(1)), make::key("a"));
        let old = make::version(7, &key, vec![make::body(7, 100).0]);
        c.execute(
            "INSERT INTO version (bucket, key, number, size, etag, modified, checksums, version)
             VALUES (?, ?, 3, 100, ?, ?, x'', ?)",
            params![bucket.0, key.as_str().as_bytes(), old.etag.0, old.modified.0, codec::to_blob(&old)],
        )
        .unwrap();
        migrate(&c).unwrap();
        let handed = Handed::new(crate::contract::outside(1));
        let db = Db::new(&c, &handed);
        for found in [
            versions::find(&db, bucket, &key, Which::Current).unwrap(),
            versions::find(&db, bucket, &key, Which::Null).unwrap(),
            versions::by_id(&db, bucket, &key, old.id).unwrap(),
        ] {
            assert!(matches!(found, Some(versions::Kept::Version(Number(3), version)) if version == old));
        }
        let totals = streams::totals(&c).unwrap();
        assert_eq!((totals.objects, totals.object_bytes), (1, 100));
        versions::remove(&db, bucket, &key, old.id).unwrap();
        let totals = streams::totals(&c).unwrap();
        assert_eq!((totals.objects, totals.object_bytes), (0, 0), "the counts go on with the new table");
    }
}
