/*
 * The page of GET /: reads the same API as any client and changes nothing. All text from certd is set as textContent,
 * so that markup in it stays text; the forecast is drawn by certd, which sees to the same. Rows are made only for the
 * visible part of the list, which may have 10,000.
 */
"use strict";
(() => {
const DAY = 86400e3, ROW = 34, PAGE = 1000, EVENTS_SHOWN = 200, REFRESH_MS = 500, REFRESH_MAX = 100, AGAIN_MS = 5000, FORECAST_MS = 600e3;
const at = id => document.getElementById(id);

/* --- the API --- */

let token = "";

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path, accept, signal) {
  const headers = {Accept: accept || "application/json"};
  if (token)
    headers.Authorization = "Bearer " + token;
  const answer = await fetch(path, {headers, signal, cache: "no-store", redirect: "error", credentials: "omit"});
  if (answer.ok)
    return answer;
  let message = "HTTP status " + answer.status;
  try {
    message = (await answer.json()).messages.map(m => m.message).join("; ") || message;
  } catch { /* no reason was given */ }
  throw new Refusal(answer.status, message);
}

async function read(path) {
  return (await ask(path)).json();
}

async function readAll(collection) {
  const items = [];
  for (;;) {
    const page = await read(`${collection}?limit=${PAGE}&offset=${items.length}`);
    items.push(...page.items);
    if (page.items.length === 0 || !page._links || !page._links.next)
      return items;
  }
}

/* Imported certificates are in no list by themselves, but metrics have each that is in use, unless there are too many. */
async function readImported() {
  const text = await (await ask("/metrics?format=text", "text/plain")).text();
  const found = new Map();
  const series = /^certd_certificate_(expiry|not_before)_timestamp_seconds\{name="((?:[^"\\]|\\.)*)",id="([^"]*)",kind="imported"\} (\d+)$/gm;
  for (const [, what, name, id, value] of text.matchAll(series)) {
    const item = found.get(id) || {id, name: name.replace(/\\(.)/g, (_, c) => c === "n" ? "\n" : c)};
    item[what] = value * 1000;
    found.set(id, item);
  }
  hasHidden = /^certd_certificates_detailed\{kind="imported"\} 0$/m.test(text);
  return [...found.values()];
}

/* --- what a certificate is --- */

/* Worst first. The sign tells states apart without colour. */
const STATES = [
  {key: "expired", text: "expired", sign: "✕", tone: "bad", filter: "Expired"},
  {key: "late", text: "renewal late", sign: "▲", tone: "bad", filter: "Renewal late"},
  {key: "failed", text: "not issued", sign: "▲", tone: "bad", filter: "Not issued"},
  {key: "unserved", text: "not served", sign: "◆", tone: "bad", filter: "Not served"},
  {key: "failing", text: "failing", sign: "!", tone: "warn", filter: "Failing"},
  {key: "paused", text: "paused", sign: "Ⅱ", tone: "warn", filter: "Paused"},
  {key: "soon", text: "expires soon", sign: "◔", tone: "warn", filter: "Expires soon"},
  {key: "waiting", text: "being issued", sign: "…", tone: "idle", filter: "Being issued"},
  {key: "good", text: "good", sign: "✓", tone: "good", filter: "Good"},
];
const RANK = Object.fromEntries(STATES.map((state, i) => [state.key, i]));

/* certd's own rule (renewBefore, at most a third of the lifetime, or half of one below 10 days). */
function marginOf(from, until, renewBefore) {
  const life = until - from;
  return Math.min((renewBefore || 30 * 86400) * 1000, life / (life < 10 * DAY ? 2 : 3));
}

function stateOf(entry, now) {
  if (entry.until && entry.until <= now)
    return "expired";
  if (entry.isImported)
    return entry.until - now < 30 * DAY ? "soon" : "good";
  if (!entry.until)
    return entry.metadata.state === "FAILED" ? "failed" : "waiting";
  if (!entry.isPaused && entry.until - now < marginOf(entry.from, entry.until, entry.renewBefore) / 2)
    return "late";
  if (entry.served && entry.served !== "served")
    return "unserved";
  if (entry.attempts > 0)
    return "failing";
  return entry.isPaused ? "paused" : "good";
}

