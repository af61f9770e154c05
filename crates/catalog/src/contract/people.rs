//! Principals, keys, sites and streams.

use std::collections::BTreeSet;

use model::{
    AccessKeyId, Change, EnclaveId, Group, KeyState, KeyTag, Label, LabelKey, Principal, PrincipalId, Release, Site,
    SiteId, SiteState, StreamId, Timestamp, Vendor,
};

use super::Subject;
use super::deciding::with_key;
use super::make::{self, CONTROL, EAST, proposal};
use super::world::World;
use crate::interface::Refusal;

fn key_id(name: &str) -> AccessKeyId {
    AccessKeyId(name.to_owned())
}

fn revoke(name: &str, at: i64) -> Change {
    Change::KeyRevoked { id: key_id(name), at: Timestamp(at) }
}

pub async fn principals_have_names_of_their_own<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let create = |n, name| Change::PrincipalCreated(make::principal(n, name));
    world.run(CONTROL, create(7, "anna")).await;
    assert_eq!(world.refused(proposal(create(8, "anna"))).await, Refusal::PrincipalExists);
    assert_eq!(world.refused(proposal(create(7, "berta"))).await, Refusal::PrincipalExists);
    world.run(CONTROL, create(8, "berta")).await;
    let names: Vec<String> = world.catalog.principals().await.unwrap().into_iter().map(|found| found.name).collect();
    assert_eq!(names, ["anna", "berta", "owner"]);
}

pub async fn principals_change_and_their_policy_epoch_rises<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let anna = make::principal(7, "anna");
    let set = |principal: Principal| proposal(Change::PrincipalSet(principal));
    assert_eq!(world.refused(set(anna.clone())).await, Refusal::NoSuchPrincipal);
    world.run(CONTROL, Change::PrincipalCreated(anna.clone())).await;
    let renamed = Principal { name: "berta".to_owned(), ..anna.clone() };
    assert_eq!(world.refused(set(renamed)).await, Refusal::NoSuchPrincipal);
    let mut put = proposal(world.any_put("a"));
    put.guard.policy = Some((anna.id, world.catalog.policy_epoch(anna.id).await.unwrap()));
    world.decided(EAST, put.clone()).await;
    let suspended = Principal { suspended: Some(Timestamp(9)), ..anna.clone() };
    let decided = world.decided(CONTROL, set(suspended.clone())).await;
    assert_eq!(world.refused(put.clone()).await, Refusal::PolicyChanged, "decided is enough");
    world.show(CONTROL, &[decided]).await;
    assert_eq!(world.refused(put).await, Refusal::PolicyChanged);
    assert_eq!(world.catalog.principal(anna.id).await.unwrap(), Some(suspended));
}

pub async fn groups_have_names_of_their_own_and_their_members_policy_epochs_rise<C: Subject>(
    fresh: impl AsyncFn() -> C,
) {
    let world = World::new(fresh().await).await;
    let [anna, berta, clara] = [7, 8, 9].map(|n| make::principal(n, &format!("person-{n}")).id);
    for n in [7, 8, 9] {
        world.run(CONTROL, Change::PrincipalCreated(make::principal(n, &format!("person-{n}")))).await;
    }
    let epochs = async || {
        let mut epochs = Vec::new();
        for who in [anna, berta, clara] {
            epochs.push(world.catalog.policy_epoch(who).await.unwrap());
        }
        epochs
    };
    let group = |id: u8, name: &str, members: &[PrincipalId]| Group {
        id: PrincipalId([id; 16]),
        name: name.to_owned(),
        members: members.iter().copied().collect(),
        created: Timestamp(1),
    };
    assert_eq!(epochs().await, [0, 0, 0]);
    world.run(CONTROL, Change::GroupSet(group(1, "press", &[anna, berta]))).await;
    let first = epochs().await;
    assert!(first[0] > 0 && first[1] == first[0] && first[2] == 0, "{first:?}");
    // Only who comes or goes is concerned.
    world.run(CONTROL, Change::GroupSet(group(1, "press", &[berta, clara]))).await;
    let second = epochs().await;
    assert!(second[0] > first[0] && second[1] == first[1] && second[2] == second[0], "{second:?}");
    let taken = proposal(Change::GroupSet(group(2, "press", &[])));
    assert_eq!(world.refused(taken).await, Refusal::GroupExists);
    world.run(CONTROL, Change::GroupSet(group(2, "staff", &[]))).await;
    let names: Vec<String> = world.catalog.groups().await.unwrap().into_iter().map(|group| group.name).collect();
    assert_eq!(names, ["press", "staff"]);
    world.run(CONTROL, Change::GroupDeleted { group: PrincipalId([1; 16]) }).await;
    assert!(epochs().await[1] > second[1]);
    let gone = proposal(Change::GroupDeleted { group: PrincipalId([1; 16]) });
    assert_eq!(world.refused(gone).await, Refusal::NoSuchGroup);
    world.run(CONTROL, Change::GroupSet(group(3, "press", &[]))).await;
}

