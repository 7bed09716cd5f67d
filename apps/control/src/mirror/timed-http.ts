import type { HttpClient, Scheduler } from '@autopilot/sync-contract';

/** HTTP whose requests are given up after so many milliseconds: a khala that hangs must not hold the mirror. */
export function timedHttp(http: HttpClient, scheduler: Scheduler, milliseconds: number): HttpClient {
  return async (request) => {
    const late = new AbortController();
    const cancel = scheduler.after(milliseconds, () => late.abort(new Error(`no answer within ${milliseconds} ms`)));
    const signal = request.signal === undefined ? late.signal : AbortSignal.any([request.signal, late.signal]);
    try {
      return await http({ ...request, signal });
    } finally {
      cancel();
    }
  };
}
