//! A small generated set of events, the same in every run, on which this program itself is tested.

use crate::event::{Content, Event};
use testkit::Random;

const GROUPS: usize = 30;
const EVENTS: usize = 300;
/// The words of a message, and the words to choose from.
const WORDS: usize = 14;
const VOCABULARY: usize = 600;

/// Messages like those of a log: each has the words of its group, some of them changed, and numbers of its
/// own among them.
pub fn events() -> Vec<Event> {
    let mut random = Random::new(20_240_501);
    let vocabulary: Vec<String> = (0..VOCABULARY).map(|_| word(&mut random)).collect();
    let groups = groups(&mut random, &vocabulary);
    let mut event = |_| {
        let group = random.below(GROUPS);
        let mut words = groups[group].clone();
        let changes = random.below(4);
        change(&mut random, &vocabulary, &mut words, changes);
        words.insert(WORDS / 2, random.below(100_000).to_string());
        words.push(random.below(100_000).to_string());
        let label = Some(format!("group-{group}"));
        Event { label, system: None, content: Content::Text(words.join(" ")) }
    };
    (0..EVENTS).map(&mut event).collect()
}

/// The words of each group. Three groups are a family, and differ from each other in a few words.
fn groups(random: &mut Random, vocabulary: &[String]) -> Vec<Vec<String>> {
    let mut groups = Vec::<Vec<String>>::new();
    while groups.len() < GROUPS {
        let family: Vec<String> = (0..WORDS).map(|_| random.pick(vocabulary).clone()).collect();
        for _ in 0..3 {
            let mut words = family.clone();
            change(random, vocabulary, &mut words, 2);
            groups.push(words);
        }
    }
    groups
}

/// Replaces some words.
fn change(random: &mut Random, vocabulary: &[String], words: &mut [String], changes: usize) {
    for _ in 0..changes {
        let index = random.below(words.len());
        words[index] = random.pick(vocabulary).clone();
    }
}

/// Three to five syllables.
fn word(random: &mut Random) -> String {
    const STARTS: &[u8] = b"bdfgklmnprstvz";
    const ENDS: &[u8] = b"aeiou";
    let syllables = 3 + random.below(3);
    (0..syllables).flat_map(|_| [*random.pick(STARTS), *random.pick(ENDS)]).map(char::from).collect()
}
