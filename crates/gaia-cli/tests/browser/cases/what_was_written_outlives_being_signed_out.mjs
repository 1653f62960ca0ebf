import { assert, folder, gaia, play } from "../stage.mjs";

const MISSED = [/401 \(Unauthorized\)/];
const signOut = async (page) => {
  const { csrf } = await page.evaluate(() => fetch("/api/gaia/session").then((answer) => answer.json()));
  await page.evaluate((csrf) => fetch("/api/gaia/session", { method: "DELETE", headers: { "x-csrf-token": csrf } }), csrf);
};

await play(async (stage) => {
  // A task's text: sending it says that one is signed out, and then it is sent after all.
  const page = await stage.signedIn("agent", {}, MISSED);
  await page.goto(`${stage.base}/tasks`);
  await page.waitForSelector(".live");
  await page.click("text=Send a task");
  await page.fill("[name=text]", "what took me an hour to write");
  await signOut(page);
  await page.click("button:text-is('Send')");
  await page.waitForSelector("text=What you wrote is still here");
  assert.equal(await page.inputValue("[name=text]"), "what took me an hour to write");
  const other = await page.context().newPage();
  await stage.signIn(other, "agent");
  await page.waitForSelector("text=What you wrote is still here", { state: "hidden" });
  await page.click("button:text-is('Send')");
  await page.waitForURL(`${stage.base}/tasks/1`);
  await page.waitForSelector("text=what took me an hour to write");

  // The same for the reason in a question.
  gaia("acquire", folder("shop"), "--session", "ann");
  const admin = await stage.signedIn("admin", {}, MISSED);
  await admin.click("[data-ask]");
  await admin.fill("dialog [name=reason]", "it hangs");
  await signOut(admin);
  await admin.click("dialog >> text=End the lock");
  await admin.waitForSelector("dialog >> text=You are signed out");
  const again = await admin.context().newPage();
  await stage.signIn(again, "admin");
  await admin.waitForSelector("dialog .wrong", { state: "detached" });
  await admin.click("dialog >> text=End the lock");
  await admin.waitForSelector("text=No active locks – all folders are available");
  assert.equal(JSON.parse(gaia("--json", "history")).locks[0].reason, "it hangs");

  // Without a script nothing is sent, and the way back leads to the form.
  const plain = await stage.signedIn("agent", { javaScriptEnabled: false }, MISSED);
  await plain.goto(`${stage.base}/tasks`);
  await plain.click("text=Send a task");
  await plain.fill("[name=text]", "by hand");
  await plain.context().clearCookies();
  await plain.click("button:text-is('Send')");
  await plain.waitForSelector("text=You were signed out meanwhile, so nothing was sent");
  await plain.fill("[name=name]", "agent");
  await plain.fill("[name=password]", "correct horse battery");
  await plain.click("text=Sign in >> nth=-1");
  await plain.waitForURL(`${stage.base}/tasks`);
});
