import { type Handlers, refuse, requireExpiry } from './change.ts';
import { freeId } from './handle-emergency.ts';

/** Waivers, holds and the count of releases. */
export const ledgerHandlers: Handlers<'waive' | 'waive_end' | 'release_hold' | 'release_cycle'> = {
  waive(state, { id, gate, owner, expires_at, reason }, { actor, now, config }) {
    if (!config.gates[gate].waivable) return refuse('not_waivable', `The gate ${gate} cannot be waived.`);
    requireExpiry(expires_at, now, config.waivers.max_ms);
    const waiver = {
      id: freeId(state, id),
      kind: 'gate',
      gate,
      owner,
      by: actor,
      reason,
      since: now,
      expires_at,
      incident: null,
      skipped: [],
    } as const;
    return {
      patch: { waivers: [...state.waivers, waiver] },
      events: [{ event: 'waiver_added', data: { id, gate, owner, expires_at }, loud: true }],
    };
  },

  waive_end(state, { id }) {
    const waiver = state.waivers.find((each) => each.id === id && each.kind === 'gate');
    if (waiver === undefined) return refuse('unknown_id', `There is no waiver ${id}.`);
    return {
      patch: { waivers: state.waivers.filter((each) => each !== waiver) },
      events: [{ event: 'waiver_ended', data: { id, gate: waiver.gate } }],
    };
  },

  release_hold(state, { trigger }) {
    if (!state.holds.some((hold) => hold.trigger === trigger)) {
      return refuse('unknown_id', `Nothing is held by ${trigger}.`);
    }
    const { [trigger]: _forgotten, ...triggers } = state.triggers;
    return {
      // Forgotten, so that it acts again when its condition still holds.
      patch: { holds: state.holds.filter((hold) => hold.trigger !== trigger), triggers },
      events: [{ event: 'hold_released', data: { trigger } }],
    };
  },

  release_cycle(state, { release }, { now, config, evidence }) {
    if (state.stage !== 2) return refuse('wrong_stage', 'Releases are counted in Stage 2.');
    const { at_zero, releases, since } = state.release_cycles;
    if (releases.includes(release))
      return refuse('invalid_command', `${release} has been counted.`, { path: 'release' });
    const due = since + config.release.min_cycle_ms;
    if (now < due) return refuse('not_due', `A cycle lasts until ${due} at least.`, { until: due });
    const { fallback } = evidence.facts;
    const known = fallback !== null && Number.isFinite(fallback.uses) && fallback.uses >= 0 && fallback.since <= since;
    if (fallback !== null && !(fallback.units > 0)) {
      refuse('evidence_missing', 'No unit has reported in this cycle, so nobody could have reported a use.');
    }
    if (!known) return refuse('evidence_missing', 'It is not known how often the fallback was used in this cycle.');
    const zero = fallback.uses === 0 && state.fallback === null;
    const data = { release, uses: fallback.uses, at_zero: zero ? at_zero + 1 : 0 };
    return {
      patch: {
        release_cycles: {
          at_zero: data.at_zero,
          releases: zero ? [...releases, release].slice(-config.release.cycles - 1) : [],
          since: now,
        },
      },
      events: [{ event: zero ? 'release_counted' : 'release_reset', data }],
    };
  },
};
