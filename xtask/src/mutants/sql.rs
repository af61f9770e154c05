//! Mistakes in a statement of SQL: a comparison that is off, a condition that is not looked at.

/// What is said of the mistake, and the statement with it.
pub fn mistakes(statement: &str) -> Vec<(String, String)> {
    const SWAPS: [(&str, &str); 9] = [
        (" < ", " <= "),
        (" <= ", " < "),
        (" > ", " >= "),
        (" >= ", " > "),
        (" max(", " min("),
        (" DESC", ""),
        (" + 1", ""),
        (" - 1", ""),
        (" NOT EXISTS ", " EXISTS "),
    ];
    let mut found = Vec::new();
    for (from, to) in SWAPS {
        for (at, _) in statement.match_indices(from) {
            let mut wrong = statement.to_owned();
            wrong.replace_range(at..at + from.len(), to);
            found.push((format!("SQL: `{}` is `{}`", from.trim(), to.trim()), wrong));
        }
    }
    for (at, _) in statement.match_indices(" AND ") {
        let begin = at + " AND ".len();
        let Some(rest) = statement.get(begin..) else { continue };
        let condition = rest.get(..condition_length(rest)).unwrap_or(rest).trim_end();
        let mut wrong = statement.to_owned();
        // Its parameters stay, or the statement would no longer fit its call.
        wrong.replace_range(begin..begin + condition.len(), &format!("({condition} OR TRUE)"));
        found.push((format!("SQL: `{}` is always true", condition.replace('\n', " ")), wrong));
    }
    found
}

/// How far a condition reaches: to the next keyword at its own depth, or to the bracket that closes it.
fn condition_length(text: &str) -> usize {
    const ENDS: [&str; 8] = [" AND ", " OR ", " ORDER ", " GROUP ", " LIMIT", " RETURNING", " UNION", "\n"];
    let mut depth = 0_i32;
    for (at, sign) in text.char_indices() {
        match sign {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        let ends = depth == 0 && text.get(at..).is_some_and(|rest| ENDS.iter().any(|end| rest.starts_with(end)));
        if depth < 0 || ends {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_passed_over_with_its_parameters() {
        let found = mistakes("SELECT a FROM t WHERE b = ?1 AND (c, d) > (?2, ?3) AND NOT EXISTS (SELECT 1) ORDER BY a");
        let wrong: Vec<&str> = found.iter().map(|(_, wrong)| wrong.as_str()).collect();
        assert!(wrong.contains(
            &"SELECT a FROM t WHERE b = ?1 AND ((c, d) > (?2, ?3) OR TRUE) AND NOT EXISTS (SELECT 1) ORDER BY a"
        ));
        assert!(wrong.contains(
            &"SELECT a FROM t WHERE b = ?1 AND (c, d) > (?2, ?3) AND (NOT EXISTS (SELECT 1) OR TRUE) ORDER BY a"
        ));
        assert!(wrong.iter().any(|wrong| wrong.contains("(c, d) >= (?2, ?3)")));
    }

    #[test]
    fn what_is_no_statement_holds_no_mistake() {
        assert!(mistakes("the enclave is stopping").is_empty());
    }
}
