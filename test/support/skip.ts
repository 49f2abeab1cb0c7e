import Mocha from 'mocha';

/**
 * Skips the running test, or from a `before` hook every test of its suite. The reason becomes part of the
 * title, which is all that comes back from the process in which a file of tests runs.
 *
 * @param context mocha's `this`
 * @param lacks the kernel feature or program that is not there, e.g. `kernel module sctp`
 */
export function skip(context: Mocha.Context, lacks: string): never {
  const give = (test: Mocha.Test): void => void (test.title = `${test.title}: ${lacks}`);
  // in a hook, context.test is the hook: the reason is then that of the suite
  if (context.currentTest === undefined && context.test instanceof Mocha.Test) give(context.test);
  else context.test?.parent?.eachTest(give);
  return context.skip();
}
