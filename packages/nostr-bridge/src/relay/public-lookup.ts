import { Resolver } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import { isPublicAddress } from './public-address.ts';

/** The addresses of a name. */
export type ResolveName = (hostname: string) => Promise<readonly string[]>;

/**
 * Looks a name up by DNS itself. The lookup of the system takes one of the few threads that the process has for files and
 * much else, for as long as a name server is silent: a stranger could name relays until there is none left.
 */
export function dnsResolve(): ResolveName {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  return async (hostname) => {
    const found = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    return found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  };
}

/** A lookup that knows public addresses only. What is connected to is what was looked at: asked again, a name may lead elsewhere. */
export function publicLookup(resolve: ResolveName): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname)
      .catch((): readonly string[] => [])
      .then((found) => {
        const addresses = found
          .filter((address) => isPublicAddress(address))
          .map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
        const [first] = addresses;
        if (first === undefined) callback(new Error(`${hostname} has no public address.`), '');
        else if (options.all === true) callback(null, addresses);
        else callback(null, first.address, first.family);
      });
  };
}
