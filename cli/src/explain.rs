//! `simile explain`: why are two items alike?

use crate::Result;
use crate::scope::Scope;
use crate::search::{self, Score};
use crate::server::Address;
use crate::show;
use redis::{Value, cmd, from_redis_value_ref};
use serde_json::json;
use simile::index::{self, Blob, Profile};
use std::collections::{BTreeMap, HashMap};
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Why are two items alike? The score, and for each band its share and the shared buckets.
#[derive(clap::Args)]
pub struct Options {
    /// Scope of both items
    scope: String,
    /// One item
    item: String,
    /// The other
    other: String,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    search: search::Criteria,
    #[command(flatten)]
    address: Address,
}

/// Why two items have their score.
struct Explanation {
    /// None where neither was observed.
    score: Option<f64>,
    observations: [u64; 2],
    bands: Vec<Band>,
}

/// What a band has in it.
struct Band {
    share: f64,
    /// The shared buckets, with how often each item was there.
    buckets: BTreeMap<Vec<u8>, [u64; 2]>,
}

/// Carries the subcommand out.
///
/// # Errors
/// The server cannot be reached, or refuses.
pub fn run(options: &Options) -> Result<ExitCode> {
    let mut scope = Scope::open(&options.address, &options.scope)?;
    options.search.check(&scope)?;
    let index = scope.index(options.search.index.as_deref())?;
    let explanation = if scope.parts.len() == 1 {
        ask(options, &mut scope, &index)?
    } else {
        explain_exported(options, &mut scope, &index)?
    };
    if options.json { print_json(&explanation) } else { print(options, &explanation) }?;
    Ok(ExitCode::SUCCESS)
}

/// SIM.EXPLAIN, where one part knows both.
fn ask(options: &Options, scope: &mut Scope, index: &[u8]) -> Result<Explanation> {
    let mut command = cmd("SIM.EXPLAIN");
    command.arg(&scope.parts[0]).arg(index).arg(&options.item).arg(&options.other);
    command.arg("SCORE").arg(options.search.score.word());
    options.search.when(&mut command);
    let reply: HashMap<String, Value> = scope.server.ask(&command)?;
    let field = |name: &str| reply.get(name).ok_or_else(|| format!("SIM.EXPLAIN does not say {name}"));
    let bands: Vec<HashMap<String, Value>> = from_redis_value_ref(field("bands")?)?;
    let band = |fields: HashMap<String, Value>| -> Result<Band> {
        let field = |name: &str| fields.get(name).ok_or_else(|| format!("SIM.EXPLAIN does not say {name}"));
        let buckets: BTreeMap<Vec<u8>, Vec<u64>> = from_redis_value_ref(field("buckets")?)?;
        let buckets = buckets.into_iter().map(|(bucket, counts)| Ok((bucket, two(counts)?)));
        Ok(Band { share: from_redis_value_ref(field("share")?)?, buckets: buckets.collect::<Result<_>>()? })
    };
    Ok(Explanation {
        score: from_redis_value_ref(field("score")?)?,
        observations: two(from_redis_value_ref(field("observations")?)?)?,
        bands: bands.into_iter().map(band).collect::<Result<_>>()?,
    })
}

fn two(counts: Vec<u64>) -> Result<[u64; 2]> {
    counts.try_into().map_err(|_| "SIM.EXPLAIN does not give two counts".into())
}

/// The same, computed here from the exported profiles of items that are in different parts.
fn explain_exported(options: &Options, scope: &mut Scope, index: &[u8]) -> Result<Explanation> {
    let definition = scope.existing()?.first().ok_or("a scope has a part")?.definition;
    let mut blobs = Vec::new();
    for item in [&options.item, &options.other] {
        let part = scope.part_of(item.as_bytes());
        let export = cmd("SIM.EXPORT").arg(&scope.parts[part]).arg(index).arg(item).clone();
        blobs.push(scope.server.ask::<Vec<Option<Vec<u8>>>>(&export)?.into_iter().flatten().next());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let seconds = definition.seconds(options.search.timestamp.unwrap_or(now), options.search.window);
    let decoded = blobs.iter().map(|blob| blob.as_deref().map(Blob::decode).transpose());
    let decoded: Vec<Option<Blob>> = decoded.collect::<std::result::Result<_, _>>()?;
    let profile = |n: usize| match decoded.get(n) {
        Some(Some(blob)) => blob.profile(&seconds),
        _ => Profile::default(),
    };
    let score = match options.search.score {
        Score::Coverage => index::ScoreMode::Coverage,
        _ => index::ScoreMode::Overlap,
    };
    let explained = index::explain(score, &[profile(0), profile(1)], definition.bands(), &[]);
    let band = |band: index::BandShare| Band {
        share: band.share,
        buckets: band.buckets.into_iter().map(|(bucket, counts)| (bucket.to_vec(), counts)).collect(),
    };
    Ok(Explanation {
        score: explained.score,
        observations: explained.observations,
        bands: explained.bands.into_iter().map(band).collect(),
    })
}

fn print_json(explanation: &Explanation) -> Result<()> {
    let band = |(number, band): (usize, &Band)| {
        let buckets = band.buckets.iter();
        let buckets =
            buckets.map(|(name, counts)| json!({ "bucket": show::json_name(name), "counts": counts }));
        json!({ "band": number, "share": band.share, "buckets": buckets.collect::<Vec<_>>() })
    };
    let bands: Vec<_> = explanation.bands.iter().enumerate().map(band).collect();
    let Explanation { score, observations, .. } = explanation;
    Ok(writeln!(stdout(), "{}", json!({ "score": score, "observations": observations, "bands": bands }))?)
}

fn print(options: &Options, explanation: &Explanation) -> Result<()> {
    let mut out = stdout().lock();
    let Options { item, other, .. } = options;
    let seen = |item: &str, times: u64| match times {
        0 => format!("'{item}' was not observed in this window"),
        _ => format!("'{item}' was observed {}", show::count(times, "time")),
    };
    let [one, two] = explanation.observations;
    writeln!(out, "{}; {}.", seen(item, one), seen(other, two))?;
    let Some(score) = explanation.score else { return Ok(()) };
    let shared = explanation.bands.iter().filter(|band| !band.buckets.is_empty()).count();
    let (bands, word) = (explanation.bands.len(), options.search.score.word());
    writeln!(out, "{word} {score:.4}: {shared} of {bands} bands share a bucket.\n")?;
    // What the fullest band could have: for a score that is a sum over bands, an equal part of 1.
    let most = explanation.bands.iter().map(|band| band.share).fold(1.0 / bands.max(1) as f64, f64::max);
    writeln!(out, "band  share                         buckets in both (counts of the one, the other)")?;
    for (number, Band { share, buckets }) in explanation.bands.iter().enumerate() {
        write!(out, "{number:4}  {share:.4}  {}", show::bar(share / most, 20))?;
        for (n, (bucket, [one, two])) in buckets.iter().enumerate() {
            match n {
                0 => write!(out, "  ")?,
                _ => write!(out, ", ")?,
            }
            write!(out, "{} ({one}, {two})", readable(bucket))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// A bucket: most are eight bytes of a hash.
fn readable(bucket: &[u8]) -> String {
    let is_text = !bucket.is_empty() && bucket.iter().all(u8::is_ascii_graphic);
    if is_text { show::short(bucket, 24) } else { show::short(show::hex(bucket).as_bytes(), 24) }
}
