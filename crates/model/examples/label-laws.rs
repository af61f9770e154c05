//! Writes the laws of the label lattice as an SMT-LIB script, from the kernel's own layout, for
//! `cargo xtask judge labels` to give to two solvers.
//!
//! Each question is one line of the answer: its name, what the solvers must say, and what they say. A law
//! holds when its negation is `unsat`. Kernels that are wrong on purpose must be `sat`, so that a script
//! that proves anything is noticed. Pairs of labels with the results of the compiled kernel tie the two
//! together.

use std::fmt::Write as _;

use model::Label;
use model::label::{Field, FieldKind};

const BITS: usize = Label::BYTES * 8;
/// Pairs that the compiled kernel is asked for.
const PAIRS: usize = 96;

fn main() {
    print!("{}", script());
}

/// The whole script.
fn script() -> String {
    let mut text = format!("(set-logic QF_BV)\n(define-sort Label () (_ BitVec {BITS}))\n");
    for field in &Label::FIELDS {
        text += &accessor(field);
    }
    text += &definition("", None);
    text += MEANING;
    for label in ["a", "b", "c"] {
        let _ = writeln!(text, "(declare-const {label} Label)");
    }
    for (name, law) in LAWS {
        text += &question(name, "unsat", law);
    }
    for field in &Label::FIELDS {
        text += &definition(&format!("-{}", field.name), Some(field));
    }
    for field in &Label::FIELDS {
        let wrong = format!("-{}", field.name);
        let broken = "(and (= (leqX a b) (means a b)) (=> (leqX a b) (= (joinX a b) b)))".replace('X', &wrong);
        text += &question(&format!("wrong in {}", field.name), "sat", &broken);
    }
    for (number, (a, b)) in pairs().into_iter().enumerate() {
        text += &question(&format!("as compiled {number}"), "unsat", &compiled(&a, &b));
    }
    text
}

/// `(define-fun level ((x Label)) (_ BitVec 8) …)`.
fn accessor(field: &Field) -> String {
    let high = BITS - field.at * 8 - 1;
    let low = high + 1 - field.bytes * 8;
    format!("(define-fun {} ((x Label)) (_ BitVec {}) ((_ extract {high} {low}) x))\n", field.name, field.bytes * 8)
}

/// Order, join and meet, with `suffix` to their names; wrong in one field if one is given.
fn definition(suffix: &str, wrong: Option<&Field>) -> String {
    let mut parts = [String::new(), String::new(), String::new()];
    for field in &Label::FIELDS {
        let (x, y) = (format!("({} x)", field.name), format!("({} y)", field.name));
        let (leq, join, meet) = match field.kind {
            FieldKind::Same => (format!("(= {x} {y})"), x.clone(), x),
            FieldKind::Number => (
                format!("(bvule {x} {y})"),
                format!("(ite (bvule {x} {y}) {y} {x})"),
                format!("(ite (bvule {x} {y}) {x} {y})"),
            ),
            FieldKind::Set => {
                let zero = format!("(_ bv0 {})", field.bytes * 8);
                (format!("(= (bvand {x} (bvnot {y})) {zero})"), format!("(bvor {x} {y})"), format!("(bvand {x} {y})"))
            }
        };
        let (leq, join, meet) = match wrong == Some(field) {
            true => (format!("(not {leq})"), meet, join),
            false => (leq, join, meet),
        };
        for (part, text) in parts.iter_mut().zip([leq, join, meet]) {
            let _ = write!(part, " {text}");
        }
    }
    let [leq, join, meet] = parts;
    format!(
        "(define-fun leq{suffix} ((x Label) (y Label)) Bool (and{leq}))\n\
         (define-fun join{suffix} ((x Label) (y Label)) Label (concat{join}))\n\
         (define-fun meet{suffix} ((x Label) (y Label)) Label (concat{meet}))\n"
    )
}

