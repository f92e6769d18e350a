/** Everything that one Spendcap needs to answer calls; a host builds it once. */
import type { DurationMs } from './brands.ts';
import type { Directory } from './directory/directory.ts';
import type { Dialect, DialectRenderer } from './endpoint.ts';
import type { GrantRequests } from './grants/grant-requests.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { ReachedCaps } from './admission/reached-caps.ts';
import type { Policy } from './policy/policy.ts';
import type { Clock, Ids, Upstream } from './ports.ts';
import type { AbilitiesOf } from './pricing/abilities.ts';
import type { PriceSource } from './pricing/price-source.ts';
import type { StoredAnswers } from './replay/stored-answers.ts';
import type { ConditionText } from './pricing/card.ts';
import type { TokenVerifier } from './steps/identify.ts';
import type { WaitingLine } from './admission/waiting-line.ts';

export interface Gateway {
  ledger: Ledger;
  line: WaitingLine;
  reached: ReachedCaps;
  /** Undefined where the policy stores no answers. */
  answers: StoredAnswers | undefined;
  directory: Directory;
  grants: GrantRequests;
  prices: PriceSource;
  /** What models can do that may stand in for others. */
  abilitiesOf: AbilitiesOf;
  upstream: Upstream;
  clock: Clock;
  ids: Ids;
  policy: Policy;
  verifier: TokenVerifier | undefined;
  renderers: Record<Dialect, DialectRenderer>;
  timing: Timing;
  /** What the provider's own setting makes of calls that leave their service tier open. */
  openTier: readonly ConditionText[];
  /** Where a person asks for more budget. */
  requestUrl: string;
  /** Told what operators must hear: an overrun, a charge that could not be written, broken books. */
  report: (event: OperatorEvent) => void;
}

export interface Timing {
  /** Silence on a stream after which a comment is sent. */
  streamKeepAlive: DurationMs;
  /** Silence of a plain call after which white space is sent, and with it the status. */
  plainKeepAlive: DurationMs;
}

export type OperatorEvent =
  | { kind: 'overrun'; requestId: string; model: string; heldPicoUsd: bigint; chargedPicoUsd: bigint }
  | { kind: 'presumed_spent'; requestId: string; app: string; reason: string }
  | { kind: 'charge_not_written'; requestId: string; reason: string }
  /** A repeat of the call will be told its charge, not its answer. */
  | { kind: 'answer_not_stored'; requestId: string; reason: string }
  | { kind: 'failed'; requestId: string; reason: string };
