//! SQLite's file layer over simulated disks.
//!
//! This is the one module of the house that holds `unsafe`: the registration of the layer, a single call.
//! Everything that SQLite then calls is safe code behind the traits of `rsqlite-vfs`.
#![expect(unsafe_code, reason = "a file layer is registered with SQLite by a raw call; nothing else here is unsafe")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rsqlite_vfs::{
    AccessMode, DeviceCharacteristics, LockLevel, OpenRequest, OpenedFile, OsCallback, SQLiteIoMethods, SQLiteVfs,
    SyncOptions, VfsError, VfsErrorCode, VfsFile, VfsResult, VfsStore, register_vfs,
};

use crate::disk::{Disk, Gone};

/// What SQLite knows the layer by.
pub const NAME: &str = "entente-sim";

/// The disks that are mounted, by number. A file `/7/catalog` is file `catalog` of disk 7.
type Disks = Mutex<BTreeMap<u64, Arc<Disk>>>;

static DISKS: LazyLock<Disks> = LazyLock::new(|| {
    // SAFETY: `Layer`, `Io` and `Files` use the crate's own constructor, file layout and callbacks and agree
    // on their data, which is `()`. The layer is registered once, under a name nobody else uses, and never
    // unregistered, so that its data lives as long as the process. What the callbacks reach is behind a
    // mutex, and SQLite serialises the calls to each file.
    let registered = unsafe { register_vfs::<Io, Layer>(NAME, (), false) };
    let pointer = registered.map(rsqlite_vfs::VfsRegistration::into_raw);
    assert!(pointer.is_ok(), "SQLite did not take the simulated file layer: {:?}", pointer.err());
    Disks::default()
});

/// A disk that SQLite can reach, for as long as this lives.
pub struct Mount {
    number: u64,
}

impl Mount {
    pub fn new(disk: Arc<Disk>) -> Mount {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        disks().insert(number, disk);
        Mount { number }
    }

    /// What SQLite knows the file `name` of this disk by.
    pub fn path(&self, name: &str) -> String {
        format!("/{}/{name}", self.number)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        disks().remove(&self.number);
    }
}

fn disks() -> std::sync::MutexGuard<'static, BTreeMap<u64, Arc<Disk>>> {
    DISKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The disk and the name on it.
fn resolve(path: &str) -> VfsResult<(Arc<Disk>, String)> {
    let mut parts = path.splitn(3, '/').skip(1);
    let number = parts.next().and_then(|number| number.parse().ok());
    let disk = number.and_then(|number: u64| disks().get(&number).cloned());
    match (disk, parts.next()) {
        (Some(disk), Some(name)) => Ok((disk, name.to_owned())),
        _ => Err(VfsError::new(VfsErrorCode::CantOpen, "no such disk".into())),
    }
}

fn failed(code: VfsErrorCode) -> impl FnOnce(Gone) -> VfsError {
    move |Gone| VfsError::new(code, "the power is out".into())
}

struct Handle {
    disk: Arc<Disk>,
    name: String,
}

impl VfsFile for Handle {
    fn read(&mut self, out: &mut [u8], offset: u64) -> VfsResult<usize> {
        self.disk.read(&self.name, offset, out).map_err(failed(VfsErrorCode::IoRead))
    }
    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        self.disk.write(&self.name, offset, bytes).map_err(failed(VfsErrorCode::IoWrite))
    }
    fn truncate(&mut self, length: u64) -> VfsResult<()> {
        self.disk.truncate(&self.name, length).map_err(failed(VfsErrorCode::IoTruncate))
    }
    fn sync(&mut self, _: SyncOptions) -> VfsResult<()> {
        self.disk.sync(&self.name).map_err(failed(VfsErrorCode::IoSync))
    }
    fn size(&self) -> VfsResult<u64> {
        self.disk.length(&self.name).map_err(failed(VfsErrorCode::IoRead))
    }
    // One connection has the file for itself.
    fn lock(&mut self, _: LockLevel) -> VfsResult<()> {
        Ok(())
    }
    fn unlock(&mut self, _: LockLevel) -> VfsResult<()> {
        Ok(())
    }
    fn check_reserved_lock(&self) -> VfsResult<bool> {
        Ok(false)
    }
    /// As SQLite's own layer on Linux says of every file system: a torn write tears nothing beside it.
    fn device_characteristics(&self) -> DeviceCharacteristics {
        DeviceCharacteristics::POWERSAFE_OVERWRITE
    }
}

struct Files;

impl VfsStore for Files {
    type File = Handle;
    type AppData = ();

    fn open_file((): &(), request: OpenRequest<'_>) -> VfsResult<OpenedFile<Handle>> {
        let nameless = || VfsError::new(VfsErrorCode::CantOpen, "temporary files are kept in memory".into());
        let (disk, name) = resolve(request.filename.ok_or_else(nameless)?.path())?;
        disk.open(&name, request.options.create()).map_err(failed(VfsErrorCode::CantOpen))?;
        Ok(OpenedFile { file: Handle { disk, name }, access: request.options.access() })
    }
    fn close_file((): &(), _: Option<&str>, _: Handle, _: rsqlite_vfs::OpenOptions) -> VfsResult<()> {
        Ok(())
    }
    fn access((): &(), path: &str, _: AccessMode) -> VfsResult<bool> {
        let (disk, name) = resolve(path)?;
        Ok(disk.exists(&name))
    }
    fn full_pathname((): &(), path: &str) -> VfsResult<String> {
        Ok(path.to_owned())
    }
    fn delete_file((): &(), path: &str, synced: bool) -> VfsResult<()> {
        let (disk, name) = resolve(path)?;
        disk.remove(&name, synced).map_err(failed(VfsErrorCode::IoDelete))
    }
}

struct Io;

impl SQLiteIoMethods for Io {
    type Store = Files;
}

struct Layer;

impl SQLiteVfs<Io> for Layer {
    type Os = Nothing;
    fn os((): &()) -> &Nothing {
        &Nothing
    }
}

/// Neither time nor randomness comes from here: nothing that is kept depends on SQLite's.
struct Nothing;

impl OsCallback for Nothing {
    fn sleep(&self, _: Duration) {}
    fn random(&self, out: &mut [u8]) -> usize {
        out.fill(7);
        out.len()
    }
    fn epoch_timestamp_in_ms(&self) -> VfsResult<i64> {
        Ok(1_790_000_000_000)
    }
}
