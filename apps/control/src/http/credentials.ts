/** What an Authorization header carries. */
export type Credentials =
  | { readonly scheme: 'basic'; readonly clientId: string; readonly secret: string }
  | { readonly scheme: 'bearer'; readonly token: string }
  | { readonly scheme: 'none' };

/** Reads an Authorization header; anything malformed counts as none. */
export function readCredentials(header: string | undefined): Credentials {
  const [, scheme = '', value = ''] = /^(Basic|Bearer) +([^\s]+)$/i.exec(header ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return { scheme: 'bearer', token: value };
  if (scheme.toLowerCase() === 'basic') {
    const text = Buffer.from(value, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    if (colon > 0) return { scheme: 'basic', clientId: text.slice(0, colon), secret: text.slice(colon + 1) };
  }
  return { scheme: 'none' };
}
