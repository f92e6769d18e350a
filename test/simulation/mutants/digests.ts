/** Digests: each day and week in one, whoever asks for it and however often, and right to the cent. */
import { DIGEST, DIGEST_DESK, without, type Mutant } from './mutant.ts';

const NOTED =
  'isApplied(await reader.table.put({ item: { pk: DONE, sk: id, ...untilNobodyTells(span.to) } }));';
const MAILED = 'if (!isEmpty) await mail.send(digestMail(digest, { id, org, crossings, moreUrl }));';

export const OF_DIGESTS: Mutant[] = [
  without('digest: not what was mailed', DIGEST_DESK, {
    find: "if (await reader.table.get({ pk: DONE, sk: id })) return 'was_mailed';",
    replace: '',
  }),
  without('digest: noted once it is mailed', DIGEST_DESK, { find: NOTED, replace: '' }),
  without('digest: not noted before it is mailed', DIGEST_DESK, {
    find: `${MAILED}\n    ${NOTED}`,
    replace: `${NOTED}\n    ${MAILED}`,
  }),
  without('digest: one at a time', DIGEST_DESK, {
    find: 'await this.oneAtATime.run(id, () => this.sendOnce(kind, span, id))',
    replace: 'await this.sendOnce(kind, span, id)',
  }),
  without('digest: asked for again where another is at it', DIGEST_DESK, {
    find: 'if (digested === undefined) throw new Error(`another process is mailing the digest ${id}`);\n    return digested;',
    replace: "return digested ?? 'was_mailed';",
  }),
  without('digest: none of nothing', DIGEST_DESK, {
    find: 'if (!isEmpty) await',
    replace: 'if (!isEmpty || span.to > span.from) await',
  }),
  without('digest: of what is over', DIGEST, {
    find: 'from: periodAt(calendar, plus(to, durationMs(-1))).start, to }',
    replace: 'from: periodAt(calendar, plus(to, durationMs(1))).start, to: periodAt(calendar, now).end }',
  }),
  without("digest: days are the organisation's", DIGEST, {
    find: "const calendar = { unit: kind === 'daily' ? 'day' : 'week', timeZone: zone, anchorDay: 1 } as const;",
    replace:
      "const calendar = { unit: kind === 'daily' ? 'day' : 'week', timeZone: zone && 'UTC', anchorDay: 1 } as const;",
  }),
  without('digest: against the time before', DIGEST, {
    find: 'plus(span.from, durationMs(DAY / 2))',
    replace: 'plus(span.to, durationMs(DAY / 2))',
  }),
  without('digest: the month up to the end of the span', DIGEST, {
    find: 'const last = plus(span.to, durationMs(-1));',
    replace: 'const last = span.to;',
  }),
];