function entryOf(item) {
  const p = item.properties, m = item.metadata;
  const from = m.notBefore ? Date.parse(m.notBefore) : 0, until = m.notAfter ? Date.parse(m.notAfter) : 0;
  const entry = {id: item.id, name: p.name, commonName: m.commonName || p.commonName || "", from, until, metadata: m, properties: p,
    next: m.nextDate ? Date.parse(m.nextDate) : 0, renewBefore: p.renewBefore, isPaused: !!m.paused, served: m.served,
    attempts: m.attempts || 0, isImported: false};
  entry.renewal = until ? (m.paused ? 0 : entry.next && entry.next < until ? entry.next : until - marginOf(from, until, p.renewBefore)) : 0;
  const words = [p.name, entry.commonName, ...(m.subjectAlternativeNames || []), ...(p.labels || []), m.message || "", m.served || ""];
  entry.words = words.join("\n").toLowerCase();
  return entry;
}

function importedEntryOf(item) {
  return {id: item.id, name: item.name, commonName: "", from: item.not_before || 0, until: item.expiry || 0, metadata: {}, properties: {},
    next: 0, renewal: 0, isPaused: false, attempts: 0, isImported: true, words: item.name.toLowerCase() + "\nimported"};
}

/* --- state of the page --- */

const entries = new Map(); /* by id */
let shown = [];            /* those that pass the filters, in order */
let filter = "", search = "", span = 0, chosen = "", status = {};
let hasHidden = false; /* imported certificates that are too many for the metrics */
const changed = new Set(); /* ids to be read again */
let refreshTimer = 0;

const dateTime = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "short"});
const monthDay = new Intl.DateTimeFormat(undefined, {month: "short", day: "numeric"});

function distance(ms) {
  const far = Math.abs(ms);
  const [n, unit] = far >= 2 * DAY ? [far / DAY, "days"] : far >= 2 * 3600e3 ? [far / 3600e3, "hours"] : [far / 60e3, "min"];
  return ms < 0 ? `${Math.floor(n)} ${unit} ago` : `in ${Math.floor(n)} ${unit}`;
}

function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name)
    element.className = name;
  if (text !== undefined)
    element.textContent = text;
  return element;
}

function badge(key) {
  const state = STATES[RANK[key]];
  return make("span", "state " + state.tone, state.sign + " " + state.text);
}

/* --- the list and its timeline --- */

/* The timeline from its left edge to its right one. The span shows nearly all that is valid now. */
function range(now) {
  const length = span || autoSpan(now);
  return {from: now - length * 0.3, length};
}

function autoSpan(now) {
  const ahead = [...entries.values()].filter(e => e.until > now).map(e => e.until - now).sort((a, b) => a - b);
  const most = ahead.length ? ahead[Math.floor((ahead.length - 1) * 0.95)] : 30 * DAY;
  return Math.max(most * 1.5, DAY);
}

function ticks(view) {
  const steps = [3600e3, 6 * 3600e3, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 365 * DAY];
  const step = steps.find(s => view.length / s <= 8) || 365 * DAY;
  const found = [];
  for (let t = Math.ceil(view.from / step) * step; t < view.from + view.length; t += step)
    found.push(t);
  return {found, isHours: step < DAY};
}

function putBar(track, view, from, until, name) {
  const left = Math.max(0, (from - view.from) / view.length), right = Math.min(1, (until - view.from) / view.length);
  if (right <= 0 || left >= 1 || until <= from)
    return;
  const bar = make("i", name);
  bar.style.left = `${left * 100}%`;
  bar.style.width = `${(right - left) * 100}%`;
  track.append(bar);
}

function putLine(track, view, when, name) {
  const line = make("i", name);
  line.style.left = `${(when - view.from) / view.length * 100}%`;
  track.append(line);
}

function drawTrack(entry, view, now) {
  const track = make("div", "track");
  for (const tick of ticks(view).found)
    putLine(track, view, tick, "tick");
  if (entry.until) {
    const margin = entry.isImported ? 0 : marginOf(entry.from, entry.until, entry.renewBefore);
    const planned = entry.isPaused || entry.isImported ? entry.until : Math.min(entry.renewal || entry.until, entry.until);
    const isLate = entry.state === "late";
    putBar(track, view, entry.from, isLate ? entry.until - margin : planned, "bar-valid");
    putBar(track, view, isLate ? entry.until - margin : planned, entry.until, isLate ? "bar-late" : "bar-margin");
    putBar(track, view, entry.until, now, "bar-expired");
  }
  putLine(track, view, now, "bar-now");
  return track;
}

