import { assert, folder, gaia, play } from "../stage.mjs";

// A dashboard as people have it: it asks every ten seconds, reads the times with
// `new Date`, and releases a lock by its id.
const WIDGET = `<!doctype html><title>Our dashboard</title><ul id="locks"></ul><p id="said"></p><script>
  const list = document.getElementById("locks");
  async function show() {
    const { count, locks } = await (await fetch("/api/gaia/locks")).json();
    document.title = "locks: " + count;
    list.replaceChildren(...locks.map((lock) => {
      const row = document.createElement("li");
      const [created, expires] = [new Date(lock.created_at), new Date(lock.expires_at)];
      const minutes = Math.round((expires - created) / 60000);
      row.textContent = [lock.folder_path, lock.session_id, lock.task_id, minutes, created.toISOString()].join(" ");
      const button = row.appendChild(document.createElement("button"));
      button.textContent = "Release";
      button.onclick = () => release(lock.id);
      return row;
    }));
  }
  async function release(id) {
    const { csrf } = await (await fetch("/api/gaia/session")).json();
    const answer = await fetch("/api/gaia/locks/" + id + "/release", { method: "POST", headers: { "X-CSRF-Token": csrf } });
    const { success, message } = await answer.json();
    document.getElementById("said").textContent = success + ": " + message;
    await show();
  }
  show();
  setInterval(show, 10000);
</script>`;

await play(async (stage) => {
  const path = folder("repo");
  const page = await stage.page();
  await stage.signIn(page, "admin");
  await page.clock.install();
  await page.route(`${stage.base}/ours`, (route) => route.fulfill({ contentType: "text/html", body: WIDGET }));
  await page.goto(`${stage.base}/ours`);
  await page.waitForFunction(() => document.title === "locks: 0");

  const before = Date.now();
  gaia("acquire", path, "--session", "ann", "--ttl", "30m");
  const asked = page.waitForResponse((answer) => answer.url().endsWith("/api/gaia/locks"));
  await page.clock.fastForward(10_000);
  await asked;
  const row = page.locator("li", { hasText: "ann" });
  await row.waitFor();
  const [shown, session, task, minutes, created] = (await row.innerText()).replace("Release", "").trim().split(" ");
  assert.deepEqual([shown, session, task, minutes], [path, "ann", "0", "30"]);
  assert.ok(Math.abs(Date.parse(created) - before) < 60_000, created);

  await row.locator("button").click();
  await row.waitFor({ state: "detached" });
  assert.match(await page.innerText("#said"), /^true: released .*repo/);
  assert.equal(await page.title(), "locks: 0");
  const [past] = JSON.parse(gaia("--json", "history")).locks;
  assert.deepEqual([past.end_reason, past.ended_by], ["forced", "admin"]);
});
