/**
 * The environment of a Node process that a test starts: with a cache for what Node compiles, so that only the first one
 * of a machine translates all of the sources.
 */
export const childEnvironment: NodeJS.ProcessEnv = {
  ...process.env,
  NODE_OPTIONS: '',
  NODE_COMPILE_CACHE: new URL('../../node_modules/.cache/compile', import.meta.url).pathname,
};
