import { isIP } from 'node:net';
import { isPublicAddress } from '../relay/public-address.ts';
import { parseRelayUrl } from '../relay/relay-options.ts';

/** Which relays that strangers name may be connected to. */
export interface VisitRules {
  /** Also by ws://, without TLS. */
  readonly allowInsecureRelays: boolean;
  /** Also by addresses of this machine and of its networks, and by names that only they know. */
  readonly allowPrivateRelays: boolean;
}

const longestUrl = 200;

/** Names that are not looked up outside, or mean this machine. */
const privateNames = /(^|\.)(localhost|local|internal|intranet|lan|home|corp|private|arpa|test|invalid|onion)$/;

/** The address of a relay as it is compared and stored; undefined when it may not be visited. */
export function visitable(text: string, rules: VisitRules): string | undefined {
  const address = text.length > longestUrl ? undefined : parseRelayUrl(text);
  if (address === undefined) return undefined;
  const { protocol, hostname } = new URL(address);
  if (protocol !== 'wss:' && !rules.allowInsecureRelays) return undefined;
  return rules.allowPrivateRelays || isPublicHost(hostname) ? address : undefined;
}

/** @param hostname As `URL` has it: an address of IPv4 in its usual form, one of IPv6 in brackets. */
function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.+$/, '');
  if (isIP(host) !== 0) return isPublicAddress(host);
  // A name without a dot is one of this network.
  return host.includes('.') && !privateNames.test(host);
}
