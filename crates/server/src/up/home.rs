//! Root key, catalog and sites: found where an earlier start left them, made on the first.
//!
//! What exists decides what may be made. A root key is made only where nothing could have been
//! stored under an older one; a site's directory only before the enclave was founded, because later
//! one that is missing is a disk that is away.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use catalog::{Catalog, SqliteCatalog};
use coding::RootKey;
use engine::{Engine, OpenError, Parts, SiteParts};
use model::Outside;
use providers::{LocalStore, Store, remote};

use super::origins::VendorOrigins;
use crate::config::{Config, Kind, SiteConfig, StoreConfig};
use crate::data_dir::{DataDir, remove_catalog};
use crate::failure::{Exit, Failure, chain};
use crate::files;
use crate::root_key::{self, RootFile};
use crate::roots::Roots;

/// The engine over the directory's catalog and the sites, and that catalog.
pub async fn open(
    config: &Config,
    dir: &DataDir,
    roots: &Roots,
    outside: &Outside,
) -> Result<(Engine, Arc<dyn Catalog>), Failure> {
    let (root, next_root) = (roots.file().load()?, roots.file().load_next()?);
    let catalog = open_catalog(dir, outside)?;
    if config.kind == Kind::Embedded && catalog.enclave().await.map_err(|error| unusable(dir, &error))?.is_none() {
        make_sites(&config.sites)?;
    }
    let parts = parts(config, Arc::clone(&catalog), (root, next_root), outside)?;
    let engine = Engine::open(parts).await.map_err(|error| refused(config, dir, &error))?;
    roots.settle(&engine).await?;
    // With a catalog in its place nothing is needed of a rebuild that was cut short.
    remove_catalog(&dir.catalog_rebuilding())?;
    Ok((engine, catalog))
}

/// What the settings say the enclave is made of, over this catalog.
pub fn parts(
    config: &Config,
    catalog: Arc<dyn Catalog>,
    (root, next_root): (RootKey, Option<RootKey>),
    outside: &Outside,
) -> Result<Parts, Failure> {
    Ok(Parts {
        catalog,
        sites: config.sites.iter().map(|site| site_parts(site, outside)).collect::<Result<_, _>>()?,
        root,
        next_root,
        outside: outside.clone(),
        settings: settings(config)?,
        origins: Arc::new(VendorOrigins),
    })
}

fn settings(config: &Config) -> Result<engine::Settings, Failure> {
    let memory_budget_bytes = usize::try_from(config.memory_budget_bytes)
        .map_err(|_| Failure::new(Exit::Usage, "the memory budget is larger than this machine can address"))?;
    Ok(engine::Settings {
        default_profile: config.default_profile,
        memory_budget_bytes,
        reenter_after: config.reenter_after,
        waiting_cost: config.waiting_cost,
        read_cut_bytes: config.read_cut_bytes,
        lifecycle_day: config.lifecycle_day,
        scrub: config.scrub,
        keeping: config.keeping,
        range: config.accreditation.range,
        ..engine::Settings::default()
    })
}

/// The root key's file; made on the first start of an embedded enclave. A passphrase is asked for here, before
/// anything is waited for.
pub fn root(config: &Config, dir: &DataDir, outside: &Outside) -> Result<RootFile, Failure> {
    let path = &config.root_key;
    let there = |path: &Path| path.try_exists().map_err(|error| Failure::io(Exit::RootKey, "look for", path, &error));
    let has_catalog = there(&dir.catalog())?;
    let has_key = there(path)?;
    if config.kind == Kind::Embedded && !has_catalog {
        refuse_orphans(config, dir)?;
    }
    match (has_key, config.kind) {
        (true, _) => {}
        (false, Kind::Embedded) if !has_catalog => root_key::make(path, None, outside)?,
        (false, Kind::Embedded) => {
            return Err(missing(path, "put back the file it was started with: without it nothing stored can be read"));
        }
        (false, Kind::Configured) if !has_catalog => {
            return Err(missing(path, &format!("make one with `entente root-key make {}`", path.display())));
        }
        (false, Kind::Configured) => {
            return Err(missing(path, "mount it, or put back the file this enclave was started with"));
        }
    }
    if config.kind == Kind::Configured {
        refuse_inside(config, dir)?;
    }
    RootFile::at(path, config.passphrase.as_ref())
}

