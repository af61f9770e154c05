//! The data directory and the names in it.

use std::path::{Path, PathBuf};

use model::Vendor;

use crate::failure::{Exit, Failure};
use crate::files;

/// What one running Entente keeps on its own disk.
#[derive(Clone, Debug)]
pub struct DataDir {
    /// Absolute.
    path: PathBuf,
}

impl DataDir {
    pub fn at(path: PathBuf) -> DataDir {
        DataDir { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Held by the one process that uses the directory.
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    pub fn catalog(&self) -> PathBuf {
        self.path.join("catalog.sqlite")
    }

    /// Of the catalog, while a backup is made of it.
    pub fn catalog_copy(&self) -> PathBuf {
        self.path.join("catalog.backup")
    }

    /// A catalog that a rebuild is filling.
    pub fn catalog_rebuilding(&self) -> PathBuf {
        self.path.join("catalog.rebuilding")
    }

    /// One that a rebuild filled, until it is put in its place.
    pub fn catalog_rebuilt(&self) -> PathBuf {
        self.path.join("catalog.rebuilt")
    }

    /// Copies of the catalog before and after a drill, and the one that it fills.
    pub fn catalogs_of_drill(&self) -> [PathBuf; 3] {
        ["catalog.before", "catalog.after", "catalog.drill"].map(|name| self.path.join(name))
    }

    /// What the last drill came to.
    pub fn last_drill(&self) -> PathBuf {
        self.path.join("drill.json")
    }

    /// Of the embedded default; a configuration keeps its root key elsewhere.
    pub fn root_key(&self) -> PathBuf {
        self.path.join("root.key")
    }

    /// The application user's access key, of the embedded default.
    pub fn credentials(&self) -> PathBuf {
        self.path.join("credentials")
    }

    /// The security officer's access key. It is written once, to be taken away.
    pub fn officer(&self) -> PathBuf {
        self.path.join("officer")
    }

    pub fn admin_token(&self) -> PathBuf {
        self.path.join("admin.token")
    }

    /// The certificate for trying things out, with its authority and key.
    pub fn development_tls(&self) -> PathBuf {
        self.path.join("tls")
    }

    /// Where the running process can be reached; gone when it stopped cleanly.
    pub fn run_file(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// The directory that stands for this vendor in the embedded default.
    pub fn site(&self, vendor: Vendor) -> PathBuf {
        self.path.join("sites").join(vendor.name())
    }

    /// Makes the directory if it is not there.
    pub fn make(&self) -> Result<(), Failure> {
        files::make_dir_synced(&self.path)
            .map_err(|error| Failure::io(Exit::Storage, "create the data directory", &self.path, &error))
    }
}

/// Removes a catalog's file, and what SQLite keeps beside it.
pub fn remove_catalog(path: &Path) -> Result<(), Failure> {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        let file = Path::new(&file);
        files::remove_if_there(file).map_err(|error| Failure::io(Exit::Storage, "remove", file, &error))?;
    }
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A fresh directory for one test.
    pub fn scratch(name: &str) -> PathBuf {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("entente-{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&path).unwrap();
        path
    }
}
