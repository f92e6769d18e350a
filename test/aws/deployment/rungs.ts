/** Many cross a threshold at the same moment, on the deployed functions: how soon each has the stage, and what finance gets of it. */
import { percentilesOf } from '../../../bench/percentiles.ts';
import type { Clients } from '../probes/clients.ts';
import type { Story } from '../story.ts';
import type { Caller } from './calls.ts';
import type { Finance } from './finance.ts';
import { executionsOf } from './machines.ts';
import { person, until, type Person } from './people.ts';

interface Parts {
  clients: Clients;
  caller: Caller;
  finance: Finance;
}

/** One call of $0.00402 crosses it. */
const RUNG = { thresholds: { warn: null, throttle: 0.6, block: null } };
const CROSSINGS = 8;
const P95_MS_MAX = 5_000;
const LOOK_EVERY_MS = 20;

export async function tellRungs(story: Story, parts: Parts): Promise<void> {
  story.step('People climb the ladder');
  const names = Array.from({ length: CROSSINGS }, (_, i) => `frank-${i}`);
  await story.check('a crossed threshold throttles soon', async () => {
    const samples: number[] = [];
    for (const name of names) samples.push(await crossing(await person(parts.caller, name, RUNG)));
    const { p50, p95 } = percentilesOf(samples);
    if (p95 > P95_MS_MAX) throw new Error(`p95 of ${CROSSINGS} crossings: ${Math.round(p95)} ms`);
    return `${CROSSINGS} crossings: p50 ${Math.round(p50)} ms, p95 ${Math.round(p95)} ms`;
  });
  await story.check(
    'finance hears of each, at once or in the next round, where they are gathered',
    async () => {
      // Each execution has told of its crossing by then.
      await until('ended', async () => {
        const executions = await executionsOf(parts.clients, 'escalation');
        return executions.every(({ status }) => status === 'SUCCEEDED') ? 'ended' : 'running';
      });
      await parts.finance.round();
      let texts = '';
      let count = 0;
      const isNamed = (name: string): boolean => texts.includes(`${name}-cap`);
      for (; !names.every(isNamed); count += 1) texts += (await parts.finance.next()).text;
      return `${count} mails of ${CROSSINGS} crossings`;
    },
  );
}

/** Milliseconds from the answer that crosses until the stage is seen. */
async function crossing({ call, stage }: Person): Promise<number> {
  await call();
  const crossedAt = performance.now();
  await until('throttled', stage, LOOK_EVERY_MS);
  return performance.now() - crossedAt;
}
