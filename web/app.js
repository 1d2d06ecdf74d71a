"use strict";

// The page's script: asks for the admin token, then shows the instances and
// the endpoints and keeps them fresh. Everything from the daemon becomes text, never markup.
(() => {
  const KEY = "switchhook.token";
  const EVERY = 3000; // ms between two looks
  const $ = (id) => document.getElementById(id);
  let timer;
  let looking = false;

  const show = (id, visible) => { $(id).hidden = !visible; };

  function notice(text) {
    if ($("notice").textContent !== text) $("notice").textContent = text;
    show("notice", text !== "");
  }

  function ask(text) {
    clearTimeout(timer);
    sessionStorage.removeItem(KEY);
    $("rows").replaceChildren();
    $("endpoint-rows").replaceChildren();
    show("instances", false);
    show("endpoints", false);
    show("forget", false);
    show("login", true);
    notice(text);
    $("token").focus();
  }

  // Only the last four digits of a number are shown.
  const mask = (digits) => digits.length > 4 ? "•".repeat(digits.length - 4) + digits.slice(-4) : "•".repeat(digits.length);

  function ago(then) {
    const s = Math.max(0, Math.round((Date.now() - then) / 1000));
    if (s < 60) return s + " s";
    if (s < 3600) return Math.floor(s / 60) + " min";
    if (s < 86400) return Math.floor(s / 3600) + " h";
    return Math.floor(s / 86400) + " d";
  }

  function element(tag, text, css) {
    const e = document.createElement(tag);
    if (text !== undefined) e.textContent = text;
    if (css) e.className = css;
    return e;
  }

  function cell(row, label, ...parts) {
    const td = element("td");
    td.dataset.label = label;
    td.append(...parts.filter(Boolean));
    row.append(td);
  }

  function moment(iso) {
    const then = new Date(iso);
    const t = element("time", ago(then));
    t.dateTime = iso;
    t.title = then.toLocaleString();
    return t;
  }

  function since(iso, before = "") {
    const e = element("span", before, "quiet");
    e.append(moment(iso), " ago");
    return e;
  }

  const quiet = (text) => text ? element("span", text, "quiet") : null;
  const mood = (code) => code === 10 ? "good" : code === 11 || code === 13 ? "bad" : code === 0 ? "" : "busy";

  function size(bytes) {
    const units = ["B", "KiB", "MiB", "GiB"];
    let i = 0;
    for (; bytes >= 1024 && i < units.length - 1; i++) bytes /= 1024;
    return (i && bytes < 10 ? bytes.toFixed(1) : Math.round(bytes)) + " " + units[i];
  }

  function instanceRow(e) {
    const row = element("tr");
    cell(row, "Name", element("span", e.name), quiet(e.deleting ? e.id + ", being deleted" : e.id));
    cell(row, "State", element("span", e.code + " " + e.state, "state " + mood(e.code)));
    cell(row, "Phone", element("span", e.phone ? mask(e.phone) : "none"));
    cell(row, "Since", moment(e.since));
    cell(row, "Cause", element("span", e.cause || ""), quiet(e.hint));
    const m = e.messages || {};
    cell(row, "Messages", element("span", (m.received || 0) + " in, " + (m.sent || 0) + " out"), m.last_at ? since(m.last_at, "last ") : null);
    cell(row, "Stored", element("span", e.storage.files ? size(e.storage.bytes) : "nothing"),
      quiet(e.storage.files ? e.storage.files + (e.storage.files === 1 ? " file" : " files") : ""),
      e.storage_trouble ? element("span", e.storage_trouble, "trouble") : null);
    cell(row, "Deliveries", element("span", e.pending ? e.pending + " waiting" : "none waiting"), quiet(e.delivery_error));
    return row;
  }

  // Where an endpoint is, without what its address may hold of credentials.
  function origin(address) {
    try {
      return new URL(address).origin;
    } catch {
      return "";
    }
  }

  const health = (e) => e.state === "failing" ? "bad" : e.state === "ok" && !e.fails ? "good" : "busy";
  const count = (n, what) => n + " " + what + (n === 1 ? "" : "s");

  // Why it is paused, or how long its tries have been failing: the last one's
  // reason is in a column of its own.
  function trouble(e) {
    if (e.state === "paused") return e.reason;
    return e.fails ? (e.fails === 1 ? "a try has failed" : e.fails + " tries in a row have failed") : "";
  }

  function endpointRow(e) {
    const row = element("tr");
    cell(row, "Endpoint", element("span", (e.owner || "") + "/" + e.name), quiet(e.owner ? "" : "of the whole daemon"));
    cell(row, "State", element("span", e.state, "state " + health(e)), quiet(trouble(e)));
    cell(row, "Waiting", element("span", e.pending ? count(e.pending, "event") : "nothing"),
      quiet(e.probe_at ? "next try " + new Date(e.probe_at).toLocaleTimeString() : ""));
    cell(row, "Format", element("span", e.format + (e.version ? " " + e.version : "")), quiet(e.bulk && e.bulk.most > 1 ? "bulk of " + e.bulk.most : ""));
    cell(row, "To", element("span", origin(e.url)));
    const failed = (e.failures || []).slice(-1)[0];
    cell(row, "Last failure", element("span", failed ? failed.error || String(failed.status) : "none"), failed ? since(failed.at) : null);
    return row;
  }

  // Asks for what is below the admin API.
  async function get(path, token) {
    const res = await fetch("/api/v1/" + path, {
      headers: { Authorization: "Bearer " + token },
      cache: "no-store",
      credentials: "omit",
    });
    const body = await res.json();
    return { status: res.status, ok: res.ok, body };
  }

  async function look() {
    clearTimeout(timer);
    if (looking) return;
    const token = sessionStorage.getItem(KEY);
    if (!token) return ask("");
    looking = true;
    try {
      const [res, ends] = await Promise.all([get("instances", token), get("endpoints", token)]);
      const body = res.body;
      if (sessionStorage.getItem(KEY) !== token) return; // forgotten meanwhile
      if (res.status === 401) return ask("The daemon does not know this token.");
      if (res.status === 403) return ask(body.error);
      if (!res.ok) throw new Error(body.error);
      if (!ends.ok && ends.status !== 404) throw new Error(ends.body.error);
      $("rows").replaceChildren(...body.map(instanceRow));
      show("none", body.length === 0);
      $("endpoint-rows").replaceChildren(...(ends.ok ? ends.body.map(endpointRow) : []));
      show("no-endpoint", ends.ok && ends.body.length === 0);
      show("endpoints", ends.ok);
      $("updated").textContent = new Date().toLocaleTimeString();
      show("login", false);
      show("forget", true);
      show("instances", true);
      notice("");
    } catch (err) {
      notice("The daemon does not answer as it should (" + err.message + "). Trying again.");
    } finally {
      looking = false;
    }
    if (!document.hidden && sessionStorage.getItem(KEY)) timer = setTimeout(look, EVERY);
  }

  $("login").addEventListener("submit", (ev) => {
    ev.preventDefault();
    sessionStorage.setItem(KEY, $("token").value.trim());
    $("token").value = "";
    look();
  });
  $("forget").addEventListener("click", () => ask(""));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && sessionStorage.getItem(KEY)) look();
  });
  look();
})();
