// ---- The log of a running task: asked for, not streamed. A browser has six connections to a host,
// and two for each of the tasks that somebody looks at would use them up.

const LOG_LETTERS = 400_000; // more of it makes the page slow

function logs() {
  for (const element of document.querySelectorAll("[data-log]:not(.followed)")) {
    const { goesOn, from, to } = element.dataset;
    if (!goesOn && !(Number(from) < Number(to))) continue;
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
    const over = !element.isConnected || !element.dataset.goesOn;
    try {
      const from = Number(element.dataset.from);
      const answer = await fetch(`${address}?from=${from}`, { headers: BY_ITSELF, cache: "no-store" });
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
// The letters that the server escapes, too.
const deceptive = /[\x80-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;
const shownLast = (line) => line.replace(/\r+$/, "").replace(/^[^]*\r/, "");

// Without colours; of a line that was written over, what was written last. A line that is still
// open keeps its returns.
function plain(text) {
  const lines = text.replace(escapes, "").replace(deceptive, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`).split("\n");
  const open = lines.pop();
  return [...lines.map(shownLast), open].join("\n");
}
