/**
 * Notices unusual days and tells of them: the bus of each, finance in one mail of all that are new. A day is looked at
 * whenever an hour of it has new rows, and as far as its hours are over. One cause is told once, by the narrowest scope that
 * shows it: what was spent there does not count again in what is wider.
 */
import { durationMs, epochMs, picoUsd, type EpochMs } from '../brands.ts';
import { ANOMALY_SCOPES, type AnomalyDetected, type AnomalyScope } from '../events/anomaly-detected.ts';
import { formatUsd } from '../money.ts';
import type { Policy } from '../policy/policy.ts';
import type { EventBus, FinanceMail } from '../ports.ts';
import { sha256 } from '../request-ids.ts';
import type { OpenDay } from '../rollups/periods.ts';
import { GRACE, hourOf } from '../rollups/plan.ts';
import type { RowReader } from '../rollups/read-rows.ts';
import { DAY, dayOfDate, plus, toRfc3339 } from '../time.ts';
import { AnomalyNotes, scopeKey } from './anomaly-notes.ts';
import { anomalyMail } from './anomaly-mail.ts';
import {
  scopeIdOf,
  sharedHistory,
  spendByKind,
  userHistory,
  type History,
  type KindSpend,
} from './day-spend.ts';
import { anomalyRuleOf, usualOf, type AnomalyRule, type Usual } from './rule.ts';

/** After its end: until then calls whose process died are charged. Rows that are made later are history. */
const LOOKED_AT_FOR = durationMs(2 * DAY);
/** What could not be told is tried for so long. */
const TOLD_FOR = durationMs(10 * DAY);
const CAUSES_MAX = 3;

export interface AnomalyDeskDeps {
  reader: RowReader;
  rule: AnomalyRule;
  bus: EventBus;
  mail: FinanceMail;
  /** Where finance sees more. */
  moreUrl: string | undefined;
}

interface DaySpend {
  day: OpenDay;
  start: EpochMs;
  until: EpochMs;
}
interface ScopeSpend {
  type: AnomalyScope;
  id: string;
  kinds: KindSpend[];
  costPicoUsd: bigint;
}

export class AnomalyDesk {
  private readonly deps: AnomalyDeskDeps;
  private readonly notes: AnomalyNotes;

  constructor(deps: AnomalyDeskDeps) {
    this.deps = deps;
    this.notes = new AnomalyNotes(deps.reader.table);
  }

  /** Notes what is unusual of it, unless its rows are those of the last look. Throws TableUnavailable. */
  async lookAt(day: OpenDay): Promise<void> {
    const { clock, periods, zone } = this.deps.reader;
    if (day.isLookedAt || day.zone !== zone) return;
    const { start, end } = dayOfDate(day.zone, day.date)!;
    const now = clock.now();
    const over = hourOf(epochMs(now - GRACE));
    const until = over < end ? over : end;
    if (until > start && now < plus(end, LOOKED_AT_FOR)) await this.notice({ day, start, until });
    await periods.markLookedAt(day);
  }

  private async notice(spend: DaySpend): Promise<void> {
    const { reader, rule } = this.deps;
    const { start, until } = spend;
    const told = await this.notes.scopesOf(start);
    let kinds = await spendByKind(reader, { from: start, to: until });
    const historyOf = this.histories(start);
    for (const type of ANOMALY_SCOPES) {
      for (const scope of scopesOf(type, kinds)) {
        const key = scopeKey(type, scope.id);
        // Whatever is usual is above nothing.
        if (told.has(key) || scope.costPicoUsd <= rule.aboveUsual) continue;
        const history = await historyOf(type, scope.id);
        const usual = history && usualOf(history, rule);
        if (!usual || scope.costPicoUsd < usual.bar) continue;
        await this.notes.note(await eventOf(spend, scope, { usual, at: reader.clock.now() }));
        told.add(key);
      }
      kinds = kinds.filter((kind) => !told.has(scopeKey(type, scopeIdOf(type, kind) ?? '')));
    }
  }

