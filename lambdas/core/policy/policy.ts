/**
 * The policy: one file, the same for the local server and for `cdk deploy`. Strict: a member that is not known
 * is a mistake, and a mistake is explained with its path.
 */
import * as z from 'zod';
import { ladderSchema, type Ladder } from './ladder.ts';
import { DIGESTS } from '../finance/digest-kinds.ts';
import { FAMILIES } from '../price-changes/reading.ts';
import { parseUsd } from '../money.ts';
import { isTimeZone } from '../time.ts';
import { capIdSchema, capInputSchema, nameSchema, userIdSchema } from '../caps/cap-definition.ts';
import { webhookSchema } from '../webhooks/webhook.ts';

const planCap = capInputSchema.omit({ scope: true }).extend({ id: capIdSchema });
/** As the admin API takes it, with its id. */
const scopedCap = capInputSchema.extend({ id: capIdSchema });

const appSchema = z.strictObject({
  id: nameSchema,
  team: nameSchema,
  /** Features that calls may name; without it any. `default` is always allowed. */
  features: z.array(nameSchema).optional(),
  /** False: output limits of this app's calls are never lowered to fit a budget. */
  clamp: z.boolean().default(true),
  /** False: no cheaper model stands in for the one that this app's calls ask for. */
  fallback: z.boolean().default(true),
  /** How many of the app's own calls, those without a user, may be in flight at a time; in steps of 64. */
  callsInFlightMax: z.int().min(1).max(2048).default(64),
  /**
   * Keeps the answers of calls with an `Idempotency-Key`, encrypted, for so many hours (720 at most): a repeat gets
   * the stored answer. Without it answers are never stored, and a repeat is told its charge.
   */
  storeAnswers: z.strictObject({ retentionHours: z.int().min(1).max(720) }).optional(),
});

/** Two entries of one id would leave open which of them holds. */
function eachIdOnce({ value, issues }: z.core.ParsePayload<{ id: string }[]>): void {
  const ids = value.map(({ id }) => id);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined)
    issues.push({ code: 'custom', input: value, message: `"${twice}" stands here twice` });
}

/** In two chains, or twice in one, it would have two models that come next. */
function eachModelOnce({ value, issues }: z.core.ParsePayload<string[][]>): void {
  const models = value.flat();
  const twice = models.find((model, i) => models.indexOf(model) !== i);
  if (twice !== undefined)
    issues.push({ code: 'custom', input: value, message: `"${twice}" stands here twice` });
}

/** One way to say it: whoever is on a plan is on all of its caps. */
function noneOfUsers({ value, issues }: z.core.ParsePayload<z.output<typeof scopedCap>[]>): void {
  for (const [i, { id, scope }] of value.entries()) {
    if (scope.type !== 'user') continue;
    const message = `"${id}" is a cap of users: put it into plans.default.caps, or into a plan that they are on`;
    issues.push({ code: 'custom', input: value, path: [i, 'scope', 'type'], message });
  }
}

const issuerSchema = z.strictObject({
  /** `iss` of the tokens. */
  issuer: z.url(),
  audience: z.string().min(1),
  jwksUri: z.url(),
  /** Claim that names the user. */
  userClaim: z.string().min(1).default('sub'),
  /** The app and team that its users call for. */
  app: nameSchema,
  team: nameSchema,
});

const PROJECT_TIERS = ['default', 'flex', 'priority'] as const;
export type OpenAiProjectTier = (typeof PROJECT_TIERS)[number];

/** A cap whose ladder is misspelt would have another one. */
function namedLadders({ value, issues }: z.core.ParsePayload<PolicyShape>): void {
  const mistake = (ladder: string | undefined, path: (string | number)[]): void => {
    if (ladder === undefined || Object.hasOwn(value.ladders, ladder)) return;
    const known = Object.keys(value.ladders).join(', ');
    const message = `there is no ladder "${ladder}" in "ladders" (there: ${known})`;
    issues.push({ code: 'custom', input: value, path: [...path, 'ladder'], message });
  };
  value.caps.forEach(({ ladder }, i) => mistake(ladder, ['caps', i]));
  for (const [plan, { caps }] of Object.entries(value.plans))
    caps.forEach(({ ladder }, i) => mistake(ladder, ['plans', plan, 'caps', i]));
}

