/**
 * The README's section on deploying and docs/deploy.md, followed to the letter by somebody new: a clone, one shell at a
 * terminal, every command as it is printed. Around them stand only what makes the emulator AWS (addresses, keys of an
 * IAM user) and the edits of files that the guide tells in words. This emulator checks every signature and what each
 * role may do. After each section we look whether it came to what the guide says.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { startSimulatedProvider, type SimulatedProvider } from '../../../local/simulated-provider/server.ts';
import { same } from '../deployment/calls.ts';
import { REGION, startEmulator, type Emulator } from '../emulator.ts';
import type { Story } from '../story.ts';
import { checksFor } from './checks.ts';
import { startFront, type Front } from './front.ts';
import { sectionsOf, type Section } from './markdown.ts';
import { CommandFailed, Person } from './person.ts';
import { allowing, makeUser } from './users.ts';
import { World } from './world.ts';

/** What the emulator cannot do; docs/emulation.md says what covers it. */
const LEFT_OUT: [RegExp, string][] = [
  [/^aws service-quotas request-service-quota-increase .*$/m, 'the emulator knows no service quotas'],
];

export async function guide(story: Story, python: string, logFolder: string): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'spendcap-guide-'));
  let emulator: Emulator | undefined;
  let front: Front | undefined;
  let provider: SimulatedProvider | undefined;
  try {
    emulator = await startEmulator(python, logFolder, { AUTH: 'true' });
    front = await startFront(emulator.url);
    provider = await startSimulatedProvider({});
    await tell(story, { scratch, python, emulator, front, provider });
  } finally {
    await provider?.close();
    await front?.close();
    await emulator?.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Setting {
  scratch: string;
  python: string;
  emulator: Emulator;
  front: Front;
  provider: SimulatedProvider;
}

async function tell(story: Story, setting: Setting): Promise<void> {
  story.step('Somebody new has a clone, and an IAM user in an account that checks signatures and policies');
  if (!Person.canArrive()) {
    story.say('Left out: this folder is no git repository, so there is nothing to clone.');
    return;
  }
  let person: Person | undefined;
  await story.check('a fresh clone, and a user who may do everything', async () => {
    person = await arrive(setting);
    return undefined;
  });
  if (person && (await install(story, person))) await followAll(story, person, setting);
}

async function arrive({ scratch, python, emulator, front, provider }: Setting): Promise<Person> {
  const user = await makeUser(emulator.url, 'deployer', allowing('*', '*'));
  const person = await Person.arrive(scratch, python, {
    ...withoutRegion(emulator.variables),
    ...{ AWS_ENDPOINT_URL: front.url, NO_COLOR: '1', CDK_HOME: join(scratch, 'cdk-home') },
    ...{ AWS_ACCESS_KEY_ID: user.accessKeyId, AWS_SECRET_ACCESS_KEY: user.secretAccessKey },
    // Version 1 of the command line, from the package index, does not take the region from where the guide sets it.
    AWS_DEFAULT_REGION: REGION,
    // The API's address is one of this machine, from which nobody sees that requests are to be signed.
    SPENDCAP_SIGN: 'aws',
    PATH: `${dirname(python)}${delimiter}${process.env['PATH'] ?? ''}`,
  });
  // As the guide says: context values, once, in cdk.json. The real providers cannot be reached from here.
  const upstreams = `"openaiBaseUrl": "${provider.url}", "anthropicBaseUrl": "${provider.url}",`;
  person.edit('cdk.json', '"context": {', `"context": {${upstreams}`);
  return person;
}

async function followAll(
  story: Story,
  person: Person,
  { emulator, front, provider }: Setting,
): Promise<void> {
  const world = new World(emulator, front);
  const checks = checksFor({ story, world, person, provider, front });
  const follow = async (name: string, { title, commands, json }: Section): Promise<boolean> => {
    story.step(name);
    await checks.before[title]?.({ json });
    let printed = '';
    for (const { text } of commands) {
      const typed = withoutLeftOut(story, text);
      const done = await story.check(oneLine(typed), async () => {
        printed += await person.type(typed);
        if (typed.includes('cdk deploy')) await world.mend();
        return undefined;
      });
      if (!done) return false;
    }
    await checks.after[title]?.(printed, { json });
    return true;
  };

  // All of the README's section is marked, because its own test has no account.
  const readme = sectionsOf(person.read('README.md'));
  if (
    !(await follow(
      'README, "Deploy"',
      readme.find(({ title }) => title === 'Deploy')!,
    ))
  )
    return;
  const steps = sectionsOf(person.read('docs/deploy.md')).filter(({ commands }) => commands.length > 0);
  for (const step of steps) {
    for (const { text, isMarked } of step.commands) {
      if (isMarked) story.say(`left out below, as it is marked: ${oneLine(text)}`);
    }
    const commands = step.commands.filter(({ isMarked }) => !isMarked);
    if (!(await follow(`docs/deploy.md, "${step.title}"`, { ...step, commands }))) return;
  }
  await story.check('no section was followed without a look at what came of it', async () => {
    const titles = steps.map(({ title }) => title);
    same(titles.filter((title) => !(title in checks.after)).join(), '');
    return `${titles.length} sections`;
  });
}

/** What the guide sets itself, or the CDK finds. */
const withoutRegion = (variables: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(variables).filter(([name]) => !/^(AWS_REGION$|CDK_)/.test(name)));

function withoutLeftOut(story: Story, commands: string): string {
  let kept = commands;
  for (const [command, reason] of LEFT_OUT) {
    kept = kept.replace(command, (line) => {
      story.say(`left out, since ${reason}: ${line}`);
      return '';
    });
  }
  return kept;
}

/** What npm says of a registry that it cannot reach. */
const UNREACHABLE = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH)\b/;

/** The first line of the README. */
async function install(story: Story, person: Person): Promise<boolean> {
  const start = sectionsOf(person.read('README.md')).find(({ title }) => title === 'Start');
  const command = start!.commands[0]!.text.split('\n')[0]!;
  const started = performance.now();
  const failure = await person.type(command).then(
    () => undefined,
    (error: unknown) => error,
  );
  const unreachable = failure instanceof CommandFailed ? UNREACHABLE.exec(failure.output) : null;
  if (unreachable) {
    story.say(`Left out: the package registry cannot be reached (${unreachable[0]}).`);
    return false;
  }
  return story.check(command, async () => {
    if (failure !== undefined) throw failure as Error;
    return `${((performance.now() - started) / 1000).toFixed(1)} s`;
  });
}

const LINE_LENGTH = 100;
/** A block's commands in one line of the story. */
function oneLine(commands: string): string {
  const line = commands.trim().split('\n').join('; ');
  return line.length > LINE_LENGTH ? `${line.slice(0, LINE_LENGTH)}…` : line;
}
