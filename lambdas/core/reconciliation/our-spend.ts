/** What the charges of a span come to, by UTC day and by the model that served, of one provider. */
import { epochMs, picoUsd, type EpochMs, type PicoUsd } from '../brands.ts';
import { dayOf, type Charge } from '../ledger/charge.ts';
import { eachCharge } from '../ledger/charges-between.ts';
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

/** As many are read in some twenty seconds, which is how long a caller waits. */
const CHARGES_MAX = 50_000;

/** Throws TableUnavailable. */
export async function ourSpend(
  table: Table,
  { provider, from, to }: { provider: Provider; from: EpochMs; to: EpochMs },
): Promise<OurSpend> {
  const lines = new Map<string, OurLine>();
  let read = 0;
  await eachCharge(table, { from, to }, (charge) => {
    read += 1;
    // Ids of cards begin with the provider.
    if (read <= CHARGES_MAX && charge.info.cd.startsWith(`${provider}/`)) add(lines, charge);
    return read <= CHARGES_MAX;
  });
  return read > CHARGES_MAX
    ? { kind: 'too_many', chargesMax: CHARGES_MAX }
    : { kind: 'read', lines: [...lines.values()] };
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
