/** Reconciliation: a provider's bill, as the command has read it, beside our charges. Finance hears where they differ. */
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import { epochMs, picoUsd, type EpochMs } from '../core/brands.ts';
import { dayOf } from '../core/ledger/charge.ts';
import { formatUsd, parseUsd } from '../core/money.ts';
import { parseDecimal, times } from '../core/pricing/ratio.ts';
import type { ComparedModel } from '../core/reconciliation/compare.ts';
import { driftMail, percentText } from '../core/reconciliation/drift-mail.ts';
import {
  basisPointsOf,
  differenceOf,
  type BilledLine,
  type Figures,
} from '../core/reconciliation/figures.ts';
import { reconcile, type Reconciliation } from '../core/reconciliation/reconcile.ts';
import { sha256 } from '../core/request-ids.ts';
import { DAY, parseRfc3339 } from '../core/time.ts';
import { Problem } from './problems.ts';
import {
  adminRoute,
  jsonAnswer,
  jsonBody,
  newApp,
  noQuery,
  unprocessable,
  type AdminDeps,
} from './routes.ts';

/** Whose bills there are, by whose price cards are for them. */
const PROVIDER = { openai: 'openai', anthropic: 'anthropic', aws: 'bedrock' } as const;

const day = z.string().regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/, 'write a day such as 2026-11-01');
const signedUsd = z
  .string()
  .regex(/^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,12})?$/, 'write dollars as a decimal string');
const count = z.int().min(0);

const lineSchema = z.strictObject({
  day,
  /** As the provider writes it; null where the bill is not broken down. */
  name: z.string().min(1).max(300).nullable(),
  /** Null where only usage is given. */
  billed_usd: signedUsd.nullable(),
  /** The most that `billed_usd` was rounded by. */
  rounding_usd: z.string().max(40).optional(),
  tokens: z.strictObject({ input: count, output: count }).nullable(),
  calls: count.nullable(),
});

/** With room for their names below the largest body. */
const LINES_MAX = 1_200;
const DAYS_MAX = 92;

const statementSchema = z.strictObject({
  provider: z.enum(['openai', 'anthropic', 'aws']),
  /** First day, UTC. */
  from: day,
  /** The day after the last. */
  to: day,
  /** `1` is a hundredth of what was billed. */
  tolerance_percent: z
    .string()
    .regex(/^[0-9]{1,3}(?:\.[0-9]{1,4})?$/, 'write a percentage such as "1" or "0.5"'),
  lines: z.array(lineSchema).max(LINES_MAX),
});

const tokensSchema = z.strictObject({ input: z.int(), output: z.int() });
const figures = {
  /** Null where the bill has usage alone. */
  billed_usd: z.string().nullable(),
  our_usd: z.string(),
  /** Billed, less ours. */
  difference_usd: z.string().nullable(),
  /** Of what was billed, with two decimals; null where nothing was. */
  difference_percent: z.string().nullable(),
  /** Null where the bill does not give them. */
  billed_tokens: tokensSchema.nullable(),
  our_tokens: tokensSchema,
  billed_calls: z.int().nullable(),
  our_calls: z.int(),
  /** Of our calls, those charged at their holds. */
  presumed_calls: z.int(),
};
const reconciliationSchema = z.strictObject({
  provider: statementSchema.shape.provider,
  from: z.string(),
  to: z.string(),
  tolerance_percent: z.string(),
  /** By day and model; the model is `*` where the bill is not broken down. */
  items: z.array(z.strictObject({ day: z.string(), model: z.string(), ...figures })),
  models: z.array(
    z.strictObject({
      model: z.string(),
      /** False for a name that no price card has: another model, or a tool that is billed apart. */
      known: z.boolean(),
      within_tolerance: z.boolean(),
      ...figures,
    }),
  ),
  total: z.strictObject({ within_tolerance: z.boolean(), ...figures }),
  /** Names on the bill that no price card has. With them the total alone decides. */
  unknown_names: z.array(z.string()),
  days_outside: z.array(z.string()),
  days_without_bill: z.array(z.string()),
  drifted: z.boolean(),
  /** Whether finance was told. */
  mailed: z.boolean(),
});

const postReconciliation = adminRoute({
  method: 'post',
  path: '/reconciliations',
  request: { query: noQuery, body: jsonBody(statementSchema) },
  responses: {
    200: jsonAnswer(reconciliationSchema, 'The bill beside the charges; nothing is changed by it'),
    422: unprocessable('More charges than one answer can add up'),
  },
});

export interface ReconciledBill {
  provider: string;
  from: string;
  to: string;
  hasDrifted: boolean;
}

