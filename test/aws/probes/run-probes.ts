/** Asks every probe and compares: with AWS, and with what the pinned emulator is known to answer. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Emulator } from '../emulator.ts';
import type { Story } from '../story.ts';
import { clientsFor } from './clients.ts';
import { failureProbes } from './failures.ts';
import { functionProbes } from './functions.ts';
import { gatewayProbes } from './gateway.ts';
import { machineProbes } from './machines.ts';
import { nameOf, type Probe } from './probe.ts';
import { serviceProbes } from './services.ts';

const DOCUMENT = join(import.meta.dirname, '../../../docs/emulation.md');
const SIDE_BY_SIDE = 8;

const probes: Probe[] = [
  ...machineProbes,
  ...serviceProbes,
  ...functionProbes,
  ...failureProbes,
  ...gatewayProbes,
];

/** A changed answer fails nothing: it is told, and belongs in the document. A gap that is in no document fails. */
export async function runProbes(story: Story, { url, reset }: Emulator): Promise<void> {
  story.step('How far the emulator can be believed: probes with a known answer on AWS');
  const document = readFileSync(DOCUMENT, 'utf8');
  const clients = clientsFor(url);
  const answers = new Map<Probe, string>();
  const queue = probes.values();
  await story.check('every probe was asked', async () => {
    const worker = async (): Promise<void> => {
      for (const probe of queue) {
        const seen = await probe.ask(clients).catch((error: unknown) => `no answer: ${nameOf(error)}`);
        answers.set(probe, seen);
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
    return `${answers.size} of ${probes.length}`;
  });

  await reset();

  const undocumented: string[] = [];
  let alike = 0;
  for (const probe of probes) {
    const seen = answers.get(probe) ?? 'not asked';
    const known = probe.pin ?? probe.aws;
    if (seen === probe.aws) alike += 1;
    else if (!document.includes(`\`${probe.id}\``)) undocumented.push(probe.id);
    if (seen !== known) story.say(`CHANGED ${probe.id}: was ${known}, is now ${seen}; on AWS ${probe.aws}`);
    else if (seen !== probe.aws) story.say(`differs ${probe.id}: on AWS ${probe.aws}; here ${seen}`);
  }
  story.say(`${alike} of ${probes.length} answers are those of AWS`);
  await story.check('every difference stands in docs/emulation.md', async () => {
    if (undocumented.length > 0) throw new Error(`missing: ${undocumented.join(', ')}`);
    return undefined;
  });
}
