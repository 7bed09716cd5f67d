import type { KhalaModule } from './khala-opening.ts';

// Not a literal at the place of the import: a build without this file compiles and runs, and has no khala.
const place: string = '../lanes/khala.ts';

/** The khala lane of this build; null when it holds none. Connects to nothing. */
export async function loadKhala(
  load: (place: string) => Promise<unknown> = (file) => import(file),
): Promise<KhalaModule | null> {
  try {
    return (await load(place)) as KhalaModule;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** Whether the lane's own file or package is missing. Anything else that is missing is a broken installation. */
function isAbsent(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') return false;
  return /lanes[\\/]khala\.ts|@autopilot[\\/]legacy-lane/.test(String(message).split('imported from')[0] ?? '');
}
