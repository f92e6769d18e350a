/** Who may use the admin API locally: the admin key, and app keys with the scope `admin`. */
import { isSame, keyIdOf } from '../lambdas/core/directory/app-keys.ts';
import type { Directory } from '../lambdas/core/directory/directory.ts';
import type { Approver } from '../lambdas/core/grants/same-person.ts';
import { sha256 } from '../lambdas/core/request-ids.ts';

export function adminAccess(
  directory: Pick<Directory, 'keyById'>,
  adminKey: string,
): (headers: Headers) => Promise<Approver | undefined> {
  const adminHash = sha256(adminKey);
  return async (headers) => {
    const credential = /^Bearer +(.+)$/i.exec(headers.get('authorization') ?? '')?.[1]?.trim();
    if (credential === undefined) return undefined;
    const hash = await sha256(credential);
    if (isSame(hash, await adminHash)) return { name: 'admin', keyId: undefined };
    const id = keyIdOf(credential);
    const key = id === undefined ? undefined : await directory.keyById(id);
    return key?.scopes.includes('admin') && isSame(key.hash, hash)
      ? { name: key.user ?? key.id, keyId: key.id }
      : undefined;
  };
}