/// The names were compared before; links may lead into the data directory, or into a site, all the same.
fn refuse_inside(config: &Config, dir: &DataDir) -> Result<(), Failure> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let key = real(&config.root_key);
    let sites = config.sites.iter().filter_map(SiteConfig::directory);
    let Some(place) = std::iter::once(dir.path()).chain(sites).find(|place| key.starts_with(real(place))) else {
        return Ok(());
    };
    let why = format!(
        "the root key `{}` lies inside `{}`: who takes the one takes the other, so keep it elsewhere",
        config.root_key.display(),
        place.display()
    );
    Err(Failure::new(Exit::RootKey, why))
}

fn missing(path: &Path, advice: &str) -> Failure {
    Failure::new(Exit::RootKey, format!("the root key `{}` is missing: {advice}", path.display()))
}

/// Sites that hold something while there is no catalog are an enclave that lost it: a new catalog
/// beside them would make putting back the old one dangerous.
fn refuse_orphans(config: &Config, dir: &DataDir) -> Result<(), Failure> {
    let holds = |path: &&Path| fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    let Some(path) = config.sites.iter().filter_map(SiteConfig::directory).find(holds) else { return Ok(()) };
    let why = format!(
        "`{}` is missing, but the site `{}` holds data: bring it back with `entente rebuild`, put it back, or choose another --data-dir",
        dir.catalog().display(),
        path.display()
    );
    Err(Failure::new(Exit::Storage, why))
}

fn open_catalog(dir: &DataDir, outside: &Outside) -> Result<Arc<dyn Catalog>, Failure> {
    let copy = dir.catalog_copy();
    files::remove_if_there(&copy)
        .map_err(|error| Failure::io(Exit::Storage, "remove the copy that a backup left at", &copy, &error))?;
    let catalog = SqliteCatalog::open(dir.catalog(), outside.clone()).map_err(|error| unusable(dir, &error))?;
    Ok(Arc::new(catalog))
}

fn unusable(dir: &DataDir, error: &catalog::Error) -> Failure {
    let path = dir.catalog();
    let advice = match error {
        catalog::Error::Damaged(_) => {
            "nothing was changed; put back a good copy of it (data at the sites is untouched), and keep the damaged file"
        }
        catalog::Error::Unavailable(_) => "see that the disk is writable and has room, then start again",
        _ => "nothing was changed",
    };
    Failure::new(Exit::Storage, format!("cannot use `{}`: {}: {advice}", path.display(), chain(error)))
}

fn make_sites(sites: &[SiteConfig]) -> Result<(), Failure> {
    for path in sites.iter().filter_map(SiteConfig::directory) {
        files::make_dir_synced(path).map_err(|error| Failure::io(Exit::Storage, "create the site", path, &error))?;
    }
    Ok(())
}

/// The site as the engine takes it; a vendor is not asked yet.
pub fn site_parts(site: &SiteConfig, outside: &Outside) -> Result<SiteParts, Failure> {
    Ok(SiteParts {
        name: site.name.clone(),
        vendor: site.vendor,
        region: site.region.clone(),
        facts: site.facts.clone(),
        store: store(site, outside)?,
    })
}

/// The site's own store, without decorators; a vendor is not asked yet.
pub fn store(site: &SiteConfig, outside: &Outside) -> Result<Arc<dyn Store>, Failure> {
    match &site.store {
        StoreConfig::Local(path) => Ok(Arc::new(LocalStore::open(path.clone(), outside.clone()))),
        StoreConfig::Remote(settings) => remote::open(settings)
            .map_err(|error| Failure::new(Exit::Site, format!("site `{}`: {}", site.name, chain(&error)))),
    }
}

/// An enclave that does not open. Nothing was changed that the next start would not complete.
pub fn refused(config: &Config, dir: &DataDir, error: &OpenError) -> Failure {
    match error {
        OpenError::Catalog(error) => unusable(dir, error),
        OpenError::WrongRoot => {
            Failure::new(Exit::RootKey, format!("`{}`: {}", config.root_key.display(), chain(error)))
        }
        OpenError::Engine(engine::Error::Unavailable { .. }) => Failure::new(
            Exit::Site,
            format!("too few sites can be written to: {}: bring them back, then start again", chain(error)),
        ),
        error => Failure::new(Exit::Site, chain(error)),
    }
}
