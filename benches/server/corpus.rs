//! Made-up events, like those of an error tracker.
//!
//! Each event is a text of 121 characters and belongs to a group. The groups come in families, whose
//! texts have the same beginning; the events of a group differ in a few words. So a group shares buckets with
//! some dozens of others, while most buckets hold only one group.

use crate::random::Random;
use simile::signature::{Hash, Scheme, Shingle, TextRules};
use std::collections::BTreeSet;

/// The length of an event's text.
pub const TEXT: usize = 121;

/// The characters that the texts of a family have in common.
const FAMILY: usize = 34;
/// The number of groups in a family.
const GROUPS_OF_A_FAMILY: usize = 60;
/// The percentage of words in which an event differs from its group.
const CHANGED: usize = 13;
/// The same for an item whose every observation has other buckets.
const CHANGED_FAR: usize = 70;

/// One observation of a group.
pub struct Event {
    pub group: usize,
    /// The number of intervals before the present one.
    pub age: usize,
    pub text: String,
}

impl Event {
    /// The name under which a group is recorded, of ten bytes.
    pub fn item(&self) -> String {
        item(self.group)
    }
}

/// The name of a group, of ten bytes.
pub fn item(group: usize) -> String {
    format!("group-{group:04}")
}

/// The number of events in each group.
pub enum Sizes {
    /// By Zipf's law, at least one each: a median of five and a largest of a thousand for 20,000
    /// events in 2,000 groups.
    Zipf { events: usize },
    /// The same number for each.
    Even { each: usize },
}

/// The exponent of [`Sizes::Zipf`].
const ZIPF: f64 = 0.78;

/// Events in random order, spread evenly over the intervals of a window.
pub fn events(seed: u64, groups: usize, sizes: &Sizes, intervals: usize) -> Vec<Event> {
    let mut random = Random::new(seed);
    let templates = Templates::new(&mut random, groups);
    let mut events: Vec<Event> = groups_of_events(&mut random, groups, sizes)
        .into_iter()
        .map(|group| Event {
            group,
            age: random.below(intervals),
            text: templates.event(&mut random, group, CHANGED),
        })
        .collect();
    random.shuffle(&mut events);
    events
}

/// Texts of one group that are hardly similar and have few buckets in common, like an item under which too
/// much has been recorded.
pub fn unlike_texts(seed: u64, groups: usize, group: usize, count: usize) -> Vec<String> {
    let mut random = Random::new(seed);
    let templates = Templates::new(&mut random, groups);
    let mut seen = BTreeSet::new();
    while seen.len() < count {
        seen.insert(templates.event(&mut random, group, CHANGED_FAR));
    }
    seen.into_iter().collect()
}

/// The group of each event.
fn groups_of_events(random: &mut Random, groups: usize, sizes: &Sizes) -> Vec<usize> {
    match *sizes {
        Sizes::Even { each } => (0..groups * each).map(|event| event % groups).collect(),
        Sizes::Zipf { events } => {
            let weights = (1..=groups).map(|rank| (rank as f64).powf(-ZIPF));
            let sums: Vec<f64> = weights
                .scan(0.0, |sum, weight| {
                    *sum += weight;
                    Some(*sum)
                })
                .collect();
            let mut draw_group = || {
                let draw = random.fraction() * sums[groups - 1];
                sums.partition_point(|&sum| sum <= draw)
            };
            (0..groups).chain((groups..events).map(|_| draw_group())).collect()
        }
    }
}

/// The texts of the groups, before anything is changed.
struct Templates {
    words: Vec<String>,
    texts: Vec<Vec<String>>,
}

impl Templates {
    fn new(random: &mut Random, groups: usize) -> Templates {
        let words: Vec<String> = (0..5_000).map(|_| word(random)).collect();
        let families: Vec<Vec<String>> =
            (0..groups.div_ceil(GROUPS_OF_A_FAMILY)).map(|_| phrase(random, &words, FAMILY)).collect();
        let texts = (0..groups)
            .map(|_| {
                let mut text: Vec<String> = random.pick(&families).clone();
                text.extend(phrase(random, &words, TEXT - FAMILY));
                text
            })
            .collect();
        Templates { words, texts }
    }

    /// The text of the group with `changed` percent of its words replaced, cut to [`TEXT`].
    fn event(&self, random: &mut Random, group: usize, changed: usize) -> String {
        let mut text = String::new();
        for word in &self.texts[group] {
            let is_changed = random.below(100) < changed;
            text.push_str(if is_changed { self.word(random) } else { word });
            text.push(' ');
        }
        while text.len() < TEXT {
            text.push_str(self.word(random));
            text.push(' ');
        }
        text.truncate(TEXT);
        text
    }

    fn word(&self, random: &mut Random) -> &str {
        random.pick::<String>(&self.words)
    }
}

/// Words that make at least `length` characters with a blank after each.
fn phrase(random: &mut Random, words: &[String], length: usize) -> Vec<String> {
    let mut phrase = Vec::new();
    let mut characters = 0;
    while characters < length {
        let word = random.pick(words).clone();
        characters += word.len() + 1;
        phrase.push(word);
    }
    phrase
}

/// Two to four syllables.
fn word(random: &mut Random) -> String {
    let syllables = 2 + random.below(3);
    let syllable = |_| {
        let consonant = *random.pick(b"bcdfghjklmnprstvwxz") as char;
        let vowel = *random.pick(b"aeiou") as char;
        format!("{consonant}{vowel}")
    };
    (0..syllables).map(syllable).collect()
}

/// The buckets of a text, as a client would compute them: shingles of five characters, bands of two rows.
pub fn signature(text: &str, bands: u16) -> Vec<Vec<u8>> {
    let rules = TextRules { shingle: Shingle::Chars(5), lowercase: false, mask: false };
    let scheme = Scheme { hash: Hash::Fss, seed: 0, bands, rows: 2, sketch: 0 };
    let signature = scheme.sign(rules.prepare(text).features()).expect("a text has features");
    signature.buckets().map(<[u8]>::to_vec).collect()
}
