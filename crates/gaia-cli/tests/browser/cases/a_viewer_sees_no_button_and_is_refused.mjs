import { assert, folder, gaia, play } from "../stage.mjs";

await play(async (stage) => {
  gaia("acquire", folder("one"), "--session", "ann");
  const page = await stage.signedIn("viewer", {}, [/403/]);
  await page.waitForSelector("#locks tbody tr >> text=ann");
  assert.equal(await page.locator("[data-ask]").count(), 0);
  await page.goto(`${stage.base}/locks/1`);
  assert.equal(await page.locator("main form").count(), 0);
  await page.goto(`${stage.base}/tasks`);
  assert.equal(await page.locator("text=Send a task").count(), 0);
  await page.goto(`${stage.base}/account`);
  assert.equal(await page.locator("text=A new account").count(), 0);

  // Not only the button is missing: the call is refused, with the page's own token.
  const statuses = await page.evaluate(async () => {
    const csrf = document.querySelector("[name=csrf]").value;
    const form = (path, fields) => fetch(path, { method: "POST", body: new URLSearchParams({ csrf, ...fields }) });
    const answers = [
      await form("/locks/1/release", { reason: "because" }),
      await fetch("/api/gaia/locks/1/release", { method: "POST", headers: { "x-csrf-token": csrf } }),
      await form("/tasks/send", { text: "do it" }),
      await form("/account/users", { name: "x", role: "admin", password: "long enough" }),
      await form("/account/tokens", { name: "viewer", role: "admin" }),
      await form("/account/tokens", { name: "other", role: "viewer" }),
      await fetch("/locks/1/release", { method: "POST", body: new URLSearchParams({ reason: "no token" }) }),
    ];
    return answers.map((answer) => answer.status);
  });
  assert.deepEqual(statuses, [403, 403, 403, 403, 403, 403, 403]);
  assert.equal(JSON.parse(gaia("--json", "status")).count, 1);
  assert.equal(JSON.parse(gaia("--json", "token", "list")).count, 0);
});