const policyShape = z.strictObject({
  org: z
    .strictObject({
      name: z.string().min(1).default('Spendcap'),
      /** Where mails of the ladder go. */
      financeEmail: z.email().optional(),
      /** Where people ask for more budget; stands in every refusal by a cap. Unset: the gateway's own `/v1/grants`. */
      requestUrl: z.url().optional(),
      /** Where finance sees more, as a dashboard: the one link in mails of thresholds. */
      reportUrl: z.url().optional(),
      /** Mails of what was spent: of each day in the morning after, of each week on Monday. */
      digests: z.array(z.enum(DIGESTS)).default([...DIGESTS]),
      /** Whose days reports and digests count by, as in Europe/Berlin. A cap has a time zone of its own. */
      timeZone: z.string().refine(isTimeZone, 'use a name of the IANA time zones').default('UTC'),
    })
    .prefault({}),
  teams: z.array(z.strictObject({ id: nameSchema, name: z.string().optional() })).default([]),
  apps: z.array(appSchema).check(eachIdOnce).default([]),
  users: z
    .array(
      z.strictObject({
        id: userIdSchema,
        plan: nameSchema.default('default'),
        /** Charged with the user's calls, whatever key they come with; without it the key's team is. */
        team: nameSchema.optional(),
      }),
    )
    .check(eachIdOnce)
    .default([]),
  /** Caps by plan. Those of `default` hold for every user without a usd cap of their own. */
  plans: z.record(nameSchema, z.strictObject({ caps: z.array(planCap) })).default({
    default: { caps: [{ id: 'default-user', metric: 'usd', window: 'month', limit: '5.00' }] },
  }),
  /** Caps of teams, apps, features and the organisation, and of one user's feature. */
  caps: z.array(scopedCap).check(eachIdOnce, noneOfUsers).default([]),
  /** True: apps must be declared above to call. */
  declaredAppsOnly: z.boolean().default(false),
  /** True: callers whom no cap covers are let through, uncapped. */
  admitUncapped: z.boolean().default(false),
  /** Output limit that is injected where a request has none. */
  maxOutputTokensDefault: z.int().min(1).default(16_384),
  /** An output limit is never clamped below this. */
  minOutputTokens: z.int().min(1).default(256),
  /** How long a call waits for money that others merely hold, before it is told to come back; 0 to 10,000. */
  heldWaitMs: z.int().min(0).max(10_000).default(500),
  /** Days that cost far more than usual are told of (`docs/anomalies.md`); false: none is. */
  anomalies: z
    .strictObject({
      /** So many times a usual day of the same user, feature, app, team or organisation ... */
      timesUsual: z.int().min(2).max(1000).default(3),
      /** ... and at least so many dollars above it. */
      aboveUsual: z
        .string()
        .refine((text) => parseUsd(text) !== undefined, 'write dollars as a decimal string, such as "20.00"')
        .default('20.00'),
    })
    .or(z.literal(false))
    .prefault({}),
  approvals: z
    .strictObject({
      /** How long a request for more waits for a decision; then it has expired. A week at most. */
      waitHours: z.int().min(1).max(168).default(72),
    })
    .prefault({}),
  /** Where events are posted to, signed; each has its secret outside of this file. */
  webhooks: z.array(webhookSchema).check(eachIdOnce).default([]),
  /** How long a provider is read on after the client left. */
  drainSeconds: z.int().min(0).max(840).default(30),
  oidcIssuers: z.array(issuerSchema).default([]),
  /** Service tier that the OpenAI project is set to: what calls are served and held at that name none. */
  openaiServiceTier: z.enum(PROJECT_TIERS).default('default'),
  /** Model of each Azure OpenAI deployment whose name is not its model's. */
  azureDeployments: z.record(z.string().regex(/^[\w.-]{1,64}$/), z.string().min(1)).default({}),
  /** Where prices are read from; without it the public addresses, with an empty list nowhere. */
  priceFeeds: z
    .array(z.strictObject({ family: z.enum(FAMILIES), url: z.url({ protocol: /^https?$/ }) }))
    .optional(),
  /** Minutes between two readings of them. */
  priceRefreshMinutes: z.int().min(15).max(1440).default(60),
  /** Chains of models by descending price: where one does not fit a budget, the next that can do the call stands in. */
  modelTiers: z
    .array(z.array(z.string().min(1)))
    .check(eachModelOnce)
    .default([]),
  /** Rungs by the name that caps give as their ladder. */
  ladders: z
    .record(nameSchema, ladderSchema)
    .default({})
    .transform((described) => ({ default: ladderSchema.parse({}), ...described })),
});
type PolicyShape = z.output<typeof policyShape>;
export const policySchema = policyShape.check(namedLadders);

export type Policy = z.output<typeof policySchema>;
export type PolicyInput = z.input<typeof policySchema>;

/** A ladder that the file does not describe any more is the default one. */
export const ladderOf = ({ ladders }: Policy, name: string): Ladder =>
  Object.hasOwn(ladders, name) ? (ladders as Record<string, Ladder>)[name]! : ladders.default;

/** Whether any app has its answers stored: only then is there a key to seal them with. */
export const storesAnswers = ({ apps }: Policy): boolean => apps.some(({ storeAnswers }) => storeAnswers);

/** Types a policy file; the host parses it. */
export const definePolicy = (policy: PolicyInput): PolicyInput => policy;

/** Throws PolicyInvalid, which names each mistake by its path and says what is wrong. */
export function parsePolicy(value: unknown): Policy {
  const parsed = policySchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map(
    ({ path, message }) => `  ${path.map(String).join('.') || '(top)'}: ${message}`,
  );
  throw new PolicyInvalid(`The policy file has mistakes:\n${mistakes.join('\n')}`);
}

export class PolicyInvalid extends Error {
  override name = 'PolicyInvalid';
}
