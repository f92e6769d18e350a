/**
 * Step 2: whose call it is. The key names the app; the user is the key's own, else the verified token's, else the
 * header's where the key may delegate. The team is the user's where the directory knows it, else the key's or token's.
 * Nothing in the body is trusted for this.
 */
import { hashOfKey, isSame, keyIdOf } from '../directory/app-keys.ts';
import type { AppKey } from '../directory/directory.ts';
import type { Principal } from '../ledger/leaf.ts';
import type { Policy } from '../policy/policy.ts';
import { passed, refused, type Refusal, type Stepped } from '../refusals.ts';
import { nameSchema, userIdSchema } from '../caps/cap-definition.ts';

export interface Caller {
  keyId: string;
  principal: Principal;
  user: string | null;
  app: string;
  team: string;
  feature: string;
  tags: Record<string, string>;
  clampAllowed: boolean;
  fallbackAllowed: boolean;
  idempotencyKey: string | undefined;
  /** False where the client says that it sends this call for the first time, as OpenAI's and Anthropic's SDKs do. */
  mayBeRepeat: boolean;
}

/** Checks a bearer token of a configured issuer; undefined when it is none, is expired or is forged. */
export interface TokenVerifier {
  verify(token: string): Promise<{ user: string; app: string; team: string } | undefined>;
}

export interface IdentityDeps {
  directory: {
    keyById(id: string): Promise<AppKey | undefined>;
    teamOf(user: string): Promise<string | undefined>;
  };
  policy: Policy;
  verifier: TokenVerifier | undefined;
}

/** Who holds the credential: an app key, or a person with a token. */
type Holder = Pick<AppKey, 'id' | 'app' | 'team' | 'scopes' | 'user' | 'requireUser'>;

export async function identify(headers: Headers, deps: IdentityDeps): Promise<Stepped<Caller>> {
  const credential = credentialOf(headers);
  if (!credential.ok) return credential;
  const holder = await holderOf(credential.value, deps);
  if (!holder)
    return refused(invalidKey('This key is not known; check that it is whole and was not deleted.'));
  if (!holder.scopes.includes('call')) {
    return refused(invalidKey('This key may not make calls: it lacks the scope "call".'));
  }
  const user = userOf(headers, holder);
  if (!user.ok) return user;
  const attribution = attributionOf(headers, holder, deps.policy);
  if (!attribution.ok) return attribution;
  const { app } = holder;
  const ownTeam = user.value === null ? undefined : await deps.directory.teamOf(user.value);
  const team = ownTeam ?? holder.team;
  const principal: Principal =
    user.value === null ? { type: 'app', id: app } : { type: 'user', id: user.value };
  return passed({ keyId: holder.id, principal, user: user.value, app, team, ...attribution.value });
}

const CREDENTIAL_HEADERS = ['x-api-key', 'api-key', 'x-goog-api-key'];

function credentialOf(headers: Headers): Stepped<string> {
  const given = new Set<string>();
  const bearer = /^Bearer +(.+)$/i.exec(headers.get('authorization') ?? '')?.[1];
  if (bearer !== undefined) given.add(bearer.trim());
  for (const name of CREDENTIAL_HEADERS) {
    const value = headers.get(name);
    if (value !== null && value !== '') given.add(value.trim());
  }
  const [credential, other] = given;
  if (credential === undefined) {
    return refused(invalidKey('Send your Spendcap key as "Authorization: Bearer sck_…" or in x-api-key.'));
  }
  if (other !== undefined) {
    return refused({
      code: 'invalid_request',
      message: 'Two credentials disagree: send your Spendcap key in one header only.',
    });
  }
  return passed(credential);
}

const invalidKey = (message: string): Refusal => ({ code: 'invalid_api_key', message });

