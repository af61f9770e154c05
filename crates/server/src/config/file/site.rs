//! One `[[site]]`: which settings its kind takes, and what they mean together.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use model::{SiteFacts, Vendor};
use providers::http::Network;
use providers::remote::{
    self, Addressing, AzurePlace, Credentials, DEFAULT_PROFILE, Dialect, GcsPlace, Order, Place, PutChecksum, S3Place,
};
use toml::Spanned;

use super::{Check, list, word};
use crate::config::facts::{self, PriceTable};
use crate::config::suggest::nearest;
use crate::config::{DEFAULT_REGION, SiteConfig, StoreConfig};

/// Of every site, whatever its kind.
const COMMON: [&str; 7] = ["name", "vendor", "region", "kind", "coordinates", "prices", "ceiling"];
/// Of every site that is reached by HTTP.
const REMOTE: [&str; 7] = ["prefix", "endpoint", "credentials", "credentials_env", "anonymous", "proxy", "ca_file"];

/// A kind of site: what it must be told, what it may be told, whose it can be.
pub struct Kind {
    pub name: &'static str,
    pub needs: &'static [&'static str],
    pub takes: &'static [&'static str],
    pub vendors: &'static [Vendor],
}

pub const KINDS: [Kind; 5] = [
    Kind { name: "local", needs: &["path"], takes: &[], vendors: &Vendor::ALL },
    Kind {
        name: "s3",
        needs: &["bucket", "region"],
        takes: &["addressing", "quirks", "profile"],
        vendors: &Vendor::ALL,
    },
    Kind {
        name: "azure",
        needs: &["account", "container", "region"],
        takes: &[],
        vendors: &[Vendor::Microsoft, Vendor::Own],
    },
    Kind { name: "gcs", needs: &["bucket", "region"], takes: &[], vendors: &[Vendor::Google, Vendor::Own] },
    Kind {
        name: "oci",
        needs: &["bucket", "region"],
        takes: &["namespace", "quirks", "profile"],
        vendors: &[Vendor::Oracle, Vendor::Own],
    },
];

/// What an S3-compatible store may lack or do otherwise.
const QUIRKS: [&str; 4] = ["no-create-only", "crc32c-only", "md5-only", "folder-order"];

section! {
    /// One of these for each site. What a file of credentials holds at each vendor, and the least rights, stand in
    /// [deploy](../deploy).
    [site]
    pub struct Site {
        /// what the site is called, here and in every command; it is kept with the site
        pub name: Spanned<String> = "must be set",
        /// `amazon`, `microsoft`, `google`, `oracle` or `own`: whom one would be locked in by
        vendor: Spanned<String> = "must be set",
        /// `local`, `s3`, `azure`, `gcs` or `oci`: how it is spoken to
        kind: Spanned<String> = "must be set",
        /// the vendor's name of it
        region: Option<Spanned<String>> = "must be set, `us-east-1` for `local`",
        /// the directory; it must exist
        path: Option<Spanned<PathBuf>> = "must be set",
        /// the bucket
        bucket: Option<Spanned<String>> = "must be set",
        /// the storage account
        account: Option<Spanned<String>> = "must be set",
        /// the container
        container: Option<Spanned<String>> = "must be set",
        /// the tenancy's Object Storage namespace
        namespace: Option<Spanned<String>> = "must be set, or `endpoint`",
        /// everything lies under it; ends with a slash
        prefix: Option<Spanned<String>> = "none",
        /// `https://…`, or `http://…`
        endpoint: Option<Spanned<String>> = "the vendor's",
        /// how the bucket is named in requests: `path` or `virtual`
        addressing: Option<Spanned<String>> = "`virtual` at Amazon, `path` with an `endpoint`",
        /// `no-create-only`, `crc32c-only`, `md5-only`, `folder-order`: what a store does otherwise
        #[serde(default)]
        quirks: Vec<Spanned<String>> = "none",
        /// a file
        credentials: Option<Spanned<PathBuf>> = "the vendor's usual chain; of `oci` it, `credentials_env` or `anonymous` must be set",
        /// which profile of that file
        profile: Option<Spanned<String>> = "`default`",
        /// variables that begin with it, instead of a file
        credentials_env: Option<Spanned<String>> = "none",
        /// no credentials at all
        anonymous: Option<Spanned<bool>> = "`false`",
        /// `http://HOST:PORT`
        proxy: Option<Spanned<String>> = "none",
        /// a PEM file with an authority more
        ca_file: Option<Spanned<PathBuf>> = "the system's authorities",
        /// `[latitude, longitude]`
        coordinates: Option<Spanned<[f64; 2]>> = "shipped for the vendors' regions",
        /// a table: below
        prices: Option<Spanned<PriceTable>> = "shipped list prices; of `local` nothing",
        /// the highest label that may lie there
        ceiling: Option<Spanned<String>> = "the lowest label",
    }
}

