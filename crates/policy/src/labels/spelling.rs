//! Text made comparable: case, accents and spaces do not count.

/// Folded characters, each with its place in what was written.
pub struct Folded {
    characters: Vec<(char, usize)>,
}

/// Capital letters without accents, one space where there were several, none at the ends or beside a
/// slash, a comma or a parenthesis.
pub fn fold(text: &str) -> Folded {
    let mut characters: Vec<(char, usize)> = Vec::new();
    for (at, written) in text.chars().enumerate() {
        let character = if written.is_whitespace() { ' ' } else { plain(written) };
        let last = characters.last().map(|(last, _)| *last);
        if character == ' ' && last.is_none_or(|last| last == ' ' || stands_alone(last)) {
            continue;
        }
        if stands_alone(character) && last == Some(' ') {
            characters.pop();
        }
        characters.push((character, at));
    }
    if characters.last().is_some_and(|(last, _)| *last == ' ') {
        characters.pop();
    }
    Folded { characters }
}

fn stands_alone(character: char) -> bool {
    matches!(character, '/' | ',' | '(' | ')')
}

/// A capital letter without its accent; what has neither is left as it is.
fn plain(character: char) -> char {
    match character {
        'à' | 'â' | 'ä' | 'À' | 'Â' | 'Ä' => 'A',
        'ç' | 'Ç' => 'C',
        'è' | 'é' | 'ê' | 'ë' | 'È' | 'É' | 'Ê' | 'Ë' => 'E',
        'î' | 'ï' | 'Î' | 'Ï' => 'I',
        'ô' | 'ö' | 'Ô' | 'Ö' => 'O',
        'ù' | 'û' | 'ü' | 'Ù' | 'Û' | 'Ü' => 'U',
        other => other.to_ascii_uppercase(),
    }
}

impl Folded {
    pub fn text(&self) -> String {
        self.characters.iter().map(|(character, _)| *character).collect()
    }

    /// Only the characters, for reading along.
    pub fn characters(&self) -> Vec<char> {
        self.characters.iter().map(|(character, _)| *character).collect()
    }

    /// Where the character of this index was written, counted from 1; behind the last, the end.
    pub fn place(&self, index: usize) -> usize {
        let last = self.characters.last().map_or(0, |(_, at)| at + 1);
        self.characters.get(index).map_or(last, |(_, at)| *at) + 1
    }
}

/// The candidate that differs from the word by at most two letters, if one does: what was meant.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = candidates.map(|candidate| (difference(word, &fold(candidate).text()), candidate));
    near.filter(|(difference, candidate)| *difference <= 2 && *difference < candidate.chars().count())
        .min()
        .map(|(_, one)| one)
}

/// Letters to put in, take out or change.
fn difference(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, a) in one.chars().enumerate() {
        let mut next = vec![index + 1];
        for (b, pair) in other.iter().zip(row.windows(2)) {
            let [diagonal, above] = pair else { continue };
            let left = next.last().copied().unwrap_or(index);
            next.push((diagonal + usize::from(a != *b)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_count_is_gone() {
        for (written, folded) in [
            ("  top \t secret ", "TOP SECRET"),
            ("Très Secret", "TRES SECRET"),
            ("s // si / tk // rel to usa , fra", "S//SI/TK//REL TO USA,FRA"),
            ("( s )", "(S)"),
            ("a - b", "A - B"),
            ("", ""),
        ] {
            assert_eq!(fold(written).text(), folded);
        }
    }

    #[test]
    fn places_are_those_of_the_written_text() {
        let folded = fold("  a  / b");
        assert_eq!(folded.text(), "A/B");
        assert_eq!([0, 1, 2, 3].map(|index| folded.place(index)), [3, 6, 8, 9]);
    }

    #[test]
    fn what_was_meant_is_near() {
        let known = ["SECRET", "TOP SECRET", "SI"];
        assert_eq!(nearest("SECERT", known.into_iter()), Some("SECRET"));
        assert_eq!(nearest("SII", known.into_iter()), Some("SI"));
        assert_eq!(nearest("PUBLIC", known.into_iter()), None);
    }
}
