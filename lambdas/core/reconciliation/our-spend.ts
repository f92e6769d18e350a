/** What the charges of a span come to, by UTC day and by the model that served, of one provider. */
import { epochMs, picoUsd, type EpochMs, type PicoUsd } from '../brands.ts';
import { dayOf, type Charge } from '../ledger/charge.ts';
import { listCharges } from '../ledger/usage.ts';
import type { Table } from '../ports.ts';
import type { Provider } from '../pricing/card.ts';

export interface OurLine {
  day: string;
  model: string;
  cost: PicoUsd;
  input: bigint;
  output: bigint;
  calls: bigint;
  /** Of these calls, those that are charged at their holds, since nobody knows what they cost. */
  presumed: bigint;
}

export type OurSpend =
  | { kind: 'read'; lines: OurLine[] }
  /** Nothing is summed, since a part would look like a difference. */
  | { kind: 'too_many'; chargesMax: number };

const PAGE = 1000;
/** As many are read in some twenty seconds, which is how long a caller waits. */
const CHARGES_MAX = 50_000;

/** Throws TableUnavailable. */
export async function ourSpend(
  table: Table,
  { provider, from, to }: { provider: Provider; from: EpochMs; to: EpochMs },
): Promise<OurSpend> {
  const lines = new Map<string, OurLine>();
  let cursor: string | undefined;
  let read = 0;
  do {
    const page = await listCharges(table, { user: undefined, from, to, limit: PAGE, cursor });
    for (const charge of page.charges) {
      // Ids of cards begin with the provider.
      if (charge.info.cd.startsWith(`${provider}/`)) add(lines, charge);
    }
    read += page.charges.length;
    cursor = page.cursor;
  } while (cursor !== undefined && read < CHARGES_MAX);
  return cursor === undefined
    ? { kind: 'read', lines: [...lines.values()] }
    : { kind: 'too_many', chargesMax: CHARGES_MAX };
}

function add(lines: Map<string, OurLine>, { info, modelServed: model, used, tokens, outcome }: Charge): void {
  const day = dayOf(epochMs(Number(info.ts)));
  const key = `${day} ${model}`;
  const line = lines.get(key) ?? {
    ...{ day, model, cost: picoUsd(0n), input: 0n, output: 0n, calls: 0n, presumed: 0n },
  };
  lines.set(key, line);
  line.cost = picoUsd(line.cost + used.u);
  // A correction is no call of its own.
  if (outcome === 'adjusted') return;
  for (const [kind, count] of Object.entries(tokens)) {
    if (kind.startsWith('output')) line.output += count;
    else line.input += count;
  }
  if (outcome !== 'voided') line.calls += 1n;
  if (outcome === 'presumed_spent') line.presumed += 1n;
}