export function reconciliationRoutes(
  { table, office, mail }: AdminDeps,
  reconciled: (bill: ReconciledBill) => void,
): OpenAPIHono {
  const app = newApp();

  app.openapi(postReconciliation, async (c) => {
    const statement = c.req.valid('json');
    const { provider, tolerance_percent } = statement;
    const [from, to] = [midnight('from', statement.from), midnight('to', statement.to)];
    if (from >= to) throw new Problem('invalid_request', 'from: is not before to');
    if (to - from > DAYS_MAX * DAY)
      throw new Problem('invalid_request', `from: at most ${DAYS_MAX} days before to`);
    const result = await reconcile(
      { table, book: await office.prices.current() },
      {
        ...{ provider: PROVIDER[provider], from, to },
        lines: statement.lines.map(billedLine),
        tolerance: times(parseDecimal(tolerance_percent)!, { n: 1n, d: 100n }),
      },
    );
    if (result.kind === 'too_many')
      throw new Problem(
        'too_many_charges',
        `More than ${result.chargesMax} charges are in these days; reconcile fewer of them at a time.`,
      );
    const compared = {
      ...{
        provider,
        first: statement.from,
        last: dayOf(epochMs(to - 1)),
        tolerancePercent: tolerance_percent,
      },
    };
    const mailed = result.hasDrifted && (await isMailed(driftMail(compared, result)));
    reconciled({ provider, from: statement.from, to: statement.to, hasDrifted: result.hasDrifted });
    return c.json(
      {
        ...{ provider, from: statement.from, to: statement.to, tolerance_percent },
        ...reconciliationView(result),
        mailed,
      },
      200,
    );
  });

  /** What cannot be mailed is in the answer, and rings by its metric. */
  async function isMailed(news: { subject: string; text: string }): Promise<boolean> {
    try {
      await mail.send({ id: await sha256(`${news.subject}\n${news.text}`), ...news });
      return true;
    } catch {
      return false;
    }
  }
  return app;
}

function midnight(name: string, text: string): EpochMs {
  const at = parseRfc3339(`${text}T00:00:00Z`);
  if (at === undefined) throw new Problem('invalid_request', `${name}: there is no day ${text}`);
  return at;
}

function billedLine({ billed_usd, rounding_usd, tokens, ...line }: z.output<typeof lineSchema>): BilledLine {
  const rounding = parseUsd(rounding_usd ?? '0');
  if (rounding === undefined)
    throw new Problem('invalid_request', 'lines.rounding_usd: write dollars as a decimal string');
  const isNegative = billed_usd?.startsWith('-') === true;
  const magnitude = billed_usd === null ? null : parseUsd(billed_usd.replace('-', ''))!;
  return {
    day: line.day,
    name: line.name,
    usd: magnitude === null ? null : picoUsd(isNegative ? 0n - magnitude : magnitude),
    rounding,
    tokens: tokens && { input: BigInt(tokens.input), output: BigInt(tokens.output) },
    calls: line.calls === null ? null : BigInt(line.calls),
  };
}

/** Counts are JSON numbers: no sum of tokens comes near 2^53. */
function figuresView(of: Figures) {
  const { billed, ours } = of;
  const difference = differenceOf(of);
  return {
    billed_usd: billed.usd === null ? null : formatUsd(billed.usd),
    our_usd: formatUsd(ours.cost),
    difference_usd: difference === null ? null : formatUsd(difference),
    difference_percent: percentText(basisPointsOf(of)),
    billed_tokens: billed.tokens && {
      input: Number(billed.tokens.input),
      output: Number(billed.tokens.output),
    },
    our_tokens: { input: Number(ours.input), output: Number(ours.output) },
    billed_calls: billed.calls === null ? null : Number(billed.calls),
    our_calls: Number(ours.calls),
    presumed_calls: Number(ours.presumed),
  };
}

const modelView = ({ model, isKnown, isWithin, ...of }: ComparedModel) => ({
  ...{ model, known: isKnown, within_tolerance: isWithin },
  ...figuresView(of),
});

const reconciliationView = ({ lines, models, total, ...result }: Reconciliation) => ({
  items: lines.map(({ day, model, ...of }) => ({ day, model, ...figuresView(of) })),
  models: models.map(modelView),
  total: { within_tolerance: total.isWithin, ...figuresView(total) },
  unknown_names: models.filter(({ isKnown }) => !isKnown).map(({ model }) => model),
  days_outside: result.daysOutside,
  days_without_bill: result.daysWithoutBill,
  drifted: result.hasDrifted,
});
