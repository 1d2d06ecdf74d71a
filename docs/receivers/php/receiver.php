<?php
// A receiver of PostBacks with nothing but PHP (8.0 or newer).
//
//   SWITCHHOOK_SECRETS="whsec_…" php -S 127.0.0.1:9000 receiver.php
//
// It takes every format, single or in bulk, and prints the id and the type of each
// event once, on the server's standard error. Behind a web server it runs as it is;
// several processes share a folder of what was handled. Replace handle.

declare(strict_types=1);

const MAX_BODY = 8 << 20; // bytes of a request; Switchhook sends 4 MB at most
const MAX_PLAIN = 64 << 20; // bytes of a BULKGZ after unpacking
const TOLERANCE = 5 * 60; // seconds

// secrets answers the keys. Secrets are separated by spaces, whsec_ and base64
// each; while one is rotated there are two.
function secrets(): array
{
    $keys = [];
    foreach (preg_split('/ +/', (string) getenv('SWITCHHOOK_SECRETS'), -1, PREG_SPLIT_NO_EMPTY) as $secret) {
        $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
        if ($key === false || $key === '') {
            throw new RuntimeException('a secret is not whsec_ and base64');
        }
        $keys[] = $key;
    }
    return $keys;
}

// verify checks a Standard Webhooks signature: one of those in the header must be
// made with one of the keys, and not long ago.
function verify(array $keys, string $body): bool
{
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $at = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    if ($id === '' || !preg_match('/^\d{1,15}$/D', $at) || abs(time() - (int) $at) > TOLERANCE) {
        return false;
    }
    foreach ($keys as $key) {
        $want = hash_hmac('sha256', "$id.$at.$body", $key, true);
        foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $signature) {
            if (strncmp($signature, 'v1,', 3) !== 0) {
                continue;
            }
            $got = base64_decode(substr($signature, 3), true);
            if ($got !== false && hash_equals($want, $got)) { // in constant time
                return true;
            }
        }
    }
    return false;
}

// unpack answers the events of a body: one, or all of a bulk.
function unpack_events(string $body): array
{
    $packed = null;
    if (strncmp($body, 'BULKGZ,', 7) === 0) {
        $packed = @gzuncompress((string) base64_decode(substr($body, 7), true), MAX_PLAIN);
        if ($packed === false) {
            throw new UnexpectedValueException('not zlib, or too large');
        }
    } elseif (strncmp($body, 'BULK,', 5) === 0) {
        $packed = substr($body, 5);
    }
    $parsed = json_decode($packed ?? $body, false, 64, JSON_THROW_ON_ERROR);
    if ($packed !== null) {
        $parsed = array_map(
            fn (string $event) => json_decode((string) base64_decode($event, true), false, 64, JSON_THROW_ON_ERROR),
            $parsed
        );
    }
    $events = is_array($parsed) ? $parsed : [$parsed];
    foreach ($events as $event) {
        if (!is_string($event->id ?? null) || $event->id === '') {
            throw new UnexpectedValueException('an event without an id');
        }
    }
    return $events;
}

// take handles what was not handled before. A file for each id says what was; the
// lock keeps two requests with the same event apart. Where there is a database,
// use a table with a unique id instead, in the transaction that does the work.
function take(array $events): void
{
    $folder = getenv('SWITCHHOOK_MEMORY') ?: sys_get_temp_dir() . '/postbacks';
    if (!is_dir($folder) && !mkdir($folder, 0700, true) && !is_dir($folder)) {
        throw new RuntimeException('there is no folder for what was handled');
    }
    $lock = fopen("$folder/lock", 'c');
    if ($lock === false || !flock($lock, LOCK_EX)) {
        throw new RuntimeException('the folder cannot be locked');
    }
    foreach ($events as $event) {
        $mark = $folder . '/' . hash('sha256', $event->id);
        if (file_exists($mark)) {
            continue;
        }
        handle($event); // throws: not remembered, it comes again
        if (!touch($mark)) {
            throw new RuntimeException('what was handled cannot be remembered');
        }
    }
    fclose($lock); // unlocks
}

// handle does the work, quickly: Switchhook waits for the answer. Put the event
// where it is safe and work on it later.
function handle(object $event): void
{
    file_put_contents('php://stderr', 'event ' . $event->id . ' ' . ($event->type ?? $event->event ?? '') . "\n");
}

function answer(int $status, string $text = ''): void
{
    http_response_code($status);
    header('Content-Type: text/plain');
    echo $text;
}

function receive(): void
{
    if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
        answer(405, 'POST only');
        return;
    }
    // The signature is over the bytes as they came: read first, parse later.
    $body = file_get_contents('php://input', false, null, 0, MAX_BODY + 1);
    if ($body === false || strlen($body) > MAX_BODY) {
        answer(413, 'too large');
        return;
    }
    $keys = secrets();
    if ($keys === [] || !verify($keys, $body)) {
        answer(401, 'the signature is wrong or old');
        return;
    }
    try {
        $events = unpack_events($body);
    } catch (JsonException | UnexpectedValueException | TypeError $e) {
        answer(400, 'not a PostBack');
        return;
    }
    take($events);
    http_response_code(204);
}

try {
    receive();
} catch (Throwable $e) {
    error_log('receiver: ' . $e->getMessage());
    answer(500, 'try again');
}
