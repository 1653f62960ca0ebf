import { assert, folder, gaia, play, shot } from "../stage.mjs";

await play(async (stage) => {
  gaia("acquire", folder("one"), "--session", "ann");
  gaia("acquire", folder("two"), "--session", "bob");
  const page = await stage.signedIn();
  const ask = page.locator("#locks tr", { hasText: "bob" }).locator("[data-ask]");

  // Only a question: Escape and "Keep it" leave the lock alone.
  await ask.focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog[open] >> text=End this lock by force?");
  assert.equal(await page.evaluate(() => document.activeElement.name), "reason");
  await shot(page, "question-light");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog[open]", { state: "detached" });
  await ask.click();
  await page.click("dialog >> text=Keep it");
  await page.waitForSelector("dialog[open]", { state: "detached" });
  assert.equal(gaia("status", "--json").match(/"count": ?2/)?.length, 1);

  // Without a reason the browser does not even send it.
  await ask.click();
  await page.click("dialog >> text=End the lock");
  assert.ok(await page.isVisible("dialog[open]"));
  await page.fill("dialog [name=reason]", "it hangs <b>& more");
  // Text that is selected beyond the dialog's edge is not a click beside it.
  const field = await page.locator("dialog [name=reason]").boundingBox();
  await page.mouse.move(field.x + 20, field.y + field.height / 2);
  await page.mouse.down();
  await page.mouse.move(5, field.y + field.height / 2);
  await page.mouse.up();
  assert.ok(await page.isVisible("dialog[open]"));
  await page.focus("dialog [name=reason]");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog[open]", { state: "detached" });
  await page.locator("#locks tr", { hasText: "bob" }).waitFor({ state: "detached" });
  assert.ok(await page.isVisible("#locks tr >> text=ann"));
  // Whoever came by keyboard goes on with the next one, and hears what happened.
  assert.ok(await page.evaluate(() => document.activeElement.closest("tr").innerText.includes("ann")));
  assert.equal(await page.locator("[role=status]#said").innerText(), "The lock was ended.");
  const [past] = JSON.parse(gaia("--json", "history", "--session", "bob")).locks;
  assert.deepEqual([past.end_reason, past.ended_by, past.reason], ["forced", "admin", "it hangs <b>& more"]);

  // One that ended meanwhile is told of in the dialog.
  await page.goto(`${stage.base}/history`);
  await page.waitForSelector("text=it hangs <b>& more");
  await page.goto(`${stage.base}/locks/${past.id}`);
  await page.waitForSelector("text=forced");
  assert.equal(await page.locator("form.question").count(), 0);
});
