/** Webhooks: each event arrives or lies in the dead letters, signed, the same each time, and after its pauses. */
import { CACHED_SECRET, DELIVER, DELIVERY, SEND, SIGNATURE, without, type Mutant } from './mutant.ts';

export const OF_WEBHOOKS: Mutant[] = [
  without('webhook: only 2xx is taken', SEND, {
    find: 'status >= 200 && status < 300',
    replace: 'status >= 200 && status < 500',
  }),
  without('webhook: without an answer it is not taken', SEND, {
    find: "const answer = await postSigned(deps, webhook, { id: delivery.detail.id, body: bodyOf(delivery) });\n    if (answer.kind === 'failed') return answer;",
    replace:
      "const answer = await postSigned(deps, webhook, { id: delivery.detail.id, body: bodyOf(delivery) });\n    if (answer.kind === 'failed') return { kind: 'delivered', status: 0 };",
  }),
  without('webhook: what fails stays in the queue', DELIVER, {
    find: "if (outcome.kind !== 'failed') return true;",
    replace: "if (outcome.kind !== 'failed' || attempts > 0) return true;",
  }),
  without('webhook: the queue is told what stays', DELIVER, {
    find: 'batchItemFailures.push({ itemIdentifier: record.messageId })',
    replace: 'batchItemFailures.pop()',
  }),
  without('webhook: it comes again after its pause', DELIVER, {
    find: '.delay(record.receiptHandle, pause / 1000)',
    replace: '.delay(record.receiptHandle, 0)',
  }),
  without('webhook: pauses grow', DELIVERY, {
    find: 'PAUSES[attempts - 1];',
    replace: 'PAUSES[Math.min(attempts - 1, 2)];',
  }),
  without('webhook: attempts are those of the queue', DELIVER, {
    find: 'Number(record.attributes.ApproximateReceiveCount)',
    replace: 'Math.min(1, Number(record.attributes.ApproximateReceiveCount))',
  }),
  without('webhook: it is given up with the reason', DELIVER, {
    find: 'parts.giveUp(record.body, reason)',
    replace: "parts.giveUp(record.body, '')",
  }),
  without('webhook: it is given up only into the dead letters', DELIVER, {
    find: 'const given = parts.giveUp(record.body, reason).then(() => true);',
    replace: 'const given = Promise.resolve(true);',
  }),
  without('webhook: where that fails, the queue keeps it', DELIVER, {
    find: "log({ ...about, kind: 'webhook_not_given_up', reason: String(error) });\n      return false;",
    replace: "log({ ...about, kind: 'webhook_not_given_up', reason: String(error) });\n      return true;",
  }),
  without('webhook: not to those who have unsubscribed', SEND, {
    find: "if (!webhook) return { kind: 'unsubscribed' };",
    replace: "if (!webhook) return { kind: 'failed', reason: 'nobody subscribes by that name' };",
  }),
  without('webhook: to whom it is for', SEND, {
    find: 'deps.webhooks.find(({ id }) => id === delivery.webhook)',
    replace: 'deps.webhooks.find(({ id }) => id !== delivery.webhook) ?? deps.webhooks[0]',
  }),
  without('webhook: not without a secret', SEND, {
    find: "if (!own) return { kind: 'failed', reason: 'it has no secret to sign with' };",
    replace: 'own ??= [];',
  }),
  without('webhook: the same id each time', SEND, {
    find: "'webhook-id': id,",
    replace: "'webhook-id': `${id}-${timestampSeconds}`,",
  }),
  without('webhook: the time of the event stays', DELIVERY, {
    find: 'JSON.stringify({ type, timestamp: time, data: detail })',
    replace: 'JSON.stringify({ type, timestamp: time.slice(0, 10), data: detail })',
  }),
  without('webhook: dated by the attempt', SEND, {
    find: 'Math.floor(clock.now() / 1000)',
    replace: 'Math.floor(clock.now() / 3_600_000) * 3600',
  }),
  without('webhook: the id is signed', SIGNATURE, {
    find: '`${id}.${timestampSeconds}.${body}`',
    replace: '`${timestampSeconds}.${body}`',
  }),
  without('webhook: the instant is signed', SIGNATURE, {
    find: '`${id}.${timestampSeconds}.${body}`',
    replace: '`${id}.${body}`',
  }),
  without('webhook: both secrets of a change sign', SIGNATURE, {
    find: 'secrets.map(async (secret) => {',
    replace: 'secrets.slice(0, 1).map(async (secret) => {',
  }),
  without('secret: read again when it is old', CACHED_SECRET, {
    find: 'this.#deps.clock.now() < held.freshUntil',
    replace: 'held.freshUntil > 0',
  }),
  without('secret: an old one goes on for an hour at most', CACHED_SECRET, {
    find: 'if (!old || clock.now() - old.readAt > AGE_MAX) throw error;',
    replace: 'if (!old) throw error;',
  }),
];
