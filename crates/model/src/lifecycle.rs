//! Lifecycle: what a bucket's rules make of its versions and uploads as time passes. Rules are values
//! in, values out; who asks brings the time and the length of a day.

use crate::id::VersionId;
use crate::object::Slot;
use crate::outside::Timestamp;
use crate::setting::Tags;

/// The rules of a bucket; none is no lifecycle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lifecycle {
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Unique among the bucket's rules.
    pub id: String,
    pub state: RuleState,
    pub filter: Filter,
    pub expiration: Option<Expiration>,
    pub noncurrent: Option<Noncurrent>,
    /// Uploads begun this many days ago and not completed are aborted.
    pub abort_days: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleState {
    Enabled,
    /// Kept and given back, and nothing follows from it.
    Disabled,
}

/// What a rule is about: all of these together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub form: FilterForm,
    pub prefix: Option<String>,
    pub tags: Tags,
    pub larger_than: Option<u64>,
    pub smaller_than: Option<u64>,
}

/// How the filter was written, to be given back so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterForm {
    /// A prefix beside the rule's actions, as in the first version of the protocol.
    Prefix,
    Filter,
}

/// What becomes of current versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiration {
    /// They go at this age; so do markers with nothing behind them.
    Days(u32),
    /// They go on this day and after.
    Date(Timestamp),
    /// Markers with nothing behind them go.
    Markers,
}

/// What becomes of versions that others came after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noncurrent {
    /// Since they are not current.
    pub days: u32,
    /// The newest of them that stay, whatever their age.
    pub keep: u32,
}

/// How long a day is: shorter ones let tests and people watch the rules at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    pub ms: i64,
}

impl Day {
    pub const REAL: Day = Day { ms: 24 * 3600 * 1000 };

    /// When that many days have passed: with real days at the midnight (UTC) that follows, as in S3.
    pub fn after(self, since: Timestamp, days: u32) -> Timestamp {
        let due = since.0.saturating_add(self.ms.saturating_mul(i64::from(days)));
        if self != Day::REAL {
            return Timestamp(due);
        }
        let over = due.rem_euclid(self.ms);
        Timestamp(if over == 0 { due } else { due.saturating_add(self.ms - over) })
    }
}

/// A version or marker as the rules see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub id: VersionId,
    pub slot: Slot,
    pub modified: Timestamp,
    pub kind: SeenKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeenKind {
    /// Tags are read for rules that ask for them.
    Version {
        size: u64,
        tags: Tags,
    },
    Marker,
}

/// What is to be done about one version or marker, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub id: VersionId,
    pub slot: Slot,
    pub act: Act,
    pub rule: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The object goes as by a deletion: where versions are kept it stays behind a marker.
    Expire,
    /// The version or marker goes for good.
    Remove,
}

impl Filter {
    pub fn covers_key(&self, key: &str) -> bool {
        self.prefix.as_deref().is_none_or(|prefix| key.starts_with(prefix))
    }

    fn covers(&self, key: &str, size: u64, tags: &Tags) -> bool {
        self.covers_key(key)
            && self.larger_than.is_none_or(|bound| size > bound)
            && self.smaller_than.is_none_or(|bound| size < bound)
            && self.tags.0.iter().all(|(name, value)| tags.0.get(name) == Some(value))
    }

    /// Whether it asks for anything but the key.
    pub fn is_about_versions(&self) -> bool {
        !self.tags.0.is_empty() || self.larger_than.is_some() || self.smaller_than.is_some()
    }
}

