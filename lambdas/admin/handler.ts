/**
 * The admin API as a Lambda function. API Gateway has checked the IAM signature before: whoever it names is an admin,
 * and an event in which it names nobody is refused.
 */
import type { APIGatewayProxyEvent } from 'aws-lambda';
import * as z from 'zod';
import type { Approver } from '../core/grants/same-person.ts';
import { parsePolicy } from '../core/policy/policy.ts';
import { openGrantDesk } from '../runtime/approvals.ts';
import { openAwsBooks } from '../runtime/aws-books.ts';
import { deadLettersEnvironment, openDeadLetters } from '../runtime/aws-dead-letters.ts';
import { newsEnvironment, openFinanceMail } from '../runtime/aws-news.ts';
import { openPriceOffice } from '../runtime/aws-price-office.ts';
import { readEnvironment, text } from '../runtime/environment.ts';
import { operatorLine, standardOutput, withMetrics, type Log } from '../runtime/log.ts';
import { openPrices } from '../runtime/stored-prices.ts';
import { openSending } from '../runtime/webhook-sending.ts';
import { createSendTest } from '../webhook/send.ts';
import { bufferedAnswer, type BufferedAnswer } from '../runtime/rest-answer.ts';
import { isProxyEvent, requestFrom } from '../runtime/rest-event.ts';
import { createAdminApp } from './app.ts';
import { renderProblem } from './problems.ts';
import type { AdminDeps } from './routes.ts';

/** The policy file's content, which the bundler puts here. */
declare const SPENDCAP_POLICY: unknown;

export const handler = createHandler({ admin: openAdmin, log: standardOutput });

/** A key with anything else in its middle could be made, and would never be recognised. */
const keyEnvironment = z.string().regex(/^[a-z]{1,12}$/, 'must be 1 to 12 small letters');

function openAdmin(): AdminDeps {
  const { TABLE_NAME, KEY_ENVIRONMENT, ...settings } = readEnvironment(
    {
      ...{ TABLE_NAME: text, KEY_ENVIRONMENT: keyEnvironment },
      ...newsEnvironment,
      ...deadLettersEnvironment,
      // Only where somebody has subscribed.
      WEBHOOK_SECRET_ARN: text.optional(),
    },
    process.env,
  );
  const books = openAwsBooks(TABLE_NAME);
  const office = openPriceOffice({ ...books, prices: openPrices(books) }, settings);
  const { grants } = openGrantDesk(books);
  const mail = openFinanceMail(settings.FINANCE_TOPIC_ARN);
  const policy = parsePolicy(SPENDCAP_POLICY);
  const { org, ladders } = policy;
  return {
    ...books,
    office,
    grants,
    mail,
    deadLetters: openDeadLetters(books, policy, settings),
    testWebhook: createSendTest(openSending(policy.webhooks, settings.WEBHOOK_SECRET_ARN ?? '')),
    org,
    ladders: Object.keys(ladders),
    keyEnvironment: KEY_ENVIRONMENT,
  };
}

const SERVICE = 'admin';

export function createHandler({ admin, log }: { admin: () => AdminDeps; log: Log }) {
  const report = (requestId: string, reason: string): void =>
    log(operatorLine(SERVICE, Date.now(), { kind: 'failed', requestId, reason }));
  /** Headers of requests that IAM vouches for: the object itself is the proof, no header could be forged. */
  const signed = new WeakMap<Headers, Approver>();
  let app: ReturnType<typeof createAdminApp> | undefined;
  const open = () =>
    createAdminApp(admin(), {
      adminOf: async (headers) => signed.get(headers),
      report: (reason) => report('', reason),
      reconciled: ({ hasDrifted, ...bill }) => {
        const metrics = withMetrics(SERVICE, Date.now(), { BillsDrifted: hasDrifted ? 1 : 0 });
        log({ kind: 'reconciled', ...bill, ...metrics });
      },
    });

  return async (event: APIGatewayProxyEvent): Promise<BufferedAnswer | undefined> => {
    if (!isProxyEvent(event)) return undefined;
    let response: Response;
    try {
      app ??= open();
      const request = requestFrom(event);
      const name = callerOf(event);
      if (name !== undefined) signed.set(request.headers, { name, keyId: undefined });
      response = await app.fetch(request);
    } catch (error) {
      report(event.requestContext.requestId, String(error));
      response = renderProblem(
        'failed',
        'The failure was reported; nothing can be said about its cause here.',
      );
    }
    const { httpMethod: method, path } = event;
    const facts = { kind: 'admin', caller: callerOf(event), method, path, status: response.status };
    log({
      ...facts,
      ...withMetrics(SERVICE, Date.now(), { Calls: 1, ServerErrors: response.status >= 500 ? 1 : 0 }),
    });
    return bufferedAnswer(response);
  };
}

/** An administrator, not a user of an application: who changed a cap belongs into the log. */
function callerOf({ requestContext }: APIGatewayProxyEvent): string | undefined {
  const { userArn, caller } = requestContext.identity;
  return userArn ?? caller ?? undefined;
}
