//! How scrubs stand, what they spent, and what they found.

use model::{Label, NanoDollars, SegmentId, SiteId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::Error;
use crate::proof::{Account, BudgetDay, Depth, Fault, Finding, Over, ScrubState, Spent, Walk};

/// Findings kept at most: far more than a person reads, and few enough that a site gone mad cannot fill
/// the disk. The oldest go first, those that are over before the others.
pub const FINDINGS_MAX: usize = 10_000;

/// What is no site has a row beside theirs: no site's id is so short.
fn key(account: Account) -> Vec<u8> {
    match account {
        Account::Scrub(site) => site.0.to_vec(),
        Account::Keeping => b"keeping".to_vec(),
    }
}

/// The newest day on which something was spent, and what.
pub fn spent(c: &Connection, account: Account) -> Result<(BudgetDay, Spent), Error> {
    let mut find = c.prepare_cached("SELECT day, requests, bytes, nano_dollars FROM scrub_spent WHERE site = ?")?;
    let spent = find.query_row([key(account)], |row| Ok((BudgetDay(row.get(0)?), read_spent(row, 1)?))).optional()?;
    Ok(spent.unwrap_or_default())
}

pub fn state(c: &Connection, site: SiteId) -> Result<ScrubState, Error> {
    let (day, spent) = spent(c, Account::Scrub(site))?;
    let mut state = ScrubState { day, spent, ..ScrubState::default() };
    let mut walks = c.prepare_cached("SELECT depth, place, began, ended FROM scrub_walk WHERE site = ?")?;
    let mut rows = walks.query([site.0])?;
    while let Some(row) = rows.next()? {
        let number: usize = row.get(0)?;
        let depth = *Depth::ALL.get(number).ok_or_else(|| Error::Damaged(format!("no scrub has depth {number}")))?;
        let moment = |at| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.map(Timestamp));
        state.walks.insert(depth, Walk { place: row.get(1)?, began: moment(2)?, ended: moment(3)? });
    }
    Ok(state)
}

/// Adds to what was spent on this day, within the limit, and returns its sum.
pub fn spend(
    c: &Connection,
    account: Account,
    day: BudgetDay,
    more: Spent,
    limit: Spent,
) -> Result<Option<Spent>, Error> {
    let (newest, before) = spent(c, account)?;
    let (day, sum) = if day > newest { (day, more) } else { (newest, before.and(more)) };
    if !sum.is_within(limit) {
        return Ok(None);
    }
    c.prepare_cached(
        "INSERT INTO scrub_spent (site, day, requests, bytes, nano_dollars) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (site) DO UPDATE SET day = ?2, requests = ?3, bytes = ?4, nano_dollars = ?5",
    )?
    .execute(params![key(account), day.0, clamp(sum.requests), clamp(sum.bytes), clamp(sum.cost.0)])?;
    Ok(Some(sum))
}

pub fn set_walk(c: &Connection, site: SiteId, depth: Depth, walk: &Walk) -> Result<(), Error> {
    let moment = |at: Option<Timestamp>| at.map(|at| at.0);
    c.prepare_cached(
        "INSERT INTO scrub_walk (site, depth, place, began, ended) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (site, depth) DO UPDATE SET place = ?3, began = ?4, ended = ?5",
    )?
    .execute(params![site.0, depth as u8, walk.place, moment(walk.began), moment(walk.ended)])?;
    Ok(())
}

