/** A subscription of the policy file: which events are posted where. */
import * as z from 'zod';
import { nameSchema } from '../caps/cap-definition.ts';
import { EVENT_TYPES, type EventType } from '../events/event-types.ts';

const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

export const isLoopback = (url: string): boolean => LOOPBACK.has(new URL(url).hostname);

const urlSchema = z.url({ protocol: /^https?$/ }).check(({ value, issues }) => {
  const refuse = (message: string) => issues.push({ code: 'custom', input: value, message });
  if (!URL.canParse(value)) return;
  const { protocol, username, password } = new URL(value);
  if (protocol === 'http:' && !isLoopback(value))
    refuse('use https://; http is for this machine alone, as in http://127.0.0.1:3000/');
  if (username !== '' || password !== '')
    refuse('leave the credential out: what is posted is signed, and proves whom it comes from');
});

export const webhookSchema = z.strictObject({
  /** Names the subscription in logs and its secret. */
  id: nameSchema,
  url: urlSchema,
  /** Without it all of them. */
  events: z.array(z.enum(EVENT_TYPES)).min(1).optional(),
});

export type Webhook = z.output<typeof webhookSchema>;

export const wants = ({ events }: Webhook, type: EventType): boolean => !events || events.includes(type);
