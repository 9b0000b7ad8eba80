//! The parameters that a scope is created with.

use crate::command::{Command, SCOPE, command};
use serde_json::{Value, json};
use simile::signature::{Hash, Shingle, TextRules};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Banding {
    Fixed {
        bands: u16,
        rows: u16,
    },
    /// The module chooses. The slots of a sketch; `None` for as many as THRESHOLD implies.
    Threshold(f64, Option<u16>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    pub banding: Banding,
    pub text: TextRules,
    pub hash: Hash,
    pub seed: u32,
}

/// Five characters, nothing masked: the module's own default.
pub const PLAIN: TextRules = TextRules { shingle: Shingle::Chars(5), lowercase: false, mask: false };
pub const MASKED: TextRules = TextRules { mask: true, ..PLAIN };
/// For documents.
pub const WORDS_3: TextRules = TextRules { shingle: Shingle::Words(3), ..PLAIN };
pub const MURMUR3: Hash = Hash::Murmur3 { modulus: None };

impl Setting {
    pub fn new(bands: u16, rows: u16, text: TextRules) -> Setting {
        Setting { banding: Banding::Fixed { bands, rows }, text, hash: Hash::Fss, seed: 0 }
    }

    pub fn threshold(threshold: f64, text: TextRules) -> Setting {
        Setting { banding: Banding::Threshold(threshold, None), ..Setting::new(1, 1, text) }
    }

    /// With sketches of this many slots.
    pub fn threshold_and_sketch(threshold: f64, slots: u16, text: TextRules) -> Setting {
        Setting { banding: Banding::Threshold(threshold, Some(slots)), ..Setting::threshold(threshold, text) }
    }

    pub fn create(&self) -> Command {
        let banding = match self.banding {
            Banding::Fixed { bands, rows } => format!("BANDS {bands} ROWS {rows}"),
            Banding::Threshold(threshold, None) => format!("THRESHOLD {threshold}"),
            Banding::Threshold(threshold, Some(slots)) => format!("THRESHOLD {threshold} SKETCH {slots}"),
        };
        let yes_or_no = |value: bool| if value { "yes" } else { "no" };
        // INTERVAL 0: each event is compared with all earlier ones, whenever they occurred.
        let line = format!(
            "SIM.CREATE {SCOPE} {banding} INTERVAL 0 HASH {} SEED {} SHINGLE {} LOWERCASE {} MASK {}",
            hash_name(self.hash),
            self.seed,
            shingle_name(self.text.shingle),
            yes_or_no(self.text.lowercase),
            yes_or_no(self.text.mask)
        );
        command(&line.split(' ').collect::<Vec<_>>(), Vec::new())
    }
}

/// As the progress bar shows it.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.banding {
            Banding::Fixed { bands, rows } => write!(f, "{bands} x {rows}")?,
            Banding::Threshold(threshold, None) => write!(f, "THRESHOLD {threshold}")?,
            Banding::Threshold(threshold, Some(slots)) => write!(f, "THRESHOLD {threshold} SKETCH {slots}")?,
        }
        write!(f, ", {}, {}", shingle_name(self.text.shingle), hash_name(self.hash))?;
        if self.text.mask { write!(f, ", masked") } else { Ok(()) }
    }
}

pub fn hash_name(hash: Hash) -> &'static str {
    match hash {
        Hash::Fss => "FSS",
        Hash::Murmur3 { .. } => "MURMUR3",
    }
}

fn shingle_name(shingle: Shingle) -> String {
    match shingle {
        Shingle::Chars(n) => format!("CHARS {n}"),
        Shingle::Words(n) => format!("WORDS {n}"),
    }
}

/// The rules for text, as the results have them.
pub fn describe_text(text: TextRules) -> Value {
    json!({ "shingle": shingle_name(text.shingle), "mask": text.mask })
}
