/** The run as it is told: steps, what held in each and how long it took, and the counts for the last line. */

export class Story {
  passed = 0;
  failed = 0;
  readonly #print: (line: string) => void;
  #step = 0;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  step(title: string): void {
    this.#step += 1;
    this.#print(`\n${this.#step}. ${title}`);
  }

  say(line: string): void {
    this.#print(`   ${line}`);
  }

  /** Counts one check and goes on after a failure; what `look` returns is told beside it. True if it held. */
  async check(claim: string, look: () => Promise<string | undefined>): Promise<boolean> {
    const started = performance.now();
    const lasted = (): string => `${((performance.now() - started) / 1000).toFixed(1)} s`;
    try {
      const detail = await look();
      this.passed += 1;
      this.say(`ok    ${claim} (${lasted()})${detail === undefined ? '' : `: ${detail}`}`);
      return true;
    } catch (error) {
      this.failed += 1;
      this.say(`FAIL  ${claim} (${lasted()}): ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  }

  /** Adds the counts of a suite that ran as a process of its own. */
  add({ passed, failed }: { passed: number; failed: number }): void {
    this.passed += passed;
    this.failed += failed;
  }

  close(): 0 | 1 {
    this.#print(`\n${this.passed} passed, ${this.failed} failed`);
    return this.failed === 0 && this.passed > 0 ? 0 : 1;
  }
}
