/** Mails to finance: each crossing in one, whoever tells of it and however often. */
import { FINANCE_DESK, CROSSING_NOTES, ONE_AT_A_TIME, shownBy, without, type Mutant } from './mutant.ts';

const NOTE = 'const isNoted = await this.notes.note(event);';
const NOT_AGAIN = `    if (await this.notes.wasSent(event)) {
      await this.notes.forget(event);
      return 'was_mailed';
    }
`;

export const OF_MAILS: Mutant[] = [
  shownBy(
    'a note that comes late',
    without('mail: not what was mailed', FINANCE_DESK, { find: NOT_AGAIN, replace: '' }),
  ),
  shownBy(
    'a note that comes late',
    without(
      'mail: looked up once it is noted',
      FINANCE_DESK,
      { find: NOTE, replace: `if (await this.notes.wasSent(event)) return 'was_mailed';\n    ${NOTE}` },
      { find: NOT_AGAIN, replace: '' },
    ),
  ),
  shownBy(
    'a note that comes late',
    without('mail: noted as mailed once it is', FINANCE_DESK, {
      find: `    await this.deps.mail.send(mail);
    for (const event of events) await this.notes.markSent(event);`,
      replace: `    for (const event of events) await this.notes.markSent(event);
    await this.deps.mail.send(mail);`,
    }),
  ),
  shownBy(
    'two rounds at once',
    without('mail: noted before it is mailed', FINANCE_DESK, {
      find: NOTE,
      replace: 'const isNoted = true;',
    }),
  ),
  shownBy(
    'a crossing that is being mailed',
    without('mail: only by whoever noted it', CROSSING_NOTES, {
      find: "isApplied(await this.table.put({ item, condition: 'attribute_not_exists(pk)' }))",
      replace: 'isApplied(await this.table.put({ item }))',
    }),
  ),
  shownBy(
    'a crossing that is being mailed',
    without('round: not what may still be mailed at once', FINANCE_DESK, {
      find: 'clock.now() - after)',
      replace: 'clock.now())',
    }),
  ),
  shownBy(
    'a note that stays',
    without('round: not what was mailed', FINANCE_DESK, {
      find: `if (seen.has(event.id) || (await this.notes.wasSent(event))) await this.notes.forget(event);
      else waiting.push(event);`,
      replace: 'waiting.push(event);',
    }),
  ),
  shownBy(
    'two rounds at once',
    without('round: one at a time', ONE_AT_A_TIME, {
      find: "condition: 'attribute_not_exists(pk) OR endsAt < :now'",
      replace: "condition: 'attribute_not_exists(pk) OR endsAt < :now OR endsAt >= :now'",
    }),
  ),
  shownBy(
    'a round that takes long',
    without('round: for as long as a function lives', ONE_AT_A_TIME, {
      find: 'const endsAt = now + BigInt(LIFE_MAX);',
      replace: 'const endsAt = now + 1000n;',
    }),
  ),
];
