//! Principals, access keys, label keys and sites: few rows, changed seldom.

use model::{
    AccessKey, AccessKeyId, Group, KeyLimits, KeyState, KnownCopy, LabelKey, NanoDollars, Number, Principal,
    PrincipalId, Release, ReleaseId, Site, SiteId, SiteState, Timestamp,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::codec;
use super::sealed::{Db, Place};
use crate::error::Error;
use crate::interface::Moved;

/// By name.
pub fn principals(c: &Connection) -> Result<Vec<Principal>, Error> {
    all(c, "SELECT principal FROM principal ORDER BY name, id")
}

pub fn principal(c: &Connection, id: PrincipalId) -> Result<Option<Principal>, Error> {
    let mut find = c.prepare_cached("SELECT principal FROM principal WHERE id = ?")?;
    let blob: Option<Vec<u8>> = find.query_row([id.0], |row| row.get(0)).optional()?;
    blob.as_deref().map(codec::from_blob).transpose()
}

/// Whether the id or the name is taken.
pub fn is_known(c: &Connection, id: PrincipalId, name: &str) -> Result<bool, Error> {
    let mut find = c.prepare_cached("SELECT EXISTS (SELECT 1 FROM principal WHERE id = ? OR name = ?)")?;
    Ok(find.query_row(params![id.0, name], |row| row.get(0))?)
}

pub fn create_principal(c: &Connection, principal: &Principal) -> Result<(), Error> {
    c.prepare_cached("INSERT INTO principal (id, name, principal) VALUES (?, ?, ?)")?.execute(params![
        principal.id.0,
        principal.name,
        codec::to_blob(principal)
    ])?;
    Ok(())
}

/// Its id and name stay.
pub fn set_principal(c: &Connection, number: Number, principal: &Principal) -> Result<(), Error> {
    c.prepare_cached("UPDATE principal SET principal = ?2 WHERE id = ?1")?
        .execute(params![principal.id.0, codec::to_blob(principal)])?;
    raise_epoch(c, number, principal.id)
}

/// By name.
pub fn groups(c: &Connection) -> Result<Vec<Group>, Error> {
    all(c, "SELECT team FROM team ORDER BY name")
}

pub fn group(c: &Connection, id: PrincipalId) -> Result<Option<Group>, Error> {
    let mut find = c.prepare_cached("SELECT team FROM team WHERE id = ?")?;
    let blob: Option<Vec<u8>> = find.query_row([id.0], |row| row.get(0)).optional()?;
    blob.as_deref().map(codec::from_blob).transpose()
}

pub fn group_named(c: &Connection, name: &str) -> Result<Option<Group>, Error> {
    let mut find = c.prepare_cached("SELECT team FROM team WHERE name = ?")?;
    let blob: Option<Vec<u8>> = find.query_row([name], |row| row.get(0)).optional()?;
    blob.as_deref().map(codec::from_blob).transpose()
}

pub fn store_group(c: &Connection, number: Number, new: &Group) -> Result<(), Error> {
    let before = group(c, new.id)?.map(|group| group.members).unwrap_or_default();
    before.symmetric_difference(&new.members).try_for_each(|member| raise_epoch(c, number, *member))?;
    c.prepare_cached(
        "INSERT INTO team (id, name, team) VALUES (?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET name = ?2, team = ?3",
    )?
    .execute(params![new.id.0, new.name, codec::to_blob(new)])?;
    Ok(())
}

pub fn delete_group(c: &Connection, number: Number, id: PrincipalId) -> Result<(), Error> {
    let before = group(c, id)?.map(|group| group.members).unwrap_or_default();
    before.iter().try_for_each(|member| raise_epoch(c, number, *member))?;
    c.prepare_cached("DELETE FROM team WHERE id = ?")?.execute([id.0])?;
    Ok(())
}

/// By the moment they were asked for.
pub fn releases(c: &Db<'_>) -> Result<Vec<Release>, Error> {
    let mut find = c.prepare_cached("SELECT id, release FROM release")?;
    let rows = find.query_map([], |row| Ok((ReleaseId(row.get(0)?), row.get::<_, Vec<u8>>(1)?)))?;
    let open = |row: rusqlite::Result<(ReleaseId, Vec<u8>)>| {
        let (id, value) = row?;
        c.read_value(Place::Release(id), &value)
    };
    let mut releases: Vec<Release> = rows.map(open).collect::<Result<_, Error>>()?;
    releases.sort_by_key(|release| (release.asked, release.id));
    Ok(releases)
}

pub fn release(c: &Db<'_>, id: ReleaseId) -> Result<Option<Release>, Error> {
    let mut find = c.prepare_cached("SELECT release FROM release WHERE id = ?")?;
    let blob: Option<Vec<u8>> = find.query_row([id.0], |row| row.get(0)).optional()?;
    blob.map(|blob| c.read_value(Place::Release(id), &blob)).transpose()
}

pub fn store_release(c: &Db<'_>, release: &Release) -> Result<(), Error> {
    let value = c.to_value(Some(&release.source_label), Place::Release(release.id), release)?;
    c.prepare_cached(
        "INSERT INTO release (id, label, release) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET release = ?3",
    )?
    .execute(params![release.id.0, release.source_label.canonical(), value])?;
    Ok(())
}

/// By id.
pub fn access_keys(c: &Connection) -> Result<Vec<AccessKey>, Error> {
    all(c, "SELECT access_key FROM access_key ORDER BY id")
}

pub fn access_key(c: &Connection, id: &AccessKeyId) -> Result<Option<AccessKey>, Error> {
    let mut find = c.prepare_cached("SELECT access_key FROM access_key WHERE id = ?")?;
    let blob: Option<Vec<u8>> = find.query_row([&id.0], |row| row.get(0)).optional()?;
    blob.as_deref().map(codec::from_blob).transpose()
}

pub fn is_active(c: &Connection, id: &AccessKeyId) -> Result<bool, Error> {
    let mut find = c.prepare_cached("SELECT active FROM access_key WHERE id = ?")?;
    Ok(find.query_row([&id.0], |row| row.get(0)).optional()?.unwrap_or(false))
}

pub fn store_key(c: &Connection, key: &AccessKey) -> Result<(), Error> {
    c.prepare_cached(
        "INSERT INTO access_key (id, active, access_key) VALUES (?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET active = ?2, access_key = ?3",
    )?
    .execute(params![key.id.0, key.state == KeyState::Active, codec::to_blob(key)])?;
    Ok(())
}

/// A key that was revoked before keeps its date.
pub fn revoke_key(c: &Connection, id: &AccessKeyId, at: Timestamp) -> Result<(), Error> {
    match access_key(c, id)? {
        Some(key) if key.state == KeyState::Active => {
            store_key(c, &AccessKey { state: KeyState::Revoked { at }, ..key })
        }
        _ => Ok(()),
    }
}

/// From now on it ends then, whatever was said before.
pub fn expire_key(c: &Connection, id: &AccessKeyId, at: Timestamp) -> Result<(), Error> {
    match access_key(c, id)? {
        Some(key) => {
            let limits = KeyLimits { expires: Some(at), ..key.limits };
            store_key(c, &AccessKey { limits, ..key })
        }
        None => Ok(()),
    }
}

pub fn policy_epoch(c: &Connection, principal: PrincipalId) -> Result<u64, Error> {
    let mut find = c.prepare_cached("SELECT epoch FROM principal WHERE id = ?")?;
    Ok(find.query_row([principal.0], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn raise_epoch(c: &Connection, number: Number, principal: PrincipalId) -> Result<(), Error> {
    c.prepare_cached("UPDATE principal SET epoch = ?2 WHERE id = ?1")?.execute(params![principal.0, number.0])?;
    Ok(())
}

/// By the bytes of the label and by epoch. They are few, and both stand in the blob alone.
pub fn label_keys(c: &Connection) -> Result<Vec<LabelKey>, Error> {
    let mut keys: Vec<LabelKey> = all(c, "SELECT label_key FROM label_key ORDER BY tag")?;
    keys.sort_by_key(|key| (key.label.map(|label| *label.canonical()), key.epoch));
    Ok(keys)
}

pub fn store_label_key(c: &Connection, key: &LabelKey) -> Result<(), Error> {
    c.prepare_cached(
        "INSERT INTO label_key (tag, label_key) VALUES (?1, ?2) ON CONFLICT (tag) DO UPDATE SET label_key = ?2",
    )?
    .execute(params![key.tag.0, codec::to_blob(key)])?;
    Ok(())
}

/// In the order they were made.
pub fn copies(c: &Connection) -> Result<Vec<KnownCopy>, Error> {
    all(c, "SELECT copy FROM known_copy ORDER BY number")
}

pub fn store_copy(c: &Connection, number: Number, copy: &KnownCopy) -> Result<(), Error> {
    c.prepare_cached("INSERT INTO known_copy (number, copy) VALUES (?, ?) ON CONFLICT DO NOTHING")?
        .execute(params![number.0, codec::to_blob(copy)])?;
    Ok(())
}

/// What each site is used for.
pub fn site_states(c: &Connection) -> Result<Vec<(SiteId, SiteState)>, Error> {
    let mut find = c.prepare_cached("SELECT id, state FROM site ORDER BY id")?;
    let rows = find.query_map([], |row| Ok((SiteId(row.get(0)?), row.get::<_, usize>(1)?)))?;
    rows.map(|row| {
        let (site, state) = row?;
        let state = SiteState::ALL.get(state).copied();
        Ok((site, state.ok_or_else(|| Error::Damaged("a site's state is none".to_owned()))?))
    })
    .collect()
}

pub fn set_site(c: &Connection, site: SiteId, state: SiteState) -> Result<(), Error> {
    let place = SiteState::ALL.iter().position(|known| *known == state);
    c.prepare_cached("UPDATE site SET state = ? WHERE id = ?")?.execute(params![place, site.0])?;
    if state == SiteState::Draining {
        c.prepare_cached("DELETE FROM moved WHERE site = ?")?.execute([site.0])?;
    }
    Ok(())
}

pub fn moved(c: &Connection, site: SiteId) -> Result<(u64, Moved), Error> {
    let mut count = c.prepare_cached("SELECT count(*) FROM piece WHERE site = ?")?;
    let left = count.query_row([site.0], |row| row.get(0))?;
    let mut find = c.prepare_cached("SELECT pieces, bytes, read, cost, dearer FROM moved WHERE site = ?")?;
    let moved = find.query_row([site.0], |row| {
        let (cost, dearer) = (NanoDollars(row.get(3)?), NanoDollars(row.get(4)?));
        Ok(Moved { pieces: row.get(0)?, bytes: row.get(1)?, read: row.get(2)?, cost, dearer })
    });
    Ok((left, moved.optional()?.unwrap_or_default()))
}

pub fn note_moved(c: &Connection, site: SiteId, moved: &Moved) -> Result<(), Error> {
    let Moved { pieces, bytes, read, cost, dearer } = moved;
    c.prepare_cached(
        "INSERT INTO moved (site, pieces, bytes, read, cost, dearer) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (site) DO UPDATE SET pieces = pieces + ?2, bytes = bytes + ?3, read = read + ?4,
            cost = cost + ?5, dearer = dearer + ?6",
    )?
    .execute(params![site.0, pieces, bytes, read, cost.0, dearer.0])?;
    Ok(())
}

pub fn sites(c: &Connection) -> Result<Vec<Site>, Error> {
    all(c, "SELECT site FROM site ORDER BY id")
}

pub fn store_site(c: &Connection, site: &Site) -> Result<(), Error> {
    c.prepare_cached("INSERT INTO site (id, site) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET site = ?2")?
        .execute(params![site.id.0, codec::to_blob(site)])?;
    Ok(())
}

fn all<T: coding::record::Stored>(c: &Connection, sql: &str) -> Result<Vec<T>, Error> {
    let mut find = c.prepare_cached(sql)?;
    let blobs = find.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
    blobs.map(|blob| codec::from_blob(&blob?)).collect()
}
