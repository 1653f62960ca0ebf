import { assert, play, PASSWORD, shot } from "../stage.mjs";

await play(async (stage) => {
  const page = await stage.page({}, [/401/]);
  // Whoever is not signed in is asked to, and goes on where they wanted to be.
  await page.goto(`${stage.base}/history?session=a%20b`);
  await page.waitForURL(/\/sign-in\?next=/);
  await shot(page, "sign-in-light");
  await page.fill("[name=name]", "viewer");
  await page.fill("[name=password]", "not the password");
  await page.press("[name=password]", "Enter");
  await page.waitForSelector(".wrong >> text=name and password do not belong together");
  assert.equal(await page.inputValue("[name=name]"), "viewer");
  await page.fill("[name=password]", PASSWORD);
  await page.press("[name=password]", "Enter");
  await page.waitForURL(`${stage.base}/history?session=a%20b`);
  assert.equal(await page.inputValue("[name=session]"), "a b");
  await page.click("text=Sign out");
  await page.waitForURL(`${stage.base}/sign-in`);
  await page.goto(stage.base);
  await page.waitForURL(/\/sign-in$/);

  // The link signs in once.
  const linked = await stage.page({}, [/401/]);
  await linked.goto(stage.link);
  await linked.waitForSelector(".live");
  assert.equal(new URL(linked.url()).pathname, "/");
  const again = await stage.page({}, [/401/]);
  const answer = await again.goto(stage.link);
  assert.equal(answer.status(), 401);
  await again.waitForSelector("text=this link was used already");
  const cookies = await linked.context().cookies();
  assert.ok(cookies.every((cookie) => cookie.httpOnly && cookie.sameSite === "Strict"), JSON.stringify(cookies));
});
