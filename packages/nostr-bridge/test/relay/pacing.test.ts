import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { Breaker } from '../../src/relay/breaker.ts';
import { TokenBucket } from '../../src/relay/token-bucket.ts';

describe('the breaker', () => {
  const cooldown = { floorMs: 1_000, baseMs: 2_000, capMs: 8_000 };
  const make = () => {
    const ports = manualPorts({ draw: 0.999_999 });
    return { ports, breaker: new Breaker(ports, { threshold: 3, cooldown }) };
  };

  test('R5 opens at the threshold of failures in a row, and a success in between forgets them', () => {
    const { breaker } = make();
    expect([breaker.failed(), breaker.failed()]).toEqual([false, false]);
    breaker.succeeded();
    expect([breaker.failed(), breaker.failed(), breaker.failed()]).toEqual([false, false, true]);
    expect(breaker.state).toBe('open');
  });

  test('R5 lets one thing be tried after the cooldown, which doubles up to its cap with every trial that fails', () => {
    const { ports, breaker } = make();
    for (let failure = 0; failure < 3; failure += 1) breaker.failed();
    for (const cooled of [2_000, 4_000, 8_000, 8_000]) {
      expect(breaker.waitMs()).toBe(cooled);
      ports.advance(cooled - 1);
      expect(breaker.pass()).toBe(false);
      // A success of something asked long ago opens nothing.
      breaker.succeeded();
      expect(breaker.state).toBe('open');
      ports.advance(1);
      expect(breaker.pass()).toBe(true);
      expect(breaker.state).toBe('half-open');
      expect(breaker.failed()).toBe(true);
    }
    ports.advance(8_000);
    expect(breaker.pass()).toBe(true);
    breaker.succeeded();
    expect(breaker.state).toBe('closed');
    for (let failure = 0; failure < 3; failure += 1) breaker.failed();
    expect(breaker.waitMs()).toBe(2_000);
  });
});

describe('the token bucket', () => {
  test('R7 gives its burst, then its rate', () => {
    const ports = manualPorts();
    const bucket = new TokenBucket(ports.clock, { perSecond: 10, burst: 2 });
    expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, false]);
    expect(bucket.waitMs()).toBe(100);
    ports.advance(100);
    expect([bucket.take(), bucket.take()]).toEqual([true, false]);
    ports.advance(60_000);
    expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, false]);
  });

  test('R7 a complaint halves the rate and empties it, down to a 64th; what goes well gives it back', () => {
    const ports = manualPorts();
    const bucket = new TokenBucket(ports.clock, { perSecond: 64, burst: 10 });
    bucket.slowDown();
    expect([bucket.take(), bucket.perSecond]).toEqual([false, 32]);
    for (let complaint = 0; complaint < 20; complaint += 1) bucket.slowDown();
    expect(bucket.perSecond).toBe(1);
    expect(bucket.waitMs()).toBe(1_000);
    for (let success = 0; success < 200; success += 1) bucket.recover();
    expect(bucket.perSecond).toBe(64);
  });
});
