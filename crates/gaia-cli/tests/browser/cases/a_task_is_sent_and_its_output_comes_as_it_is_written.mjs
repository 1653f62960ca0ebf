import { assert, folder, gaia, play, start } from "../stage.mjs";
import { appendFileSync, writeFileSync } from "node:fs";

await play(async (stage) => {
  // An agent that says what is written into a file, as it comes, until it reads "end".
  const words = `${folder("shop")}/words`;
  writeFileSync(words, "first line\n");
  gaia("session", "add", "reader", "--process", `sh -c 'tail -n +1 -f ${words} | sed -u /end/q'`);
  start("assigner");
  const page = await stage.signedIn("agent");
  await page.goto(`${stage.base}/tasks`);
  await page.waitForSelector(".live");
  await page.click("text=Send a task");
  await page.fill("[name=text]", "read aloud");
  await page.fill("[name=folder]", folder("shop"));
  await page.click("button:text-is('Send')");
  await page.waitForURL(`${stage.base}/tasks/1`);
  await page.waitForSelector("h1 >> text=running");
  await page.waitForSelector("#log >> text=first line");
  const said = ["second <b>line</b>", "third 🦀"];
  for (const line of said) {
    appendFileSync(words, `${line}\n`);
    await page.waitForFunction((line) => document.querySelector("#log").textContent.includes(line), line);
  }
  appendFileSync(words, "end\n");
  await page.waitForSelector("h1 >> text=completed");
  const log = `first line\n${said.join("\n")}\nend\n`;
  await page.waitForFunction((log) => document.querySelector("#log").textContent === log, log);
  // The same after a reload, from the server.
  await page.reload();
  assert.equal(await page.locator("#log").textContent(), log);
});
