/**
 * One seed: the real ledger, adapter and engine under everything that can go wrong, on virtual time. First a time
 * of faults; then faults stop, the collectors go round, and everything must come to rest.
 */
import { auditLedger } from '../../lambdas/core/ledger/audit.ts';
import { administer } from './administration.ts';
import type { AuditCounts } from './audit-counts.ts';
import { Client, sendCalls } from './clients.ts';
import type { DigestCounts } from './digest-audit.ts';
import { hasDigests, runDigests } from './digests.ts';
import type { FaultCounts } from './faults.ts';
import type { MailCounts } from './mail-audit.ts';
import { hasMail, MailRoom } from './mail-room.ts';
import { drawPlan, type PlannedCall } from './plan.ts';
import { collect, correctFromLog, feedFromStream, repairAfterDeath } from './repairs.ts';
import { readStream } from './stream.ts';
import { Violation } from './violation.ts';
import type { WebhookCounts } from './webhook-audit.ts';
import { hasWebhooks, WebhookRoom } from './webhook-room.ts';
import { World } from './world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** In hours. */
const WEEK = 7 * 24;
/** A seed has some five thousand; more than this is a loop without end. */
const EVENTS_MAX = 400_000;

export interface SeedResult {
  seed: number;
  violation: string | undefined;
  /** Changes when anything of the history does. */
  fingerprint: string;
  events: number;
  faults: FaultCounts;
  audit: AuditCounts;
  /** In the seeds that mail. */
  mail: MailCounts | undefined;
  /** In the seeds that have webhooks. */
  webhooks: WebhookCounts | undefined;
  /** In the seeds that mail digests. */
  digests: DigestCounts | undefined;
}

/** What only some of the seeds have. */
interface Rooms {
  mail: MailRoom | undefined;
  webhooks: WebhookRoom | undefined;
}

export async function runSeed(seed: number): Promise<SeedResult> {
  const world = new World(seed, drawPlan(seed));
  const rooms: Rooms = {
    mail: hasMail(seed) ? new MailRoom(world, seed) : undefined,
    webhooks: hasWebhooks(seed) ? new WebhookRoom(world, seed) : undefined,
  };
  const fingerprint = fingerprintOf(world, rooms);
  let violation: string | undefined;
  let digests: DigestCounts | undefined;
  try {
    setUp(world, rooms);
    await world.time.run(EVENTS_MAX);
    world.auditor.atRest();
    rooms.mail?.audit.atRest();
    rooms.webhooks?.audit.atRest();
    if (hasDigests(seed)) digests = await runDigests(seed);
  } catch (error) {
    violation = describe(world, error);
  }
  const { time, network, auditor } = world;
  return {
    seed,
    violation,
    fingerprint: `${fingerprint()}${digests ? ` ${JSON.stringify(digests)}` : ''}`,
    events: time.events,
    faults: network.counts,
    audit: auditor.counts,
    mail: rooms.mail?.audit.counts,
    webhooks: rooms.webhooks?.audit.counts,
    digests,
  };
}

function setUp(world: World, rooms: Rooms): void {
  const { plan, time, chance } = world;
  const afterDeath = (call: PlannedCall): void => repairAfterDeath(world, call);
  administer(world);
  sendCalls(world, afterDeath);
  feedFromStream(world);
  correctFromLog(world);
  readStream(world, {
    started: (event) => rooms.mail?.begins(event),
    taken: (event) => rooms.webhooks?.takes(event),
  });
  for (const { from, to } of plan.outages) {
    time.at(from, () => world.setOutage(true));
    time.at(to, () => world.setOutage(false));
  }
  const length = plan.end - plan.start;
  for (let i = 0; i < 3; i += 1)
    collect(
      world,
      chance.between(0, length),
      chance.chance(0.3) ? undefined : chance.pick(plan.callers).leaf,
    );
  time.at(plan.end + MINUTE, () => world.stopFaults());
  // Holds are presumed, a week later leases are idle, and another week later they leave their leaves.
  for (const hours of [25, 25 + WEEK, 25 + 2 * WEEK, 27 + 2 * WEEK])
    time.at(plan.end + hours * HOUR, () => collect(world, 0));
  time.at(plan.end + (26 + 2 * WEEK) * HOUR, () => probe(world, afterDeath));
  time.at(plan.end + (28 + 2 * WEEK) * HOUR, () => checkBooks(world));
}

/** Each caller gets an answer again, and a right one: the auditor judges it like any other. */
function probe(world: World, afterDeath: (call: PlannedCall) => void): void {
  for (const caller of world.plan.callers) {
    const call = { ...world.plan.calls[0]!, number: -1 - world.plan.callers.indexOf(caller), caller };
    new Client(world, { ...call, bodyHash: undefined }, afterDeath).start();
  }
}

/** The product's own audit agrees. */
function checkBooks(world: World): void {
  world.onSomeHost(async ({ table }) => {
    const audit = await auditLedger(table);
    if (!audit.balanced || audit.open_holds > 0 || audit.in_motion > 0)
      throw new Violation('conservation', `the product's audit finds ${JSON.stringify(audit)}`);
  });
}

function describe({ time }: World, error: unknown): string {
  const text = error instanceof Violation ? error.message : String((error as Error).stack ?? error);
  return `${new Date(time.now).toISOString()} ${text}`;
}

/** FNV-1a over what the table took and when. */
function fingerprintOf(world: World, { mail, webhooks }: Rooms): () => string {
  let hash = 0x811c9dc5;
  const add = (text: string): void => {
    for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  };
  world.onChange(({ pk, next }) => add(`${world.time.now} ${pk} ${next?.['v']?.N ?? next?.['at']?.N}`));
  return () => {
    add(JSON.stringify([world.time.events, world.network.counts, world.auditor.counts]));
    if (mail) add(JSON.stringify([mail.network.counts, mail.audit.counts]));
    if (webhooks) add(JSON.stringify(webhooks.audit.counts));
    return hash.toString(16).padStart(8, '0');
  };
}
