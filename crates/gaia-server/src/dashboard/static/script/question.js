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
    const answer = await fetch("/api/gaia/session", { headers: BY_ITSELF, cache: "no-store" }).catch(() => null);
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
let asked = null;
let pressed = null;

async function ask(link) {
  const address = new URL(link.href);
  const answer = await fetch(address.pathname, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(5000) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const form = page.querySelector(address.hash || "form.question");
  if (!answer.ok || !form) return location.assign(link.href);
  asked = link;
  dialog.replaceChildren(form);
  const head = form.querySelector("h2");
  if (head) head.id ||= "question-head";
  dialog.setAttribute("aria-labelledby", head?.id ?? "");
  dialog.showModal();
  form.querySelector("input:not([type=hidden])")?.focus();
}

async function answerQuestion(event) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  // Its row may be gone before the answer is here: whoever came by keyboard goes on with the next.
  const next = asked?.closest("tr")?.nextElementSibling?.querySelector("a[data-ask]");
  const head = asked?.closest("section")?.querySelector("h2");
  // A process that does not stop at once may take seconds.
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  const sent = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
    headers: { accept: "text/html" },
  }).catch(() => null);
  // What has ended meanwhile cannot be ended.
  button.disabled = sent?.status === 409;
  button.removeAttribute("aria-busy");
  if (sent?.status === 401) {
    tellIn(form, "You are signed out. Sign in in another tab, then send it from here.");
    return signedOut();
  }
  if (sent?.ok) {
    dialog.close();
    head?.setAttribute("tabindex", "-1");
    (next?.isConnected ? next : head)?.focus();
    const stops = new URL(sent.url).pathname.startsWith("/tasks/");
    set(status, stops ? "Its task is being stopped; the lock ends when it has." : "The lock was ended.");
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
