/** One client of control, with the file that holds its secret. */
export interface Client {
  readonly id: string;
  readonly secret: string;
  readonly secretFile: string;
}

/** Its HTTP Basic credentials. */
export function basicOf({ id, secret }: Client): string {
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
}
