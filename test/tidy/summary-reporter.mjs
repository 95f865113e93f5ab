/** mocha's spec reporter, and a last line that machines read: '12 passed, 0 failed, 1 skipped'. */
import mocha from 'mocha';

const { EVENT_RUN_END } = mocha.Runner.constants;

export default class SummaryReporter extends mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    // Registered after Spec's own listener, so that it prints last.
    runner.once(EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      process.stdout.write(`\n${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ''}\n`);
    });
  }
}
