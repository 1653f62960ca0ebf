import { assert, axe, folder, gaia, play, shot, start } from "../stage.mjs";
import { readFileSync } from "node:fs";

const source = readFileSync(axe, "utf8");
const looks = [
  ["light", {}],
  ["dark", { colorScheme: "dark" }],
  ["phone", { viewport: { width: 360, height: 780 }, isMobile: true, hasTouch: true }],
];

// What axe finds, in words.
async function findings(page) {
  await page.evaluate(source);
  const { violations } = await page.evaluate(() => axe.run({ resultTypes: ["violations"] }));
  return violations.map((found) => `${found.impact} ${found.id}: ${found.nodes.map((node) => node.html.slice(0, 200)).join(" | ")}`);
}

await play(async (stage) => {
  gaia("session", "add", "claude-1", "--process", "sh -c 'echo working; sleep 300'", "--provider", "claude");
  gaia("session", "add", "codex-1", "--process", "false", "--provider", "codex");
  for (const [text, dir] of [["Add free shipping to the cart", "shop/api"], ["Explain the deployment", "infra"]]) gaia("send", text, "--dir", folder(dir));
  gaia("send", "Publish the release notes", "--after", "1");
  start("assigner");
  gaia("acquire", folder("mobile/app"), "--session", "ann/laptop", "--ttl", "40m");
  gaia("acquire", folder("shop/docs"), "--session", "bob", "--ttl", "2m", "--shared");
  start("acquire", folder("mobile"), "--session", "erik", "--wait", "10m");
  gaia("token", "create", "ci", "--role", "agent");
  const pages = ["/", "/folders", "/timeline", "/history", "/tasks", "/tasks/1", "/sessions", "/health", "/account", "/locks/1"];
  let state;
  for (const [look, options] of looks) {
    const page = state ? await stage.page({ ...options, storageState: state }) : await stage.signedIn();
    state ??= await page.context().storageState();
    for (const place of pages) {
      await page.goto(stage.base + place);
      const name = place === "/" ? "overview" : place.slice(1).replace("/", "-");
      await shot(page, `${name}-${look}`);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${place} is ${over} too wide (${look})`);
      assert.deepEqual(await findings(page), [], `${place} (${look})`);
    }
    if (look === "light") {
      await page.goto(`${stage.base}/tasks`);
      await page.click("text=Send a task");
      await shot(page, "send-light");
      assert.deepEqual(await findings(page), [], "the form");
      await page.goto(stage.base);
      await page.locator("[data-ask]").first().click();
      await page.waitForSelector("dialog[open] form");
      assert.deepEqual(await findings(page), [], "the question");
    }
  }
  const stranger = await stage.page({}, [/404/]);
  await stranger.goto(`${stage.base}/sign-in`);
  assert.deepEqual(await findings(stranger), [], "sign-in");
  await stranger.goto(`${stage.base}/nothing-here`);
  assert.deepEqual(await findings(stranger), [], "not found");
});
