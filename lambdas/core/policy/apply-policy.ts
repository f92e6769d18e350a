/** Brings the caps and teams of the policy file into the directory: level-based, so that a repeat changes nothing. */
import { capFromInput, type CapDefinition } from '../caps/cap-definition.ts';
import type { StoredCap } from '../caps/cap-items.ts';
import type { Directory } from '../directory/directory.ts';
import type { Users } from '../directory/users.ts';
import { everyItem } from '../pages.ts';
import { PolicyInvalid, type Policy } from './policy.ts';
import { sha256 } from '../request-ids.ts';

export interface AppliedPolicy {
  created: string[];
  changed: string[];
  deleted: string[];
  /** Caps that somebody set by the API since: theirs stand, the file's do not. */
  kept: string[];
  /** Users whose team was set, or forgotten since the file names none any more. */
  users: string[];
}

/** Throws PolicyInvalid before anything is written, TableUnavailable. */
export async function applyPolicy(directory: Directory, policy: Policy): Promise<AppliedPolicy> {
  const wanted = await capsOfPolicy(policy);
  const standing = await allCaps(directory);
  const applied: AppliedPolicy = { created: [], changed: [], deleted: [], kept: [], users: [] };
  for (const definition of wanted) {
    const old = standing.get(definition.id);
    if (old?.source === 'admin') {
      applied.kept.push(definition.id);
      continue;
    }
    const { cap, created } = await directory.putCap(definition, 'policy');
    if (created) applied.created.push(cap.id);
    else if (cap.revision !== old?.revision) applied.changed.push(cap.id);
  }
  const ids = new Set<string>(wanted.map(({ id }) => id));
  for (const { id, source } of standing.values()) {
    if (source !== 'policy' || ids.has(id)) continue;
    await directory.deleteCap(id);
    applied.deleted.push(id);
  }
  applied.users.push(...(await applyTeams(directory.users, policy)));
  return applied;
}

/** A team that somebody set by the API stands. */
async function applyTeams(users: Users, policy: Policy): Promise<string[]> {
  const wanted = new Map(
    policy.users.flatMap(({ id, team }): [string, string][] => (team === undefined ? [] : [[id, team]])),
  );
  const applied: string[] = [];
  for await (const { id, team, source } of everyItem(({ cursor }) => users.list(PAGE_LENGTH, cursor))) {
    const named = wanted.get(id);
    wanted.delete(id);
    if (source === 'admin' || named === team) continue;
    if (named === undefined) await users.delete(id);
    else await users.put({ id, team: named, source: 'policy' });
    applied.push(id);
  }
  for (const [id, team] of wanted) {
    await users.put({ id, team, source: 'policy' });
    applied.push(id);
  }
  return applied;
}

/**
 * The caps of plan `default` hold for each user, those of another plan for the users that are on it, all others for
 * the scope that they name.
 */
export async function capsOfPolicy(policy: Policy): Promise<CapDefinition[]> {
  const caps = new Map<string, CapDefinition>();
  const add = (cap: CapDefinition): void => {
    if (caps.has(cap.id)) throw new PolicyInvalid(`The policy file has two caps with the id "${cap.id}".`);
    caps.set(cap.id, cap);
  };
  for (const [plan, { caps: inputs }] of Object.entries(policy.plans)) {
    const users =
      plan === 'default' ? ['*'] : policy.users.filter((user) => user.plan === plan).map(({ id }) => id);
    for (const { id, ...input } of inputs) {
      for (const user of users) {
        const ownId = user === '*' ? id : `${id}-${await idPart(user)}`;
        const cap = capFromInput(ownId, { ...input, scope: { type: 'user', id: user } });
        if ('kind' in cap)
          throw new PolicyInvalid(`The policy file's cap "${id}" of plan "${plan}": ${cap.message}`);
        add(cap);
      }
    }
  }
  for (const { id, ...input } of policy.caps) {
    const cap = capFromInput(id, input);
    if ('kind' in cap) throw new PolicyInvalid(`The policy file's cap "${id}": ${cap.message}`);
    const problem = undeclared(cap.scope, policy);
    if (problem !== undefined) throw new PolicyInvalid(`The policy file's cap "${id}": ${problem}`);
    add(cap);
  }
  const unknown = policy.users.find(({ plan }) => plan !== 'default' && policy.plans[plan] === undefined);
  if (unknown)
    throw new PolicyInvalid(
      `The policy file puts "${unknown.id}" on the plan "${unknown.plan}", which it does not have.`,
    );
  return [...caps.values()];
}

/** A cap over what the file itself says cannot call: a mistake of spelling. */
function undeclared({ type, id }: CapDefinition['scope'], policy: Policy): string | undefined {
  if (type !== 'app' && type !== 'feature') return undefined;
  const [appId, feature] = id.split('/');
  const app = policy.apps.find((declared) => declared.id === appId);
  if (!app) return policy.declaredAppsOnly ? `the app "${appId!}" is not among apps.` : undefined;
  if (feature === undefined || feature === 'default' || app.features?.includes(feature) !== false)
    return undefined;
  return `the app "${app.id}" has no feature "${feature}"; it has ${['default', ...app.features].join(', ')}.`;
}

const ID_PART_LENGTH_MAX = 24;
const HASH_LENGTH = 12;

/** A user's name as part of a cap's id. Names that do not fit are told apart by a hash. */
async function idPart(user: string): Promise<string> {
  if (/^[a-z0-9][a-z0-9._-]*$/.test(user) && user.length <= ID_PART_LENGTH_MAX) return user;
  return (await sha256(user)).slice(0, HASH_LENGTH);
}

const PAGE_LENGTH = 500;

async function allCaps(directory: Directory): Promise<Map<string, StoredCap>> {
  const caps = new Map<string, StoredCap>();
  for await (const cap of everyItem(({ cursor }) => directory.listCaps(PAGE_LENGTH, cursor))) {
    caps.set(cap.id, cap);
  }
  return caps;
}
