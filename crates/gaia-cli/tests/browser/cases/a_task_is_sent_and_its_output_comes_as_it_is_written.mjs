import { assert, folder, gaia, play, start } from "../stage.mjs";
import { spawn } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";

await play(async (stage) => {
  // An agent that says what is written into a file, as it comes, as long as another process lives.
  const words = `${folder("shop")}/words`;
  writeFileSync(words, "first line\n");
  const lives = spawn("sleep", ["600"]);
  gaia("session", "add", "reader", "--process", `tail -n +1 -f --pid=${lives.pid} ${words}`);
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
  // What was meant for a terminal: colours, a line that is written over, an escape that is torn.
  appendFileSync(words, "\x1b[1;32mgreen\x1b[0m\n10 %\r20 %");
  await page.waitForFunction(() => document.querySelector("#log").textContent.endsWith("green\n20 %"));
  appendFileSync(words, "\r100 %\n\x1b[3");
  await page.waitForFunction(() => document.querySelector("#log").textContent.endsWith("green\n100 %\n"));
  appendFileSync(words, "1mred\x1b[0m\n");
  said.push("green", "100 %", "red");
  await page.waitForFunction(() => document.querySelector("#log").textContent.endsWith("red\n"));
  lives.kill();
  await page.waitForSelector("h1 >> text=completed");
  const log = `first line\n${said.join("\n")}\n`;
  await page.waitForFunction((log) => document.querySelector("#log").textContent === log, log);
  // The same after a reload, from the server.
  await page.reload();
  assert.equal(await page.locator("#log").textContent(), log);

  // One that fails and is tried again goes on where it was.
  const ready = `${folder("shop")}/ready`;
  gaia("session", "add", "flaky", "--process", `sh -c 'echo try; test -e ${ready}'`);
  gaia("send", "once more", "--target", "flaky", "--dir", folder("shop"));
  await page.goto(`${stage.base}/tasks/2`);
  await page.waitForSelector("h1 >> text=failed");
  await page.waitForFunction(() => document.querySelector("#log").textContent === "try\n");
  writeFileSync(ready, "");
  gaia("task", "retry", "2");
  await page.waitForSelector("h1 >> text=completed");
  await page.waitForFunction(() => document.querySelector("#log").textContent === "try\ntry\n");

  // Of a long one only the end is on the page; all of it is a file.
  gaia("session", "add", "chatty", "--process", "sh -c 'seq 1 300000'");
  gaia("send", "count", "--target", "chatty", "--dir", folder("shop"));
  await page.goto(`${stage.base}/tasks/3`);
  await page.waitForSelector("h1 >> text=completed");
  await page.waitForFunction(() => document.querySelector("#log").textContent.endsWith("\n300000\n"));
  assert.ok((await page.locator("#log").textContent()).length <= 500_000);
  const [file] = await Promise.all([page.waitForEvent("download"), page.click("text=All of it, as a file")]);
  assert.equal(file.suggestedFilename(), "task-3.log");
  const all = readFileSync(await file.path(), "utf8");
  assert.ok(all.startsWith("1\n2\n") && all.endsWith("\n300000\n") && all.length > 1_900_000, `${all.length}`);
});
