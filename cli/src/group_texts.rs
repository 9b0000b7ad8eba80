//! A text for each group, from the input that was loaded: a scope keeps no texts.

use crate::Result;
use crate::source::{self, Clause, FieldOptions, Format};
use crate::union_find::Group;
use std::collections::HashMap;
use std::path::PathBuf;

/// A text is cut after this number of characters.
const MAX_CHARS: usize = 1_000;

#[derive(clap::Args)]
#[command(next_help_heading = "Texts of the groups")]
pub struct TextOptions {
    /// Show a text of each group, from this file or directory: what was loaded. Its fields are named as for
    /// `simile load`
    #[arg(long, value_name = "INPUT")]
    texts: Option<PathBuf>,
    /// Format of that input; default: guessed from its name
    #[arg(long, value_enum, requires = "texts")]
    format: Option<Format>,
    #[command(flatten)]
    fields: FieldOptions,
}

impl TextOptions {
    /// True if texts are to be shown.
    pub fn are_given(&self) -> bool {
        self.texts.is_some()
    }

    /// Reads a text for each group: the first one in the input of any of its items. `None` if it has none of them.
    /// Memory holds these texts, and besides the groups a number for each of their items.
    pub fn read(&self, groups: &[Group]) -> Result<Vec<Option<String>>> {
        let mut texts = vec![None; groups.len()];
        let Some(path) = &self.texts else { return Ok(texts) };
        let mut group_of_item: HashMap<&[u8], usize> = HashMap::new();
        for (number, group) in groups.iter().enumerate() {
            group_of_item.extend(group.items.iter().map(|item| (&**item, number)));
        }
        let mut missing = groups.len();
        let mut input = source::open(path, self.format, &self.fields)?;
        while missing > 0
            && let Some(record) = input.source.next()?
        {
            let Ok(observation) = record.observation else { continue };
            let Some(number) = group_of_item.get(&observation.item[..]) else { continue };
            if texts[*number].is_none()
                && let Some(clause) = observation.clauses.first()
            {
                texts[*number] = Some(text_of(clause));
                missing -= 1;
            }
        }
        Ok(texts)
    }
}

/// The beginning of what a clause observes.
fn text_of(clause: &Clause) -> String {
    match clause {
        Clause::Text { text, .. } => text.chars().take(MAX_CHARS).collect(),
        Clause::Features { features, .. } => features.join(" ").chars().take(MAX_CHARS).collect(),
    }
}
