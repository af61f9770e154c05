//! Lists, page by page. A page ends with where the next one begins, in letters that mean nothing to anybody
//! else; what comes and goes between two pages is met or not, and nothing else is met twice or left out.

use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::{Problem, bad};

/// Items of one page at most, and where nobody asks for fewer.
const MOST: usize = 1000;

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// How many items at most; 1000 unless told.
    #[serde(default)]
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// What `next` of the page before said.
    #[serde(default)]
    after: Option<String>,
}

impl PageQuery {
    /// Of a handler that is asked for more than a page.
    pub const fn new(limit: Option<usize>, after: Option<String>) -> PageQuery {
        PageQuery { limit, after }
    }

    /// Whether it begins the list.
    pub const fn is_first(&self) -> bool {
        self.after.is_none()
    }

    /// The page of these items, in the order of their keys, which are of one item each; and where the next
    /// begins.
    pub fn of<T>(&self, items: Vec<T>, key: impl Fn(&T) -> String) -> Result<(Vec<T>, Option<String>), Problem> {
        let limit = self.limit.unwrap_or(MOST);
        if !(1..=MOST).contains(&limit) {
            return Err(bad(format!("`limit` is {limit}: say a number from 1 to {MOST}")));
        }
        let after = self.after.as_deref().map(|after| {
            let bytes = hex::decode(after).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            bytes.ok_or_else(|| bad(format!("`{after}` is where no page begins: take `next` of the page before")))
        });
        let after = after.transpose()?;
        let mut keyed: Vec<(String, T)> = items.into_iter().map(|item| (key(&item), item)).collect();
        keyed.retain(|(key, _)| after.as_ref().is_none_or(|after| key > after));
        keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
        let more = keyed.len() > limit;
        keyed.truncate(limit);
        let next = keyed.last().filter(|_| more).map(|(key, _)| hex::encode(key));
        Ok((keyed.into_iter().map(|(_, item)| item).collect(), next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: Option<usize>, after: Option<String>) -> Result<(Vec<u32>, Option<String>), Problem> {
        PageQuery { limit, after }.of(vec![3, 1, 4, 2, 5], |number| format!("{number:04}"))
    }

    #[test]
    fn the_pages_of_a_list_are_the_list() {
        for limit in 1..=6 {
            let (mut met, mut after) = (Vec::new(), None);
            loop {
                let (items, next) = page(Some(limit), after).unwrap();
                assert!(items.len() <= limit);
                met.extend(items);
                after = next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(met, [1, 2, 3, 4, 5], "{limit} a page");
        }
        assert_eq!(page(None, None).unwrap(), (vec![1, 2, 3, 4, 5], None));
    }

    #[test]
    fn what_is_no_page_is_refused() {
        assert!(page(Some(0), None).is_err());
        assert!(page(Some(MOST + 1), None).is_err());
        assert!(page(None, Some("0x".into())).is_err());
        assert!(page(None, Some("ff".into())).is_err());
    }
}
