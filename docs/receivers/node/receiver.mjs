// A receiver of PostBacks with nothing but Node (20 or newer).
//
//   SWITCHHOOK_SECRETS="whsec_…" node receiver.mjs
//
// It takes every format, single or in bulk, and prints the id and the type of each
// event once. Replace handle.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { inflateSync } from 'node:zlib';

const maxBody = 8 << 20; // bytes of a request; Switchhook sends 4 MB at most
const maxPlain = 64 << 20; // bytes of a BULKGZ after unpacking
const tolerance = 5 * 60; // seconds
const remember = 100_000; // ids

// Secrets are separated by spaces: whsec_ and base64 each. While one is rotated
// there are two.
const keys = (process.env.SWITCHHOOK_SECRETS ?? '')
  .split(' ')
  .filter(Boolean)
  .map((secret) => Buffer.from(secret.replace(/^whsec_/, ''), 'base64'));
if (keys.length === 0 || keys.some((key) => key.length === 0)) {
  console.error('receiver: SWITCHHOOK_SECRETS is not set, or a secret is not whsec_ and base64');
  process.exit(1);
}

// readBody answers the bytes as they came, which is what the signature is over; null
// if there are too many.
async function readBody(req) {
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size > maxBody) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

// verify checks a Standard Webhooks signature: one of those in the header must be
// made with one of the keys, and not long ago.
function verify(headers, body) {
  const id = headers['webhook-id'];
  const at = headers['webhook-timestamp'];
  if (!id || !/^\d{1,15}$/.test(at ?? '')) return false;
  if (Math.abs(Date.now() / 1000 - Number(at)) > tolerance) return false;
  for (const key of keys) {
    const want = createHmac('sha256', key).update(`${id}.${at}.`).update(body).digest();
    for (const signature of (headers['webhook-signature'] ?? '').split(' ')) {
      if (!signature.startsWith('v1,')) continue;
      const got = Buffer.from(signature.slice(3), 'base64');
      if (got.length === want.length && timingSafeEqual(got, want)) return true; // in constant time
    }
  }
  return false;
}

// unpack answers the events of a body, as texts of JSON: one, or all of a bulk.
function unpack(body) {
  const text = body.toString('utf8');
  let list = null;
  if (text.startsWith('BULKGZ,')) {
    const zipped = Buffer.from(text.slice('BULKGZ,'.length), 'base64');
    list = inflateSync(zipped, { maxOutputLength: maxPlain }).toString('utf8');
  } else if (text.startsWith('BULK,')) {
    list = text.slice('BULK,'.length);
  }
  if (list !== null) {
    return JSON.parse(list).map((event) => JSON.parse(Buffer.from(event, 'base64').toString('utf8')));
  }
  const parsed = JSON.parse(text);
  return Array.isArray(parsed) ? parsed : [parsed];
}

const handled = new Set(); // ids, the oldest first
const last = new Map(); // the highest seq of each stream and epoch

// watch notices that something is missing: the event before this one, of those
// meant for us, has not been seen. Repeats and replays have a seq that has.
function watch(headers) {
  const id = headers['webhook-id'];
  const stream = id.slice(0, Math.max(0, id.lastIndexOf('/'))); // and epoch: numbers may begin anew in the next
  const seq = Number(headers['switchhook-seq']);
  const prev = Number(headers['switchhook-prev']);
  const seen = last.get(stream);
  if (!(seq > (seen ?? 0))) return;
  if (seen !== undefined && prev > seen) {
    console.log(`missing ${stream} after ${seen} to ${prev}`);
  }
  last.set(stream, seq);
}

// take handles what was not handled before. It runs without an await in it, so that
// no second request with the same event gets between.
function take(headers, events) {
  watch(headers);
  for (const event of events) {
    if (handled.has(event.id)) continue;
    handle(event.id, event.type ?? event.event, event); // throws: not remembered, it comes again
    handled.add(event.id);
    if (handled.size > remember) handled.delete(handled.values().next().value);
  }
}

// handle does the work, quickly: Switchhook waits for the answer. Put the event
// where it is safe, best in one transaction with its id, and work on it later.
function handle(id, type, event) {
  console.log(`event ${id} ${type}`);
}

const server = createServer(async (req, res) => {
  const answer = (status, text) => res.writeHead(status, { 'Content-Type': 'text/plain' }).end(text);
  try {
    if (req.method !== 'POST') return answer(405, 'POST only');
    const body = await readBody(req);
    if (body === null) return answer(413, 'too large');
    if (!verify(req.headers, body)) return answer(401, 'the signature is wrong or old');
    let events;
    try {
      events = unpack(body);
      if (!events.every((event) => typeof event?.id === 'string' && event.id)) throw new Error('no id');
    } catch {
      return answer(400, 'not a PostBack');
    }
    take(req.headers, events);
    res.writeHead(204).end();
  } catch {
    if (!res.headersSent) answer(500, 'try again');
  }
});
server.requestTimeout = 30_000;

const [host, port] = (process.env.LISTEN ?? '127.0.0.1:9000').split(':');
server.listen(Number(port), host, () => console.log(`listening on ${host}:${server.address().port}`));
