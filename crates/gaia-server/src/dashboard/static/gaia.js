// Keeps a page true while one looks at it. Everything works without this file;
// with it changes appear as they happen.
//
// A stream (/api/gaia/events) says that something changed; then the page is
// fetched once more and what differs is put in, so that focus, selection and
// scrolling stay. What people typed never becomes markup here: it arrives
// escaped by the server, or is set as text.

const root = document.documentElement;
const main = document.querySelector("main");
const banner = document.getElementById("banner");
const connection = document.querySelector("#connection .word");
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// ---- Times: the server writes UTC and the instant; here they become local and run.

// The server's clock is the one that counts, whatever this machine's says.
let ahead = 0;
const now = () => Date.now() + ahead;
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const days = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const short = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

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
  const today = new Date(now()).toDateString();
  for (const element of document.querySelectorAll("[data-at]")) {
    const at = new Date(Number(element.dataset.at));
    const there = at.toDateString() === today ? "" : `${day.format(at)}, `;
    const style = element.dataset.as === "short" ? short : clock;
    set(element, element.dataset.as === "day" ? days.format(at) : there + style.format(at));
  }
  for (const element of document.querySelectorAll("[data-zone]")) set(element, zone);
}

// ---- Putting in what differs.

const runs = (node) => node.nodeType === 1 && (node.dataset.at || node.dataset.until || node.dataset.since || node.hasAttribute("data-zone"));
const same = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id ?? "") === (b.id ?? "");

// Makes `old` like `fresh`, touching no more than it must.
function morph(old, fresh) {
  if (old.nodeType !== 1) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.hasAttribute("data-keep")) return;
  const changed = runs(old) && ["at", "until", "since"].every((key) => old.dataset[key] === fresh.dataset[key]);
  for (const { name, value } of fresh.attributes) {
    // What somebody folded stays folded.
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" || name === "class")) old.removeAttribute(name);
  }
  if (!changed) children(old, fresh);
}

