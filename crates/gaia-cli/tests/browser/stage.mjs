// A home, a server, a browser: what every case of the dashboard stands on.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join } from "node:path";

const { BROWSER_TOOLS, BROWSER_CHROMIUM, BROWSER_GAIA, BROWSER_SHOTS, BROWSER_CASE, HOME, PATH } = process.env;
const require = createRequire(join(BROWSER_TOOLS, "/"));
const { chromium } = require("playwright-core");

export { assert };
export const axe = require.resolve("axe-core/axe.min.js");
export const PASSWORD = "correct horse battery";
// `gaia` with nothing around it but this home.
const env = { HOME, PATH, TZ: "UTC" };
export const work = join(HOME, "work");

export function gaia(...words) {
  const options = { env, cwd: work, encoding: "utf8" };
  const last = words.at(-1);
  const { status = 0, ...more } = typeof last === "object" ? words.pop() : {};
  const done = spawnSync(BROWSER_GAIA, words, { ...options, ...more });
  assert.equal(done.status, status, `gaia ${words.join(" ")}: ${done.stderr}`);
  return done.stdout;
}

const children = new Set();

// Something that goes on beside the case; ended with it.
export function start(...words) {
  const child = spawn(BROWSER_GAIA, words, { env, cwd: work, stdio: ["ignore", "ignore", "pipe"] });
  children.add(child);
  child.ended = new Promise((done) => child.once("exit", done));
  child.ended.then(() => children.delete(child));
  return child;
}

export async function stop(child, signal = "SIGTERM") {
  child.kill(signal);
  await child.ended;
}

export function folder(name) {
  const path = join(work, name);
  mkdirSync(path, { recursive: true });
  return path;
}

const free = () =>
  new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

export class Stage {
  static async set() {
    mkdirSync(work, { recursive: true });
    const stage = new Stage();
    stage.port = await free();
    stage.base = `http://127.0.0.1:${stage.port}`;
    await stage.serve();
    for (const role of ["viewer", "agent", "admin"]) gaia("user", "add", role, "--role", role, { input: PASSWORD });
    const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
    stage.browser = await chromium.launch({ executablePath: BROWSER_CHROMIUM, args });
    return stage;
  }

  // Starts the server, and knows its one-time link.
  async serve(...words) {
    this.server = start("serve", "--listen", `127.0.0.1:${this.port}`, ...words);
    this.link = await new Promise((done, fail) => {
      let told = "";
      this.server.stderr.on("data", (bytes) => {
        told += bytes;
        const link = told.match(/https?:\S+once=\S+/);
        if (link) done(link[0]);
      });
      this.server.once("exit", () => fail(new Error(`the server ended: ${told}`)));
    });
  }

  // A page of a browser of its own. What it must not do is noted.
  async page(options = {}, tolerated = []) {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
    const page = await context.newPage();
    page.wrongs = [];
    const wrong = (text) => tolerated.some((fine) => fine.test(text)) || page.wrongs.push(text);
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && wrong(`console: ${message.text()}`));
    page.on("pageerror", (error) => wrong(`error: ${error.message}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol !== "data:" && url.origin !== this.base) wrong(`request: ${url}`);
    });
    page.on("response", (answer) => answer.status() >= 500 && wrong(`${answer.status()}: ${answer.url()}`));
    this.pages = [...(this.pages ?? []), page];
    return page;
  }

  // The same, signed in and live.
  async signedIn(name = "admin", options = {}, tolerated = []) {
    const page = await this.page(options, tolerated);
    await this.signIn(page, name);
    if (options.javaScriptEnabled !== false) await page.waitForSelector(".live");
    return page;
  }

  async signIn(page, name) {
    await page.goto(`${this.base}/sign-in`);
    await page.fill("[name=name]", name);
    await page.fill("[name=password]", PASSWORD);
    await page.click("text=Sign in >> nth=-1");
    await page.waitForURL(`${this.base}/`);
  }

  async end() {
    await this.browser?.close();
    // A keeper and its agent outlive the assigner on purpose: called off, they end.
    const { tasks } = JSON.parse(gaia("--json", "tasks"));
    for (const task of tasks.filter((task) => ["assigned", "in_progress"].includes(task.status))) {
      gaia("task", "cancel", `${task.id}`);
      gaia("task", "wait", `${task.id}`, { status: 1 });
    }
    await Promise.all([...children].map((child) => stop(child, "SIGKILL")));
  }
}

export async function shot(page, name) {
  mkdirSync(BROWSER_SHOTS, { recursive: true });
  await page.screenshot({ path: join(BROWSER_SHOTS, `${name}.png`), fullPage: true });
}

// Runs a case: it fails by an error, or by what its pages must not do.
export async function play(scene) {
  let stage;
  try {
    stage = await Stage.set();
    await scene(stage);
    for (const page of stage.pages ?? []) assert.deepEqual(page.wrongs, []);
    console.log(`${BROWSER_CASE}: as it should be`);
  } catch (error) {
    const page = stage?.pages?.at(-1);
    if (page) await shot(page, `failed-${BROWSER_CASE}`).catch(() => {});
    console.log(`${BROWSER_CASE}: ${error.stack}\n${JSON.stringify(stage?.pages?.map((page) => page.wrongs))}`);
    process.exitCode = 1;
  } finally {
    await stage?.end();
    process.exit();
  }
}
