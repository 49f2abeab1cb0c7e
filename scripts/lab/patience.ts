let factor = 1;

/** Everything that is waited for may take so many times as long: processors that are emulated need ten times. */
export function bePatient(times: number): void {
  factor = times;
}

/** A time limit as it is here. @param limit ms, on a machine that is not slow */
export function patient(limit: number): number {
  return limit * factor;
}
