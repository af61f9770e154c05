//! The places: comparisons, conditions, sums, statements, bodies, closures that choose, SQL.
//!
//! Passed over: tests, constants, what a macro is given (logging, `select!`), `Debug`, `Display` and `Drop`.

use std::ops::Range;

use anyhow::Result;
use serde::Serialize;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, BinOp, Block, Expr, ExprBinary, ExprIf, ExprMethodCall, ExprUnary, ExprWhile, ImplItemFn, ItemFn,
    ItemImpl, Lit, ReturnType, Signature, Stmt, Type, UnOp,
};

use crate::sql;

/// Where a mutant's number goes in `before`.
const ACTIVE: &str = "crate::mutant(@)";

/// A place, and what to put around it. `@` in `before` stands for the mutant's number.
#[derive(Debug, Serialize)]
pub struct Site {
    pub file: String,
    pub function: String,
    pub line: usize,
    /// In bytes of the file.
    pub start: usize,
    pub end: usize,
    pub before: String,
    pub after: String,
    pub what: String,
}

/// All places of one source.
pub fn find(text: &str) -> Result<Vec<Site>> {
    let file = syn::parse_file(text)?;
    let mut finder = Finder { text, within: Vec::new(), sites: Vec::new() };
    finder.visit_file(&file);
    Ok(finder.sites)
}

struct Finder<'t> {
    text: &'t str,
    /// Names of the type and function around.
    within: Vec<String>,
    sites: Vec<Site>,
}

impl Finder<'_> {
    fn text(&self, of: &impl Spanned) -> &str {
        self.text.get(of.span().byte_range()).unwrap_or("")
    }

    fn add(&mut self, range: Range<usize>, before: String, after: &str, what: String) {
        let line = self.text.get(..range.start).unwrap_or("").matches('\n').count() + 1;
        self.sites.push(Site {
            file: String::new(),
            function: self.within.join("::"),
            line,
            start: range.start,
            end: range.end,
            before,
            after: after.to_owned(),
            what,
        });
    }

    /// The expression is `wrong` instead.
    fn instead(&mut self, of: &impl Spanned, wrong: &str, what: String) {
        self.add(of.span().byte_range(), format!("(if {ACTIVE} {{ {wrong} }} else {{ "), " })", what);
    }

    /// The condition is always true, and always false.
    fn constant(&mut self, condition: &Expr) {
        let (range, said) = (condition.span().byte_range(), short(self.text(condition)));
        self.add(range.clone(), format!("(!{ACTIVE} && ("), "))", format!("`{said}` is never so"));
        self.add(range, format!("({ACTIVE} || ("), "))", format!("`{said}` is always so"));
    }

    /// A branch that is never taken; with patterns in its condition there is only this mistake.
    fn branch(&mut self, condition: &Expr) {
        if !has_let(condition) {
            return self.constant(condition);
        }
        let said = short(self.text(condition));
        self.add(condition.span().byte_range(), format!("!{ACTIVE} && "), "", format!("`{said}` is never so"));
    }

    fn function(&mut self, signature: &Signature, block: &Block) {
        if signature.constness.is_some() {
            return;
        }
        self.within.push(signature.ident.to_string());
        let returned = match &signature.output {
            ReturnType::Default => String::new(),
            ReturnType::Type(_, kind) => self.text(kind).split_whitespace().collect(),
        };
        let at = block.brace_token.span.open().byte_range().end;
        for wrong in returned_at_once(&returned) {
            let said = if wrong.is_empty() { "the body does nothing".to_owned() } else { format!("returns `{wrong}`") };
            self.add(at..at, format!(" if {ACTIVE} {{ return {wrong}; }} "), "", said);
        }
        visit::visit_block(self, block);
        self.within.pop();
    }
}

