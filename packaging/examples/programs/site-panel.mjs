// A small HTTP service: shows what the agent of this box says of the site. GET /healthz for probes, GET / for people, GET /data for programs.
import { createServer, request } from 'node:http';

let newest = { at: null, members: [] };

function refresh() {
  const call = request({ socketPath: process.env.HOLDFAST_SOCKET, path: '/status', timeout: 3000 }, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (part) => {
      text += part;
    });
    response.on('end', () => {
      if (response.statusCode === 200)
        newest = { at: Date.now(), mode: JSON.parse(text).authority.mode, members: JSON.parse(text).members };
    });
  });
  call.on('timeout', () => call.destroy());
  call.on('error', () => undefined);
  call.end();
}

const asText = (text) => String(text).replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign]);

createServer((incoming, response) => {
  if (incoming.url === '/healthz') response.end('ok\n');
  else if (incoming.url === '/data') response.setHeader('content-type', 'application/json').end(JSON.stringify(newest));
  else {
    const rows = newest.members.map(({ name, verdict }) => `<li>${asText(name)}: ${asText(verdict)}</li>`).join('');
    response
      .setHeader('content-type', 'text/html; charset=utf-8')
      .end(`<!doctype html><title>Site</title><h1>${asText(newest.mode ?? 'unknown')}</h1><ul>${rows}</ul>`);
  }
}).listen(Number(process.env.PANEL_PORT), '127.0.0.1', () => console.log(`serving on ${process.env.PANEL_PORT}`));

refresh();
setInterval(refresh, 2000);
