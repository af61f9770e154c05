//! Counts and times out of the JUnit reports that nextest and pytest write.

/// One test that ran.
#[derive(Debug, PartialEq)]
pub struct Case {
    pub name: String,
    pub seconds: f64,
    pub state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Passed,
    Failed,
    Skipped,
}

/// Every test of a report. The two writers agree on the few marks that are read here.
pub fn cases(xml: &str) -> Vec<Case> {
    let mut found = Vec::new();
    for piece in xml.split("<testcase ").skip(1) {
        let (tag, rest) = piece.split_once('>').unwrap_or((piece, ""));
        let body = if tag.ends_with('/') { "" } else { rest.split("</testcase>").next().unwrap_or("") };
        let state = match body {
            _ if body.contains("<failure") || body.contains("<error") => State::Failed,
            _ if body.contains("<skipped") => State::Skipped,
            _ => State::Passed,
        };
        let name = format!("{} {}", attribute(tag, "classname"), attribute(tag, "name"));
        found.push(Case { name, seconds: attribute(tag, "time").parse().unwrap_or(0.0), state });
    }
    found
}

fn attribute<'a>(tag: &'a str, name: &str) -> &'a str {
    let mark = format!("{name}=\"");
    // `name=` is also the end of `classname=`.
    tag.match_indices(&mark)
        .find(|(at, _)| *at == 0 || tag.as_bytes().get(at - 1) == Some(&b' '))
        .and_then(|(at, _)| tag.get(at + mark.len()..))
        .and_then(|rest| rest.split('"').next())
        .unwrap_or("")
}

/// The counts of doc tests, from the lines `test result: ok. 3 passed; 0 failed; …`.
pub fn doc_counts(output: &str) -> (usize, usize) {
    let mut counts = (0, 0);
    for line in output.lines().filter(|line| line.starts_with("test result:")) {
        let before = |word: &str| -> usize {
            let words: Vec<&str> = line.split([' ', ';']).filter(|word| !word.is_empty()).collect();
            let at = words.iter().position(|found| *found == word).unwrap_or(0);
            words.get(at.wrapping_sub(1)).and_then(|count| count.parse().ok()).unwrap_or(0)
        };
        counts = (counts.0 + before("passed"), counts.1 + before("failed"));
    }
    counts
}

/// Right answers, and what is wrong, of lines `name: expected` each followed by what a solver answered.
pub fn answers(output: &str) -> (usize, Vec<String>) {
    let lines: Vec<&str> = output.lines().map(|line| line.trim_matches('"')).collect();
    let mut wrong = Vec::new();
    let mut right = 0;
    for pair in lines.windows(2) {
        let [question, answer] = pair else { continue };
        let Some((name, expected)) = question.rsplit_once(": ").filter(|(_, end)| ["sat", "unsat"].contains(end))
        else {
            continue;
        };
        match expected == *answer {
            true => right += 1,
            false => wrong.push(format!("{name}: {answer}, not {expected}")),
        }
    }
    (right, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_writers_reports_are_understood() {
        let pytest = r#"<testsuite name="pytest" tests="3"><testcase classname="test_a" name="b[c&gt;d]" time="1.5" />
            <testcase classname="test_a" name="e" time="0.1"><failure message="no">x</failure></testcase>
            <testcase classname="test_a" name="f" time="0"><skipped type="s">why</skipped></testcase></testsuite>"#;
        let states: Vec<State> = cases(pytest).iter().map(|case| case.state).collect();
        assert_eq!(states, [State::Passed, State::Failed, State::Skipped]);
        let nextest =
            r#"<testcase name="put_survives" classname="engine::put" timestamp="2026" time="0.250"></testcase>"#;
        let wanted = Case { name: "engine::put put_survives".into(), seconds: 0.25, state: State::Passed };
        assert_eq!(cases(nextest), [wanted]);
    }

    #[test]
    fn doc_tests_are_added_up() {
        let output = "test result: ok. 2 passed; 0 failed; 1 ignored\nother\ntest result: FAILED. 1 passed; 3 failed;";
        assert_eq!(doc_counts(output), (3, 3));
    }

    #[test]
    fn a_solver_is_right_where_it_says_what_it_must() {
        let output = "reflexive: unsat\nunsat\n\"wrong in level: sat\"\nunsat\nb: unsat\nunknown\n";
        let wrong = vec!["wrong in level: unsat, not sat".to_owned(), "b: unknown, not unsat".to_owned()];
        assert_eq!(answers(output), (1, wrong));
    }
}
