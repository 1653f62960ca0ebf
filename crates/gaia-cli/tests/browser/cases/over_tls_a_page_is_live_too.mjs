import { assert, folder, gaia, play, stop, work } from "../stage.mjs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

await play(async (stage) => {
  const [cert, key] = [join(work, "cert.pem"), join(work, "key.pem")];
  const named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  const made = spawnSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, ...named]);
  assert.equal(made.status, 0, `${made.error ?? made.stderr}`);
  await stop(stage.server);
  stage.base = `https://127.0.0.1:${stage.port}`;
  await stage.serve("--tls-cert", cert, "--tls-key", key);

  const page = await stage.signedIn("admin", { ignoreHTTPSErrors: true });
  const [cookie] = await page.context().cookies();
  assert.deepEqual([cookie.name, cookie.secure, cookie.httpOnly, cookie.sameSite], ["__Host-gaia_session", true, true, "Strict"]);
  assert.equal(await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol), "h2");
  gaia("acquire", folder("shop"), "--session", "ann");
  await page.waitForSelector("#locks tbody tr >> text=ann");
  await page.click("[data-ask]");
  await page.fill("dialog [name=reason]", "over TLS");
  await page.click("dialog >> text=End the lock");
  await page.waitForSelector("text=No active locks – all folders are available");
  // One connection carries as many streams as there are pages.
  for (let n = 0; n < 8; n += 1) {
    const other = await page.context().newPage();
    await other.goto(stage.base);
    await other.waitForSelector(".live");
  }
});
