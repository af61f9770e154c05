//! `cargo xtask book`: the pages of the book that are written from the sources. `cargo xtask tidy` looks that they are.

mod s3;

use std::fs;

use anyhow::Result;

/// A page of the book, and what it should hold now.
pub struct Page {
    pub path: &'static str,
    pub text: String,
}

/// Every page that is written from the sources.
pub fn pages() -> Result<Vec<Page>> {
    Ok(vec![Page { path: "docs/s3-compatibility.md", text: s3::page()? }])
}

/// Writes them.
pub fn write() -> Result<bool> {
    for page in pages()? {
        fs::write(page.path, page.text)?;
        println!("{} written", page.path);
    }
    Ok(true)
}
