/** Set in an emulated machine: the test file that runs there. */
export const MACHINE_MARK = 'TEST_MACHINE_FILE';

/**
 * ms until what should have come is missed: far more than it takes, for the sake of machines that do much else. Emulated
 * ones take ten times as long. Nobody waits longer than it takes.
 */
export const PATIENCE: number = process.env[MACHINE_MARK] === undefined ? 60_000 : 300_000;
