//! `simile explain`: why are two items similar?
//!
//! SIM.EXPLAIN answers for two items of one scope. In a split scope the two may be in different parts,
//! and no server knows both: then their profiles are exported, and explained here by the code that the
//! module itself uses.

use crate::connection::ConnectionOptions;
use crate::scope::Scope;
use crate::search::{Criteria, Score};
use crate::{Result, display};
use redis::{FromRedisValue, Value, cmd, from_redis_value_ref};
use serde_json::json;
use simile::index::{self, Blob, Profile};
use std::collections::{BTreeMap, HashMap};
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Why are two items similar? The score, and for each band its share and the shared buckets.
#[derive(clap::Args)]
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
    #[command(flatten)]
    connection: ConnectionOptions,
}

/// Why two items have their score.
struct Explanation {
    /// `None` if neither item was observed.
    score: Option<f64>,
    /// The observations of each item in the window.
    observations: [u64; 2],
    bands: Vec<BandExplanation>,
}

/// The contribution of one band to the score.
struct BandExplanation {
    share: f64,
    /// The buckets that both items have been in, with the count of each item.
    buckets: BTreeMap<Vec<u8>, [u64; 2]>,
}

/// Runs the subcommand.
pub fn run(options: &Options) -> Result<ExitCode> {
    let mut scope = Scope::open(&options.connection, &options.scope)?;
    options.criteria.check(&scope)?;
    let index = scope.choose_index(options.criteria.index.as_deref())?;
    let explanation = if scope.parts.len() == 1 {
        explain_on_server(options, &mut scope, &index)?
    } else {
        explain_locally(options, &mut scope, &index)?
    };
    if options.json { print_json(&explanation) } else { print_table(options, &explanation) }?;
    Ok(ExitCode::SUCCESS)
}

/// Asks SIM.EXPLAIN: for a scope that is not split.
fn explain_on_server(options: &Options, scope: &mut Scope, index: &[u8]) -> Result<Explanation> {
    let mut command = cmd("SIM.EXPLAIN");
    command.arg(&scope.parts[0]).arg(index).arg(&options.item).arg(&options.other);
    command.arg("SCORE").arg(options.criteria.score.word());
    options.criteria.add_window(&mut command);
    let reply: HashMap<String, Value> = scope.server.ask(&command)?;
    let bands: Vec<HashMap<String, Value>> = parse_field(&reply, "bands")?;
    let parse_band = |fields: HashMap<String, Value>| -> Result<BandExplanation> {
        let buckets: BTreeMap<Vec<u8>, Vec<u64>> = parse_field(&fields, "buckets")?;
        let buckets = buckets.into_iter().map(|(bucket, counts)| Ok((bucket, count_pair(counts)?)));
        Ok(BandExplanation {
            share: parse_field(&fields, "share")?,
            buckets: buckets.collect::<Result<_>>()?,
        })
    };
    Ok(Explanation {
        score: parse_field(&reply, "score")?,
        observations: count_pair(parse_field(&reply, "observations")?)?,
        bands: bands.into_iter().map(parse_band).collect::<Result<_>>()?,
    })
}

fn parse_field<T: FromRedisValue>(fields: &HashMap<String, Value>, name: &str) -> Result<T> {
    let field = fields.get(name).ok_or_else(|| format!("the reply of SIM.EXPLAIN has no field '{name}'"))?;
    Ok(from_redis_value_ref(field)?)
}

fn count_pair(counts: Vec<u64>) -> Result<[u64; 2]> {
    counts.try_into().map_err(|_| "the reply of SIM.EXPLAIN has a list that is not of two counts".into())
}

/// Explains two items of a split scope from their exported profiles.
fn explain_locally(options: &Options, scope: &mut Scope, index: &[u8]) -> Result<Explanation> {
    // All parts have the same definition.
    let definition = scope.require_infos()?.first().ok_or("the scope has no parts")?.definition;
    let mut blobs = Vec::new();
    for item in [&options.item, &options.other] {
        let export = scope.export_command(index, item.as_bytes());
        blobs.push(scope.server.ask::<Vec<Option<Vec<u8>>>>(&export)?.into_iter().flatten().next());
    }
    let decoded = blobs.iter().map(|blob| blob.as_deref().map(Blob::decode).transpose());
    let decoded: Vec<Option<Blob>> = decoded.collect::<std::result::Result<_, _>>()?;
    // A blob holds all chunks of the item: only those of the window count.
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let window = definition.seconds(options.criteria.timestamp.unwrap_or(now), options.criteria.window);
    let profile = |item: usize| match decoded.get(item) {
        Some(Some(blob)) => blob.profile(&window),
        _ => Profile::default(),
    };
    let score = match options.criteria.score {
        Score::Coverage => index::ScoreMode::Coverage,
        _ => index::ScoreMode::Overlap, // SIGNIFICANCE has been refused
    };
    let explained = index::explain(score, &[profile(0), profile(1)], [None; 2], definition.bands(), &[]);
    let bands = explained.bands.into_iter().map(|band| BandExplanation {
        share: band.share.unwrap_or_default(), // only JACCARD has none
        buckets: band.buckets.into_iter().map(|(bucket, counts)| (bucket.to_vec(), counts)).collect(),
    });
    Ok(Explanation { score: explained.score, observations: explained.observations, bands: bands.collect() })
}

fn print_json(explanation: &Explanation) -> Result<()> {
    let bucket_json = |(bucket, counts): (&Vec<u8>, &[u64; 2])| json!({ "bucket": display::json_name(bucket), "counts": counts });
    let band_json = |(number, band): (usize, &BandExplanation)| {
        let buckets: Vec<_> = band.buckets.iter().map(bucket_json).collect();
        json!({ "band": number, "share": band.share, "buckets": buckets })
    };
    let bands: Vec<_> = explanation.bands.iter().enumerate().map(band_json).collect();
    let Explanation { score, observations, .. } = explanation;
    Ok(writeln!(stdout(), "{}", json!({ "score": score, "observations": observations, "bands": bands }))?)
}

fn print_table(options: &Options, explanation: &Explanation) -> Result<()> {
    let mut out = stdout().lock();
    let describe_observations = |item: &str, observations: u64| match observations {
        0 => format!("'{item}' was not observed in this window"),
        _ => format!("'{item}' was observed {}", display::quantity(observations, "time")),
    };
    let [count, other_count] = explanation.observations;
    writeln!(
        out,
        "{}; {}.",
        describe_observations(&options.item, count),
        describe_observations(&options.other, other_count)
    )?;
    let Some(score) = explanation.score else { return Ok(()) };
    let shared = explanation.bands.iter().filter(|band| !band.buckets.is_empty()).count();
    let (bands, word) = (explanation.bands.len(), options.criteria.score.word());
    writeln!(out, "{word} {score:.4}: {shared} of {bands} bands share a bucket.\n")?;
    // A full bar is the largest share that a band could have: an equal part of 1 if the score is a sum over
    // bands, and otherwise (SIGNIFICANCE has no upper bound) the largest share that there is.
    let equal_share = 1.0 / bands.max(1) as f64;
    let full_share = explanation.bands.iter().map(|band| band.share).fold(equal_share, f64::max);
    writeln!(out, "band  share                         buckets in both (counts of the one, the other)")?;
    for (number, BandExplanation { share, buckets }) in explanation.bands.iter().enumerate() {
        write!(out, "{number:4}  {share:.4}  {}", display::bar(share / full_share, 20))?;
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
