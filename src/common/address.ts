/** Placeholder until the address module lands. */
export type Family = 4 | 6;
