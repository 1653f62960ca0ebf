import { assert, gaia, play, PASSWORD, shot } from "../stage.mjs";

await play(async (stage) => {
  const page = await stage.signedIn("admin", {}, [/400|403|409/]);
  const other = await stage.signedIn("admin", {}, [/401/]);
  await page.goto(`${stage.base}/account`);

  // A token is shown once and works.
  const form = page.locator("form[action='/account/tokens']");
  await form.locator("[name=name]").fill("ci");
  await form.locator("[name=role]").selectOption("agent");
  await form.locator("button").click();
  const secret = await page.locator("#secret").innerText();
  await shot(page, "token-light");
  const asked = await fetch(`${stage.base}/api/gaia/session`, { headers: { authorization: `Bearer ${secret}` } });
  assert.deepEqual([asked.status, (await asked.json()).role], [200, "agent"]);
  await page.goto(`${stage.base}/account`);
  assert.ok(!(await page.content()).includes(secret));
  await page.click("text=Revoke…");
  await page.click("button >> text=Revoke");
  await page.waitForSelector("text=The token is revoked.");
  const refused = await fetch(`${stage.base}/api/gaia/session`, { headers: { authorization: `Bearer ${secret}` } });
  assert.equal(refused.status, 401);

  // An account is added, and one's own is not removed.
  const add = page.locator("form[action='/account/users']");
  await add.locator("[name=name]").fill("<b>zoe</b>");
  await add.locator("[name=password]").fill(PASSWORD);
  await add.locator("button").click();
  await page.waitForSelector("text=The account is added.");
  await page.waitForSelector("td >> text=<b>zoe</b>");
  assert.equal(await page.locator("tr", { hasText: "you" }).locator("button").count(), 0);
  await add.locator("[name=name]").fill("viewer");
  await add.locator("[name=password]").fill(PASSWORD);
  await add.locator("button").click();
  await page.waitForSelector("[role=alert] >> text=an account named viewer is there already");

  // A change of the password wants the old one, and signs other browsers out.
  const change = page.locator("form[action='/account/password']");
  const say = async (old, fresh) => {
    await change.locator("[name=old]").fill(old);
    await change.locator("[name=new]").fill(fresh);
    await change.locator("button").click();
  };
  await say("wrong", "a new password");
  await page.waitForSelector("[role=alert] >> text=that is not your password");
  await say(PASSWORD, "a new password");
  await page.waitForSelector("text=The password is changed.");
  await other.goto(stage.base);
  await other.waitForURL(/\/sign-in/);
  const acts = await page.locator("section", { hasText: "Trail" }).last().innerText();
  for (const act of ["create token", "revoke token", "add user", "set password", "sign in"]) assert.ok(acts.includes(act), `${act} in ${acts}`);
  assert.equal(JSON.parse(gaia("--json", "user", "list")).count, 4);
});