impl Kind {
    /// Whether it has a setting of this name.
    pub fn has(&self, name: &str) -> bool {
        let remote = self.name != "local" && REMOTE.contains(&name);
        remote || self.needs.contains(&name) || self.takes.contains(&name) || COMMON.contains(&name)
    }
}

impl Site {
    /// What was set beside the common settings, and where.
    fn own_settings(&self) -> Vec<(&'static str, Range<usize>)> {
        fn at<T>(value: Option<&Spanned<T>>) -> Option<Range<usize>> {
            value.map(Spanned::span)
        }
        let all = [
            ("path", at(self.path.as_ref())),
            ("bucket", at(self.bucket.as_ref())),
            ("namespace", at(self.namespace.as_ref())),
            ("account", at(self.account.as_ref())),
            ("container", at(self.container.as_ref())),
            ("prefix", at(self.prefix.as_ref())),
            ("endpoint", at(self.endpoint.as_ref())),
            ("addressing", at(self.addressing.as_ref())),
            ("quirks", at(self.quirks.first())),
            ("credentials", at(self.credentials.as_ref())),
            ("profile", at(self.profile.as_ref())),
            ("credentials_env", at(self.credentials_env.as_ref())),
            ("anonymous", at(self.anonymous.as_ref())),
            ("proxy", at(self.proxy.as_ref())),
            ("ca_file", at(self.ca_file.as_ref())),
        ];
        all.into_iter().filter_map(|(name, span)| Some((name, span?))).collect()
    }

    fn has(&self, name: &str) -> bool {
        (name == "region" && self.region.is_some()) || self.own_settings().iter().any(|(set, _)| *set == name)
    }

    /// Where an overlap with another site is told.
    pub fn place_span(&self) -> Range<usize> {
        let place = [self.path.as_ref().map(Spanned::span), self.bucket.as_ref().map(Spanned::span)];
        let place = place.into_iter().flatten().next().or_else(|| self.container.as_ref().map(Spanned::span));
        place.unwrap_or_else(|| self.name.span())
    }
}