function drawAxis(view, now) {
  const axis = at("axis");
  const {found, isHours} = ticks(view);
  const format = isHours ? new Intl.DateTimeFormat(undefined, {hour: "2-digit", minute: "2-digit"}) : monthDay;
  axis.replaceChildren();
  for (const tick of found) {
    const place = (tick - view.from) / view.length;
    if (Math.abs(place - 0.3) < 0.05 || place < 0.03 || place > 0.97)
      continue;
    const label = make("span", "", format.format(tick));
    label.style.left = `${place * 100}%`;
    axis.append(label);
  }
  const today = make("span", "today", "now");
  today.style.left = "30%";
  axis.append(today);
}

function rowOf(entry, index, view, now) {
  const row = make("div", "row");
  row.id = "row-" + entry.id;
  row.setAttribute("role", "option");
  row.setAttribute("aria-selected", String(entry.id === chosen));
  row.setAttribute("aria-posinset", index + 1);
  row.setAttribute("aria-setsize", shown.length);
  row.style.top = `${index * ROW}px`;
  row.append(badge(entry.state), make("span", "c-name", entry.name),
    make("span", "c-when", entry.until ? distance(entry.until - now) : "–"), drawTrack(entry, view, now));
  row.title = entry.commonName && entry.commonName !== entry.name ? `${entry.name} (${entry.commonName})` : entry.name;
  row.addEventListener("click", () => choose(entry.id));
  return row;
}

/* Only the rows in sight, and a few around them. */
function drawRows() {
  const list = at("list"), rows = at("rows"), now = Date.now(), view = range(now);
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
  const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 5);
  rows.style.height = `${Math.max(shown.length, 1) * ROW}px`;
  rows.replaceChildren(...shown.slice(first, last).map((entry, i) => rowOf(entry, first + i, view, now)));
  if (!shown.length)
    rows.append(make("p", "empty", entries.size ? "No certificate matches." : "There is no certificate yet."));
  drawAxis(view, now);
  if (chosen && at("row-" + chosen))
    list.setAttribute("aria-activedescendant", "row-" + chosen);
  else
    list.removeAttribute("aria-activedescendant");
}

function arrange() {
  const now = Date.now(), words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const counts = Object.fromEntries(STATES.map(state => [state.key, 0]));
  shown = [];
  for (const entry of entries.values()) {
    entry.state = stateOf(entry, now);
    counts[entry.state]++;
    if ((!filter || entry.state === filter) && words.every(word => entry.words.includes(word)))
      shown.push(entry);
  }
  shown.sort((a, b) => RANK[a.state] - RANK[b.state] || (a.until || Infinity) - (b.until || Infinity) || (a.name < b.name ? -1 : 1));
  at("count").textContent = shown.length === entries.size ? `${entries.size} certificates` : `${shown.length} of ${entries.size} certificates`;
  if (hasHidden)
    at("count").textContent += ", without imported ones: there are more than metrics-certificates";
  drawFilters(counts);
  drawVerdict(counts);
  drawRows();
}

function drawFilters(counts) {
  const all = [{key: "", filter: "All", tone: "idle"}, ...STATES];
  const had = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.filter : undefined;
  at("filters").replaceChildren(...all.map(state => {
    const n = state.key ? counts[state.key] : entries.size;
    const button = make("button", `${state.tone}${n ? "" : " none"}`);
    button.type = "button";
    button.dataset.filter = state.key;
    button.setAttribute("aria-pressed", String(filter === state.key));
    button.append(make("b", "", String(n)), make("span", "", state.sign ? `${state.sign} ${state.filter}` : state.filter));
    button.addEventListener("click", () => {
      filter = filter === state.key ? "" : state.key;
      at("list").scrollTop = 0;
      arrange();
    });
    return button;
  }));
  if (had !== undefined)
    for (const button of at("filters").children)
      if (button.dataset.filter === had)
        button.focus();
}