function children(old, fresh) {
  const ids = (node) => [...node.children].filter((child) => child.id).map((child) => [child.id, child]);
  const [byId, stays] = [new Map(ids(old)), new Map(ids(fresh))];
  // First out, so that what stays need not be moved: moving would take the focus.
  for (const [id, child] of byId) if (!stays.has(id)) child.remove();
  let at = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const known = wanted.id ? byId.get(wanted.id) : at && !at.id && same(at, wanted) ? at : null;
    if (known && same(known, wanted)) {
      if (known !== at) old.insertBefore(known, at);
      else at = at.nextSibling;
      morph(known, wanted);
    } else {
      if (wanted.nodeName === "TR") wanted.classList.add("fresh");
      old.insertBefore(wanted, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
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
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
  if (answer.redirected && new URL(answer.url).pathname === "/sign-in") return signedOut();
  if (answer.status >= 500) {
    // What stands here is old, and no event says so again.
    old = true;
    return wait(1000);
  }
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("main[data-live]");
  if (!fresh) return;
  document.title = page.title;
  children(main, fresh);
  main.dataset.now = fresh.dataset.now;
  goesOn(main.querySelector("#log"), fresh.querySelector("#log"));
  localise();
  tick();
  logs();
}

// A log is not drawn anew, but whether it goes on changes.
function goesOn(old, fresh) {
  if (!old || !fresh) return;
  if (fresh.dataset.log) old.dataset.log = fresh.dataset.log;
  else delete old.dataset.log;
}

// ---- The stream of changes.

const SILENCE = 25_000; // the server says something every 15 s
let last = "";

function show(state) {
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
    const headers = last ? { "last-event-id": last } : {};
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

// ---- Signed out meanwhile: what somebody was writing is not thrown away.

const writes = (field) => !["hidden", "submit"].includes(field.type) && field.value !== field.defaultValue;
const typed = () => [...document.querySelectorAll("input, textarea")].some(writes);
let returns = null;

// Resolves when somebody is signed in again, here or in another tab.
function signedOut() {
  if (!typed()) location.reload();
  returns ??= comesBack().finally(() => (returns = null));
  return returns;
}

async function comesBack() {
  show("out");
  for (;;) {
    await wait(1000);
    const answer = await fetch("/api/gaia/session", { cache: "no-store" }).catch(() => null);
    if (!answer?.ok) continue;
    const { csrf } = await answer.json();
    for (const field of document.querySelectorAll("input[name=csrf]")) field.value = csrf;
    for (const told of document.querySelectorAll("dialog .wrong")) told.remove();
    return show(main?.dataset.live ? "live" : "");
  }
}

// A form with something in it is sent only when somebody is there who takes it.
async function sendLater(event) {
  const form = event.target;
  if (!form.elements.csrf || form.closest("dialog") || form.dataset.sure || !typed()) return;
  event.preventDefault();
  const answer = await fetch("/api/gaia/session", { cache: "no-store" }).catch(() => null);
  if (answer?.status === 401) return signedOut();
  if (!answer) return tellIn(form, UNREACHABLE);
  form.dataset.sure = "yes";
  form.requestSubmit(event.submitter);
}

document.addEventListener("submit", sendLater);

// ---- Questions: the page of the question, in a dialog.

const UNREACHABLE = "The server could not be reached. Nothing was changed.";
const dialog = document.getElementById("question");
const status = document.getElementById("said");
let asked = null;
let pressed = null;

async function ask(link) {
  const address = new URL(link.href);
  const answer = await fetch(address.pathname, { headers: { accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const form = page.querySelector(address.hash || "form.question");
  if (!answer.ok || !form) return location.assign(link.href);
  asked = link;
  dialog.replaceChildren(form);
  dialog.showModal();
  form.querySelector("input:not([type=hidden])")?.focus();
}

async function answerQuestion(event) {
  event.preventDefault();
  const form = event.target;
  const sent = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
    headers: { accept: "text/html" },
  }).catch(() => null);
  if (sent?.status === 401) {
    tellIn(form, "You are signed out. Sign in in another tab, then send it from here.");
    return signedOut();
  }
  if (sent?.ok) {
    // Its row is about to go: whoever came by keyboard goes on with the next.
    const next = asked?.closest("tr")?.nextElementSibling?.querySelector("a[data-ask]");
    const head = asked?.closest("section")?.querySelector("h2");
    dialog.close();
    head?.setAttribute("tabindex", "-1");
    (next ?? head)?.focus();
    set(status, "The lock was ended.");
    return refresh();
  }
  const text = sent ? new DOMParser().parseFromString(await sent.text(), "text/html").querySelector("main p:not(.brand)")?.textContent : "";
  tellIn(form, text || UNREACHABLE);
}

function tellIn(form, text) {
  const told = form.querySelector(".wrong") ?? form.insertBefore(document.createElement("p"), form.lastElementChild);
  told.className = "wrong";
  told.setAttribute("role", "alert");
  told.textContent = text;
}

// The page stays, for it comes to life again; what it shows of the lock still helps.
function unreachable(link) {
  const said = document.createElement("p");
  said.className = "wrong";
  said.textContent = UNREACHABLE;
  const close = Object.assign(document.createElement("button"), { textContent: "Close" });
  close.dataset.close = "";
  asked = link;
  dialog.replaceChildren(said, close);
  dialog.showModal();
}

document.addEventListener("pointerdown", (event) => (pressed = event.target));
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-ask]");
  const plain = !event.metaKey && !event.ctrlKey && !event.shiftKey && event.button === 0;
  if (link && dialog && plain) {
    event.preventDefault();
    ask(link).catch(() => unreachable(link));
  }
  if (event.target.closest("dialog [data-close]") || (event.target === dialog && pressed === dialog)) {
    event.preventDefault();
    dialog.close();
  }
});
dialog?.addEventListener("submit", answerQuestion);

// ---- The log of a running task: asked for, not streamed. A browser has six connections to a host,
// and two for each of the tasks that somebody looks at would use them up.

const LOG_LETTERS = 400_000; // more of it makes the page slow

function logs() {
  for (const element of document.querySelectorAll("[data-log]:not(.followed)")) {
    element.classList.add("followed");
    log(element, element.dataset.log).finally(() => element.classList.remove("followed"));
  }
}

async function log(element, address) {
  let quiet = 250;
  // What is said now is what one looks for; the whole begins above.
  const box = element.closest(".log") ?? element;
  box.scrollTop = box.scrollHeight;
  for (;;) {
    if (document.hidden) await becomesVisible();
    // Whether it is over is asked first: what it said last is then read.
    const over = !element.isConnected || !element.dataset.log;
    try {
      const from = Number(element.dataset.from);
      const answer = await fetch(`${address}?from=${from}`, { cache: "no-store" });
      // What is not there stays away; a server that is busy or starts again does not.
      if (answer.status < 500 && !answer.ok) return;
      if (!answer.ok) throw new Error(answer.statusText);
      const part = await answer.json();
      element.dataset.from = part.next;
      write(element, part.text, part.from > from);
      if (over && !part.text) return;
      quiet = part.text ? 250 : Math.min(1000, quiet * 1.5);
    } catch {
      quiet = 1500;
    }
    await wait(quiet);
  }
}

// Puts text behind what stands there. The last line is open: what comes may write over it.
function write(element, text, skipped) {
  if (!text) return;
  const box = element.closest(".log") ?? element;
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  if (skipped) element.replaceChildren();
  element.written = (element.written ?? "") + text;
  const kept = element.written.match(begun)?.[0] ?? "";
  const fresh = plain((element.open ?? "") + element.written.slice(0, element.written.length - kept.length));
  element.written = kept;
  const cut = fresh.lastIndexOf("\n") + 1;
  element.open = fresh.slice(cut);
  if (element.last?.parentNode === element) element.last.remove();
  if (cut) element.append(fresh.slice(Math.max(0, cut - LOG_LETTERS), cut));
  element.last = document.createTextNode(shownLast(element.open));
  element.append(element.last);
  let letters = element.textContent.length;
  const whole = document.getElementById("whole");
  while (letters > LOG_LETTERS && element.childNodes.length > 2) {
    letters -= element.firstChild.data.length;
    element.firstChild.remove();
    whole?.removeAttribute("hidden");
  }
  if (skipped || cut > LOG_LETTERS) whole?.removeAttribute("hidden");
  if (atEnd) box.scrollTop = box.scrollHeight;
}

const escapes = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g;
const begun = /\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]{0,2000}\x1b?|[ -/]*)?$/;
const deceptive = /[\x80-\x9f\u200b\u200c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;
const shownLast = (line) => line.replace(/\r+$/, "").replace(/^[^]*\r/, "");

// Without colours; of a line that was written over, what was written last. A line that is still
// open keeps its returns.
function plain(text) {
  const lines = text.replace(escapes, "").replace(deceptive, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`).split("\n");
  const open = lines.pop();
  return [...lines.map(shownLast), open].join("\n");
}

// ---- Drawing over the timeline looks closer.

document.addEventListener("pointerdown", (event) => {
  const rows = event.target.closest(".rows");
  const picture = rows?.closest("[data-zoom]");
  const area = rows?.querySelector("svg");
  if (!picture || !area || event.button !== 0 || event.pointerType === "touch") return;
  const { left, width } = area.getBoundingClientRect();
  const inset = left - picture.getBoundingClientRect().left;
  const share = (x) => Math.min(1, Math.max(0, (x - left) / width));
  const began = share(event.clientX);
  let shade = null;
  const stop = new AbortController();
  const move = (now) => {
    const [a, b] = [began, share(now.clientX)].sort((x, y) => x - y);
    if (!shade && (b - a) * width < 6) return;
    shade ??= picture.appendChild(Object.assign(document.createElement("div"), { className: "drawn" }));
    shade.style.left = `${inset + a * width}px`;
    shade.style.width = `${(b - a) * width}px`;
  };
  const end = (last) => {
    stop.abort();
    if (!shade) return;
    shade.remove();
    const [a, b] = [began, share(last.clientX)].sort((x, y) => x - y);
    const [from, to] = [Number(picture.dataset.from), Number(picture.dataset.to)];
    const at = (part) => Math.round(from + part * (to - from));
    document.addEventListener("click", (click) => click.preventDefault(), { once: true, capture: true });
    location.assign(picture.dataset.zoom.replace("?", `?from=${at(a)}&to=${at(b)}`));
  };
  document.addEventListener("pointermove", move, { signal: stop.signal });
  document.addEventListener("pointerup", end, { signal: stop.signal });
  document.addEventListener("pointercancel", () => stop.abort(), { signal: stop.signal });
});
document.addEventListener("dragstart", (event) => event.target.closest(".rows") && event.preventDefault());

// ---- Begin.

if (main?.dataset.now) ahead = Number(main.dataset.now) - Date.now();
localise();
tick();
setInterval(tick, 1000);
if (main?.dataset.live) {
  document.addEventListener("visibilitychange", () => document.hidden || old === false || refresh());
  // No event tells that a folder was deleted, or that a holder fell silent.
  setInterval(refresh, 60_000);
  follow(main.dataset.live.split(" "));
}
logs();