/// What a body of this type might wrongly return at once.
fn returned_at_once(kind: &str) -> Vec<&'static str> {
    const KNOWN: &[(&str, &[&str])] = &[
        ("bool", &["true", "false"]),
        ("usize", &["0", "1"]),
        ("u64", &["0", "1"]),
        ("Result<()", &["Ok(())"]),
        ("Result<bool", &["Ok(true)", "Ok(false)"]),
        ("Result<usize", &["Ok(0)"]),
        ("Result<u64", &["Ok(0)"]),
        ("Result<Option<", &["Ok(None)"]),
        ("Result<Vec<", &["Ok(Vec::new())"]),
        ("Result<BTree", &["Ok(Default::default())"]),
        ("rusqlite::Result<()", &["Ok(())"]),
        ("Option<", &["None"]),
        ("Vec<", &["Vec::new()"]),
        ("BTree", &["Default::default()"]),
    ];
    if kind.is_empty() {
        return vec![""];
    }
    let known = KNOWN.iter().find(|(known, _)| match known.strip_suffix('<') {
        Some(_) => kind.starts_with(known),
        None => kind == *known || kind.strip_prefix(known).is_some_and(|rest| rest.starts_with([',', '>', 'M', 'S'])),
    });
    known.map_or_else(Vec::new, |(_, wrong)| wrong.to_vec())
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if !for_tests(&item.attrs) {
            self.function(&item.sig, &item.block);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !for_tests(&item.attrs) {
            self.function(&item.sig, &item.block);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let told = |name: &str| {
            let of = item.trait_.as_ref().and_then(|(path, _)| path.segments.last());
            of.is_some_and(|last| last.ident == name)
        };
        if for_tests(&item.attrs) || ["Debug", "Display", "Drop"].into_iter().any(told) {
            return;
        }
        self.within.push(type_name(&item.self_ty));
        visit::visit_item_impl(self, item);
        self.within.pop();
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_type(&mut self, _: &'ast Type) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    /// Of a pattern only the condition behind it is looked at.
    fn visit_pat(&mut self, pattern: &'ast syn::Pat) {
        if let syn::Pat::Guard(guarded) = pattern {
            self.branch(&guarded.guard);
            self.visit_expr(&guarded.guard);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        if let Some(said) = left_out(statement) {
            let what = format!("leaves out `{}`", short(self.text(statement)));
            self.add(statement.span().byte_range(), format!("if !{ACTIVE} {{ "), " }", format!("{what}{said}"));
        }
        visit::visit_stmt(self, statement);
    }

    fn visit_expr_if(&mut self, branch: &'ast ExprIf) {
        self.branch(&branch.cond);
        visit::visit_expr_if(self, branch);
    }

    fn visit_expr_while(&mut self, repeated: &'ast ExprWhile) {
        let (said, range) = (short(self.text(&repeated.cond)), repeated.cond.span().byte_range());
        if has_let(&repeated.cond) {
            self.add(range, format!("!{ACTIVE} && "), "", format!("`{said}` is never so"));
        } else {
            self.add(range, format!("(!{ACTIVE} && ("), "))", format!("`{said}` is never so"));
        }
        visit::visit_expr_while(self, repeated);
    }

    fn visit_expr_binary(&mut self, binary: &'ast ExprBinary) {
        let whole = self.text(binary).to_owned();
        let (left, right) = (self.text(&*binary.left).to_owned(), self.text(&*binary.right).to_owned());
        let sign = self.text(&binary.op).to_owned();
        if let (Some(other), false) = (other_sign(&binary.op), has_let(&binary.left) || has_let(&binary.right)) {
            let (wrong, assigns) = match sign.ends_with('=') && matches!(sign.as_bytes(), [b'+' | b'-' | b'*', b'=']) {
                true => (format!("{left} {other} {right}"), true),
                false => (format!("({left}) {other} ({right})"), false),
            };
            let what = format!("`{sign}` is `{other}` in `{}`", short(&whole));
            if assigns {
                self.add(binary.span().byte_range(), format!("if {ACTIVE} {{ {wrong} }} else {{ "), " }", what);
            } else {
                self.instead(binary, &wrong, what);
            }
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast ExprUnary) {
        if matches!(unary.op, UnOp::Not(_)) {
            let (wrong, said) = (self.text(&*unary.expr).to_owned(), short(self.text(unary)));
            self.instead(unary, &wrong, format!("`{said}` without its `!`"));
        }
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        const CHOOSE: [&str; 9] =
            ["filter", "any", "all", "retain", "find", "take_while", "skip_while", "is_some_and", "is_none_or"];
        const SWAPPED: [(&str, &str); 10] = [
            ("min", "max"),
            ("max", "min"),
            ("any", "all"),
            ("all", "any"),
            ("saturating_sub", "saturating_add"),
            ("front", "back"),
            ("first", "last"),
            ("last", "first"),
            ("push_back", "push_front"),
            ("pop_front", "pop_back"),
        ];
        let name = call.method.to_string();
        if let (true, Some(Expr::Closure(closure))) = (CHOOSE.contains(&name.as_str()), call.args.first())
            && !matches!(*closure.body, Expr::Block(_))
        {
            self.constant(&closure.body);
        }
        if let Some((_, other)) = SWAPPED.iter().find(|(one, _)| *one == name) {
            let (whole, at) = (self.text(call).to_owned(), call.span().byte_range().start);
            let method = call.method.span().byte_range();
            let mut wrong = whole.clone();
            wrong.replace_range(method.start - at..method.end - at, other);
            self.instead(call, &wrong, format!("`{name}` is `{other}` in `{}`", short(&whole)));
        }
        if ["is_empty", "is_some", "is_none", "is_ok", "is_err", "contains", "contains_key"].contains(&name.as_str()) {
            let said = short(self.text(call));
            self.add(call.span().byte_range(), format!("({ACTIVE} != "), ")", format!("`{said}` says the opposite"));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_lit(&mut self, literal: &'ast syn::ExprLit) {
        let Lit::Str(statement) = &literal.lit else { return };
        for (what, wrong) in sql::mistakes(&statement.value()) {
            self.instead(literal, &format!("{wrong:?}"), what);
        }
    }
}

/// The type's own name, without its parameters.
fn type_name(kind: &Type) -> String {
    match kind {
        Type::Path(path) => path.path.segments.last().map_or_else(String::new, |last| last.ident.to_string()),
        _ => String::new(),
    }
}

fn for_tests(attributes: &[Attribute]) -> bool {
    let said = |attribute: &Attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string().contains("test"),
        other => other.path().is_ident("test"),
    };
    attributes.iter().any(said)
}

/// Whether it tests a pattern: then it is no value.
fn has_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

fn other_sign(sign: &BinOp) -> Option<&'static str> {
    Some(match sign {
        BinOp::Lt(_) => "<=",
        BinOp::Le(_) => "<",
        BinOp::Gt(_) => ">=",
        BinOp::Ge(_) => ">",
        BinOp::Eq(_) => "!=",
        BinOp::Ne(_) => "==",
        BinOp::And(_) => "||",
        BinOp::Or(_) => "&&",
        BinOp::Add(_) => "-",
        BinOp::Sub(_) => "+",
        BinOp::Mul(_) => "/",
        BinOp::Div(_) => "*",
        BinOp::AddAssign(_) => "-=",
        BinOp::SubAssign(_) => "+=",
        BinOp::MulAssign(_) => "+=",
        _ => return None,
    })
}

/// Whether the statement can be left out; what more is to be said of it.
fn left_out(statement: &Stmt) -> Option<&'static str> {
    let Stmt::Expr(expression, Some(_)) = statement else { return None };
    let mut inner = expression;
    loop {
        inner = match inner {
            Expr::Await(awaited) => &awaited.base,
            Expr::Try(tried) => &tried.expr,
            Expr::Call(_) | Expr::MethodCall(_) | Expr::Assign(_) | Expr::Continue(_) | Expr::Break(_) => {
                return Some("");
            }
            Expr::Return(_) => return Some(" and goes on"),
            Expr::Binary(binary) if matches!(binary.op, BinOp::AddAssign(_) | BinOp::SubAssign(_)) => return Some(""),
            _ => return None,
        }
    }
}

/// One line of at most so many signs.
fn short(text: &str) -> String {
    const SIGNS: usize = 90;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SIGNS { line } else { line.chars().take(SIGNS).chain("…".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every mutant of the source, as text, with its number written 7.
    fn mutants(text: &str) -> Vec<String> {
        let of = |site: Site| {
            let (head, rest) = text.split_at(site.start);
            let (place, tail) = rest.split_at(site.end - site.start);
            format!("{head}{}{place}{}{tail}", site.before.replace('@', "7"), site.after)
        };
        find(text).unwrap().into_iter().map(of).collect()
    }

    #[test]
    fn each_kind_of_mistake_is_made() {
        let cases = [
            ("fn f(a: u8) -> u8 { g(a < 3) }", "g((if crate::mutant(7) { (a) <= (3) } else { a < 3 }))"),
            ("fn f() { if a { b() } }", "if (!crate::mutant(7) && (a)) { b() }"),
            ("fn f() { if a { b() } }", "if (crate::mutant(7) || (a)) { b() }"),
            ("fn f() { if let Some(x) = a { b(x) } }", "if !crate::mutant(7) && let Some(x) = a { b(x) }"),
            ("fn f() { a.b().await?; }", "{ if !crate::mutant(7) { a.b().await?; } }"),
            ("fn f() -> Result<(), E> { g() }", "{ if crate::mutant(7) { return Ok(()); }  g() }"),
            ("fn f() -> bool { g() }", "{ if crate::mutant(7) { return false; }  g() }"),
            ("fn f(n: u8) { n += 1; }", "if crate::mutant(7) { n -= 1 } else { n += 1 };"),
            ("fn f(a: A) { a.filter(|x| p(x)) }", "a.filter(|x| (crate::mutant(7) || (p(x))))"),
            ("fn f(a: A) { g(a.min(b)) }", "g((if crate::mutant(7) { a.max(b) } else { a.min(b) }))"),
            ("fn f() { match a { b if c => d(), _ => {} } }", "b if (crate::mutant(7) || (c)) =>"),
            ("fn f(a: A) { g(!a) }", "g((if crate::mutant(7) { a } else { !a }))"),
            ("fn f(é: A) { g(é.is_empty()) }", "g((crate::mutant(7) != é.is_empty()))"),
        ];
        for (text, wanted) in cases {
            let all = mutants(text);
            assert!(all.iter().any(|mutant| mutant.contains(wanted)), "{wanted} is not among {all:#?}");
            all.iter().for_each(|mutant| drop(syn::parse_file(mutant).expect(mutant)));
        }
    }

    #[test]
    fn tests_constants_and_what_macros_are_given_are_passed_over() {
        for text in [
            "const A: u8 = 1 + 2;",
            "#[cfg(test)] mod tests { fn f() { a(); } }",
            "#[test] fn f() { a(); }",
            "impl Drop for A { fn drop(&mut self) { a(); } }",
            "const fn f(a: u8) -> bool { a < 3 }",
        ] {
            assert_eq!(mutants(text), Vec::<String>::new(), "{text}");
        }
        assert_eq!(mutants("fn f() -> u8 { warn!(a < 3); 7 }"), Vec::<String>::new());
    }
}
