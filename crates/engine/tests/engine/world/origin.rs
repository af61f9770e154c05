//! A bucket somebody else writes, and short ways to adopt it.

use std::time::Duration;

use engine::{Difference, Error, ListEntry, ListQuery};
use model::{Adoption, BucketName, ETag, Metadata, OriginAddress, OriginKind, Precondition, Timestamp};
use policy::{DeleteObject, ListObjects, SystemPermit};

use super::{World, meant};

pub fn system() -> SystemPermit {
    SystemPermit::for_background_work()
}

pub fn tea() -> BucketName {
    BucketName::parse("tea").unwrap()
}

pub fn address() -> OriginAddress {
    OriginAddress {
        kind: OriginKind::S3,
        bucket: "old".into(),
        endpoint: None,
        region: None,
        account: None,
        credentials: "mine".into(),
    }
}

pub fn md5(bytes: &[u8]) -> String {
    let mut digests = coding::digest::Digests::new(&[coding::digest::Kind::Md5]);
    digests.update(bytes);
    let digest = digests.finish();
    digest.md5().unwrap().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Somebody puts it at the old place, as S3 would keep it.
pub fn there(world: &World, key: &str, bytes: &[u8]) -> ETag {
    let etag = md5(bytes);
    let metadata = Metadata {
        system: [("content-type".to_owned(), "text/tea".to_owned())].into(),
        user: [("leaf".to_owned(), key.to_owned())].into(),
        ..Metadata::default()
    };
    world.sites.origin.put(key, bytes.to_vec(), &etag, metadata, Timestamp(1_600_000_000_000));
    ETag(etag)
}

pub async fn adopt(world: &World) -> Adoption {
    world.engine.adopt(&system(), meant(&tea()), address(), None).await.unwrap()
}

/// With the copy at rest, so that what falls through stays beneath.
pub async fn adopt_and_rest(world: &World) {
    adopt(world).await;
    world.engine.pause_adoption(&system(), meant(&tea())).await.unwrap();
}

pub async fn finish(world: &World) -> Difference {
    world.engine.finish_adoption(&system(), meant(&tea())).await.unwrap()
}

pub async fn delete(world: &World, key: &str, condition: Precondition) -> Result<(), Error> {
    world.engine.delete(world.permit::<DeleteObject>(key).await, condition).await.map(drop)
}

pub async fn bucket_permit<A: policy::BucketAction>(world: &World) -> policy::Permit<A> {
    let bucket = world.engine.resolve(&world.session, &tea()).await.unwrap().unwrap();
    policy::on_bucket(&world.session, &bucket).unwrap()
}

/// Names of one listing, page by page.
pub async fn listed(world: &World, query: ListQuery) -> Vec<String> {
    let (mut names, mut after) = (Vec::new(), query.after.clone());
    loop {
        let permit = bucket_permit::<ListObjects>(world).await;
        let page = world.engine.list(permit, ListQuery { after, ..query.clone() }).await.unwrap();
        assert!(page.entries.len() <= query.limit);
        names.extend(page.entries.iter().map(|entry| match entry {
            ListEntry::Item(object) => object.key.as_str().to_owned(),
            ListEntry::Prefix(prefix) => prefix.clone(),
        }));
        if !page.more {
            return names;
        }
        after = names.last().cloned();
    }
}

pub async fn all(world: &World) -> Vec<String> {
    listed(world, ListQuery { limit: 1000, ..ListQuery::default() }).await
}

/// Waits (virtual time) until a whole walk found nothing more to bring.
pub async fn caught_up(world: &World) {
    for _ in 0..2_000 {
        let status = world.engine.adoptions(&system()).await.unwrap();
        if status.iter().all(|status| status.progress.caught_up) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not caught up: {:?}", world.engine.adoptions(&system()).await.unwrap());
}

pub fn outcome<T>(result: Result<T, Error>) -> Option<&'static str> {
    match result {
        Ok(_) => None,
        Err(Error::PreconditionFailed) => Some("failed"),
        Err(Error::NoSuchKey) => Some("no such key"),
        Err(error) => panic!("{error}"),
    }
}