/// The order as people mean it: by the nations a thing is released to, and by how far it is trusted.
const MEANING: &str = "\
(define-fun released ((x Label)) (_ BitVec 256) (bvnot (withheld x)))
(define-fun trust ((x Label)) (_ BitVec 8) (bvsub #xff (integrity x)))
(define-fun means ((x Label) (y Label)) Bool (and
  (= (table x) (table y))
  (bvule (level x) (level y))
  (= (bvor (compartments x) (compartments y)) (compartments y))
  (= (bvor (released x) (released y)) (released x))
  (bvuge (trust x) (trust y))))
(define-fun same ((x Label) (y Label)) Bool (= (table x) (table y)))
(define-fun lowest ((x Label)) Label (concat (table x) (_ bv0 400)))
";

/// Of all labels; join and meet are spoken of within one table only.
const LAWS: &[(&str, &str)] = &[
    ("the order is what it means", "(= (leq a b) (means a b))"),
    ("join unites compartments", "(= (compartments (join a b)) (bvor (compartments a) (compartments b)))"),
    ("join intersects releasability", "(= (released (join a b)) (bvand (released a) (released b)))"),
    ("join takes the lower trust", "(= (trust (join a b)) (ite (bvule (trust a) (trust b)) (trust a) (trust b)))"),
    ("meet unites releasability", "(= (released (meet a b)) (bvor (released a) (released b)))"),
    ("reflexive", "(leq a a)"),
    ("antisymmetric", "(=> (and (leq a b) (leq b a)) (= a b))"),
    ("transitive", "(=> (and (leq a b) (leq b c)) (leq a c))"),
    ("tables apart", "(=> (leq a b) (same a b))"),
    ("join an upper bound", "(=> (same a b) (and (leq a (join a b)) (leq b (join a b))))"),
    ("join the least", "(=> (and (leq a c) (leq b c)) (leq (join a b) c))"),
    ("meet a lower bound", "(=> (same a b) (and (leq (meet a b) a) (leq (meet a b) b)))"),
    ("meet the greatest", "(=> (and (leq c a) (leq c b)) (leq c (meet a b)))"),
    ("join idempotent", "(= (join a a) a)"),
    ("meet idempotent", "(= (meet a a) a)"),
    ("join commutative", "(=> (same a b) (= (join a b) (join b a)))"),
    ("meet commutative", "(=> (same a b) (= (meet a b) (meet b a)))"),
    ("join associative", "(= (join (join a b) c) (join a (join b c)))"),
    ("meet associative", "(= (meet (meet a b) c) (meet a (meet b c)))"),
    ("join absorbing meet", "(= (join a (meet a b)) a)"),
    ("meet absorbing join", "(= (meet a (join a b)) a)"),
    ("distributive", "(= (meet a (join b c)) (join (meet a b) (meet a c)))"),
    ("order agreeing with join", "(=> (same a b) (= (leq a b) (= (join a b) b)))"),
    ("order agreeing with meet", "(=> (same a b) (= (leq a b) (= (meet a b) a)))"),
    ("join monotone", "(=> (leq a b) (leq (join a c) (join b c)))"),
    ("lowest below its table", "(leq (lowest a) a)"),
];

fn question(name: &str, expected: &str, claim: &str) -> String {
    format!("(echo \"{name}: {expected}\")\n(push 1)\n(assert (not {claim}))\n(check-sat)\n(pop 1)\n")
}

/// What the compiled kernel says of two labels.
fn compiled(a: &Label, b: &Label) -> String {
    let mut claim = format!("(and (= (leq {0} {1}) {2})", hex(a), hex(b), b.dominates(a));
    if let (Some(join), Some(meet)) = (a.join(b), a.meet(b)) {
        let _ = write!(claim, " (= (join {0} {1}) {2}) (= (meet {0} {1}) {3})", hex(a), hex(b), hex(&join), hex(&meet));
    }
    claim + ")"
}

fn hex(label: &Label) -> String {
    label.canonical().iter().fold("#x".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Labels with bits everywhere from a fixed seed; in every third pair one is below the other.
fn pairs() -> Vec<(Label, Label)> {
    let mut seed = 1_u64;
    let mut random = || {
        let mut bytes = [0; Label::BYTES];
        for byte in bytes.iter_mut().skip(1) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = seed.to_be_bytes().first().copied().unwrap_or(0);
        }
        if let Some(table) = bytes.get_mut(1) {
            *table &= 1;
        }
        Label::from_canonical(bytes)
    };
    (0..PAIRS)
        .map(|number| {
            let (a, b) = (random(), random());
            match (number % 3, a.meet(&b)) {
                (0, Some(meet)) => (meet, b),
                _ => (a, b),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_asks_every_law_and_is_well_formed() {
        let script = script();
        let count = |mark: &str| script.matches(mark).count();
        assert_eq!(count("(check-sat)"), LAWS.len() + Label::FIELDS.len() + PAIRS);
        assert_eq!(count(": sat\")"), Label::FIELDS.len());
        assert_eq!(count("("), count(")"));
        assert!(script.contains("(define-fun withheld ((x Label)) (_ BitVec 256) ((_ extract 255 0) x))"));
        assert!(script.contains("(define-fun table ((x Label)) (_ BitVec 16) ((_ extract 415 400) x))"));
    }

    #[test]
    fn some_pairs_are_comparable_and_some_are_of_two_tables() {
        let pairs = pairs();
        assert!(pairs.iter().filter(|(a, b)| a <= b).count() >= 10);
        assert!(pairs.iter().filter(|(a, b)| a.table() != b.table()).count() >= 10);
    }
}
