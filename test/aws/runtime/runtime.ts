/**
 * The proxy function's bundle under Lambda's own runtime client: the table of wire facts that `npm test` holds against
 * its shim, and what becomes of the container. Lambda, the tables and the providers are on loopback.
 */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleProxy } from '../../../bench/proxy-bundle.ts';
import { restEvent } from '../../hosts/lambda-world.ts';
import {
  differences,
  requestIdOf,
  RUNTIME_FACTS,
  WIRE_FACTS,
  type Arranged,
  type WireFact,
} from '../../hosts/wire-facts.ts';
import type { Emulator } from '../emulator.ts';
import type { Story } from '../story.ts';
import { Container } from './container.ts';
import { prepareRuntimeClient } from './runtime-client.ts';
import { openRuntimeWorld, type RuntimeWorld } from './world.ts';

const FOLDER = join(import.meta.dirname, '../../../.lambda-runtime');
const HOSTS = join(import.meta.dirname, '../../hosts');
const HASTY = pathToFileURL(join(import.meta.dirname, 'hasty-timers.mjs')).href;

/** Loopback takes any answer that a test would make into its buffers. */
const NOT_MADE: Arranged = 'client stops reading';
const SHORT_MS = 1500;
/** Longer than the silence after which the deployed function sends a comment. */
const SILENT_MS = 16_000;

export async function runtime(story: Story, emulator: Emulator): Promise<void> {
  story.step('The proxy function under Lambda’s own runtime client');
  const begunAt = performance.now();
  const client = await prepareRuntimeClient(FOLDER);
  if (client.kind === 'left_out') {
    story.say(`Left out: ${client.reason}`);
    return;
  }
  await story.check('the client is installed', async () => {
    if (client.kind === 'broken') throw new Error(client.reason);
    return `aws-lambda-ric ${client.version} on Node ${process.version}`;
  });
  if (client.kind === 'broken') return;
  const code = mkdtempSync(join(tmpdir(), 'spendcap-runtime-'));
  const world = await openRuntimeWorld(emulator);
  try {
    writeFileSync(join(code, 'index.mjs'), await bundleProxy());
    copyFileSync(join(HOSTS, 'bare-handler.mjs'), join(code, 'bare.mjs'));
    await tell(story, world, { entry: client.entry, code });
  } finally {
    await world.close();
    rmSync(code, { recursive: true, force: true });
  }
  story.say(`${((performance.now() - begunAt) / 1000).toFixed(1)} s in all`);
}

async function tell(
  story: Story,
  world: RuntimeWorld,
  parts: { entry: string; code: string },
): Promise<void> {
  const open = (environment: Record<string, string>, handler = 'index.handler'): Promise<Container> =>
    Container.open({ ...parts, handler, environment: { ...world.environment, ...environment } });
  const deployed = await open({});
  const containers = {
    deployed,
    silent: await open({}),
    hasty: await open({ NODE_OPTIONS: `${world.environment.NODE_OPTIONS} --import=${HASTY}` }),
    broken: await open({ TABLE_NAME: '' }),
    bare: await open({}, 'bare.handler'),
  };
  const of: Partial<Record<Arranged, Container>> = {
    'short keep-alive': containers.hasty,
    'broken environment': containers.broken,
  };
  try {
    // Its wait is the longest by far, so the others go on meanwhile.
    const silence = seeFact(world, containers.silent, deployedSilence());
    silence.catch(() => undefined); // told below
    for (const fact of RUNTIME_FACTS) {
      await story.check(`a handler that does: ${fact.does}`, () => seeBare(containers.bare, fact));
    }
    for (const fact of WIRE_FACTS) {
      if (fact.given === NOT_MADE) {
        story.say(`gap   ${fact.name}: only the shim can make it`);
        continue;
      }
      await story.check(fact.name, () => seeFact(world, (fact.given && of[fact.given]) ?? deployed, fact));
    }
    await story.check('15 s of silence with the timing that is deployed', () => silence);
    await story.check('an event that is no call is answered with nothing', async () => {
      const { invocation } = await deployed.invoke({ Records: [] });
      expectSame([invocation.ends, invocation.bytes().length], ['clean', 0]);
      return undefined;
    });
    await story.check('none reported a failure, but the one whose environment is broken', async () => {
      const { broken, ...others } = containers;
      const failures = (container: Container): string[] =>
        container.said.filter((text) => text.includes('"kind":"failed"'));
      expectSame(Object.values(others).flatMap(failures), []);
      expectSame(failures(broken).length > 0, true);
      return undefined;
    });
    await story.check('no container died of any of it', async () => {
      const starts = Object.entries(containers).map(([name, { starts }]) => [name, starts]);
      expectSame(Object.fromEntries(starts), { deployed: 1, silent: 1, hasty: 1, broken: 1, bare: 1 });
      return undefined;
    });
  } finally {
    await Promise.all(Object.values(containers).map((container) => container.close()));
  }
}

function deployedSilence(): WireFact {
  const short = WIRE_FACTS.find(({ bodySeen }) => bodySeen.source.includes('keep-alive'))!;
  const body = JSON.stringify(short.body).replace(/silent=\d+/, `silent=${SILENT_MS}`);
  return { ...short, body: JSON.parse(body) as WireFact['body'] };
}

async function seeFact(world: RuntimeWorld, container: Container, fact: WireFact): Promise<string> {
  const headers = {
    authorization: `Bearer ${world.key}`,
    'content-type': 'application/json',
    ...fact.headers,
  };
  const event = restEvent({ path: fact.path, headers, body: JSON.stringify(fact.body) });
  const { invocation, over } = await container.invoke(event, {
    ...(fact.given === 'short deadline' && { lastsMs: SHORT_MS }),
    isCut: fact.given === 'client leaves',
  });
  const bytes = invocation.bytes();
  const { contentType, pieces, ends } = invocation;
  // Read at once: whatever is written after the container asked for more work may never be written on Lambda.
  const charge = await world.chargeOf(requestIdOf(bytes));
  const found = differences(fact, { contentType, bytes, pieces: pieces.length, ends, charge });
  if (over === 'exit') found.push('the container died');
  if (invocation.mode !== 'streaming') found.push(`the mode is ${invocation.mode}`);
  if (fact.piecesMin >= 4 && pieces.at(-1)!.atMs - pieces[0]!.atMs < 80)
    found.push('the pieces came at once');
  if (found.length > 0) throw new Error([...found, ...container.said.slice(-5)].join('; '));
  const first = pieces[0] === undefined ? 'no body' : `first byte after ${pieces[0].atMs} ms`;
  const told = invocation.error === undefined ? '' : `, in trailers ${invocation.error}`;
  return `${first}, ${pieces.length} pieces, over after ${invocation.overAtMs} ms${told}`;
}

async function seeBare(container: Container, fact: (typeof RUNTIME_FACTS)[number]): Promise<undefined> {
  const { invocation } = await container.invoke({ does: fact.does });
  const { contentType, ends } = invocation;
  expectSame(
    [contentType, invocation.bytes().toString(), ends],
    [fact.contentType, fact.bytesSeen, fact.ends],
  );
  return undefined;
}

function expectSame(seen: unknown, expected: unknown): void {
  const [is, should] = [JSON.stringify(seen), JSON.stringify(expected)];
  if (is !== should) throw new Error(`${is} instead of ${should}`);
}
