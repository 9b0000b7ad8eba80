//! `simile explain`: why are two items similar?
//!
//! SIM.EXPLAIN answers for two items of one scope. In a split scope the two may be in different parts,
//! and no server knows both: then their profiles and sketches are exported, and explained here by the code
//! that the module itself uses.

use crate::connection::ConnectionOptions;
use crate::scope::Scope;
use crate::search::{Criteria, export_profiles};
use crate::{Result, display};
use redis::{FromRedisValue, Value, cmd, from_redis_value_ref};
use serde_json::json;
use simile::index::{self, Blob, Definition, Profile, ScoreMode};
use std::collections::{BTreeMap, HashMap};
use std::io::{Write, stdout};
use std::process::ExitCode;

/// Why are two items similar? The score, and for each band its share and the shared buckets; by JACCARD, the
/// slots of both sketches that agree in place of the shares.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Scope of both items
    scope: String,
    /// One item
    item: String,
    /// The other item
    other: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    criteria: Criteria,
}

/// What `--help` shows at its end.
const EXAMPLES: &str = "\
Examples:
  simile explain errors issue-6 issue-7
  simile explain errors issue-6 issue-7 --score coverage --json";

/// Why two items have their score.
pub struct Explanation {
    /// `None` if neither item was observed.
    pub score: Option<f64>,
    /// The observations of each item in the window.
    observations: [u64; 2],
    /// With JACCARD, what the sketches have in common.
    agreement: Option<Agreement>,
    bands: Vec<BandExplanation>,
}

/// The slots in which two sketches agree.
struct Agreement {
    /// The number of slots that were compared; 0 if an item has no sketch.
    slots: u64,
    /// The numbers of those that agree.
    agreeing: Vec<u16>,
}

/// The contribution of one band to the score.
struct BandExplanation {
    /// `None` with JACCARD, which is not made of bands.
    share: Option<f64>,
    /// The buckets that both items have been in, with the count of each item.
    buckets: BTreeMap<Vec<u8>, [u64; 2]>,
}

impl Explanation {
    /// The number of bands in which both items have been in the same bucket.
    pub fn shared_bands(&self) -> usize {
        self.bands.iter().filter(|band| !band.buckets.is_empty()).count()
    }
}

