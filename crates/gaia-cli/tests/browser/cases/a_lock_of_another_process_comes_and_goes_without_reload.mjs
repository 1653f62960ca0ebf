import { assert, folder, gaia, play, start, stop } from "../stage.mjs";

await play(async (stage) => {
  const page = await stage.signedIn("admin", {}, [/404/]);
  await page.waitForSelector("text=No active locks – all folders are available");
  await page.evaluate(() => (window.neverReloaded = true));
  const path = folder("shop");
  gaia("acquire", path, "--session", "ann", "--ttl", "10m");
  const row = page.locator("#locks tbody tr");
  await row.waitFor();
  assert.match(await row.innerText(), /shop\s[\s\S]*ann[\s\S]*(10 min|9 min \d+ s)/);
  assert.equal(await page.locator("#locks .badge").innerText(), "1");
  assert.match(await page.title(), /^1 lock ·/);

  // The time that is left runs, though nothing changes.
  const left = page.locator("#locks [data-until]");
  const before = await left.innerText();
  await page.waitForFunction((text) => document.querySelector("#locks [data-until]").textContent !== text, before);

  // Who waits is seen, and who gets it then.
  const waiter = start("acquire", path, "--session", "bob", "--wait", "1m");
  await page.waitForSelector("#waiters tbody tr >> text=bob");
  await page.waitForSelector("#locks .tag >> text=1 waits");

  // Changes leave focus, selection and scrolling alone.
  await page.focus("#locks [data-ask]");
  await page.fill("input[name=q]", "half a wo");
  await page.evaluate(() => getSelection().selectAllChildren(document.querySelector("h2")));
  await page.focus("#locks tbody td a");
  await page.setViewportSize({ width: 1280, height: 300 });
  await page.evaluate(() => scrollTo(0, 120));
  gaia("acquire", folder("other"), "--session", "carla");
  await page.waitForSelector("#locks tbody tr >> text=carla");
  const kept = await page.evaluate(() => [
    document.activeElement.closest("tr")?.innerText.includes("ann"),
    getSelection().toString().startsWith("Active locks"),
    document.querySelector("input[name=q]").value,
    scrollY,
  ]);
  assert.deepEqual(kept, [true, true, "half a wo", 120]);

  gaia("release", path, "--session", "ann");
  await page.waitForSelector("#locks tbody tr >> text=bob");
  await waiter.ended;
  await page.waitForSelector("text=Nobody waits.");
  gaia("release", path, "--session", "bob");
  gaia("release", folder("other"), "--session", "carla");
  await page.waitForSelector("text=No active locks – all folders are available");

  // What nobody tells of: a lease that runs out, a holder that dies.
  gaia("acquire", path, "--session", "dora", "--ttl", "2s");
  const holder = start("run", folder("other"), "--session", "emil", "--", "sleep", "600");
  await page.waitForSelector("#locks tbody tr >> text=dora");
  await page.waitForSelector("#locks tbody tr >> text=emil");
  const [{ pid }] = JSON.parse(gaia("--json", "status", folder("other"))).locks;
  process.kill(pid, "SIGKILL");
  process.kill(holder.pid, "SIGKILL");
  await page.waitForSelector("text=No active locks – all folders are available");

  // A pause, and its end.
  gaia("pause", path, "--reason", "we deploy");
  await page.waitForSelector("#pauses >> text=we deploy");
  gaia("resume", path);
  await page.waitForSelector("#pauses >> text=we deploy", { state: "detached" });
  assert.equal(await page.evaluate(() => window.neverReloaded), true);

  // A row that changes its place takes nothing from the others.
  for (const text of ["first", "second", "third"]) gaia("send", text);
  await page.goto(`${stage.base}/tasks`);
  await page.waitForSelector(".live");
  const order = () => page.locator("#tasks tbody tr").evaluateAll((rows) => rows.map((row) => row.id).join(" "));
  assert.equal(await order(), "task-1 task-2 task-3");
  await page.focus("#task-2 a");
  await page.evaluate(() => getSelection().selectAllChildren(document.querySelector("#task-3 .text")));
  gaia("task", "cancel", "1");
  await page.waitForSelector("#task-1 >> text=cancelled");
  assert.equal(await order(), "task-2 task-3 task-1");
  const stays = await page.evaluate(() => [document.activeElement.closest("tr")?.id, getSelection().toString().trim()]);
  assert.deepEqual(stays, ["task-2", "third"]);

  // What is not there any more is not shown as live.
  await page.goto(`${stage.base}/tasks/1`);
  await page.waitForSelector(".live");
  gaia("tasks", "clear", "--days", "0");
  await page.waitForSelector("[role=alert] >> text=This is not there any more");
});