/* What alerts report, the worst first. */
function drawConditions(conditions) {
  const more = (status.conditionCount || 0) - conditions.length;
  at("conditions").hidden = !conditions.length;
  at("conditions").replaceChildren(...conditions.map(c =>
    make("li", c.severity === "critical" ? "bad" : "warn", `${c.object ? c.object.name + ": " : ""}${c.title}: ${c.message}`)));
  if (more > 0)
    at("conditions").append(make("li", "", `and ${more} more`));
}

/* One sentence: is anything wrong? */
function drawVerdict(counts) {
  const verdict = at("verdict");
  const wrong = STATES.filter(state => counts[state.key] && (state.tone === "bad" || state.tone === "warn"));
  const conditions = status.conditions || [];
  const isBad = conditions.some(c => c.severity === "critical") || wrong.some(state => state.tone === "bad");
  const parts = wrong.map(state => `${counts[state.key]} ${state.text}`);
  if (status.message)
    parts.unshift(status.message);
  verdict.className = isBad ? "bad" : parts.length ? "warn" : "";
  verdict.textContent = parts.length ? parts.join(", ") : entries.size ? `All ${entries.size} certificates are in order` : "No certificates yet";
  drawConditions(conditions);
  document.title = parts.length ? `certd: ${parts[0]}` : "certd";
}

function drawSpans() {
  const spans = [["Fit", 0], ["30 days", 30 * DAY], ["90 days", 90 * DAY], ["1 year", 365 * DAY]];
  at("spans").replaceChildren(...spans.map(([text, length]) => {
    const button = make("button", "", text);
    button.type = "button";
    button.setAttribute("aria-pressed", String(span === length));
    button.addEventListener("click", () => {
      span = length;
      for (const other of at("spans").children)
        other.setAttribute("aria-pressed", String(other === button));
      drawRows();
    });
    return button;
  }));
}

/* --- one certificate --- */

function section(parent, title, child) {
  parent.append(make("h4", "", title), child);
}

function bullets(texts) {
  const list = make("ul");
  list.append(...texts.map(text => make("li", "", text)));
  return list;
}

function facts(pairs) {
  const list = make("dl");
  for (const [name, text] of pairs)
    if (text)
      list.append(make("dt", "", name), make("dd", "", text));
  return list;
}

const when = ms => ms ? `${dateTime.format(ms)} (${distance(ms - Date.now())})` : "";

async function readEndpoints(entry) {
  const found = [];
  for (const ref of (entry.properties.consumers || []).slice(0, 20)) {
    const consumer = await read("/consumers/" + encodeURIComponent(ref));
    const rollout = (consumer.metadata.rollouts || []).find(r => r.autoCertificate === entry.id) ||
      (consumer.metadata.moreRollouts ? {step: "not among those that it lists"} : {});
    const probes = consumer.properties.probes || [];
    const places = (rollout.endpoints || []).length ? rollout.endpoints : probes.map(probe => ({endpoint: `${probe.host}:${probe.port}`}));
    found.push({name: consumer.properties.name, places, step: rollout.step || "", served: rollout.served || entry.served || "",
      message: rollout.lastError ? rollout.lastError.message : "", probed: rollout.probedDate ? Date.parse(rollout.probedDate) : 0});
  }
  return found;
}

function endpointTable(found) {
  const table = make("table", "endpoints");
  for (const c of found) {
    const row = table.insertRow();
    const place = row.insertCell();
    place.append(make("strong", "", c.name));
    for (const p of c.places) {
      const text = p.served ? `${p.endpoint}: ${p.served}${p.notAfter ? `, until ${monthDay.format(Date.parse(p.notAfter))}` : ""}` : p.endpoint;
      place.append(document.createElement("br"), make("span", "", text));
    }
    const cell = row.insertCell();
    const word = c.served || c.step || "not deployed yet";
    cell.append(make("span", "state " + (word === "served" ? "good" : c.served ? "bad" : "idle"), word));
    if (c.probed)
      cell.append(document.createElement("br"), make("span", "", "checked " + distance(c.probed - Date.now())));
    if (c.message)
      cell.append(make("p", "problem", c.message));
  }
  return table;
}

