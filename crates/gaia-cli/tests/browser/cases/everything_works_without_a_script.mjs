import { assert, folder, gaia, play, shot } from "../stage.mjs";

await play(async (stage) => {
  gaia("session", "add", "claude-1", "--process", "true");
  const path = folder("shop");
  gaia("acquire", path, "--session", "ann", "--ttl", "10m");
  const page = await stage.signedIn("admin", { javaScriptEnabled: false }, [/400/]);
  const row = await page.locator("#locks tbody tr").innerText();
  assert.match(row, /shop[\s\S]*ann[\s\S]*\d\d:\d\d:\d\d[\s\S]*(10 min|9 min \d+ s)/);
  assert.match(await page.locator(".zone").innerText(), /UTC/);
  await shot(page, "without-script-light");

  // The question is a page.
  await page.click("text=Release…");
  await page.waitForURL(/\/locks\/1#release$/);
  await page.fill("[name=reason]", "no script needed");
  await page.click("text=End the lock");
  await page.waitForURL(`${stage.base}/locks/1`);
  await page.waitForSelector("text=no script needed");

  // A task is sent; what is wrong with it is told beside what was written.
  await page.goto(`${stage.base}/tasks`);
  await page.click("text=Send a task");
  await page.fill("[name=text]", "count the files");
  await page.fill("[name=folder]", "not/absolute");
  await page.click("button:text-is('Send')");
  await page.waitForSelector(".wrong");
  assert.equal(await page.inputValue("[name=text]"), "count the files");
  await page.fill("[name=folder]", path);
  await page.fill("[name=priority]", "7");
  await page.fill("[name=timeout]", "5m");
  await page.click("button:text-is('Send')");
  await page.waitForURL(`${stage.base}/tasks/1`);
  const { task } = JSON.parse(gaia("--json", "task", "show", "1"));
  assert.deepEqual([task.content, task.working_dir, task.priority, task.timeout_minutes], ["count the files", path, 7, 5]);
  await page.click("text=Call it off…");
  await page.click("button:text-is('Call it off')");
  await page.waitForSelector("h1 >> text=cancelled");
  await page.click("text=Try it again");
  await page.waitForSelector("h1 >> text=pending");

  // Filters, folded trees, the timeline's closer look, pages.
  await page.goto(`${stage.base}/history`);
  await page.fill("[name=session]", "nobody");
  await page.click("button:text-is('Show')");
  await page.waitForSelector("text=No lock fits.");
  gaia("acquire", path, "--session", "bob");
  await page.goto(`${stage.base}/timeline`);
  assert.equal(await page.locator(".rows li").count(), 1);
  await page.click(".scale a >> nth=5");
  assert.match(page.url(), /from=\d+&to=\d+/);
  await page.waitForSelector(".rows li");
  await page.goto(`${stage.base}/folders`);
  await page.waitForSelector("text=taken by bob");
});
