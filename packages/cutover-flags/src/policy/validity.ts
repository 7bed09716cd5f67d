/** Whether something that ends at `until` still acts at `now`. A time that is not finite never counts as not ended. */
export function isActive(until: number, now: number): boolean {
  return Number.isFinite(until) && Number.isFinite(now) && now < until;
}