async function choose(id) {
  const entry = entries.get(id);
  const aside = at("detail");
  chosen = entry ? id : "";
  aside.hidden = !entry;
  document.querySelector(".columns").classList.toggle("open", !!entry);
  drawRows();
  if (!entry)
    return;
  const head = make("header");
  const close = make("button", "", "Close");
  close.type = "button";
  close.addEventListener("click", () => { choose(""); at("list").focus(); });
  head.append(make("h3", "", entry.name), badge(entry.state), close);
  const m = entry.metadata;
  const body = [head, facts([
    ["Common name", entry.commonName], ["Other names", (m.subjectAlternativeNames || []).filter(n => n !== entry.commonName).join(", ")],
    ["Issued", when(entry.from)], ["Renewal", entry.isPaused ? "paused" : entry.isImported ? "by hand: certd cannot renew it" : when(entry.next)],
    ["Expires", when(entry.until)], ["Failures", entry.attempts ? `${entry.attempts} in a row` : ""], ["In progress", m.progress],
    ["Labels", (entry.properties.labels || []).join(", ")], ["Files", m.dropDirectory], ["Id", entry.id]])];
  const problems = new Set([m.message, m.lastError && m.lastError.message].filter(Boolean));
  for (const problem of problems)
    body.push(make("p", "problem", problem));
  aside.replaceChildren(...body);
  try {
    if (!entry.isImported) {
      const [explained, endpoints] = await Promise.all([
        read(`/auto-certificates/${encodeURIComponent(id)}/explain`), readEndpoints(entry)]);
      if (chosen !== id)
        return;
      section(aside, "What happens next", make("p", "", explained.summary || ""));
      if ((explained.reasons || []).length)
        section(aside, "Why", bullets(explained.reasons));
      if ((explained.advice || []).length)
        section(aside, "What to do", bullets(explained.advice));
      if (endpoints.length)
        section(aside, "Consumers and what they serve", endpointTable(endpoints));
    }
    const past = (await read(`/events?limit=20&object=${encodeURIComponent(id)}`)).items;
    if (chosen === id && past.length)
      section(aside, "Its last events", bullets(past.reverse().map(e => `${dateTime.format(Date.parse(e.time))}  ${e.kind}: ${e.message}`)));
  } catch (error) {
    if (chosen === id)
      aside.append(make("p", "problem", error.message));
  }
}

/* --- keyboard --- */

function move(index) {
  if (!shown.length)
    return;
  const entry = shown[Math.max(0, Math.min(shown.length - 1, index))];
  const list = at("list"), top = shown.indexOf(entry) * ROW;
  if (top < list.scrollTop)
    list.scrollTop = top;
  else if (top + ROW > list.scrollTop + list.clientHeight)
    list.scrollTop = top + ROW - list.clientHeight;
  chosen = entry.id;
  drawRows();
}

at("list").addEventListener("keydown", event => {
  const here = shown.findIndex(entry => entry.id === chosen), page = Math.max(1, Math.floor(at("list").clientHeight / ROW) - 1);
  const to = {ArrowDown: here + 1, ArrowUp: here < 0 ? 0 : here - 1, PageDown: here + page, PageUp: here - page, Home: 0, End: shown.length - 1}[event.key];
  if (to !== undefined) {
    event.preventDefault();
    move(to);
  } else if (event.key === "Enter" && here >= 0) {
    event.preventDefault();
    choose(chosen).then(() => at("detail").focus());
  }
});

document.addEventListener("keydown", event => {
  if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName) && !at("main").hidden) {
    event.preventDefault();
    at("search").focus();
  } else if (event.key === "Escape" && chosen) {
    choose("");
    at("list").focus();
  }
});

/* --- events, live --- */

function showEvent(event) {
  const line = make("li");
  const time = make("time", "", dateTime.format(Date.parse(event.time)));
  time.dateTime = event.time;
  const tone = {error: "bad", warning: "warn"}[event.level] || "idle";
  line.append(time, make("span", "state " + tone, event.level), make("span", "", event.object ? event.object.name || "" : ""),
    make("span", "", event.message));
  at("events").prepend(line);
  while (at("events").childElementCount > EVENTS_SHOWN)
    at("events").lastElementChild.remove();
}

/* What the event is about is read again soon, once for many events. */
function noticeEvent(event) {
  if (event.level !== "debug")
    showEvent(event);
  const object = event.object || {};
  if (object.type === "autocertificate" || entries.has(object.id))
    changed.add(object.id);
  else if (object.type === "certificate" || object.type === "consumer")
    changed.add("");
  if (changed.size && !refreshTimer)
    refreshTimer = setTimeout(refresh, REFRESH_MS);
}