pub async fn releases_go_step_by_step<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let signed = |by: &[u8]| make::release(1, by);
    let set = |release: Release| proposal(Change::ReleaseSet(release));
    assert_eq!(world.refused(set(signed(&[7]))).await, Refusal::ReleaseChanged, "nobody asked");
    let asked = world.decided(EAST, set(signed(&[]))).await;
    assert_eq!(world.behind(set(signed(&[7]))).await, asked.record.number);
    world.show(EAST, &[asked]).await;
    world.run(EAST, Change::ReleaseSet(signed(&[7]))).await;
    // Two saw one signature, and each adds theirs: one of them looks again.
    world.run(EAST, Change::ReleaseSet(signed(&[7, 8]))).await;
    assert_eq!(world.refused(set(signed(&[7, 9]))).await, Refusal::ReleaseChanged);
    assert_eq!(world.catalog.release(signed(&[]).id).await.unwrap(), Some(signed(&[7, 8])));
    world.run(EAST, Change::ReleaseSet(make::release(2, &[]))).await;
    assert_eq!(world.catalog.releases().await.unwrap(), [signed(&[7, 8]), make::release(2, &[])]);
}

pub async fn a_key_needs_its_principal<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let issue = |principal| Change::KeyIssued(make::access_key("ENTE2", principal));
    assert_eq!(world.refused(proposal(issue(PrincipalId([9; 16])))).await, Refusal::NoSuchPrincipal);
    assert_eq!(world.refused(proposal(revoke("ENTE2", 5))).await, Refusal::NoSuchAccessKey);
    world.run(CONTROL, issue(make::OWNER)).await;
    let key = make::access_key("ENTE2", make::OWNER);
    assert_eq!(world.catalog.access_key(&key_id("ENTE2")).await.unwrap(), Some(key.clone()));
    assert_eq!(world.catalog.access_keys().await.unwrap(), [make::access_key("ENTE1", make::OWNER), key]);
}

pub async fn a_revocation_counts_once_it_is_decided<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let mut put = proposal(world.any_put("a"));
    for (key, valid) in [("ENTE1", true), ("ENTE9", false)] {
        put.guard = with_key(key);
        if valid {
            world.decided(EAST, put.clone()).await;
        } else {
            assert_eq!(world.refused(put.clone()).await, Refusal::KeyNotValid);
        }
    }
    put.guard = with_key("ENTE1");
    let revoked = world.decided(CONTROL, proposal(revoke("ENTE1", 5))).await;
    assert_eq!(world.refused(put.clone()).await, Refusal::KeyNotValid, "decided is enough");
    world.show(CONTROL, &[revoked]).await;
    assert_eq!(world.refused(put).await, Refusal::KeyNotValid);
    world.run(CONTROL, Change::KeyExpires { id: key_id("ENTE1"), at: Timestamp(9) }).await;
    let key = world.catalog.access_key(&key_id("ENTE1")).await.unwrap().unwrap();
    assert_eq!(key.limits.expires, Some(Timestamp(9)));
    assert_eq!(
        world.refused(proposal(Change::KeyExpires { id: key_id("ENTE9"), at: Timestamp(9) })).await,
        Refusal::NoSuchAccessKey
    );
    // Revoking again keeps the date.
    world.run(CONTROL, revoke("ENTE1", 6)).await;
    let key = world.catalog.access_key(&key_id("ENTE1")).await.unwrap().unwrap();
    assert_eq!(key.state, KeyState::Revoked { at: Timestamp(5) });
}