/// Runs the subcommand.
///
/// # Errors
/// Besides those of the server: an item was not observed.
pub fn run(options: &Options, connection: &ConnectionOptions) -> Result<ExitCode> {
    let Options { criteria, item, other, .. } = options;
    let mut scope = Scope::open(connection, &options.scope)?;
    let definition = criteria.read_definition(&mut scope)?;
    let index = scope.choose_index(criteria.index.as_deref())?;
    let explanation =
        explain(criteria, &definition, &mut scope, &index, [item.as_bytes(), other.as_bytes()])?;
    let unknown = [item, other].into_iter().zip(explanation.observations).find(|(_, count)| *count == 0);
    if let Some((item, _)) = unknown {
        let scope = &options.scope;
        return Err(match (criteria.timestamp, criteria.window) {
            (None, None) => format!("the scope '{scope}' has no such item: {item}"),
            _ => format!("the scope '{scope}' has no observation of '{item}' in this window"),
        }
        .into());
    }
    if options.json {
        print_json(&explanation)
    } else {
        print_table(options, definition.score, &explanation)
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Explains the score of two items; the definition is that of [`Criteria::read_definition`].
pub fn explain(
    criteria: &Criteria,
    definition: &Definition,
    scope: &mut Scope,
    index: &[u8],
    items: [&[u8]; 2],
) -> Result<Explanation> {
    match scope.parts.len() {
        1 => explain_on_server(criteria, scope, index, items),
        _ => explain_locally(criteria, definition, scope, index, items),
    }
}

/// Asks SIM.EXPLAIN: for a scope that is not split.
fn explain_on_server(
    criteria: &Criteria,
    scope: &mut Scope,
    index: &[u8],
    [item, other]: [&[u8]; 2],
) -> Result<Explanation> {
    let mut command = cmd("SIM.EXPLAIN");
    command.arg(&scope.parts[0]).arg(index).arg(item).arg(other);
    criteria.add_score(&mut command);
    criteria.add_window(&mut command);
    let reply: HashMap<String, Value> = scope.server.ask(&command)?;
    let bands: Vec<HashMap<String, Value>> = parse_field(&reply, "bands")?;
    let parse_band = |fields: HashMap<String, Value>| -> Result<BandExplanation> {
        let buckets: Vec<(Vec<u8>, u64, u64)> = parse_field(&fields, "buckets")?;
        Ok(BandExplanation {
            share: fields.get("share").map(|_| parse_field(&fields, "share")).transpose()?,
            buckets: buckets.into_iter().map(|(bucket, count, other)| (bucket, [count, other])).collect(),
        })
    };
    let agreement = match reply.get("slots") {
        None => None, // not JACCARD
        Some(_) => Some(Agreement {
            slots: parse_field(&reply, "slots")?,
            agreeing: parse_field(&reply, "agreeing")?,
        }),
    };
    Ok(Explanation {
        score: parse_field(&reply, "score")?,
        observations: parse_field::<(u64, u64)>(&reply, "observations")?.into(),
        agreement,
        bands: bands.into_iter().map(parse_band).collect::<Result<_>>()?,
    })
}

fn parse_field<T: FromRedisValue>(fields: &HashMap<String, Value>, name: &str) -> Result<T> {
    let field = fields.get(name).ok_or_else(|| format!("the reply of SIM.EXPLAIN has no field '{name}'"))?;
    Ok(from_redis_value_ref(field)?)
}

/// Explains two items of a split scope from their exported profiles and sketches.
fn explain_locally(
    criteria: &Criteria,
    definition: &Definition,
    scope: &mut Scope,
    index: &[u8],
    items: [&[u8]; 2],
) -> Result<Explanation> {
    let blobs: Vec<Option<Vec<u8>>> =
        export_profiles(scope, index, &items)?.into_iter().collect::<std::result::Result<_, _>>()?;
    let decoded = blobs.iter().map(|blob| blob.as_deref().map(Blob::decode).transpose());
    let decoded: Vec<Option<Blob>> = decoded.collect::<std::result::Result<_, _>>()?;
    let blob = |item: usize| decoded.get(item).and_then(Option::as_ref);
    // A blob holds all chunks of the item: only those of the window count.
    let window = criteria.seconds(definition)?;
    let profile = |item: usize| blob(item).map_or_else(Profile::default, |blob| blob.profile(&window));
    let sketch = |item: usize| blob(item).and_then(|blob| blob.sketch(&window));
    let (profiles, sketches) = ([profile(0), profile(1)], [sketch(0), sketch(1)]);
    let explained = index::explain(definition.score, &profiles, sketches, definition.bands(), &[]);
    let agreement = match explained.agreement {
        Some(both) => Agreement { slots: both.of as u64, agreeing: both.slots },
        None => Agreement { slots: 0, agreeing: Vec::new() },
    };
    let bands = explained.bands.into_iter().map(|band| BandExplanation {
        share: band.share,
        buckets: band.buckets.into_iter().map(|(bucket, counts)| (bucket.to_vec(), counts)).collect(),
    });
    Ok(Explanation {
        score: explained.score,
        observations: explained.observations,
        agreement: Some(agreement).filter(|_| definition.score == ScoreMode::Jaccard),
        bands: bands.collect(),
    })
}

fn print_json(explanation: &Explanation) -> Result<()> {
    let bucket_json = |(bucket, counts): (&Vec<u8>, &[u64; 2])| json!({ "bucket": display::json_name(bucket), "counts": counts });
    let band_json = |(number, band): (usize, &BandExplanation)| {
        let buckets: Vec<_> = band.buckets.iter().map(bucket_json).collect();
        match band.share {
            Some(share) => json!({ "band": number, "share": share, "buckets": buckets }),
            None => json!({ "band": number, "buckets": buckets }),
        }
    };
    let bands: Vec<_> = explanation.bands.iter().enumerate().map(band_json).collect();
    let Explanation { score, observations, agreement, .. } = explanation;
    let mut object = json!({ "score": score, "observations": observations, "bands": bands });
    if let Some(Agreement { slots, agreeing }) = agreement {
        object["slots"] = json!(slots);
        object["agreeing"] = json!(agreeing);
    }
    Ok(writeln!(stdout(), "{object}")?)
}

fn print_table(options: &Options, mode: ScoreMode, explanation: &Explanation) -> Result<()> {
    let mut out = stdout().lock();
    let describe_observations = |item: &str, observations: u64| {
        format!("'{}' was observed {}", display::printable(item), display::quantity(observations, "time"))
    };
    let [count, other_count] = explanation.observations;
    writeln!(
        out,
        "{}; {}.",
        describe_observations(&options.item, count),
        describe_observations(&options.other, other_count)
    )?;
    let Some(score) = explanation.score else { return Ok(()) };
    let agreement = match &explanation.agreement {
        None => String::new(),
        Some(Agreement { slots: 0, .. }) => "one of the items has no sketch; ".to_string(),
        Some(Agreement { slots, agreeing }) => format!("{} of {slots} slots agree; ", agreeing.len()),
    };
    let (shared, bands, word) = (explanation.shared_bands(), explanation.bands.len(), mode.word());
    writeln!(out, "{word} {score:.4}: {agreement}{shared} of {bands} bands share a bucket.\n")?;
    // A full bar is the largest share that a band could have: an equal part of 1 if the score is a sum over
    // bands, and otherwise (SIGNIFICANCE has no upper bound) the largest share that there is.
    let equal_share = 1.0 / bands.max(1) as f64;
    let shares = explanation.bands.iter().filter_map(|band| band.share);
    let full_share = shares.fold(equal_share, f64::max);
    let share_heading = if mode == ScoreMode::Jaccard { "" } else { "share                         " };
    writeln!(out, "band  {share_heading}buckets in both (counts of the one, the other)")?;
    for (number, BandExplanation { share, buckets }) in explanation.bands.iter().enumerate() {
        write!(out, "{number:4}")?;
        if let Some(share) = share {
            write!(out, "  {share:.4}  {}", display::bar(share / full_share, 20))?;
        }
        for (position, (bucket, [count, other_count])) in buckets.iter().enumerate() {
            let separator = if position == 0 { "  " } else { ", " };
            write!(out, "{separator}{} ({count}, {other_count})", display_bucket(bucket))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// A bucket in the table: as text if a client named it so; most buckets are eight bytes of a hash, in
/// hexadecimal.
fn display_bucket(bucket: &[u8]) -> String {
    let is_text = !bucket.is_empty() && bucket.iter().all(u8::is_ascii_graphic);
    if is_text {
        display::short_name(bucket, 24)
    } else {
        display::short_name(display::hex(bucket).as_bytes(), 24)
    }
}
