//! Writer epochs, running time, and the pieces no record names.

use model::{Epoch, PieceName, SiteId};
use rusqlite::{Connection, params};

use super::codec::NameColumn;
use super::late;
use crate::error::Error;
use crate::interface::{Listed, Unnamed, Why};

/// Opens the next epoch, above every earlier one and above `seen`.
pub fn open(c: &Connection, seen: Epoch) -> Result<Epoch, Error> {
    let next = newest(c)?.max(seen).0.checked_add(1).filter(|next| i64::try_from(*next).is_ok());
    let next = next.ok_or_else(|| Error::Unavailable(format!("no epoch is left above {}", seen.0)))?;
    c.prepare_cached("UPDATE state SET newest_epoch = ?")?.execute([next])?;
    Ok(Epoch(next))
}

pub fn newest(c: &Connection) -> Result<Epoch, Error> {
    Ok(Epoch(c.prepare_cached("SELECT newest_epoch FROM state")?.query_row([], |row| row.get(0))?))
}

pub fn close_below(c: &Connection, epoch: Epoch) -> Result<(), Error> {
    c.prepare_cached("UPDATE state SET closed_below = ?1 WHERE closed_below < ?1")?.execute([epoch.0])?;
    Ok(())
}

pub fn closed_below(c: &Connection) -> Result<Epoch, Error> {
    Ok(Epoch(c.prepare_cached("SELECT closed_below FROM state")?.query_row([], |row| row.get(0))?))
}

/// Whether it was opened and is not closed.
pub fn is_open(c: &Connection, epoch: Epoch) -> Result<bool, Error> {
    let mut find = c.prepare_cached("SELECT newest_epoch, closed_below FROM state")?;
    let (newest, closed_below): (u64, u64) = find.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((closed_below..=newest).contains(&epoch.0))
}

pub fn add_running_ms(c: &Connection, elapsed: u64) -> Result<u64, Error> {
    let mut add = c.prepare_cached("UPDATE state SET running_ms = running_ms + ? RETURNING running_ms")?;
    Ok(add.query_row([elapsed], |row| row.get(0))?)
}

/// Of the listed pieces, those no record names. A name counts wherever a record says the piece
/// lies: names are random, and sparing a copy is the safe side.
pub fn note_unnamed(
    c: &Connection,
    site: SiteId,
    listed: &[PieceName],
    running_ms: u64,
) -> Result<Vec<Unnamed>, Error> {
    let mut named = c.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM piece WHERE name = ?1) OR EXISTS (SELECT 1 FROM decided_piece WHERE name = ?1)",
    )?;
    let early = late::early_pieces(c)?;
    let mut note =
        c.prepare_cached("INSERT INTO unnamed (site, name, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")?;
    let mut since = c.prepare_cached("SELECT since, freed FROM unnamed WHERE site = ? AND name = ?")?;
    let mut unnamed = Vec::new();
    for &name in listed {
        if early.contains(&name) || named.query_row([NameColumn(name)], |row| row.get(0))? {
            forget_unnamed(c, site, &[name])?;
            continue;
        }
        note.execute(params![site.0, NameColumn(name), running_ms])?;
        let (since_running_ms, freed) =
            since.query_row(params![site.0, NameColumn(name)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        unnamed.push(Unnamed { name, since_running_ms, why: if freed { Why::Freed } else { Why::NeverNamed } });
    }
    Ok(unnamed)
}

pub fn forget_unlisted(c: &Connection, site: SiteId, range: &Listed) -> Result<(), Error> {
    let mut find = c.prepare_cached("SELECT name FROM unnamed WHERE site = ? AND name > ? AND name <= ?")?;
    let after = range.after.map_or_else(Vec::new, |name| NameColumn(name).bytes());
    // No name begins with a greater byte.
    let through = range.through.map_or_else(|| vec![u8::MAX], |name| NameColumn(name).bytes());
    let rows = find.query_map(params![site.0, after, through], |row| row.get(0).map(|NameColumn(name)| name))?;
    let gone = |name: &PieceName| name.epoch < range.below && !range.names.contains(name);
    let names = rows.collect::<Result<Vec<PieceName>, _>>()?;
    forget_unnamed(c, site, &names.into_iter().filter(gone).collect::<Vec<_>>())
}

pub fn forget_unnamed(c: &Connection, site: SiteId, names: &[PieceName]) -> Result<(), Error> {
    let mut forget = c.prepare_cached("DELETE FROM unnamed WHERE site = ? AND name = ?")?;
    for name in names {
        forget.execute(params![site.0, NameColumn(*name)])?;
    }
    Ok(())
}
