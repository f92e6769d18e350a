/** What the bus told of a cap, a line an event: attempts are in no promised order, what happened is. */

export interface Told {
  type: string;
  data: { id: string } & Partial<Record<'cap' | 'rung' | 'threshold' | 'from' | 'to' | 'settled', string>>;
}

export const linesOf = (told: readonly Told[], cap: string): string[] =>
  told
    .filter(({ data }) => data.cap === cap)
    .map(({ type, data: { rung, threshold, from, to, settled = '' } }) =>
      [type, ...(rung ? [rung, threshold] : []), ...(to ? [from, to] : []), settled].join(' ').trim(),
    )
    .sort();
