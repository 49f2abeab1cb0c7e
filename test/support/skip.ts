import Mocha from 'mocha';

/** Why a test or a suite was skipped; the reporter prints it. */
const reasons = new WeakMap<object, string>();

/**
 * Skips the running test, or from a `before` hook every test of its suite.
 *
 * @param context mocha's `this`
 * @param lacks the kernel feature or program that is not there, e.g. `kernel module sctp`
 */
export function skip(context: Mocha.Context, lacks: string): never {
  // in a hook, context.test is the hook: the reason is then that of the suite
  const what = context.currentTest === undefined && context.test instanceof Mocha.Test ? context.test : context.test?.parent;
  if (what !== undefined) reasons.set(what, lacks);
  return context.skip();
}

/** Why a pending test was skipped. */
export function skipReason(test: Mocha.Test): string {
  for (let what: Mocha.Test | Mocha.Suite | undefined = test; what !== undefined; what = what.parent) {
    const reason = reasons.get(what);
    if (reason !== undefined) return reason;
  }
  return 'no reason given';
}