  /** What all but users have in common is read once, and only if it is asked for. */
  private histories(day: EpochMs): (type: AnomalyScope, id: string) => Promise<History> {
    const { reader } = this.deps;
    let shared: ReturnType<typeof sharedHistory> | undefined;
    return async (type, id) => {
      if (type === 'user') return userHistory(reader, id, day);
      shared ??= sharedHistory(reader, day);
      return (await shared)(type, id);
    };
  }

  /**
   * What was noticed and not told, or not to all. Resolves to how many. Throws where the bus, the mail or the table did not
   * take it; the next call goes on there, and says the same.
   */
  async tell(): Promise<number> {
    const { reader, bus, mail, moreUrl } = this.deps;
    const untold = await this.notes.untold(epochMs(reader.clock.now() - TOLD_FOR));
    const unpublished = untold.filter(({ isPublished }) => !isPublished);
    const failed = new Set(
      await bus.publish(unpublished.map(({ event }) => ({ type: 'AnomalyDetected', detail: event }))),
    );
    for (const [index, note] of unpublished.entries()) {
      note.isPublished = !failed.has(index);
      if (note.isPublished) await this.notes.put(note);
    }
    const unmailed = untold.filter(({ isMailed }) => !isMailed);
    if (unmailed.length > 0)
      await mail.send(
        anomalyMail(
          unmailed.map(({ event }) => event),
          moreUrl,
        ),
      );
    for (const note of unmailed) await this.notes.put({ ...note, isMailed: true });
    if (failed.size > 0) throw new Error(`${failed.size} events of unusual days were not taken`);
    return untold.length;
  }
}

/** Undefined where the policy wants no unusual day to be told of. */
export function openAnomalyDesk({
  policy,
  ...deps
}: Pick<AnomalyDeskDeps, 'reader' | 'bus' | 'mail'> & { policy: Policy }): AnomalyDesk | undefined {
  const rule = anomalyRuleOf(policy);
  return rule && new AnomalyDesk({ ...deps, rule, moreUrl: policy.org.reportUrl });
}

/** The dearest first. */
function scopesOf(type: AnomalyScope, kinds: readonly KindSpend[]): ScopeSpend[] {
  const scopes = new Map<string, ScopeSpend>();
  for (const kind of kinds) {
    const id = scopeIdOf(type, kind);
    if (id === undefined) continue;
    const known = scopes.get(id) ?? { type, id, kinds: [], costPicoUsd: 0n };
    scopes.set(id, known);
    known.kinds.push(kind);
    known.costPicoUsd += kind.costPicoUsd;
  }
  return [...scopes.values()].sort(dearestFirst);
}

const dearestFirst = (a: { costPicoUsd: bigint }, b: { costPicoUsd: bigint }): number =>
  a.costPicoUsd < b.costPicoUsd ? 1 : a.costPicoUsd > b.costPicoUsd ? -1 : 0;

async function eventOf(
  { day, start, until }: DaySpend,
  { type, id, kinds, costPicoUsd }: ScopeSpend,
  { usual, at }: { usual: Usual; at: EpochMs },
): Promise<AnomalyDetected> {
  const usd = (amount: bigint): string => formatUsd(picoUsd(amount));
  return {
    id: await sha256(`${type}\n${id}\n${toRfc3339(start)}\nanomaly`),
    version: 1,
    scope: { type, id },
    day: day.date,
    time_zone: day.zone,
    from: toRfc3339(start),
    until: toRfc3339(until),
    at: toRfc3339(at),
    spent_usd: usd(costPicoUsd),
    requests: Number(kinds.reduce((sum, { calls }) => sum + calls, 0n)),
    usual_usd: usd(usual.picoUsd),
    dearest_usd: usd(usual.dearest),
    days: usual.days,
    unusual_from_usd: usd(usual.bar),
    causes: kinds
      .toSorted(dearestFirst)
      .slice(0, CAUSES_MAX)
      .map(({ user, team, app, feature, model, costPicoUsd: cost }) => ({
        ...{ user, team, app, feature, model },
        cost_usd: usd(cost),
      })),
  };
}
