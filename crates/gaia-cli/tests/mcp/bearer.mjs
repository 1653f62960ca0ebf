// Lets programs that know no tokens reach a server that asks for one: bearer.mjs URL TOKEN. Prints its port.
import http from 'node:http';
const [to, token] = process.argv.slice(2);
const target = new URL(to);
const proxy = http.createServer((ask, answer) => {
  const headers = { ...ask.headers, authorization: `Bearer ${token}` };
  const on = http.request({ host: target.hostname, port: target.port, path: ask.url, method: ask.method, headers }, (came) => {
    answer.writeHead(came.statusCode, came.headers);
    came.pipe(answer);
  });
  on.on('error', () => answer.destroy());
  answer.on('close', () => on.destroy());
  ask.pipe(on);
});
proxy.listen(0, '127.0.0.1', () => console.log(proxy.address().port));
