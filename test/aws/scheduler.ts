/** EventBridge Scheduler by its REST API: four operations, for which a client is not worth its installation. */
import { ACCOUNT, CREDENTIALS, REGION } from './emulator.ts';
import type { Clients } from './probes/clients.ts';

interface Schedule {
  Name: string;
  ScheduleExpression: string;
  Target: { Arn: string; Input?: string };
}

export interface RunningSchedule {
  /** As it was deployed. */
  expression: string;
  /** What the function is invoked with. */
  input: string | undefined;
  /** Changes the rate, and nothing else of it. */
  every: (expression: string) => Promise<void>;
}

/** The one schedule that invokes a function of this name. */
export async function scheduleOf({ endpoint }: Clients, functionName: string): Promise<RunningSchedule> {
  const { Schedules } = await ask<{ Schedules: Schedule[] }>(`${endpoint}/schedules`);
  const found = Schedules.filter(({ Target }) => Target.Arn.endsWith(`:${functionName}`));
  if (found.length !== 1) throw new Error(`${found.length} schedules invoke ${functionName}`);
  const url = `${endpoint}/schedules/${found[0]!.Name}`;
  const schedule = await ask<Schedule>(url);
  return {
    expression: schedule.ScheduleExpression,
    input: schedule.Target.Input,
    every: async (expression) => {
      const body = JSON.stringify({ ...schedule, ScheduleExpression: expression });
      await ask(url, { method: 'PUT', body });
    },
  };
}

/** A function is to run once, at once. */
export async function scheduleNow({ endpoint }: Clients, functionName: string): Promise<void> {
  const schedule = {
    ScheduleExpression: `at(${new Date().toISOString().slice(0, 19)})`,
    FlexibleTimeWindow: { Mode: 'OFF' },
    Target: {
      Arn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${functionName}`,
      RoleArn: `arn:aws:iam::${ACCOUNT}:role/probe`,
    },
  };
  await ask(`${endpoint}/schedules/${functionName}`, { method: 'POST', body: JSON.stringify(schedule) });
}

/** The emulator sees by the credential's scope which service is meant, and checks no signature. */
const SCOPE = `AWS4-HMAC-SHA256 Credential=${CREDENTIALS.accessKeyId}/20261125/${REGION}/scheduler/aws4_request`;

async function ask<T>(url: string, request: RequestInit = {}): Promise<T> {
  const headers = { authorization: SCOPE, 'content-type': 'application/json' };
  const answer = await fetch(url, { ...request, headers });
  const said = await answer.text();
  if (!answer.ok) throw new Error(`Scheduler answered ${answer.status}: ${said}`);
  return JSON.parse(said) as T;
}
