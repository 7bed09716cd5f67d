/** The http(s) form of the URI of a SpacetimeDB server, without a slash at the end. */
export function httpBaseOf(uri: string): string {
  return uri.replace(/^ws(s?):/, 'http$1:').replace(/\/+$/, '');
}
