/** Mode of the files of a data directory: a log may hold what tokens say, and who was told what. */
export const privateFile = 0o600;

/** Mode of a data directory that the host makes. One that is there keeps its own. */
export const privateDirectory = 0o700;
