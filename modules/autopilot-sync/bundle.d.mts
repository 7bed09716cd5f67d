/** Where `build` writes the bundle. May be older than the sources: tests use {@link buildBundle}. */
export declare const bundlePath: string;

/** Builds the module from its sources, in memory: the bytes to publish, or to hand to an embedded host. */
export declare function buildBundle(): Promise<Uint8Array>;
