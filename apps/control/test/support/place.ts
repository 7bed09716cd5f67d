import { temporaryFolder } from './temporary-folder.ts';

/** Where a control keeps its things. */
export interface Place {
  readonly dataDir: string;
  /** A PostgreSQL URL; SQLite in the folder without it. */
  readonly store?: string;
}

/** Makes a place that nobody has used. */
export type NewPlace = () => Promise<Place>;

/** A folder for SQLite. */
export const sqlitePlace: NewPlace = async () => ({ dataDir: temporaryFolder() });
