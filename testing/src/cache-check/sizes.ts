/** How large the tables of the check are: small, so that every state can be compared whole. */
export const accounts = 16;
/** Slots of the table without a primary key. */
export const slots = 8;
/** Entries of the ledger that the public table keeps. */
export const windowSize = 48;
