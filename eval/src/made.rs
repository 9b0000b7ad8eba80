//! A small set that is made here, the same in every run: what keeps this program itself under test.

use crate::event::{Content, Event};
use crate::harness::Random;

const GROUPS: usize = 30;
const EVENTS: usize = 300;
/// Words of a message, and words that there are.
const WORDS: usize = 14;
const VOCABULARY: usize = 600;

/// Messages like those of a log: each group has its own words, and each event other numbers in them, and
/// now and then another word.
pub fn events() -> Vec<Event> {
    let mut random = Random::new(20_240_501);
    let vocabulary: Vec<String> = (0..VOCABULARY).map(|_| word(&mut random)).collect();
    let groups: Vec<Vec<&str>> =
        (0..GROUPS).map(|_| (0..WORDS).map(|_| random.pick(&vocabulary).as_str()).collect()).collect();
    let mut event = |_| {
        let group = random.below(GROUPS);
        let mut words: Vec<String> = groups[group].iter().map(|word| word.to_string()).collect();
        if random.once_in(3) {
            let place = random.below(WORDS);
            words[place] = random.pick(&vocabulary).clone();
        }
        let number = random.below(100_000);
        words.insert(WORDS / 2, number.to_string());
        let label = Some(format!("group-{group}"));
        Event { label, system: None, content: Content::Text(words.join(" ")) }
    };
    (0..EVENTS).map(&mut event).collect()
}

/// Three to five syllables.
fn word(random: &mut Random) -> String {
    const STARTS: &[u8] = b"bdfgklmnprstvz";
    const ENDS: &[u8] = b"aeiou";
    let syllables = 3 + random.below(3);
    (0..syllables).flat_map(|_| [*random.pick(STARTS), *random.pick(ENDS)]).map(char::from).collect()
}
