import { assert, folder, gaia, play, shot, stop } from "../stage.mjs";

await play(async (stage) => {
  const page = await stage.signedIn("admin", {}, [/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|503|401/]);
  gaia("acquire", folder("one"), "--session", "ann");
  await page.waitForSelector("#locks tr >> text=ann");
  assert.equal(await page.isVisible("#banner"), false);

  // The server is killed; what happens meanwhile is not seen, and the page says so.
  await stop(stage.server, "SIGKILL");
  await page.waitForSelector("#banner >> text=The connection to the server dropped");
  assert.ok(await page.isVisible("#banner"));
  await shot(page, "connection-lost-light");
  gaia("acquire", folder("two"), "--session", "bob");
  assert.equal(await page.locator("#locks tr >> text=bob").count(), 0);

  // A question that cannot be asked leaves the page where it is.
  await page.click("#locks tr [data-ask]");
  await page.waitForSelector("dialog >> text=The server could not be reached");
  await page.click("dialog >> text=Close");

  await stage.serve();
  await page.waitForSelector(".live");
  await page.waitForSelector("#locks tr >> text=bob");
  assert.equal(await page.isVisible("#banner"), false);

  // A session that is over is not silence: the page asks to sign in.
  gaia("user", "password", "admin", { input: "another password" });
  await stop(stage.server, "SIGTERM");
  await stage.serve();
  await page.waitForURL(/\/sign-in/);
});