impl Lifecycle {
    fn enabled(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| rule.state == RuleState::Enabled)
    }

    /// Whether a rule that may touch this key asks for tags.
    pub fn asks_for_tags(&self, key: &str) -> bool {
        self.enabled().any(|rule| rule.filter.covers_key(key) && !rule.filter.tags.0.is_empty())
    }

    /// When and by which rule an object goes.
    pub fn expiry(
        &self,
        key: &str,
        size: u64,
        tags: &Tags,
        modified: Timestamp,
        day: Day,
    ) -> Option<(Timestamp, &str)> {
        let due = |rule: &Rule| match rule.expiration? {
            Expiration::Days(days) => Some(day.after(modified, days)),
            Expiration::Date(date) => Some(date),
            Expiration::Markers => None,
        };
        let covering = self.enabled().filter(|rule| rule.filter.covers(key, size, tags));
        covering.filter_map(|rule| Some((due(rule)?, rule.id.as_str()))).min()
    }

    /// Whether, and by which rule, an upload is given up.
    pub fn aborts(&self, key: &str, initiated: Timestamp, now: Timestamp, day: Day) -> Option<&str> {
        let due = |rule: &&Rule| rule.abort_days.is_some_and(|days| day.after(initiated, days) <= now);
        self.enabled().filter(|rule| rule.filter.covers_key(key)).find(due).map(|rule| rule.id.as_str())
    }

    /// What is due of one key, whose versions and markers come newest first.
    pub fn due(&self, key: &str, versions: &[Seen], now: Timestamp, day: Day) -> Vec<Due> {
        let mut due = Vec::new();
        let Some((newest, older)) = versions.split_first() else { return due };
        let of = |seen: &Seen, act, rule: &str| Due { id: seen.id, slot: seen.slot, act, rule: rule.to_owned() };
        match &newest.kind {
            SeenKind::Version { size, tags } => {
                let expiry = self.expiry(key, *size, tags, newest.modified, day);
                due.extend(expiry.filter(|(at, _)| *at <= now).map(|(_, rule)| of(newest, Act::Expire, rule)));
            }
            SeenKind::Marker if older.is_empty() => {
                let done = self.done_marker(key, newest.modified, now, day);
                due.extend(done.map(|rule| of(newest, Act::Remove, rule)));
            }
            SeenKind::Marker => {}
        }
        let mut replaced = newest.modified;
        let mut position: u32 = 0;
        for seen in older {
            let since = std::mem::replace(&mut replaced, seen.modified);
            let (size, tags) = match &seen.kind {
                SeenKind::Version { size, tags } => (*size, tags),
                SeenKind::Marker => (0, &Tags(std::collections::BTreeMap::new())),
            };
            let goes = |rule: &&Rule| {
                rule.filter.covers(key, size, tags)
                    && rule.noncurrent.is_some_and(|noncurrent| {
                        position >= noncurrent.keep && day.after(since, noncurrent.days) <= now
                    })
            };
            due.extend(self.enabled().find(goes).map(|rule| of(seen, Act::Remove, &rule.id)));
            position = position.saturating_add(1);
        }
        due
    }

    /// The rule by which a marker goes that hides nothing.
    fn done_marker(&self, key: &str, modified: Timestamp, now: Timestamp, day: Day) -> Option<&str> {
        let goes = |rule: &&Rule| {
            rule.filter.covers_key(key)
                && !rule.filter.is_about_versions()
                && match rule.expiration {
                    Some(Expiration::Markers) => true,
                    Some(Expiration::Days(days)) => day.after(modified, days) <= now,
                    Some(Expiration::Date(date)) => date <= now,
                    None => false,
                }
        };
        self.enabled().find(goes).map(|rule| rule.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Day = Day { ms: 1000 };

    fn rule(prefix: &str) -> Rule {
        Rule {
            id: prefix.to_owned(),
            state: RuleState::Enabled,
            filter: Filter {
                form: FilterForm::Filter,
                prefix: Some(prefix.to_owned()),
                tags: Tags::default(),
                larger_than: None,
                smaller_than: None,
            },
            expiration: None,
            noncurrent: None,
            abort_days: None,
        }
    }

    /// Versions (`v`) and markers (`m`), newest first, each with its second.
    fn versions(seen: &[(char, i64)]) -> Vec<Seen> {
        let one = |(kind, at): &(char, i64)| Seen {
            id: VersionId([u8::try_from(*at).unwrap(); 16]),
            slot: Slot::Own,
            modified: Timestamp(at * 1000),
            kind: match kind {
                'v' => SeenKind::Version { size: 10, tags: Tags::default() },
                _ => SeenKind::Marker,
            },
        };
        seen.iter().map(one).collect()
    }

    /// What is due at second 10, by the second it was put.
    fn due(rule: Rule, seen: &[(char, i64)]) -> Vec<(u8, Act)> {
        let due = Lifecycle { rules: vec![rule] }.due("a/b", &versions(seen), Timestamp(10_000), SECOND);
        due.into_iter().map(|due| (due.id.0[0], due.act)).collect()
    }

    #[test]
    fn rules_take_what_is_due_and_nothing_else() {
        let days = |days| Rule { expiration: Some(Expiration::Days(days)), ..rule("a/") };
        let old = |days, keep| Rule { noncurrent: Some(Noncurrent { days, keep }), ..rule("a/") };
        let markers = Rule { expiration: Some(Expiration::Markers), ..rule("a/") };
        let date = |at| Rule { expiration: Some(Expiration::Date(Timestamp(at))), ..rule("a/") };
        let larger = |than| {
            let mut rule = days(1);
            rule.filter.larger_than = Some(than);
            rule
        };
        let smaller = |than| {
            let mut rule = days(1);
            rule.filter.smaller_than = Some(than);
            rule
        };
        let tagged = {
            let mut rule = days(1);
            rule.filter.tags.0.insert("a".to_owned(), "b".to_owned());
            rule
        };
        use Act::{Expire, Remove};
        for (name, rule, seen, expected) in [
            ("young", days(9), &[('v', 2)][..], vec![]),
            ("old enough", days(8), &[('v', 2)], vec![(2, Expire)]),
            ("only the newest", days(1), &[('v', 3), ('v', 2)], vec![(3, Expire)]),
            ("a marker hides it", days(1), &[('m', 3), ('v', 2)], vec![]),
            ("a marker alone", days(7), &[('m', 3)], vec![(3, Remove)]),
            ("a young marker alone", days(8), &[('m', 3)], vec![]),
            ("a marker alone, by its rule", markers.clone(), &[('m', 9)], vec![(9, Remove)]),
            ("a marker over something", markers, &[('m', 9), ('v', 1)], vec![]),
            ("a day that came", date(10_000), &[('v', 9)], vec![(9, Expire)]),
            ("a day to come", date(10_001), &[('v', 1)], vec![]),
            ("since it was replaced", old(2, 0), &[('v', 9), ('v', 8), ('v', 1)], vec![(1, Remove)]),
            ("the newest of them stay", old(1, 1), &[('v', 5), ('v', 4), ('v', 3)], vec![(3, Remove)]),
            ("old markers too", old(1, 0), &[('v', 5), ('m', 4)], vec![(4, Remove)]),
            ("another prefix", Rule { filter: rule("b").filter, ..days(1) }, &[('v', 1)], vec![]),
            ("disabled", Rule { state: RuleState::Disabled, ..days(1) }, &[('v', 1)], vec![]),
            ("larger", larger(9), &[('v', 1)], vec![(1, Expire)]),
            ("not larger", larger(10), &[('v', 1)], vec![]),
            ("smaller", smaller(11), &[('v', 1)], vec![(1, Expire)]),
            ("not smaller", smaller(10), &[('v', 1)], vec![]),
            ("another tag", tagged, &[('v', 1)], vec![]),
        ] {
            assert_eq!(due(rule, seen), expected, "{name}");
        }
    }

    #[test]
    fn real_days_end_at_midnight() {
        let noon = Day::REAL.ms / 2;
        assert_eq!(Day::REAL.after(Timestamp(noon), 1), Timestamp(2 * Day::REAL.ms));
        assert_eq!(Day::REAL.after(Timestamp(0), 1), Timestamp(Day::REAL.ms));
        assert_eq!(SECOND.after(Timestamp(500), 1), Timestamp(1500));
    }

    #[test]
    fn uploads_are_given_up_by_prefix_and_age() {
        let lifecycle = Lifecycle { rules: vec![Rule { abort_days: Some(3), ..rule("a/") }] };
        let aborts = |key, at| lifecycle.aborts(key, Timestamp(at), Timestamp(10_000), SECOND);
        assert_eq!(aborts("a/b", 7000), Some("a/"));
        assert_eq!(aborts("a/b", 7001), None);
        assert_eq!(aborts("b", 0), None);
    }
}
