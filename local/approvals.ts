/**
 * Requests for more on this machine: the page, the mail and the state machine that AWS runs. Leaves out IAM: who decides
 * is the holder of the link, or of an admin key.
 */
import { readFileSync } from 'node:fs';
import type { Hono } from 'hono';
import { ApprovalLinks } from '../lambdas/adapters/approval-link/approval-links.ts';
import { createApproveApp } from '../lambdas/approve/app.ts';
import { createAskApprover } from '../lambdas/ask-approver/ask-approver.ts';
import type { Directory } from '../lambdas/core/directory/directory.ts';
import type { GrantRequested } from '../lambdas/core/events/grants.ts';
import { GrantDesk } from '../lambdas/core/grants/grant-desk.ts';
import type { Ledger } from '../lambdas/core/ledger/ledger.ts';
import type { Clock, FinanceMail, Ids, Table, TaskTokens } from '../lambdas/core/ports.ts';
import { MINUTE } from '../lambdas/core/time.ts';
import { keptSecret } from './kept-secret.ts';
import { startRounds } from './rounds.ts';
import { parseMachine } from './state-machine/definition.ts';
import { Executions } from './state-machine/executions.ts';
import type { Json } from './state-machine/expressions.ts';

export interface ApprovalsDeps {
  table: Table;
  ledger: Ledger;
  directory: Directory;
  clock: Clock;
  ids: Ids;
  dataDirectory: string | undefined;
  org: string;
  financeEmail: string;
  mail: FinanceMail;
  /** Of this server. */
  url: () => string;
  report: (reason: string) => void;
}

export interface Approvals {
  grants: GrantDesk;
  page: Hono;
  /** Somebody asked. Throws TableUnavailable. */
  asked(event: GrantRequested): Promise<void>;
  /** Goes on with what an earlier process left. */
  start(): void;
  stop(): Promise<void>;
}

const FUNCTION = 'ask-approver';
const SECRET_FILE = 'approval-key.txt';

export function createApprovals(deps: ApprovalsDeps): Approvals {
  const secret = keptSecret(SECRET_FILE, deps.dataDirectory, deps.ids);
  const links = new ApprovalLinks({ secret: async () => secret });
  const waiting: TaskTokens = { end: async (token, output) => executions.end(token, output) };
  const grants = new GrantDesk({ ...deps, waiting });
  const file = readFileSync(new URL('../lib/approval.asl.json', import.meta.url), 'utf8');
  const executions: Executions = new Executions({
    ...deps,
    name: 'approval',
    machine: parseMachine(file, { askApproverFunctionArn: FUNCTION }),
    invoke: async (given) => {
      const { Payload } = given as { Payload: Json };
      return { StatusCode: 200, Payload: (await askApprover(Payload)) as Json };
    },
  });
  const askApprover = createAskApprover({
    ...{ ...deps, grants, links, waiting, approver: deps.financeEmail },
    start: (name, input) => executions.start(name, input),
  });
  let stopSweeping = (): Promise<void> => Promise.resolve();
  return {
    grants,
    page: createApproveApp({ ...deps, grants, links }),
    asked: async (detail) => {
      await askApprover({ detail });
    },
    start: () => {
      executions.resume().catch((error: unknown) => deps.report(String(error)));
      const rounds = startRounds(deps, MINUTE, async () => {
        await grants.sweep();
      });
      stopSweeping = () => rounds.stop();
    },
    stop: async () => {
      await stopSweeping();
      await executions.stop();
    },
  };
}
