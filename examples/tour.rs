//! Groups of error reports: create, record, classify, compare, explain.
//!
//! ```text
//! cargo run --example tour [port]
//! ```

use redis::{Connection, FromRedisValue, RedisResult, Value, cmd};

const SCOPE: &str = "tour:errors";
const REPORTS: [(&str, &str); 3] = [
    ("issue-1", "connection to db-7 refused after 30000 ms"),
    ("issue-2", "connection to cache-2 refused after 500 ms"),
    ("issue-3", "division by zero in report 4711"),
];

/// An item that was found, and its score.
type Match = (String, f64);

fn main() -> RedisResult<()> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "6379".into());
    let mut connection = redis::Client::open(format!("redis://127.0.0.1:{port}/"))?.get_connection()?;
    create(&mut connection)?;
    for (issue, message) in REPORTS {
        let record = cmd("SIM.RECORD").arg(SCOPE).arg(issue).arg("TEXT").arg("message").arg(message).take();
        record.exec(&mut connection)?;
        println!("recorded {issue}: {message}");
    }

    let message = "connection to db-1 refused after 10000 ms";
    println!("\nWhat is similar to this? {message}");
    let classify = cmd("SIM.CLASSIFY").arg(SCOPE).arg("LIMIT").arg(2).take();
    show(classify.clone().arg("TEXT").arg("message").arg(message).query(&mut connection)?);

    println!("\nWhat is similar to issue-2?");
    let compare = cmd("SIM.COMPARE").arg(SCOPE).arg("issue-2").arg(1).arg("message").arg("NOSELF").take();
    show(compare.query(&mut connection)?);

    explain(&mut connection, "issue-2", "issue-1")?;
    cmd("SIM.DROP").arg(SCOPE).exec(&mut connection)
}

fn create(connection: &mut Connection) -> RedisResult<()> {
    let mut create = cmd("SIM.CREATE");
    create.arg(SCOPE).arg("BANDS").arg(4).arg("ROWS").arg(1).arg("INTERVAL").arg(0);
    create.arg("SHINGLE").arg("WORDS").arg(1).arg("MASK").arg("yes").exec(connection)
}

/// Prints the matches of the only clause or index.
fn show(lists: Vec<Vec<Match>>) {
    for (item, score) in lists.iter().flatten() {
        println!("  {score:.2}  {item}");
    }
}

/// Prints what each band adds to the score of two items.
fn explain(connection: &mut Connection, item: &str, other: &str) -> RedisResult<()> {
    let explain = cmd("SIM.EXPLAIN").arg(SCOPE).arg("message").arg(item).arg(other).take();
    let explained: Value = explain.query(connection)?;
    let score: f64 = field(&explained, "score")?;
    println!("\nWhy are {item} and {other} similar? The score is {score:.2}:");
    let bands: Vec<Value> = field(&explained, "bands")?;
    for (number, band) in bands.iter().enumerate() {
        let share: f64 = field(band, "share")?;
        let buckets: Vec<(Vec<u8>, u64, u64)> = field(band, "buckets")?;
        let met = if buckets.is_empty() { "they differ" } else { "they meet" };
        println!("  band {number}: {share:.2}  {met}");
    }
    Ok(())
}

/// A field of a map, which RESP2 sends as a flat array.
fn field<T: FromRedisValue>(map: &Value, name: &str) -> RedisResult<T> {
    let found = map.as_map_iter().and_then(|mut pairs| {
        pairs.find(|(key, _)| matches!(key, Value::BulkString(key) if key == name.as_bytes()))
    });
    Ok(T::from_redis_value(found.map_or(Value::Nil, |(_, value)| value.clone()))?)
}
