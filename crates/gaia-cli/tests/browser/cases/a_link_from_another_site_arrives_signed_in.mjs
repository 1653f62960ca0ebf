import { assert, play } from "../stage.mjs";
import { createServer } from "node:http";

await play(async (stage) => {
  const page = await stage.signedIn("viewer", {}, [/^request: http:\/\/localhost/, /favicon/, /404/]);
  // Another name is another site: the cookie does not come along with its links.
  const site = createServer((request, answer) => {
    answer.writeHead(request.url === "/" ? 200 : 404, { "content-type": "text/html" });
    answer.end(`<a href="${stage.base}/history?session=a">see</a>`);
  });
  await new Promise((done) => site.listen(0, "127.0.0.1", done));
  await page.goto(`http://localhost:${site.address().port}/`);
  await page.click("text=see");
  await page.waitForSelector("h1 >> text=History");
  assert.equal(page.url(), `${stage.base}/history?session=a`);
  // Whoever is not signed in is not sent round in circles.
  await page.context().clearCookies();
  await page.goto(`http://localhost:${site.address().port}/`);
  await page.click("text=see");
  await page.waitForSelector("h1 >> text=Sign in");
  site.close();
});
