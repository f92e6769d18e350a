/** The deployed functions, by a part of their names. */
import { ListFunctionsCommand } from '@aws-sdk/client-lambda';
import type { Clients } from '../probes/clients.ts';

export async function functionNamed({ lambda }: Clients, part: string): Promise<string> {
  const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}));
  const found = Functions.find(({ FunctionName }) => FunctionName?.includes(part))?.FunctionName;
  if (found === undefined) throw new Error(`no function ${part}`);
  return found;
}