async function refresh() {
  const ids = [...changed];
  changed.clear();
  try {
    if (ids.includes("") || ids.length > REFRESH_MAX)
      await load();
    else
      for (const id of ids)
        await refreshOne(id);
    status = await read("/status");
    arrange();
  } catch { /* the stream ends as well, and everything is read again */ }
  refreshTimer = changed.size ? setTimeout(refresh, REFRESH_MS) : 0;
}

async function refreshOne(id) {
  try {
    entries.set(id, entryOf(await read("/auto-certificates/" + encodeURIComponent(id))));
  } catch (error) {
    if (error.status !== 404)
      throw error;
    entries.delete(id);
  }
}

function setLive(isLive) {
  at("live").className = isLive ? "live on" : "live";
  at("live").textContent = isLive ? "live" : "offline";
}

/* Server-sent events, read by fetch(), which can send a token. */
async function follow(after) {
  const answer = await ask(`/events?after=${after}`, "text/event-stream");
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", seen = after;
  setLive(true);
  for (;;) {
    const {done, value} = await reader.read();
    if (done)
      return seen;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const data = part.split("\n").filter(line => line.startsWith("data: ")).map(line => line.slice(6)).join("\n");
      if (!data)
        continue;
      const event = JSON.parse(data);
      seen = Math.max(seen, event.seq || 0);
      noticeEvent(event);
    }
  }
}

async function followAlways(after) {
  for (;;) {
    try {
      after = await follow(after);
    } catch { /* tried again below */ }
    setLive(false);
    await new Promise(done => setTimeout(done, AGAIN_MS));
    try {
      await load();
      arrange();
    } catch { /* certd is not there yet */ }
  }
}

/* --- the renewals to come --- */

async function drawForecast() {
  const text = await (await ask("/forecast", "text/html")).text();
  const figure = new DOMParser().parseFromString(text, "text/html").querySelector("figure");
  const isOpen = !!document.querySelector("#forecast details[open]");
  if (!figure)
    return;
  at("forecast").replaceChildren(document.importNode(figure, true));
  at("forecast").querySelector("details").open = isOpen;
}

/* --- beginning --- */

async function load() {
  const [autos, imported] = await Promise.all([readAll("/auto-certificates"), readImported().catch(() => [])]);
  entries.clear();
  for (const item of autos)
    entries.set(item.id, entryOf(item));
  for (const item of imported)
    entries.set(item.id, importedEntryOf(item));
}

function askForToken(reason) {
  at("login").hidden = false;
  at("verdict").textContent = "A token is required";
  at("refusal").textContent = reason;
  at("token").focus();
}

async function begin() {
  if (document.body.dataset.access === "token" && !token) {
    askForToken("");
    return;
  }
  try {
    status = await read("/status");
  } catch (error) {
    askForToken(error.message);
    return;
  }
  at("login").hidden = true;
  at("main").hidden = false;
  const past = (await read("/events?limit=100")).items;
  past.forEach(event => { if (event.level !== "debug") showEvent(event); });
  drawSpans();
  await load();
  arrange();
  document.body.dataset.ready = "yes";
  drawForecast().catch(() => {});
  followAlways(past.length ? past[past.length - 1].seq : 0);
}

at("login").addEventListener("submit", event => {
  event.preventDefault();
  token = at("token").value.trim();
  at("token").value = "";
  begin().catch(error => { at("verdict").textContent = error.message; });
});
at("search").addEventListener("input", () => {
  search = at("search").value;
  at("list").scrollTop = 0;
  arrange();
});
let isDrawing = false;
at("list").addEventListener("scroll", () => {
  if (isDrawing)
    return;
  isDrawing = true;
  requestAnimationFrame(() => { isDrawing = false; drawRows(); });
});
addEventListener("resize", drawRows);
setInterval(() => { if (!at("main").hidden) arrange(); }, 60e3);
setInterval(() => { if (!at("main").hidden) drawForecast().catch(() => {}); }, FORECAST_MS);
begin().catch(error => { at("verdict").textContent = error.message; });
})();