impl Check<'_> {
    pub(super) fn site(&mut self, site: &Site) -> Option<SiteConfig> {
        let name = self.parsed(Some(&site.name), None, |text| word(text, "site name").map(Some));
        let vendor = self.vendor(&site.vendor);
        let region = self.parsed(site.region.as_ref(), DEFAULT_REGION.to_owned(), |text| word(text, "region"));
        let kind = self.kind(&site.kind)?;
        let whole = self.belongs(site, kind);
        let (name, vendor) = (name?, vendor?);
        if !kind.vendors.contains(&vendor) {
            let whose: Vec<&str> = kind.vendors.iter().map(|vendor| vendor.name()).collect();
            let what = format!("a site of kind `{}` cannot be {vendor}'s: it is of {}", kind.name, list(&whose));
            self.complain(&site.vendor.span(), what);
        }
        let facts = self.facts(site, vendor, &region, kind);
        let store = if whole { self.store(site, kind, &region) } else { None };
        Some(SiteConfig { name, vendor, region, facts, store: store? })
    }

    fn vendor(&mut self, vendor: &Spanned<String>) -> Option<Vendor> {
        self.parsed(Some(vendor), None, |text| {
            let names = Vendor::ALL.map(Vendor::name);
            Vendor::from_str(text).map(Some).map_err(|error| match nearest(text, &names) {
                Some(nearest) => format!("`{text}` is no vendor: did you mean `{nearest}`?"),
                None => error.to_string(),
            })
        })
    }

    fn kind(&mut self, kind: &Spanned<String>) -> Option<&'static Kind> {
        let text = kind.get_ref();
        let found = KINDS.iter().find(|known| known.name == text);
        if found.is_none() {
            let names = KINDS.map(|kind| kind.name);
            let advice = nearest(text, &names)
                .map_or_else(|| format!("there are {}", list(&names)), |near| format!("did you mean `{near}`?"));
            self.complain(&kind.span(), format!("`{text}` is no kind of site: {advice}"));
        }
        found
    }

    /// Whether everything the kind needs is there; what it does not take is told.
    fn belongs(&mut self, site: &Site, kind: &Kind) -> bool {
        for (name, span) in site.own_settings() {
            if !kind.has(name) {
                let what = format!("`{name}` is no setting of a site of kind `{}`: leave it out", kind.name);
                self.complain(&span, what);
            }
        }
        let missing: Vec<&str> = kind.needs.iter().copied().filter(|name| !site.has(name)).collect();
        if !missing.is_empty() {
            self.complain(&site.kind.span(), format!("a site of kind `{}` needs {}", kind.name, list(&missing)));
        }
        missing.is_empty()
    }

    fn facts(&mut self, site: &Site, vendor: Vendor, region: &str, kind: &Kind) -> SiteFacts {
        // A directory lies where its machine does, whomever it stands for.
        let shipped = if kind.name == "local" { SiteFacts::default() } else { facts::shipped(vendor, region) };
        let table = self.table;
        SiteFacts {
            coordinates: self
                .value(site.coordinates.as_ref(), |place| facts::coordinates(*place).map(Some))
                .unwrap_or(shipped.coordinates),
            prices: self
                .value(site.prices.as_ref(), |table| facts::prices(table, shipped.prices))
                .unwrap_or(shipped.prices),
            ceiling: self.parsed(site.ceiling.as_ref(), table.lowest(), |text| {
                table.parse(text).map_err(|error| format!("`{text}` is no ceiling: {error}"))
            }),
        }
    }

    /// The value as what it means, or a complaint.
    pub(super) fn value<T, U>(
        &mut self,
        value: Option<&Spanned<T>>,
        parse: impl Fn(&T) -> Result<U, String>,
    ) -> Option<U> {
        let value = value?;
        match parse(value.get_ref()) {
            Ok(parsed) => Some(parsed),
            Err(what) => {
                self.complain(&value.span(), what);
                None
            }
        }
    }

    fn store(&mut self, site: &Site, kind: &Kind, region: &str) -> Option<StoreConfig> {
        if kind.name == "local" {
            return self.path(site.path.as_ref()?).map(StoreConfig::Local);
        }
        let place = self.place(site, kind, region);
        let credentials = self.credentials(site, kind);
        let prefix = self.value(site.prefix.as_ref(), |text| prefix(text));
        let ca_file = site.ca_file.as_ref().and_then(|path| self.path(path));
        let proxy = site.proxy.as_ref().map(|proxy| proxy.get_ref().clone());
        Some(StoreConfig::Remote(remote::Settings {
            place: place?,
            prefix: prefix.unwrap_or_default(),
            credentials: credentials?,
            network: Network { proxy, ca_file },
        }))
    }

    fn place(&mut self, site: &Site, kind: &Kind, region: &str) -> Option<Place> {
        let bucket = |check: &mut Self| check.name_at_vendor(site.bucket.as_ref(), "bucket");
        let endpoint = site.endpoint.as_ref().map(|endpoint| endpoint.get_ref().clone());
        if let Some(text) = &site.endpoint
            && !text.get_ref().starts_with("https://")
            && !text.get_ref().starts_with("http://")
        {
            let what = format!("`{}` is no endpoint: write one such as `https://objects.example.org`", text.get_ref());
            self.complain(&text.span(), what);
        }
        match kind.name {
            "azure" => {
                let account = self.name_at_vendor(site.account.as_ref(), "account")?;
                let container = self.name_at_vendor(site.container.as_ref(), "container")?;
                Some(Place::Azure(AzurePlace { account, container, endpoint }))
            }
            "gcs" => Some(Place::Gcs(GcsPlace { bucket: bucket(self)?, endpoint })),
            "oci" => {
                let endpoint = self.oracle_endpoint(site, region);
                let dialect = self.dialect(site, Dialect::ORACLE);
                let (bucket, region) = (bucket(self)?, region.to_owned());
                Some(Place::S3(S3Place {
                    bucket,
                    region,
                    endpoint: Some(endpoint?),
                    addressing: Addressing::Path,
                    dialect,
                }))
            }
            _ => {
                let addressing = self.addressing(site);
                let dialect = self.dialect(site, Dialect::AMAZON);
                Some(Place::S3(S3Place {
                    bucket: bucket(self)?,
                    region: region.to_owned(),
                    endpoint,
                    addressing,
                    dialect,
                }))
            }
        }
    }

    /// Oracle's S3 face has an address for each tenancy and region.
    fn oracle_endpoint(&mut self, site: &Site, region: &str) -> Option<String> {
        if let Some(endpoint) = &site.endpoint {
            return Some(endpoint.get_ref().clone());
        }
        if site.namespace.is_none() {
            let what = "a site of kind `oci` needs `namespace`, the tenancy's Object Storage namespace, or `endpoint`";
            self.complain(&site.kind.span(), what);
        }
        let namespace = self.name_at_vendor(site.namespace.as_ref(), "namespace")?;
        Some(format!("https://{namespace}.compat.objectstorage.{region}.oraclecloud.com"))
    }

    /// Names of buckets, containers, accounts and namespaces: what stands in an address unescaped.
    fn name_at_vendor(&mut self, name: Option<&Spanned<String>>, what: &str) -> Option<String> {
        self.value(name, |text| {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
            let good = (1..=256).contains(&text.len()) && text.bytes().all(letter) && !text.starts_with('.');
            good.then(|| text.clone())
                .ok_or_else(|| format!("`{text}` is no {what}: use letters, digits, `-`, `.` and `_`"))
        })
    }

    /// Amazon's own endpoint is spoken to by the bucket's name, as Amazon wants; others by path.
    fn addressing(&mut self, site: &Site) -> Addressing {
        let usual = if site.endpoint.is_some() { Addressing::Path } else { Addressing::VirtualHost };
        self.parsed(site.addressing.as_ref(), usual, |text| match text {
            "path" => Ok(Addressing::Path),
            "virtual" => Ok(Addressing::VirtualHost),
            _ => Err(format!("`{text}` is no addressing: there are `path` and `virtual`")),
        })
    }

    fn dialect(&mut self, site: &Site, usual: Dialect) -> Dialect {
        let mut dialect = usual;
        for quirk in &site.quirks {
            match quirk.get_ref().as_str() {
                "no-create-only" => dialect.create_only = false,
                "crc32c-only" => dialect.checksum = PutChecksum::Crc32c,
                "md5-only" => dialect.checksum = PutChecksum::Md5,
                "folder-order" => dialect.order = Order::Folders,
                other => {
                    let what = format!("`{other}` is no quirk: there are {}", list(&QUIRKS));
                    self.complain(&quirk.span(), what);
                }
            }
        }
        dialect
    }

    fn credentials(&mut self, site: &Site, kind: &Kind) -> Option<Credentials> {
        let anonymous = site.anonymous.as_ref().filter(|value| *value.get_ref());
        let given = [
            site.credentials.as_ref().map(Spanned::span),
            site.credentials_env.as_ref().map(Spanned::span),
            anonymous.map(Spanned::span),
        ];
        if let [_, second, ..] = given.into_iter().flatten().collect::<Vec<_>>().as_slice() {
            self.complain(
                second,
                "credentials come from one place: keep `credentials`, `credentials_env` or `anonymous`",
            );
            return None;
        }
        if let Some(profile) = &site.profile
            && site.credentials.is_none()
        {
            self.complain(&profile.span(), "`profile` chooses in the file that `credentials` names: name one");
        }
        if let Some(path) = &site.credentials {
            let path = self.path(path)?;
            let profile = site.profile.as_ref().map_or(DEFAULT_PROFILE, |profile| profile.get_ref());
            return Some(Credentials::File { path, profile: profile.to_owned() });
        }
        if let Some(prefix) = &site.credentials_env {
            return self.value(Some(prefix), |text| variables(text)).map(Credentials::Variables);
        }
        if kind.name == "oci" && anonymous.is_none() {
            let what = "Oracle's S3 face knows no usual place of credentials: name a file with `credentials` (a customer secret key), or `credentials_env`";
            self.complain(&site.kind.span(), what);
            return None;
        }
        Some(if anonymous.is_some() { Credentials::Anonymous } else { Credentials::Chain })
    }
}

