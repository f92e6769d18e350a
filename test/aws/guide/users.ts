/** IAM by its query API, as the emulator's root user: three operations, for which a client is not worth its installation. */
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { CREDENTIALS, REGION } from '../emulator.ts';

export interface User {
  accessKeyId: string;
  secretAccessKey: string;
}

export async function makeUser(endpoint: string, UserName: string, policy: object): Promise<User> {
  await ask(endpoint, { Action: 'CreateUser', UserName });
  const PolicyDocument = JSON.stringify(policy);
  await ask(endpoint, { Action: 'PutUserPolicy', UserName, PolicyName: 'all', PolicyDocument });
  const answer = await ask(endpoint, { Action: 'CreateAccessKey', UserName });
  const member = (tag: string): string => new RegExp(`<${tag}>([^<]+)</${tag}>`).exec(answer)![1]!;
  return { accessKeyId: member('AccessKeyId'), secretAccessKey: member('SecretAccessKey') };
}

export async function addToRole(endpoint: string, roleArn: string, policy: object): Promise<void> {
  const [, RoleName = ''] = /\/([^/]+)$/.exec(roleArn) ?? [];
  const PolicyDocument = JSON.stringify(policy);
  await ask(endpoint, { Action: 'PutRolePolicy', RoleName, PolicyName: 'mended', PolicyDocument });
}

export const allowing = (Action: string, Resource: string): object => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action, Resource }],
});

async function ask(endpoint: string, parameters: Record<string, string>): Promise<string> {
  const url = new URL(endpoint);
  const body = new URLSearchParams({ Version: '2010-05-08', ...parameters }).toString();
  const signer = new SignatureV4({
    ...{ service: 'iam', region: REGION, credentials: CREDENTIALS, sha256: Sha256 },
  });
  const { headers } = await signer.sign({
    ...{ method: 'POST', protocol: url.protocol, hostname: url.hostname, path: '/', query: {}, body },
    headers: { host: url.host, 'content-type': 'application/x-www-form-urlencoded' },
  });
  const answer = await fetch(url, { method: 'POST', headers, body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${parameters['Action']!} answered ${answer.status}: ${text}`);
  return text;
}
