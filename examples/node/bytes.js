// Buckets, sketches and blobs are bytes: here, an item travels from one scope to another.
//
//     npm install && node bytes.js [--port 6379]
import { createClient, RESP_TYPES } from 'redis';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({ options: { port: { type: 'string', default: '6379' } } });
const client = createClient({ url: `redis://127.0.0.1:${options.port}` });
await client.connect();
const [FROM, TO] = ['bytes:here', 'bytes:there'];
for (const scope of [FROM, TO]) await client.sendCommand(['SIM.CREATE', scope, 'BANDS', '4', 'ROWS', '1']);
await client.sendCommand(['SIM.RECORD', FROM, 'issue-1', 'TEXT', 'message', 'division by zero']);

// The same connection, whose strings arrive as they are. Otherwise they are decoded as UTF-8, which damages bytes.
const asBytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });

const [blob] = await asBytes.sendCommand(['SIM.EXPORT', FROM, 'message', 'issue-1']);
await client.sendCommand(['SIM.IMPORT', TO, 'message', 'issue-1', blob]); // an argument may be a Buffer
const [found] = await client.sendCommand(['SIM.CLASSIFY', TO, 'TEXT', 'message', 'division by zero']);
console.log(found); // [ [ 'issue-1', 1 ] ]

for (const scope of [FROM, TO]) await client.sendCommand(['SIM.DROP', scope]);
await client.close();
