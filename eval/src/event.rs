//! An event, as it is replayed.

use serde::Deserialize;

/// The number of frames of a stack trace that are used, those next to the crash.
const FRAMES: usize = 20;

/// The content by which an event is compared with others.
pub enum Content {
    Text(String),
    Features(Vec<String>),
}

pub struct Event {
    /// The group that it is known to belong to.
    pub label: Option<String>,
    /// The system that it comes from, if the set has several.
    pub system: Option<String>,
    pub content: Content,
}

/// A line of a set.
#[derive(Deserialize)]
struct Line {
    label: Option<String>,
    group: Option<String>,
    text: Option<String>,
    frames: Option<Vec<String>>,
    items: Option<Vec<String>>,
}

impl Event {
    /// Reads a line of JSON with one of `text`, `frames` and `items`.
    pub fn parse(line: &str) -> Result<Event, String> {
        let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let content = match (line.text, line.frames, line.items) {
            (Some(text), None, None) => Content::Text(text),
            (None, Some(frames), None) => {
                Content::Features(frames.iter().take(FRAMES).map(|frame| function(frame)).collect())
            }
            (None, None, Some(items)) => Content::Features(items),
            _ => return Err("one of text, frames and items is expected".into()),
        };
        Ok(Event { label: line.label, system: line.group, content })
    }
}

/// The module and the function of a frame. The file and the line change from release to release.
fn function(frame: &str) -> String {
    frame.split('\t').take(2).collect::<Vec<_>>().join("\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_its_module_and_function() {
        let event =
            Event::parse(r#"{"label":"l","frames":["xul.dll\tf(int)\tf.cpp:1","\t0x17\t"]}"#).unwrap();
        let Content::Features(features) = event.content else { panic!("frames are features") };
        assert_eq!(features, ["xul.dll\tf(int)", "\t0x17"]);
    }

    #[test]
    fn a_line_without_content_is_refused() {
        assert!(Event::parse(r#"{"label":"l"}"#).is_err());
        assert!(Event::parse(r#"{"text":"t","items":[]}"#).is_err());
        assert!(Event::parse("no JSON").is_err());
    }
}
