// Keeps a page true while one looks at it. Everything works without this file;
// with it changes appear as they happen.
//
// A stream (/api/gaia/events) says that something changed; then the page is
// fetched once more and what differs is put in, so that focus, selection and
// scrolling stay. What people typed never becomes markup here: it arrives
// escaped by the server, or is set as text.

const root = document.documentElement;
const main = document.querySelector("main");
const connection = document.querySelector("#connection .word");
// By this the server tells what a page asks by itself from what somebody does.
const BY_ITSELF = { "x-gaia-live": "1" };
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// ---- Times: the server writes UTC and the instant; here they become local and run.

// The server's clock is the one that counts, whatever this machine's says.
let ahead = 0;
const now = () => Date.now() + ahead;
// Times of a day are put together here: what a browser needs for the words of a language takes it
// longer than all the rest of this page, so that it is asked only for days, and for the zone last.
const pad = (number) => `${number}`.padStart(2, "0");
const short = (at) => `${pad(at.getHours())}:${pad(at.getMinutes())}`;
const clock = (at) => `${short(at)}:${pad(at.getSeconds())}`;
const made = new Map();

function day(at, year) {
  if (!made.has(year)) {
    const wanted = { month: "short", day: "numeric", ...(year ? { year: "numeric" } : {}) };
    made.set(year, new Intl.DateTimeFormat(undefined, wanted));
  }
  return made.get(year).format(at);
}

function words(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const [d, h, m] = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60];
  const two = (a, one, b, other) => (b ? `${a} ${one} ${b} ${other}` : `${a} ${one}`);
  if (d) return two(d, d === 1 ? "day" : "days", h, "h");
  if (h) return two(h, "h", m, "min");
  if (m) return two(m, "min", s % 60, "s");
  return `${s} s`;
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tick() {
  for (const element of document.querySelectorAll("[data-until]")) {
    const left = Number(element.dataset.until) - now();
    set(element, words(left));
    element.classList.toggle("soon", left < 300_000);
  }
  for (const element of document.querySelectorAll("[data-since]")) {
    set(element, words(now() - Number(element.dataset.since)));
  }
}

function localise() {
  const today = new Date(now());
  const isToday = (at) => at.getDate() === today.getDate() && at.getMonth() === today.getMonth() && at.getFullYear() === today.getFullYear();
  for (const element of document.querySelectorAll("[data-at]")) {
    const at = new Date(Number(element.dataset.at));
    const style = element.dataset.as;
    const time = style === "short" || style === "day" ? short(at) : clock(at);
    const plain = isToday(at) && style !== "day";
    set(element, plain ? time : `${day(at, at.getFullYear() !== today.getFullYear())}, ${time}`);
  }
}

function nameZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const element of document.querySelectorAll("[data-zone]")) set(element, zone);
}

// ---- Fetching the page once more: one fetch at a time, one more if it became old meanwhile.

let old = false;
let fetching = false;

async function refresh() {
  old = true;
  if (fetching || document.hidden) return;
  fetching = true;
  while (old) {
    old = false;
    const began = performance.now();
    try {
      await fetchPage();
    } catch {
      // The stream notices what is wrong with the connection.
    }
    // Thousands of changes a second must not be thousands of pages a second.
    await wait(Math.min(2000, Math.max(20, performance.now() - began)));
  }
  fetching = false;
}

async function fetchPage() {
  const began = performance.now();
  const answer = await fetch(location.href, { headers: { ...BY_ITSELF, accept: "text/html" }, cache: "no-store" });
  if (answer.redirected && new URL(answer.url).pathname === "/sign-in") return signedOut();
  if (answer.status >= 500) {
    // What stands here is old, and no event says so again.
    old = true;
    return wait(1000);
  }
  if (answer.status === 404) return goneNow();
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("main[data-live]");
  if (!fresh) return;
  title = page.title;
  show(state);
  children(main, fresh);
  main.dataset.now = fresh.dataset.now;
  ahead = Number(fresh.dataset.now) + (performance.now() - began) / 2 - Date.now();
  goesOn(main.querySelector("#log"), fresh.querySelector("#log"));
  localise();
  tick();
  logs();
}

// What stands here is how it was.
function goneNow() {
  if (document.getElementById("gone")) return;
  const told = Object.assign(document.createElement("p"), { id: "gone", className: "note warn", textContent: "This is not there any more. What you see is how it was." });
  told.setAttribute("role", "alert");
  main.prepend(told);
}

// A log is not drawn anew, but whether it goes on changes, and how far it goes: a task may be
// tried again and end between two looks.
function goesOn(old, fresh) {
  if (!old || !fresh) return;
  old.dataset.to = fresh.dataset.from;
  if (fresh.dataset.goesOn) old.dataset.goesOn = fresh.dataset.goesOn;
  else delete old.dataset.goesOn;
}

// ---- The stream of changes.

const SILENCE = 25_000; // the server says something every 15 s
const SAYS = { lost: "The connection to the server dropped.", out: "You are signed out.", live: "Connected again." };
const status = document.getElementById("said");
let last = "";
let title = document.title;
let state = "";

function show(now) {
  // Only what changes is spoken; a page in the background says it by its title.
  if (now !== state && (state === "lost" || SAYS[now] !== SAYS.live)) set(status, SAYS[now] ?? "");
  state = now;
  document.title = now === "lost" ? `Not connected · ${title}` : title;
  for (const one of ["live", "lost", "out"]) root.classList.toggle(one, state === one);
  if (connection) set(connection, state === "live" ? "Live" : "Not connected");
}

async function follow(live) {
  for (let tries = 0; ; tries += 1) {
    if (document.hidden) await becomesVisible();
    try {
      const came = await read(live, () => {
        tries = 0;
        show("live");
      });
      if (came === "signed out") {
        await signedOut();
        continue;
      }
    } catch {
      // Told below: the connection is lost, whatever the reason.
    }
    if (document.hidden) continue;
    show("lost");
    await wait(Math.min(5000, 250 * 2 ** Math.min(tries, 5)));
  }
}

const becomesVisible = () => new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));

async function read(live, connected) {
  const stop = new AbortController();
  let watchdog = setTimeout(() => stop.abort(), SILENCE);
  // A page that nobody sees keeps no connection: browsers allow few of them.
  let leave = 0;
  const seen = () => {
    clearTimeout(leave);
    if (document.hidden) leave = setTimeout(() => stop.abort(), 3_000);
    else refresh();
  };
  document.addEventListener("visibilitychange", seen);
  try {
    const headers = last ? { ...BY_ITSELF, "last-event-id": last } : BY_ITSELF;
    const answer = await fetch("/api/gaia/events", { headers, signal: stop.signal, cache: "no-store" });
    if (answer.status === 401) return "signed out";
    if (!answer.ok) return "refused";
    connected();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "ended";
      clearTimeout(watchdog);
      watchdog = setTimeout(() => stop.abort(), SILENCE);
      const pieces = (text + value).split("\n\n");
      text = pieces.pop();
      if (pieces.filter((piece) => concerns(piece, live)).length) refresh();
    }
  } finally {
    clearTimeout(watchdog);
    clearTimeout(leave);
    document.removeEventListener("visibilitychange", seen);
    stop.abort();
  }
}

function concerns(piece, live) {
  const field = (name) => piece.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  const id = field("id");
  const kind = field("event");
  if (!kind) return false;
  // What changed while this page was drawn, or while the connection was lost, is seen by looking.
  const greets = kind === "ready" || kind === "reset";
  if (id) last = id;
  return greets || live.includes(kind.split(".")[0]);
}
