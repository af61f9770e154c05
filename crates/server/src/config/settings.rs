//! What the settings are called and what the book says of them, declared together with what serde reads: a setting of
//! which nothing is said does not compile.

/// A part of the file, and what may stand in it.
pub struct Section {
    /// `scrub` of `[scrub]`.
    pub name: &'static str,
    /// What is said of all of it; nothing where its settings say enough.
    pub said: &'static str,
    pub settings: &'static [Setting],
}

/// One setting. Both texts are Markdown, as they stand in a table of the book.
pub struct Setting {
    pub name: &'static str,
    /// What holds where nobody sets it. A value alone is held to the program by a test.
    pub unless_set: &'static str,
    pub what: &'static str,
}

impl Section {
    pub fn names(&self) -> Vec<&'static str> {
        self.settings.iter().map(|setting| setting.name).collect()
    }
}

/// Declares a section: `/// what is said of it`, its `[name]`, and a struct whose fields are
/// `/// what is said of one` and `name: type = "what holds unless it is set"`.
macro_rules! section {
    (
        $(#[doc = $said:literal])*
        [$name:ident]
        $(#[$of:meta])*
        $visible:vis struct $type:ident {
            $(
                $(#[doc = $what:literal])+
                $(#[serde($($serde:tt)+)])?
                $shown:vis $setting:ident: $value:ty = $unless:literal,
            )+
        }
    ) => {
        $(#[$of])*
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        $visible struct $type {
            $($(#[serde($($serde)+)])? $shown $setting: $value,)+
        }

        impl $type {
            pub const SECTION: $crate::config::settings::Section = $crate::config::settings::Section {
                name: stringify!($name),
                said: concat!($($said,)*).trim_ascii(),
                settings: &[$($crate::config::settings::Setting {
                    name: stringify!($setting),
                    unless_set: $unless,
                    what: concat!($($what,)+).trim_ascii(),
                },)+],
            };
        }
    };
}
