/** The mail to finance about a bill that is not what was charged. */
import { signedUsd, usdText } from '../mail-amounts.ts';
import { ALL_MODELS, type ComparedModel } from './compare.ts';
import { basisPointsOf, differenceOf, type Figures } from './figures.ts';
import type { Reconciliation } from './reconcile.ts';

/** Of more, the command shows the rest. */
const MODELS_MAX = 20;

export interface Compared {
  provider: string;
  /** First and last day. */
  first: string;
  last: string;
  /** As it was given: `1` is a hundredth. */
  tolerancePercent: string;
}

export function driftMail(
  { provider, first, last, tolerancePercent }: Compared,
  { models, total, modelsCount, daysWithoutBill }: Reconciliation,
): { subject: string; text: string } {
  const shown = models.filter(({ isWithin }) => !isWithin || !modelsCount);
  const isOneDay = first === last;
  const text = `The bill of ${provider} ${isOneDay ? `for ${first}` : `from ${first} to ${last}`} is not what Spendcap charged.

${lineOf('in all', total)}

${[
  ...shown.slice(0, MODELS_MAX).map(modelLine),
  ...(shown.length > MODELS_MAX ? [`and ${shown.length - MODELS_MAX} more models`] : []),
].join('\n')}
${
  daysWithoutBill.length === 0
    ? ''
    : `
The bill has nothing for ${daysWithoutBill.join(', ')}, when there were calls.
`
}
More than ${tolerancePercent} % apart is worth a look. What it can be, and what to do: docs/reconciliation.md
`;
  return {
    subject: `Spendcap: ${provider} bill off by ${differenceText(total)}, ${isOneDay ? first : `${first} to ${last}`}`,
    text,
  };
}

const modelLine = ({ model, isKnown, ...figures }: ComparedModel): string => {
  const name = model === ALL_MODELS ? 'not by model' : model;
  return lineOf(isKnown ? name : `${name} (no model known here)`, figures);
};

function lineOf(what: string, figures: Figures): string {
  const { billed, ours } = figures;
  const presumed = ours.presumed === 0n ? '' : `, ${ours.presumed} of ${ours.calls} calls at their holds`;
  if (billed.usd === null) {
    const theirs = billed.tokens
      ? `${billed.tokens.input} + ${billed.tokens.output} tokens, here ${ours.input} + ${ours.output}`
      : `${billed.calls ?? 0n} calls, here ${ours.calls}`;
    return `${what}: billed ${theirs}${presumed}`;
  }
  return `${what}: billed ${usdText(billed.usd)}, charged ${usdText(ours.cost)}, ${differenceText(figures)}${presumed}`;
}

function differenceText(figures: Figures): string {
  const difference = differenceOf(figures);
  if (difference === null) return 'other usage';
  const percent = percentText(basisPointsOf(figures));
  return percent === null ? signedUsd(difference) : `${signedUsd(difference)} (${percent} %)`;
}

/** `-0.31` */
export function percentText(basisPoints: bigint | null): string | null {
  if (basisPoints === null) return null;
  const digits = (basisPoints < 0n ? -basisPoints : basisPoints).toString().padStart(3, '0');
  return `${basisPoints < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
