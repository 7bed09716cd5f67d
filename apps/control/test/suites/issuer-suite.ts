import { manualPorts } from '@autopilot/testing/manual-ports';
import { afterEach, describe, expect, test } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import { openKeyRing } from '../../src/issuer/key-ring.ts';
import { defaultRotation } from '../../src/issuer/key-rotation.ts';
import { openStore, type Store } from '../../src/store/open-store.ts';
import { compatible, type Harness, issuer, startHarness } from '../support/harness.ts';
import type { NewPlace, Place } from '../support/place.ts';
import { waitUntil } from '../support/wait-until.ts';

/** What the issuer must do on every kind of store. */
export function issuerSuite(place: NewPlace): void {
  const stores: Store[] = [];
  const running: Harness[] = [];

  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
    for (const each of running.splice(0)) await each.control.close();
  });

  async function ringAt(where?: Place) {
    const ports = manualPorts();
    const { dataDir, store: url } = where ?? (await place());
    const store = await openStore({ dataDir, url });
    stores.push(store);
    const ring = await openKeyRing(store, ports.clock, defaultRotation);
    const states = async () =>
      (await store.db.selectFrom('signing_key').select(['kid', 'state']).orderBy('published_at').execute())
        .map((row) => row.state)
        .sort();
    const kids = () => ring.jwks.keys.map((key) => key.kid);
    return { ports, store, ring, states, kids };
  }

  const minutes = 60_000;
  const hours = 60 * minutes;

  describe('keys of the issuer', () => {
    test('I7 the first key signs at once, and the next one is published beside it', async () => {
      const { ring, states, kids } = await ringAt();
      expect(await states()).toEqual(['current', 'next']);
      expect(kids()).toContain(ring.signer.kid);
      expect(ring.jwks.keys.every((key) => key.kid !== undefined && key.alg === 'ES256' && key.crv === 'P-256')).toBe(
        true,
      );
      expect(ring.jwks.keys.some((key) => 'd' in key)).toBe(false);
    });

    test('I7 a key signs only after ten minutes in the JWKS', async () => {
      const { ports, ring } = await ringAt();
      const first = ring.signer.kid;
      await expect(ring.rotate()).rejects.toMatchObject({ code: 'rotation_too_early' });
      ports.advance(10 * minutes - 1);
      await expect(ring.rotate()).rejects.toMatchObject({ code: 'rotation_too_early' });
      expect(ring.signer.kid).toBe(first);
      const published = ring.jwks.keys.map((key) => key.kid);
      ports.advance(1);
      await ring.rotate();
      expect(ring.signer.kid).not.toBe(first);
      // It was published before it signed, and the old one stays published.
      expect(published).toContain(ring.signer.kid);
      expect(ring.jwks.keys.map((key) => key.kid)).toContain(first);
      expect(ring.jwks.keys.length).toBe(3);
      await expect(ring.rotate()).rejects.toMatchObject({ code: 'rotation_too_early' });
    });

    test('I8 an old key stays for two hours after its last signature and then goes', async () => {
      const { ports, ring, kids } = await ringAt();
      const first = ring.signer.kid;
      ports.advance(10 * minutes);
      await ring.rotate();
      ports.advance(2 * hours);
      expect(await ring.maintain()).toBe('unchanged');
      expect(kids()).toContain(first);
      ports.advance(1);
      await ring.maintain();
      expect(kids()).not.toContain(first);
    });

    test('rotates by itself after a day', async () => {
      const { ports, ring } = await ringAt();
      const first = ring.signer.kid;
      ports.advance(24 * hours - 1);
      expect(await ring.maintain()).toBe('unchanged');
      ports.advance(1);
      expect(await ring.maintain()).toBe('rotated');
      expect(ring.signer.kid).not.toBe(first);
      expect(await ring.maintain()).toBe('unchanged');
    });

    test('a restart signs with the same key', async () => {
      const where = await place();
      const first = await ringAt(where);
      const { kid } = first.ring.signer;
      await stores.pop()?.close();
      expect((await ringAt(where)).ring.signer.kid).toBe(kid);
    });

    test('the service rotates on its schedule, and tokens of the old key stay good', async () => {
      const ports = manualPorts();
      const it = await startHarness({ ...(await place()), ports });
      running.push(it);
      const ask = async () =>
        (await it.request('POST', '/v1/sync/token', { as: 'feed', body: { ...compatible, streams: [] } })).body;
      const kidOf = (token: string) => decodeProtectedHeader(token).kid;
      const before = await ask();
      await expect(it.control.rotateKeys()).rejects.toMatchObject({ code: 'rotation_too_early' });
      ports.advance(24 * hours - 5 * minutes);
      const late = await ask();
      expect(kidOf(late.token)).toBe(kidOf(before.token));
      ports.advance(5 * minutes);
      await waitUntil(async () => {
        ports.advance(minutes / 6);
        return kidOf((await ask()).token) !== kidOf(late.token);
      });
      const body = { events: [{ topic: 'run:1', kind: 'a', payload: 1, idempotency_key: 'k' }] };
      expect((await it.request('POST', '/v1/projections', { bearer: late.token, body })).status).toBe(202);
      const expired = await it.request('POST', '/v1/projections', { bearer: before.token, body });
      expect(expired.body.code).toBe('token_expired');
    });
  });

  describe('discovery', () => {
    test('names the issuer letter by letter and the place of the keys', async () => {
      const it = await startHarness(await place());
      running.push(it);
      const { status, body } = await it.request('GET', '/.well-known/openid-configuration');
      expect(status).toBe(200);
      expect(body).toMatchObject({ issuer, jwks_uri: `${issuer}/.well-known/jwks.json` });
      const jwks = await it.request('GET', '/.well-known/jwks.json');
      expect(jwks.body.keys.length).toBe(2);
      expect(jwks.text).not.toContain('"d"');
    });
  });

  describe('issuer lock', () => {
    test('I9 another issuer on the same store is refused with both, and nothing runs', async () => {
      const where = await place();
      const it = await startHarness(where);
      await it.control.close();
      await expect(startHarness({ ...where, issuer: 'https://other.example' })).rejects.toMatchObject({
        code: 'issuer_changed',
        details: { stored: issuer, given: 'https://other.example' },
      });
      running.push(await startHarness(where));
    });
  });
}
