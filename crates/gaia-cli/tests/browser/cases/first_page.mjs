// The first page with 1,000 locks and 10,000 rows of history: at most 60 KB over the wire. The time is a figure, and only printed.
import { assert, gaia, play, work } from "../stage.mjs";

const LARGEST = 60 * 1024;

await play(async (stage) => {
  const paths = Array.from({ length: 1000 }, (_, n) => `${work}/service-${n % 40}/module-${n}`);
  for (let n = 0; n < 9; n += 1) {
    gaia("acquire", ...paths, "--session", "past");
    gaia("release", ...paths, "--session", "past");
  }
  gaia("acquire", ...paths, "--session", "now");
  const page = await stage.signedIn();
  for (const place of ["/", "/history", "/folders", "/timeline"]) {
    const runs = [];
    // Every other one in a browser that has its process for the site already.
    for (let n = 0; n < 18; n += 1) {
      const fresh = await stage.page({ storageState: await page.context().storageState() });
      if (n % 2) await fresh.goto(`${stage.base}/healthz`, { waitUntil: "load" });
      await fresh.goto(stage.base + place, { waitUntil: "load" });
      const run = await fresh.evaluate(() => {
        const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
        const files = all.filter((entry) => !entry.name.includes("/events"));
        const [page] = performance.getEntriesByType("navigation");
        return { bytes: files.reduce((sum, entry) => sum + entry.transferSize, 0), time: page.loadEventEnd, server: page.responseEnd - page.requestStart };
      });
      runs.push(run);
      await fresh.context().close();
    }
    const told = (first, what) => {
      const all = runs.filter((_, n) => n % 2 === first).map(what).sort((a, b) => a - b);
      return `${all[4].toFixed(0)} ms (${all[0].toFixed(0)} to ${all[8].toFixed(0)})`;
    };
    console.log(`${place}: ${runs[0].bytes} bytes, complete in ${told(1, (run) => run.time)}, with the start of Chromium's process ${told(0, (run) => run.time)}, of it the server ${told(1, (run) => run.server)}; medians of 9`);
    assert.ok(runs[0].bytes <= LARGEST, `${place}: ${runs[0].bytes} bytes`);
  }
  assert.equal(await page.locator("#locks .badge").innerText(), "1000");
});
