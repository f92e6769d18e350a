/** Whether an approver may be the one who asked. Where names leave it open, they are: somebody else can approve. */
import type { GrantRecord } from './grant.ts';

/** Who decides: a person's name, an address or an ARN; `keyId` where a key of ours says so. */
export interface Approver {
  name: string;
  keyId: string | undefined;
}

export function isRequester(
  { name, keyId }: Approver,
  { principal, keyId: askedWith }: GrantRecord,
): boolean {
  if (keyId === askedWith) return true;
  if (principal.type !== 'user') return false;
  const names = namesIn(principal.id);
  return namesIn(name).some((one) => names.includes(one));
}

/** `arn:aws:sts::1:assumed-role/Admin/Ann@example.com` is `ann@example.com` and `ann`. */
function namesIn(text: string): string[] {
  const whole = text.trim().toLowerCase();
  const last = whole.split('/').at(-1)!;
  return [whole, last, last.split('@')[0]!];
}
