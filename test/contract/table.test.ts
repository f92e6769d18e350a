/** The one contract of the table, on every engine there is here. */
import { expect, test } from 'vitest';
import { dynoxideBinary, engines } from './engines.ts';
import { expressionsContract } from './expressions-contract.ts';
import { readsContract } from './reads-contract.ts';
import { tableContract } from './table-contract.ts';

for (const engine of engines) {
  tableContract(engine);
  readsContract(engine);
  expressionsContract(engine);
}

test('dynoxide runs wherever its binary can be had', () => {
  const built = process.platform === 'linux' && process.arch === 'x64';
  if (dynoxideBinary()) {
    expect(engines.map(({ name }) => name)).toEqual(['memory', 'sqlite', 'dynoxide']);
    return;
  }
  console.log(
    `The dynoxide lane is left out: @dynoxide/linux-x64, an optional dependency, is not installed on ${process.platform}-${process.arch}` +
      (built ? '; `npm ci` without --omit=optional brings it back.' : ', for which it has no build.'),
  );
  expect(engines.map(({ name }) => name)).toEqual(['memory', 'sqlite']);
});
