import { HostError } from './errors.ts';

/** Where a host listens. */
export interface ListenAddress {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
}

/**
 * Reads `HOST:PORT`, with brackets around an IPv6 address.
 *
 * @throws {HostError} `invalid_listen_address`.
 */
export function parseListenAddress(text: string): ListenAddress {
  const [, six, four, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = six ?? four;
  const port = Number(digits);
  if (host !== undefined && port <= 65_535) return { host, port };
  throw new HostError('invalid_listen_address', `${JSON.stringify(text)} is not an address to listen on.`);
}

/** The HTTP URL of an address. */
export function urlOfAddress({ host, port }: ListenAddress): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
