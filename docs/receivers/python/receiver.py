"""A receiver of PostBacks with nothing but Python's standard library (3.9 or newer).

    SWITCHHOOK_SECRETS="whsec_…" python3 receiver.py

It takes every format, single or in bulk, and prints the id and the type of each
event once. What was handled is remembered in an SQLite file, in the transaction that
handles it: not even a crash repeats an event. Replace handle.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY = 8 << 20  # bytes of a request; Switchhook sends 4 MB at most
MAX_PLAIN = 64 << 20  # bytes of a BULKGZ after unpacking
TOLERANCE = 5 * 60  # seconds


def parse_secrets(text):
    """Decode secrets separated by spaces: whsec_ and base64 each.

    While one is rotated there are two.
    """
    keys = [base64.b64decode(s.removeprefix("whsec_"), validate=True) for s in text.split()]
    if not keys or not all(keys):
        raise ValueError("SWITCHHOOK_SECRETS is not set")
    return keys


def verify(keys, headers, body, now):
    """Check a Standard Webhooks signature.

    One of those in the header must be made with one of the keys, and not long ago.
    """
    event_id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not event_id or not (at.isascii() and at.isdigit() and len(at) < 16):
        return False
    if abs(now - int(at)) > TOLERANCE:
        return False
    signed = f"{event_id}.{at}.".encode() + body
    for key in keys:
        want = hmac.new(key, signed, hashlib.sha256).digest()
        for signature in headers.get("webhook-signature", "").split():
            if not signature.startswith("v1,"):
                continue
            try:
                got = base64.b64decode(signature[3:], validate=True)
            except (binascii.Error, ValueError):
                continue
            if hmac.compare_digest(got, want):  # in constant time
                return True
    return False


def unpack(body):
    """Answer the events of a body: one, or all of a bulk."""
    packed = None
    if body.startswith(b"BULKGZ,"):
        z = zlib.decompressobj()
        packed = z.decompress(base64.b64decode(body[len(b"BULKGZ,"):], validate=True), MAX_PLAIN)
        if not z.eof:
            raise ValueError("too large, or cut off")
    elif body.startswith(b"BULK,"):
        packed = body[len(b"BULK,"):]
    if packed is not None:
        return [json.loads(base64.b64decode(event, validate=True)) for event in json.loads(packed)]
    parsed = json.loads(body)
    return parsed if isinstance(parsed, list) else [parsed]


class Memory:
    """What was handled, and how far each stream has come.

    Forget ids now and then that are older than anything you would have replayed.
    """

    def __init__(self, path):
        self.lock = threading.Lock()  # keeps two requests with the same event apart
        self.db = sqlite3.connect(path, check_same_thread=False)
        self.db.execute("CREATE TABLE IF NOT EXISTS handled (id TEXT PRIMARY KEY)")
        self.db.execute("CREATE TABLE IF NOT EXISTS streams (stream TEXT PRIMARY KEY, seq INTEGER)")

    def take(self, headers, events):
        """Handle what was not handled before: all of it, or nothing."""
        with self.lock, self.db:
            self.watch(headers)
            for event in events:
                new = self.db.execute("INSERT OR IGNORE INTO handled VALUES (?)", (event["id"],))
                if new.rowcount:
                    handle(self.db, event)

    def watch(self, headers):
        """Notice that something is missing.

        The event before this one, of those meant for us, has not been seen. Repeats
        and replays have a seq that has.
        """
        # With its epoch: numbers may begin anew in the next.
        stream = headers["webhook-id"].rpartition("/")[0]
        seq = int(headers.get("switchhook-seq", 0))
        prev = int(headers.get("switchhook-prev", 0))
        row = self.db.execute("SELECT seq FROM streams WHERE stream = ?", (stream,)).fetchone()
        if seq <= (row[0] if row else 0):
            return
        if row and prev > row[0]:
            print(f"missing {stream} after {row[0]} to {prev}", flush=True)
        self.db.execute("INSERT OR REPLACE INTO streams VALUES (?, ?)", (stream, seq))


def handle(db, event):
    """Do the work, quickly: Switchhook waits for the answer.

    Write what is to be done with db and do the rest later.
    """
    print("event", event["id"], event.get("type") or event.get("event"), flush=True)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps the connection
    timeout = 30  # seconds for a request, and between two
    keys = []
    memory = None

    def do_POST(self):
        try:
            size = int(self.headers.get("content-length", ""))
        except ValueError:
            return self.refuse(411, "how long is it?")
        if not 0 <= size <= MAX_BODY:
            return self.refuse(413, "too large")
        # The signature is over the bytes as they came: read first, parse later.
        body = self.rfile.read(size)
        if len(body) < size:
            return self.refuse(400, "cut off")
        if not verify(self.keys, self.headers, body, time.time()):
            return self.answer(401, "the signature is wrong or old")
        try:
            events = unpack(body)
            if not all(isinstance(event["id"], str) and event["id"] for event in events):
                raise ValueError("an event without an id")
        except (ValueError, KeyError, TypeError, zlib.error):
            return self.answer(400, "not a PostBack")
        try:
            self.memory.take(self.headers, events)
        except Exception as err:  # nothing was remembered: it comes again
            print("receiver:", err, file=sys.stderr)
            return self.answer(500, "try again")
        return self.answer(204)

    def refuse(self, status, text):
        """Answer without having read the body: the connection is of no more use."""
        self.close_connection = True
        self.answer(status, text)

    def answer(self, status, text=""):
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if status != 204:
            self.wfile.write(text.encode())

    def log_message(self, *args):
        pass


def main():
    Receiver.keys = parse_secrets(os.environ.get("SWITCHHOOK_SECRETS", ""))
    Receiver.memory = Memory(os.environ.get("SWITCHHOOK_MEMORY", "postbacks.db"))
    host, _, port = os.environ.get("LISTEN", "127.0.0.1:9000").rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), Receiver)
    server.daemon_threads = True
    print(f"listening on {host}:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
