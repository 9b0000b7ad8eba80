// Binary replies with node-redis: every command whose reply has bytes, in either protocol, on a server or in a cluster.
//
//     node test_node.js --port 6379 --resp 2 [--cluster]
import { createClient, createCluster, RESP_TYPES } from 'redis';
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: { port: { type: 'string' }, resp: { type: 'string' }, cluster: { type: 'boolean', default: false } },
});
const url = `redis://127.0.0.1:${options.port}`;
const settings = options.resp ? { RESP: Number(options.resp) } : {}; // the client's own default
const isMap = options.resp !== '2';
const client = options.cluster
  ? createCluster({ rootNodes: [{ url }], ...settings })
  : createClient({ url, ...settings });
client.on('error', (error) => console.error(error.message));
await client.connect();
const asBytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });

const sender = (connection) => (name, ...words) => {
  const command = [name, SCOPE, ...words];
  return options.cluster ? connection.sendCommand(SCOPE, false, command) : connection.sendCommand(command);
};
const SCOPE = 'bytes';
const [send, sendForBytes] = [sender(client), sender(asBytes)];

// Two names that are no UTF-8, and become the same text when they are decoded as that: one U+FFFD.
const [A, B] = [Buffer.from([0xfe]), Buffer.from([0xff])];
assert.equal(A.toString(), B.toString());
const bytes = (text) => Buffer.from(text);

// The fields of a map: names and values in turn, or an object whose keys are text whatever the mapping of types.
function fields(reply) {
  if (isMap) {
    assert.ok(!Array.isArray(reply));
    return reply;
  }
  return Object.fromEntries(reply.flatMap((name, at) => (at % 2 === 0 ? [[name.toString(), reply[at + 1]]] : [])));
}

await send('SIM.CREATE', 'BANDS', '2', 'ROWS', '1', 'INTERVAL', '0', 'SKETCH', '16');
const sketch = Buffer.from([...Array(16).keys()].map((slot) => 255 - slot));
for (const item of [A, B]) {
  await send('SIM.RECORD', item, 'SIGNATURE', A, '2', A, B, 'SKETCH', A, sketch, 'SIGNATURE', B, '2', A, A);
}
await send('SIM.RECORD', A, 'SIGNATURE', A, '2', B, B);

// Every reply with bytes, intact.
assert.deepEqual(await sendForBytes('SIM.FREQUENCIES', A, A), [
  [[A, 1], [B, 1]].sort((a, b) => Buffer.compare(a[0], b[0])),
  [[B, 2]],
]);
assert.deepEqual(await sendForBytes('SIM.MEMBERS', A, '0', A), [A, B]);
const [classified] = await sendForBytes('SIM.CLASSIFY', 'SIGNATURE', A, '2', A, B);
assert.deepEqual(classified.map(([item]) => item).sort(Buffer.compare), [A, B]);
const [compared] = await sendForBytes('SIM.COMPARE', A, '1', A, 'NOSELF');
assert.deepEqual(compared.map(([item]) => item), [B]);
const [assigned] = await sendForBytes('SIM.ASSIGN', 'new', 'MINSCORE', '0.9', 'SIGNATURE', B, '2', A, A);
assert.deepEqual(assigned, A);
const explanation = fields(await sendForBytes('SIM.EXPLAIN', A, A, B));
const shared = explanation.bands.map((band) => fields(band).buckets.map(([bucket]) => bucket));
assert.deepEqual(shared, [[A], [B]]);
const significant = await sendForBytes('SIM.SIGNIFICANT', A, A, 'LIMIT', '1');
assert.deepEqual(significant[0][1], B);
const [, scanned] = await sendForBytes('SIM.SCAN', A, '0');
assert.deepEqual(scanned.filter((_, at) => at % 2 === 0).sort(Buffer.compare), [A, B]);
const info = fields(await sendForBytes('SIM.INFO'));
assert.deepEqual(info.indexes.map(([name]) => name).sort(Buffer.compare), [A, B]);
for (const index of info.indexes) assert.equal(Number(fields(index[1]).items), 2);
const signature = await sendForBytes('SIM.SIGNATURE', 'TEXT', 'a few words', 'WITHSKETCH');
assert.equal(signature[1].length, 16);
const [blob] = await sendForBytes('SIM.EXPORT', A, A);
assert.deepEqual(await send('SIM.IMPORT', A, 'copy', blob), [2]);
assert.deepEqual(await sendForBytes('SIM.FREQUENCIES', A, 'copy'), await sendForBytes('SIM.FREQUENCIES', A, A));

// Without the mapping, bytes are decoded as UTF-8: a blob is damaged, which the server notices, and buckets look equal.
const [damaged] = await send('SIM.EXPORT', A, A);
assert.equal(typeof damaged, 'string');
await assert.rejects(send('SIM.IMPORT', A, 'copy', damaged), /ERR blob is /);
// But nothing is merged: there are as many pairs as before.
const decoded = await send('SIM.FREQUENCIES', A, A);
assert.deepEqual(decoded[0], [['\ufffd', 1], ['\ufffd', 1]]);
assert.equal(fields(await send('SIM.INFO')).indexes.length, 2);

// A pipeline has the mapping of the connection that makes it; a transaction has none, and its replies are decoded.
if (!options.cluster) {
  const batch = () => asBytes.multi().addCommand(['SIM.FREQUENCIES', SCOPE, A, A]);
  assert.deepEqual(await batch().execAsPipeline(), [await sendForBytes('SIM.FREQUENCIES', A, A)]);
  assert.deepEqual(await batch().exec(), [decoded]);
}

await send('SIM.DROP');
await client.close();
