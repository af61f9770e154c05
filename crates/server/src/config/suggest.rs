//! "Did you mean": the known word nearest to a mistyped one.

/// The nearest of `known`, if a slip of the finger explains the difference.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let slips = |candidate: &str| distance(&word.to_lowercase(), candidate);
    // One slip in three letters, and always one.
    let allowed = (word.len() / 3).max(1);
    known.iter().copied().min_by_key(|known| slips(known)).filter(|nearest| slips(nearest) <= allowed)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (the optimal
/// string alignment distance), by bytes: every known word is ASCII.
fn distance(a: &str, b: &str) -> usize {
    let columns = b.len() + 1;
    let mut before: Vec<usize> = vec![0; columns];
    let mut last: Vec<usize> = (0..columns).collect();
    let mut previous = None;
    for (row, x) in a.bytes().enumerate() {
        let mut next = Vec::with_capacity(columns);
        let mut left = row + 1;
        let mut neighbour = None;
        next.push(left);
        for (column, y) in b.bytes().enumerate() {
            let at = |line: &[usize], column: usize| line.get(column).copied().unwrap_or(usize::MAX - 1);
            let mut best = (left + 1).min(at(&last, column + 1) + 1).min(at(&last, column) + usize::from(x != y));
            if column > 0 && previous == Some(y) && neighbour == Some(x) {
                best = best.min(at(&before, column - 1) + 1);
            }
            next.push(best);
            left = best;
            neighbour = Some(y);
        }
        previous = Some(x);
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_as_counted_by_hand() {
        for (a, b, slips) in
            [("", "", 0), ("", "abc", 3), ("listen", "lisen", 1), ("ab", "ba", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(a, b), slips, "{a} {b}");
            assert_eq!(distance(b, a), slips, "{b} {a}");
        }
    }

    #[test]
    fn a_slip_finds_its_word_and_nonsense_finds_none() {
        let known = ["listen", "domains"];
        for (word, found) in [("lisetn", Some("listen")), ("Domain", Some("domains")), ("budget", None), ("x", None)] {
            assert_eq!(nearest(word, &known), found, "{word}");
        }
    }
}