pub async fn changes_of_one_name_or_key_wait_for_each_other<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let create = |n, name| proposal(Change::PrincipalCreated(make::principal(n, name)));
    let created = world.decided(CONTROL, create(7, "anna")).await;
    let issue = proposal(Change::KeyIssued(make::access_key("ENTE2", make::principal(7, "anna").id)));
    for later in [create(8, "anna"), create(7, "berta"), issue.clone()] {
        assert_eq!(world.behind(later).await, created.record.number);
    }
    world.show(CONTROL, &[created]).await;
    let issued = world.decided(CONTROL, issue.clone()).await;
    for later in [issue, proposal(revoke("ENTE2", 5))] {
        assert_eq!(world.behind(later).await, issued.record.number);
    }
    world.show(CONTROL, &[issued]).await;
    let revoked = world.decided(CONTROL, proposal(revoke("ENTE2", 5))).await;
    assert_eq!(world.behind(proposal(revoke("ENTE2", 6))).await, revoked.record.number);
    // Others do not wait.
    world.decided(CONTROL, create(9, "clara")).await;
}

pub async fn label_keys_sites_and_streams_are_kept<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let label_key =
        LabelKey { tag: KeyTag([3; 16]), label: Some(make::high()), epoch: 1, salt: [1; 32], sealed: vec![2; 48] };
    let site =
        Site { id: SiteId([1; 16]), name: "oracle".to_owned(), vendor: Vendor::Oracle, region: "local".to_owned() };
    let stream = StreamId([0x55; 16]);
    let vendors = vec![Vendor::Own, Vendor::Google];
    world.run(CONTROL, Change::LabelKeyCreated(label_key.clone())).await;
    world.run(CONTROL, Change::SiteClaimed { enclave: EnclaveId([0xe0; 16]), site: site.clone() }).await;
    world.run(CONTROL, Change::StreamOpened { stream, label: make::high(), vendors: vendors.clone() }).await;
    assert_eq!(world.catalog.label_keys().await.unwrap(), [label_key]);
    assert_eq!(world.catalog.sites().await.unwrap(), std::slice::from_ref(&site));
    assert_eq!(world.catalog.site_states().await.unwrap(), [(site.id, SiteState::Active)]);
    for state in SiteState::ALL.into_iter().rev() {
        world.run(CONTROL, Change::SiteSet { site: site.id, state }).await;
        assert_eq!(world.catalog.site_states().await.unwrap(), [(site.id, state)]);
    }
    let streams = world.catalog.streams().await.unwrap();
    let found = streams.iter().find(|found| found.id == stream).unwrap();
    assert_eq!((found.label, &found.vendors), (Some(make::high()), &BTreeSet::from_iter(vendors)));
    assert_eq!((found.shown, found.newest), ((0, [0; 32]), None));
    let control = streams.iter().find(|found| found.id == CONTROL).unwrap();
    assert_eq!((control.label, control.shown == control.decided), (None, true));
    assert_eq!(control.newest, world.batches().last().map(|batch| batch.segment.id));
}

pub async fn label_keys_come_by_label_and_epoch<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let wanted = [(Label::LOWEST, 1), (Label::LOWEST, 2), (Label::LOWEST, 10), (make::high(), 1), (make::high(), 2)];
    // Neither the tags nor the records are in this order.
    for (tag, place) in [(1, 2), (5, 0), (2, 4), (4, 1), (3, 3)] {
        let (label, epoch) = wanted[place];
        let key = LabelKey { tag: KeyTag([tag; 16]), label: Some(label), epoch, salt: [1; 32], sealed: vec![2; 48] };
        world.run(CONTROL, Change::LabelKeyCreated(key)).await;
    }
    let keys = world.catalog.label_keys().await.unwrap();
    assert_eq!(keys.iter().filter_map(|key| Some((key.label?, key.epoch))).collect::<Vec<_>>(), wanted);
}
