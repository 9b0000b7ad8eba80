// Groups of error reports: create, record, classify, compare, explain.
//
//     npm install && node tour.js [--port 6379] [--resp 2] [--cluster]
import { createClient, createCluster } from 'redis';
import { parseArgs } from 'node:util';

const REPORTS = {
  'issue-1': 'connection to db-7 refused after 30000 ms',
  'issue-2': 'connection to cache-2 refused after 500 ms',
  'issue-3': 'division by zero in report 4711',
};
const SCOPE = 'tour:errors';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '6379' },
    resp: { type: 'string', default: '3' },
    cluster: { type: 'boolean', default: false },
  },
});
const url = `redis://127.0.0.1:${options.port}`;
const RESP = Number(options.resp);
const client = options.cluster ? createCluster({ rootNodes: [{ url }], RESP }) : createClient({ url, RESP });
client.on('error', (error) => console.error(error.message));
await client.connect();

// node-redis sends any command of a module as an array of strings. In a cluster, it asks for the key that decides which
// node the command goes to, and whether a replica may answer.
const send = (...words) => (options.cluster ? client.sendCommand(SCOPE, false, words) : client.sendCommand(words));

await send('SIM.CREATE', SCOPE, 'BANDS', '4', 'ROWS', '1', 'SHINGLE', 'WORDS', '1', 'MASK', 'yes', 'INTERVAL', '0');
for (const [issue, message] of Object.entries(REPORTS)) {
  await send('SIM.RECORD', SCOPE, issue, 'TEXT', 'message', message);
  console.log(`recorded ${issue}: ${message}`);
}

const message = 'connection to db-1 refused after 10000 ms';
console.log(`\nWhat is similar to this? ${message}`);
const [classified] = await send('SIM.CLASSIFY', SCOPE, 'LIMIT', '2', 'TEXT', 'message', message);
show(classified);

console.log('\nWhat is similar to issue-2?');
const [compared] = await send('SIM.COMPARE', SCOPE, 'issue-2', '1', 'message', 'NOSELF');
show(compared);

const explanation = map(await send('SIM.EXPLAIN', SCOPE, 'message', 'issue-2', 'issue-1'));
console.log(`\nWhy are issue-2 and issue-1 similar? The score is ${decimals(explanation.score)}:`);
explanation.bands.map(map).forEach((band, number) => {
  const met = band.buckets.length > 0 ? 'they meet' : 'they differ';
  console.log(`  band ${number}: ${decimals(band.share)}  ${met}`);
});

await send('SIM.DROP', SCOPE);
await client.close();

// Pairs of an item and its score.
function show(matches) {
  for (const [item, score] of matches) console.log(`  ${decimals(score)}  ${item}`);
}

// A score is a string in RESP2 and a number in RESP3.
function decimals(score) {
  return Number(score).toFixed(2);
}

// A map of the reply: an object in RESP3, names and values in turn in RESP2.
function map(reply) {
  if (!Array.isArray(reply)) return reply;
  return Object.fromEntries(reply.flatMap((name, at) => (at % 2 === 0 ? [[name, reply[at + 1]]] : [])));
}
