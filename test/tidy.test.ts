/** The tree checks itself: habits that a compiler does not see. Each failure says what to do instead. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const CODE = ['bin', 'lambdas', 'lib', 'local', 'prices', 'bench'];
const SKIPPED = new Set([
  'node_modules',
  '.git',
  '.venv-clients',
  '.venv-aws',
  '.lambda-runtime',
  'cdk.out',
  'coverage',
  '.spendcap',
]);

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder)).flatMap((name) => {
    if (SKIPPED.has(name)) return [];
    const path = folder === '.' ? name : join(folder, name);
    return statSync(join(ROOT, path)).isDirectory() ? filesBelow(path) : [path];
  });
}
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const all = filesBelow('.');
const code = CODE.flatMap((folder) => filesBelow(folder)).filter((path) => path.endsWith('.ts'));
const core = code.filter((path) => path.startsWith('lambdas/core/'));
const documents = all.filter((path) => path.endsWith('.md'));

/** Source without comments and without the text of strings, line for line. */
const bare = (path: string): string[] =>
  read(path)
    .replaceAll(/\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, ''))
    .replaceAll(/\/\/[^\n]*/g, '')
    .split('\n');

const importsOf = (path: string): string[] =>
  [...read(path).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]!);

describe('the core is pure', () => {
  /** Pure packages: no input, output, clock or randomness. */
  const allowed = new Set([
    'zod',
    'temporal-polyfill',
    'quick-lru',
    'jsonc-parser',
    'eventsource-parser',
    'crc-32',
    'p-limit',
  ]);
  const banned: [RegExp, string][] = [
    [/\bDate\b/, 'take the time from the Clock port, format it in time.ts'],
    [/\bMath\.random\b|\bgetRandomValues\b|\brandomUUID\b/, 'take randomness from the Ids port'],
    [/\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b/, 'sleep with the Clock port'],
    [/\bprocess\./, 'take settings as arguments'],
    [/\bconsole\./, 'report through the gateway'],
    [/(?<![.\w])fetch\(/, 'use the Upstream port'],
    [/\btoFixed\b|\bparseFloat\b/, 'money is bigint: see money.ts'],
  ];

  test.each(core)('%s', (path) => {
    for (const specifier of importsOf(path)) {
      if (specifier.startsWith('.')) {
        const target = relative(ROOT, resolve(ROOT, dirname(path), specifier));
        expect(target, `${path} may import only from lambdas/core`).toMatch(/^lambdas\/core\//);
      } else {
        expect(allowed, `${path} imports ${specifier}`).toContain(specifier);
      }
    }
    bare(path).forEach((line, i) => {
      for (const [pattern, instead] of banned) {
        expect(pattern.test(line), `${path}:${i + 1} ${line.trim()}: ${instead}`).toBe(false);
      }
    });
  });
});

describe('the tree', () => {
  test('has no barrels and no drawers', () => {
    const drawers = code.filter((path) =>
      /(^|\/)(index|utils?|common|helpers?|misc|manager)(\.ts$|\/)/.test(path),
    );
    expect(drawers).toEqual([]);
  });

  test('has no file that does too much', () => {
    const long = code.filter((path) => !path.startsWith('prices/') && read(path).split('\n').length > 400);
    expect(long, 'split by what it is about, not by size').toEqual([]);
  });

  test('has no dead file', () => {
    const entries = new Set([
      'bin/app.ts',
      'bin/spendcap.ts',
      'local/main.ts',
      'local/simulated-provider/main.ts',
      'bench/main.ts',
      'bench/overshoot/main.ts',
    ]);
    const isHandler = (path: string) => /^lambdas\/[\w-]+\/handler\.ts$/.test(path);
    const imported = new Set(
      [...code, ...all.filter((path) => /^(test\/.*|bin\/spendcap\.mjs|[^/]+\.ts$)/.test(path))]
        .filter((path) => /\.(ts|mjs)$/.test(path))
        .flatMap((path) =>
          importsOf(path)
            .filter((specifier) => specifier.startsWith('.'))
            .map((specifier) => relative(ROOT, resolve(ROOT, dirname(path), specifier))),
        ),
    );
    expect(code.filter((path) => !imported.has(path) && !entries.has(path) && !isHandler(path))).toEqual([]);
  });

  test('names no machine', () => {
    const suspicious = /\/(?:home|Users|root|work|tmp)\/[\w.-]+\//;
    const named = all
      .filter(
        (path) =>
          /\.(ts|mjs|js|json|md|yml)$/.test(path) &&
          path !== 'package-lock.json' &&
          path !== 'test/tidy.test.ts',
      )
      .filter((path) => suspicious.test(read(path)));
    expect(named).toEqual([]);
  });

  test('pins every dependency exactly and records no download address', () => {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
      read('package.json'),
    ) as Record<string, Record<string, string>>;
    const ranges = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(
      ([, version]) => !/^(npm:.+@)?\d+\.\d+\.\d+$/.test(version),
    );
    expect(ranges).toEqual([]);
    expect(read('package-lock.json')).not.toContain('"resolved": "http');
  });
});

describe('documents', () => {
  test.each(documents)('%s names only files that exist', (path) => {
    const named = [
      ...read(path).matchAll(/`((?:bin|lambdas|lib|local|prices|bench|docs|test)\/[\w./<>-]*)`/g),
    ].map((match) => match[1]!);
    const missing = named.filter(
      (name) =>
        !name.includes('<') &&
        !all.includes(name) &&
        !all.some((file) => file.startsWith(name.endsWith('/') ? name : `${name}/`)),
    );
    expect(missing).toEqual([]);
  });

  test('every decision has its four parts and its own number', () => {
    const decisions = documents.filter((path) => path.startsWith('docs/decisions/')).sort();
    decisions.forEach((path, i) => {
      expect(path).toMatch(new RegExp(`/${String(i + 1).padStart(4, '0')}-`));
      expect(read(path), path).toMatch(new RegExp(`^# ${i + 1}\\. `));
      for (const part of ['**Context.**', '**Choice.**', '**Alternatives.**', '**What would change it.**']) {
        expect(read(path), `${path} lacks ${part}`).toContain(part);
      }
    });
    expect(decisions.length).toBeGreaterThan(0);
  });

  test('every refusal is documented and tested', () => {
    const codes = [...read('lambdas/core/refusals.ts').matchAll(/\| \{\s*code: '(\w+)'/g)].map(
      (match) => match[1]!,
    );
    expect(codes.length).toBeGreaterThan(10);
    const tests = all
      .filter((path) => path.startsWith('test/') && /\.(ts|py)$/.test(path))
      .map(read)
      .join('\n');
    for (const refusal of codes) {
      expect(read('docs/errors.md'), `docs/errors.md lacks ${refusal}`).toContain(`\`${refusal}\``);
      expect(tests, `no test mentions ${refusal}`).toMatch(new RegExp(`['"\`]${refusal}['"\`]`));
    }
  });
});
