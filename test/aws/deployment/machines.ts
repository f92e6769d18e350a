/** The deployed state machines: how their executions stand. */
import { ListExecutionsCommand, ListStateMachinesCommand, type ExecutionListItem } from '@aws-sdk/client-sfn';
import type { Clients } from '../probes/clients.ts';
import { STAGE } from './cdk.ts';

export async function executionsOf(
  { machines }: Clients,
  machine: 'escalation' | 'approval',
): Promise<ExecutionListItem[]> {
  const { stateMachines = [] } = await machines.send(new ListStateMachinesCommand({}));
  const { stateMachineArn } = stateMachines.find(({ name }) => name === `spendcap-${STAGE}-${machine}`)!;
  const { executions = [] } = await machines.send(new ListExecutionsCommand({ stateMachineArn }));
  return executions;
}
