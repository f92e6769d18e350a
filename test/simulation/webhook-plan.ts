/** Who has subscribed in a seed: which events, when a receiver is away and how, and when secrets change. */
import type { EventType } from '../../lambdas/core/events/event-types.ts';
import type { Webhook } from '../../lambdas/core/webhooks/webhook.ts';
import type { Random } from './random.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Ours go on for so long after the seed's own, since an attempt may come a day later. */
export const FAULTS_LAST_MS = 30 * HOUR;
const AWAY_LAST_MS = 60 * HOUR;
/** Then everybody is up, and what was given up is sent again. */
export const REDRIVEN_AFTER_MS = 84 * HOUR;
/** A new value is in use by then, though it cannot be read at first; and what was signed before has come. */
const TAKEN_UP_MS = 70 * MINUTE;

/** What a receiver does while it is away; `hangs` takes the message and answers too late, if at all. */
const WAYS_TO_BE_AWAY = ['refuses', 'hangs', 500, 410, 429, 302] as const;
export type Away = (typeof WAYS_TO_BE_AWAY)[number];

/** A value and since when it is that. */
export interface Step {
  from: number;
  value: string;
}

export interface Subscription {
  webhook: Webhook;
  /** Taken out of the policy. */
  deletedAt: number;
  away: { from: number; to: number; how: Away }[];
  /** Share of the requests that it does not answer as it should, while it is up. */
  flaky: number;
  /** In Secrets Manager: one, or two of a change. */
  stored: Step[];
  /** What the receiver verifies with. */
  known: Step[];
}

const EVENTS: (EventType[] | undefined)[] = [
  undefined,
  ['CapThresholdCrossed'],
  ['StageChanged', 'GrantApproved'],
];

export const valueAt = (steps: readonly Step[], now: number): string | undefined =>
  steps.findLast(({ from }) => from <= now)?.value;

export function drawSubscriptions(
  chance: Random,
  { start, end }: { start: number; end: number },
): Subscription[] {
  return ['chat', 'erp'].slice(0, chance.whole(1, 2)).map((id) => {
    const events = chance.pick(EVENTS);
    const away = Array.from({ length: chance.whole(0, 2) }, () => {
      const from = chance.between(start, end);
      const length = chance.pick([MINUTE, 10 * MINUTE, 6 * HOUR, 30 * HOUR, 50 * HOUR]);
      const to = Math.min(from + length * chance.between(0.5, 1), end + AWAY_LAST_MS);
      return { from, to, how: chance.pick(WAYS_TO_BE_AWAY) };
    });
    return {
      webhook: { id, url: `https://${id}.example.com/hook`, ...(events && { events }) },
      deletedAt: chance.chance(0.15) ? chance.between(start, end + 10 * HOUR) : Infinity,
      away,
      flaky: chance.pick([0, 0.05, 0.3]),
      ...drawSecrets(chance, id, { start, end }),
    };
  });
}

function drawSecrets(
  chance: Random,
  id: string,
  { start, end }: { start: number; end: number },
): { stored: Step[]; known: Step[] } {
  const [first, second] = [1, 2].map((number) => secretOf(`${id} ${number}`)) as [string, string];
  switch (chance.pick(['steady', 'late', 'changed'])) {
    case 'late':
      return {
        stored: [{ from: start + chance.between(0, 20 * HOUR), value: first }],
        known: [{ from: start, value: first }],
      };
    case 'changed': {
      const both = chance.between(start, end + chance.pick([0, 10 * HOUR]));
      const verified = both + TAKEN_UP_MS + chance.between(0, HOUR);
      const alone = verified + chance.between(0, HOUR);
      return {
        stored: [
          { from: start, value: first },
          { from: both, value: `${second} ${first}` },
          { from: alone, value: second },
        ],
        known: [
          { from: start, value: first },
          { from: verified, value: second },
        ],
      };
    }
    default:
      return { stored: [{ from: start, value: first }], known: [{ from: start, value: first }] };
  }
}

/** When Secrets Manager is away: for longer than an old value goes on, and best while one is changed. */
export function drawSecretsAway(
  chance: Random,
  subscriptions: readonly Subscription[],
): { from: number; to: number } | undefined {
  const change = subscriptions.find(({ stored }) => stored.length > 1);
  if (!change || chance.chance(0.5)) return undefined;
  const from = change.stored[1]!.from - MINUTE;
  return { from, to: from + 4 * HOUR };
}

const secretOf = (name: string): string => `whsec_${Buffer.alloc(32, name).toString('base64')}`;
