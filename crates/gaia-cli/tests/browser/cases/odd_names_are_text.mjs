import { assert, gaia, play, shot, work } from "../stage.mjs";

const attack = "<img src=x onerror=alert(1)>";
const names = [
  attack,
  `"quoted" 'twice' and  two spaces`,
  "emoji 🦀 👩‍🔧 and عربى",
  "turned \u202egpj.exe",
  "line\nbreak",
  "</script><script>alert(2)</script>",
  "%2e%2e%00&amp;",
];
const long = Array.from({ length: 19 }, (_, n) => String.fromCharCode(97 + n).repeat(205)).join("/");

await play(async (stage) => {
  const page = await stage.signedIn();
  page.on("dialog", (dialog) => page.wrongs.push(`dialog: ${dialog.message()}`));
  for (const name of names) gaia("acquire", `${work}/${name}`, "--session", `agent ${attack}`);
  gaia("acquire", `/${long}`, "--session", "s".repeat(200));
  gaia("send", `${attack}\n${"x".repeat(5000)}`, "--dir", `${work}/${attack}`, "--target", `nobody ${attack}`);
  gaia("pause", `${work}/${attack}`, "--reason", attack);
  await page.locator("#locks tbody tr").nth(names.length).waitFor();
  const text = await page.locator("#locks").innerText();
  assert.ok(text.includes(attack) && text.includes("🦀") && text.includes("\\u{202e}") && text.includes("line\\nbreak") && text.includes("and  two spaces"), text);

  for (const width of [1280, 360]) {
    await page.setViewportSize({ width, height: 800 });
    for (const place of ["/", "/folders", "/timeline", "/history", "/tasks", "/tasks/1", "/sessions", "/locks/1", `/locks/${names.length + 1}`, `/history?session=${encodeURIComponent(attack)}`, `/?q=${encodeURIComponent(attack)}`]) {
      await page.goto(stage.base + place);
      const seen = await page.evaluate(() => [document.images.length, document.scripts.length, document.documentElement.scrollWidth - innerWidth]);
      assert.deepEqual([seen[0], seen[1], Math.max(0, seen[2])], [0, 1, 0], `${place} at ${width}`);
    }
  }
  // The whole path stands on the lock's own page.
  await page.goto(`${stage.base}/locks/${names.length + 1}`);
  assert.ok((await page.locator(".facts").innerText()).includes(long.slice(-3000)));
  await page.setViewportSize({ width: 1280, height: 860 });
  await page.goto(stage.base);
  await shot(page, "odd-names-light");
});
