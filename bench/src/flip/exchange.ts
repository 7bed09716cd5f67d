import { Agent, request } from 'node:http';

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** HTTP exchanges with one server over sockets that are kept. */
export interface Exchange {
  ask(method: 'GET' | 'POST', path: string, body?: string): Promise<Answer>;
  close(): void;
}

/** An exchange as one client over at most so many sockets. */
export function createExchange(url: string, sockets: number, authorization: string): Exchange {
  const agent = new Agent({ keepAlive: true, maxSockets: sockets, maxFreeSockets: sockets, scheduling: 'fifo' });
  const { hostname: host, port } = new URL(url);
  return {
    ask: (method, path, body) =>
      new Promise((resolve, reject) => {
        const headers: Record<string, string | number> = { authorization };
        if (body !== undefined) {
          headers['content-type'] = 'application/json';
          headers['content-length'] = Buffer.byteLength(body);
        }
        const sent = request({ agent, host, port, method, path, headers }, (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.once('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
          response.once('error', reject);
        });
        sent.once('error', reject);
        sent.end(body);
      }),
    close: () => agent.destroy(),
  };
}

/** The body of an answer that has to be good. */
export function bodyOf<T>({ status, body }: Answer): T {
  if (status < 200 || status > 299) throw new Error(`HTTP ${status}: ${body.slice(0, 500)}`);
  return JSON.parse(body) as T;
}