fn prefix(text: &str) -> Result<String, String> {
    let part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(|byte| byte.is_ascii_graphic());
    let good = text.is_empty() || text.strip_suffix('/').is_some_and(|parts| parts.split('/').all(part));
    good.then(|| text.to_owned())
        .ok_or_else(|| format!("`{text}` is no prefix: write parts that end with a slash, such as `entente/`"))
}

fn variables(text: &str) -> Result<String, String> {
    let good =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let bad = || format!("`{text}` begins no variables: write A-Z, 0-9 and _, such as `ENTENTE_AMAZON`");
    good.then(|| text.to_owned()).ok_or_else(bad)
}

/// Why two sites would lie in each other, if they would.
pub(super) fn overlap(one: &StoreConfig, other: &StoreConfig) -> Option<&'static str> {
    let nested = |one: &str, other: &str| one.starts_with(other) || other.starts_with(one);
    match (one, other) {
        (StoreConfig::Local(one), StoreConfig::Local(other)) => {
            let nested = one.starts_with(other) || other.starts_with(one);
            nested.then_some("this directory overlaps the site of line")
        }
        (StoreConfig::Remote(one), StoreConfig::Remote(other)) => {
            let same = bucket_of(&one.place) == bucket_of(&other.place) && nested(&one.prefix, &other.prefix);
            same.then_some("this bucket and prefix overlap the site of line")
        }
        _ => None,
    }
}

/// What makes two buckets the same one.
fn bucket_of(place: &Place) -> (Option<&str>, &str, &str) {
    match place {
        Place::S3(S3Place { endpoint, bucket, .. }) => (endpoint.as_deref(), "", bucket),
        Place::Azure(AzurePlace { endpoint, account, container }) => (endpoint.as_deref(), account, container),
        Place::Gcs(GcsPlace { endpoint, bucket }) => (endpoint.as_deref(), "gs", bucket),
    }
}

/// Whether a site would lie around the data directory.
pub(super) fn holds(store: &StoreConfig, data_dir: &Path) -> bool {
    matches!(store, StoreConfig::Local(path) if data_dir.starts_with(path))
}
