/** What finance is mailed: the ladder hands over one crossing after another, schedules ask for those that wait and for digests. */
import * as z from 'zod';
import { capThresholdCrossedSchema } from '../core/events/cap-threshold-crossed.ts';
import { DIGESTS } from '../core/finance/digest-kinds.ts';
import type { DigestDesk } from '../core/finance/digest-desk.ts';
import type { FinanceDesk } from '../core/finance/finance-desk.ts';

const inputSchema = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('tell'), event: capThresholdCrossedSchema }),
  z.strictObject({ action: z.literal('mail_waiting') }),
  z.strictObject({ action: z.literal('digest'), kind: z.enum(DIGESTS) }),
]);

export function createMailFinance(
  desk: FinanceDesk,
  digests: DigestDesk,
): (input: unknown) => Promise<object> {
  return async (input) => {
    const given = inputSchema.parse(input);
    switch (given.action) {
      case 'tell':
        return { told: await desk.tell(given.event) };
      case 'mail_waiting':
        return { mails: await desk.mailWaiting() };
      case 'digest':
        return { digest: await digests.send(given.kind) };
    }
  };
}
