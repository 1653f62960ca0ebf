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
