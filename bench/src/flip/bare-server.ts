// A node:http server that answers constant bytes: what the machine can do at best.
// node bare-server.ts ANSWERS_FILE, which holds {"GET": text, "POST": text}
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const answers = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Readonly<Record<string, string>>;
const bytes = new Map(Object.entries(answers).map(([method, text]) => [method, Buffer.from(text)]));

const server = createServer((request, response) => {
  request.resume();
  request.once('end', () => {
    const answer = bytes.get(request.method ?? '') ?? Buffer.alloc(0);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length }).end(answer);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  process.stdout.write(`${JSON.stringify({ ready: 'bare', url: `http://127.0.0.1:${port}` })}\n`);
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
