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
  for (const [id, child] of byId) if (!stays.has(id)) child.remove();
  // A node that is moved loses focus, selection and a click that is under way: few are.
  const places = new Map([...byId.values()].map((child, place) => [child, place]));
  const known = [...stays.keys()].map((id) => byId.get(id)).filter((child) => child?.isConnected);
  const rests = inOrder(known, places);
  const moves = (node) => node.id && stays.has(node.id) && !rests.has(node);
  let at = old.firstChild;
  const skip = () => {
    while (at && moves(at)) at = at.nextSibling;
  };
  for (const wanted of [...fresh.childNodes]) {
    skip();
    const mine = wanted.id ? byId.get(wanted.id) : at && !at.id && same(at, wanted) ? at : null;
    if (!mine || !same(mine, wanted)) {
      if (wanted.nodeName === "TR") wanted.classList.add("fresh");
      old.insertBefore(wanted, at);
      if (mine) mine.remove();
      continue;
    }
    if (rests.has(mine)) {
      while (at !== mine) {
        const next = at.nextSibling;
        if (!moves(at)) at.remove();
        at = next;
      }
    }
    if (mine === at) at = at.nextSibling;
    else old.insertBefore(mine, at);
    morph(mine, wanted);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

// As many of them as stand in this order already.
function inOrder(nodes, places) {
  const [ends, before] = [[], new Map()];
  for (const node of nodes) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (places.get(ends[middle]) < places.get(node)) low = middle + 1;
      else high = middle;
    }
    before.set(node, ends[low - 1]);
    ends[low] = node;
  }
  const found = new Set();
  for (let node = ends.at(-1); node; node = before.get(node)) found.add(node);
  return found;
}
