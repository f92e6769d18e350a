/**
 * POST /openai/deployments/{deployment}/chat/completions (Azure OpenAI, api-version 2024-10-21; openai 7.57.0 and
 * 6.49.0 `AzureOpenAI`, checked 2026-11-29). The path names the model, whatever the body says: the policy tells what a
 * deployment is of (`azureDeployments`), otherwise it is taken for the model of the same name. What it costs is the
 * list price of OpenAI, which is that of a global deployment; the answer names the model that served.
 */
import type { JsonEndpoint } from '../../../core/endpoint.ts';
import { passed } from '../../../core/refusals.ts';
import { openAiChat, readChatOf } from './chat.ts';

export const AZURE_CHAT_PATH = '/openai/deployments/:deployment/chat/completions';

export function azureChat(
  deployment: string,
  modelOfDeployment: Readonly<Record<string, string>>,
): JsonEndpoint {
  const model = Object.hasOwn(modelOfDeployment, deployment) ? modelOfDeployment[deployment]! : deployment;
  return {
    ...openAiChat,
    upstream: 'azure',
    upstreamPath: AZURE_CHAT_PATH.replace(':deployment', encodeURIComponent(deployment)),
    readCall: ({ value }) => {
      const read = readChatOf(model, value);
      // The path names the deployment: no other model can stand in.
      return read.ok ? passed({ ...read.value, needs: undefined }) : read;
    },
  };
}
