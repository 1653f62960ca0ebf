// ---- Begin.

if (main?.dataset.now) ahead = Number(main.dataset.now) - Date.now();
localise();
tick();
setInterval(tick, 1000);
addEventListener("load", () => setTimeout(nameZone), { once: true });
if (main?.dataset.live) {
  document.addEventListener("visibilitychange", () => document.hidden || old === false || refresh());
  // No event tells that a folder was deleted, or that a holder fell silent.
  setInterval(refresh, 60_000);
  follow(main.dataset.live.split(" "));
}
logs();
