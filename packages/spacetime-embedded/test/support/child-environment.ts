/** The environment of a Node process that a test starts: without the options that jest itself runs with. */
export const childEnvironment: NodeJS.ProcessEnv = { ...process.env, NODE_OPTIONS: '' };
