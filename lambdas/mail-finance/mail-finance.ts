/** What finance is mailed: the ladder hands over one crossing after another, a schedule asks for those that wait. */
import * as z from 'zod';
import { capThresholdCrossedSchema } from '../core/events/cap-threshold-crossed.ts';
import type { FinanceDesk } from '../core/finance/finance-desk.ts';

const inputSchema = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('tell'), event: capThresholdCrossedSchema }),
  z.strictObject({ action: z.literal('mail_waiting') }),
]);

export function createMailFinance(desk: FinanceDesk): (input: unknown) => Promise<object> {
  return async (input) => {
    const given = inputSchema.parse(input);
    switch (given.action) {
      case 'tell':
        return { told: await desk.tell(given.event) };
      case 'mail_waiting':
        return { mails: await desk.mailWaiting() };
    }
  };
}