async function holderOf(credential: string, deps: IdentityDeps): Promise<Holder | undefined> {
  const keyId = keyIdOf(credential);
  if (keyId !== undefined) {
    const key = await deps.directory.keyById(keyId);
    return key && isSame(key.hash, await hashOfKey(credential)) ? key : undefined;
  }
  const person = await deps.verifier?.verify(credential);
  if (!person) return undefined;
  return { id: `oidc:${person.app}`, ...person, scopes: ['call'], requireUser: true };
}

function userOf(headers: Headers, holder: Holder): Stepped<string | null> {
  const named = headers.get('x-spendcap-user');
  if (holder.user !== null) {
    if (named === null || named === holder.user) return passed(holder.user);
    return refused(delegateRequired(`This key belongs to "${holder.user}" and cannot call for "${named}".`));
  }
  if (named !== null) {
    if (!holder.scopes.includes('delegate')) {
      return refused(delegateRequired('This key may not name a user: it lacks the scope "delegate".'));
    }
    if (userIdSchema.safeParse(named).success) return passed(named);
    return refused({
      code: 'invalid_request',
      message:
        'x-spendcap-user must be one user: 1 to 128 printable characters without spaces, "/" and "#", and not "*".',
    });
  }
  if (!holder.requireUser) return passed(null);
  return refused({
    code: 'user_required',
    message: 'Name the user that this call is for in the header x-spendcap-user.',
  });
}

const delegateRequired = (message: string): Refusal => ({ code: 'delegate_required', message });

type Attribution = Omit<Caller, 'keyId' | 'principal' | 'user' | 'app' | 'team'>;

const TAG_PREFIX = 'x-spendcap-tag-';
const TAG_NAME = /^[a-z0-9._-]{1,40}$/;
const TAGS_MAX = 10;
const TAG_LENGTH_MAX = 100;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

function attributionOf(headers: Headers, { app }: Holder, policy: Policy): Stepped<Attribution> {
  const declared = policy.apps.find(({ id }) => id === app);
  if (!declared && policy.declaredAppsOnly) {
    return refused(invalidKey(`The app "${app}" of this key is not declared in the policy.`));
  }
  const feature = headers.get('x-spendcap-feature') ?? 'default';
  const allowed = declared?.features;
  if (
    !nameSchema.safeParse(feature).success ||
    (allowed && feature !== 'default' && !allowed.includes(feature))
  ) {
    const which = allowed ? `; the app "${app}" has ${['default', ...allowed].join(', ')}` : '';
    return refused({ code: 'invalid_request', message: `"${feature}" is no feature here${which}.` });
  }
  const tags = [...headers.entries()].flatMap(([name, value]): [string, string][] =>
    name.startsWith(TAG_PREFIX) ? [[name.slice(TAG_PREFIX.length), value]] : [],
  );
  if (
    tags.length > TAGS_MAX ||
    tags.some(([name, value]) => !TAG_NAME.test(name) || value.length > TAG_LENGTH_MAX)
  ) {
    return refused({
      code: 'invalid_request',
      message: `Send at most ${TAGS_MAX} x-spendcap-tag-* headers of at most ${TAG_LENGTH_MAX} characters each, named by 1 to 40 letters, digits, ".", "_" and "-".`,
    });
  }
  const idempotencyKey = headers.get('idempotency-key') ?? undefined;
  if (idempotencyKey !== undefined && !IDEMPOTENCY_KEY.test(idempotencyKey)) {
    return refused({
      code: 'invalid_request',
      message: 'Idempotency-Key must be 1 to 255 visible ASCII characters.',
    });
  }
  return passed({
    feature,
    tags: Object.fromEntries(tags),
    clampAllowed: headers.get('x-spendcap-clamp') !== 'never' && declared?.clamp !== false,
    fallbackAllowed: headers.get('x-spendcap-fallback') !== 'never' && declared?.fallback !== false,
    idempotencyKey,
    mayBeRepeat: headers.get('x-stainless-retry-count') !== '0',
  });
}