/// Remembers what was found; what was known is found once more. Tells which are new, or came back after
/// they were over, in their order.
pub fn note(c: &Connection, findings: &[Finding]) -> Result<Vec<bool>, Error> {
    let mut again = c.prepare_cached(
        "UPDATE finding SET last = max(last, ?4), times = CASE WHEN over IS NULL THEN times + 1 ELSE 1 END,
             first = CASE WHEN over IS NULL THEN first ELSE ?5 END, over = NULL
         WHERE site = ?1 AND object = ?2 AND fault = ?3 RETURNING times",
    )?;
    let mut insert = c.prepare_cached(
        "INSERT INTO finding (fault, site, object, segment, piece_index, label, first, last, times, over)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, NULL)",
    )?;
    let mut new = Vec::with_capacity(findings.len());
    for finding in findings {
        let Finding { fault, site, object, piece, label, first, last, times, .. } = finding;
        let times_now: Option<u64> =
            again.query_row(params![site.0, object, *fault as u8, last.0, first.0], |row| row.get(0)).optional()?;
        if times_now.is_none() {
            let (segment, index) = piece.map_or((None, None), |(segment, index)| (Some(segment.0), Some(index)));
            let label = label.as_ref().map(Label::canonical);
            insert.execute(params![
                *fault as u8,
                site.0,
                object,
                segment,
                index,
                label,
                first.0,
                last.0,
                clamp(*times)
            ])?;
        }
        new.push(times_now.is_none_or(|times| times == 1));
    }
    bound_them(c)?;
    Ok(new)
}

fn bound_them(c: &Connection) -> Result<(), Error> {
    let count: usize = c.prepare_cached("SELECT count(*) FROM finding")?.query_row([], |row| row.get(0))?;
    let surplus = i64::try_from(count.saturating_sub(FINDINGS_MAX)).unwrap_or(i64::MAX);
    if surplus > 0 {
        c.prepare_cached(
            "DELETE FROM finding WHERE row IN (SELECT row FROM finding ORDER BY over IS NULL, last, row LIMIT ?)",
        )?
        .execute([surplus])?;
    }
    Ok(())
}

/// Newest first.
pub fn findings(c: &Connection) -> Result<Vec<Finding>, Error> {
    let mut all = c.prepare_cached(
        "SELECT fault, site, object, segment, piece_index, label, first, last, times, over
         FROM finding ORDER BY last DESC, row DESC",
    )?;
    let mut rows = all.query([])?;
    let mut findings = Vec::new();
    while let Some(row) = rows.next()? {
        findings.push(read(row)?);
    }
    Ok(findings)
}

/// Those that are over, from now on.
pub fn end(c: &Connection, site: SiteId, which: &Over, at: Timestamp) -> Result<(), Error> {
    let mut one =
        c.prepare_cached("UPDATE finding SET over = ? WHERE site = ? AND object = ? AND fault = ? AND over IS NULL")?;
    let mut rest =
        c.prepare_cached("UPDATE finding SET over = ? WHERE site = ? AND fault = ? AND last < ? AND over IS NULL")?;
    match which {
        Over::These(findings) => {
            for (fault, object) in findings {
                one.execute(params![at.0, site.0, object, *fault as u8])?;
            }
        }
        Over::NotFoundSince(faults, since) => {
            for fault in faults {
                rest.execute(params![at.0, site.0, *fault as u8, since.0])?;
            }
        }
    }
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Finding, Error> {
    let number: usize = row.get(0)?;
    let fault = *Fault::ALL.get(number).ok_or_else(|| Error::Damaged(format!("no finding has number {number}")))?;
    let piece = row.get::<_, Option<[u8; 16]>>(3)?.map(SegmentId).zip(row.get::<_, Option<u8>>(4)?);
    Ok(Finding {
        fault,
        site: SiteId(row.get(1)?),
        object: row.get(2)?,
        piece,
        label: row.get::<_, Option<[u8; Label::BYTES]>>(5)?.map(Label::from_canonical),
        first: Timestamp(row.get(6)?),
        last: Timestamp(row.get(7)?),
        times: row.get(8)?,
        over: row.get::<_, Option<i64>>(9)?.map(Timestamp),
    })
}

fn read_spent(row: &Row<'_>, from: usize) -> rusqlite::Result<Spent> {
    let cost = NanoDollars(row.get(from + 2)?);
    Ok(Spent { requests: row.get(from)?, bytes: row.get(from + 1)?, cost })
}

/// A column holds 63 bits.
fn clamp(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
