/** What `spendcap price` prints of a server's prices, for people; and how tables take to a narrow terminal. */
import { afterEach, expect, it } from 'vitest';
import { tableLayout } from '../../bin/cli/terminal.ts';
import { fakeServer, runCli, type FakeServer } from './run-cli.ts';

const page = (items: object[]) => [200, { items, next_cursor: null }] as [number, unknown];
const card = {
  ...{ id: 'openai/gpt-4.1@2025-04-14', provider: 'openai', model: 'gpt-4.1', effective_from: '2025-04-14' },
  ...{ prices: { input: '2', cache_read: '0.5', output: '8' }, accepted_by: 'release', in_force: false },
};
const accepted = {
  ...{ ...card, id: 'openai/gpt-4.1@2026-11-30T17:37:00.608Z', effective_from: '2026-11-30T17:37:00.608Z' },
  ...{ prices: { input: '4', output: '16' }, accepted_by: 'person', in_force: true },
};

let server: FakeServer | undefined;
afterEach(async () => server?.close());
async function printed(path: string, items: object[], ...args: string[]): Promise<string> {
  server = await fakeServer({ [`GET /admin/v1/prices${path}`]: page(items) });
  const { code, stdout } = await runCli(['price', ...args], {
    env: { SPENDCAP_URL: server.url, SPENDCAP_ADMIN_KEY: 'adm_1' },
  });
  expect(code).toBe(0);
  return stdout;
}

it('a pending change has its reason once, below each price that would change', async () => {
  const reason = 'input would go from 2 to 4, which needs two families or a person';
  const change = {
    ...{ id: 'pp_1', provider: 'openai', model: 'gpt-4.1', family: 'genai-prices, litellm' },
    old: { input: '2', cache_read: '0.5', 'input, response.service_tier=flex': '1' },
    new: { input: '4', cache_read: '0.5', 'input, response.service_tier=flex': '1', output: '16' },
    reason,
  };
  const added = {
    ...change,
    id: 'pp_2',
    model: 'gpt-9',
    old: null,
    new: { input: '1' },
    reason: 'it is new',
  };
  expect(await printed('/pending', [change, added], 'pending')).toBe(
    [
      ...[
        'pp_1  openai/gpt-4.1, by genai-prices, litellm',
        '  input 2 -> 4',
        '  output - -> 16',
        `  ${reason}`,
      ],
      ...['', 'pp_2  openai/gpt-9, by genai-prices, litellm', '  input - -> 1', '  it is new', ''],
    ].join('\n'),
  );
});

it('the history has instants and on whose word each card came', async () => {
  expect(await printed('/history?model=gpt-4.1', [accepted, card], 'history', 'gpt-4.1')).toBe(
    [
      'from                      in force  input  cache read  output  by',
      '2026-11-30T17:37:00.608Z  yes           4           -      16  person',
      '2025-04-14                              2         0.5       8  release',
      '',
    ].join('\n'),
  );
});

it('the history has times of the day below the cards', async () => {
  const periods = [
    { from: '01:00', to: '04:00', weekdays: [1, 5], factor: '2' },
    { from: '22:00', to: '24:00', factor: '0.5' },
  ];
  const text = await printed('/history?model=m', [{ ...card, periods }, accepted], 'history', 'm');
  expect(text.split('\n\n')[1]).toBe(
    [
      'since 2025-04-14: times 2 from 01:00 to 04:00 UTC, Mon Fri',
      'since 2025-04-14: times 0.5 from 22:00 to 24:00 UTC, every day',
      '',
    ].join('\n'),
  );
});

it('the list has the day since when', async () => {
  expect(await printed('', [accepted], 'list')).toBe(
    [
      'provider  model    since       input  cache read  output',
      'openai    gpt-4.1  2026-11-30      4           -      16',
      '',
    ].join('\n'),
  );
});

it.each<[string, number[], number | undefined, ReturnType<typeof tableLayout>]>([
  ['a pipe has no width', [200, 10], undefined, { isFramed: false }],
  ['what fits with its frame is framed', [30, 43], 80, { isFramed: true }],
  ['what fits without is not', [30, 44], 80, { isFramed: false }],
  ['to the last column', [30, 48], 80, { isFramed: false }],
  ['the broadest column is broken', [30, 60], 80, { isFramed: false, widths: [32, 50] }],
  ['but not to nothing', [70, 80, 5], 80, { isFramed: false, widths: [72, 14, 7] }],
])('a table: %s', (_, longest, available, layout) => {
  expect(tableLayout(longest, available)).toEqual(layout);
});
