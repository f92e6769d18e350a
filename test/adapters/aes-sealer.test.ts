/** Sealed answers: opened by the same key for the same context, and by nothing else. */
import { describe, expect, it } from 'vitest';
import { AesSealer } from '../../lambdas/adapters/sealing/aes-sealer.ts';

const SECRET = 'a secret of more than 32 characters';
const bytes = (text: string) => new TextEncoder().encode(text);
const openedBy = async (by: AesSealer, sealed: string): Promise<string> =>
  new TextDecoder().decode(await by.open(sealed, 'c'));
const sealerOf = (secret: string) => new AesSealer({ secret: async () => secret });
const sealer = sealerOf(SECRET);

describe('what is sealed', () => {
  it.each(['', 'Hello', 'ü\u0000\uffff', 'Hello '.repeat(100_000)])('opens again: %#', async (text) => {
    const sealed = await sealer.seal(bytes(text), 'c');
    expect(await openedBy(sealer, sealed)).toBe(text);
    expect(await openedBy(sealerOf(SECRET), sealed)).toBe(text);
  });

  it('shows nothing, is never the same twice, and is smaller where it can be', async () => {
    const text = 'the same secret words, '.repeat(1000);
    const [one, other] = [await sealer.seal(bytes(text), 'c'), await sealer.seal(bytes(text), 'c')];
    expect(one).not.toBe(other);
    expect(Buffer.from(one.split('.')[1]!, 'base64url').toString('latin1')).not.toContain('secret');
    expect(one.length).toBeLessThan(text.length / 50);
  });

  it('does not open for another context', async () => {
    const sealed = await sealer.seal(bytes('Hello'), 'hold\napp');
    for (const context of ['', 'hold\nap', 'hold\napp\n', 'holdapp', 'HOLD\napp']) {
      expect(await sealer.open(sealed, context)).toBeUndefined();
    }
  });

  it('does not open with another key, also where it claims to be sealed with it', async () => {
    const sealed = await sealer.seal(bytes('Hello'), 'c');
    const other = sealerOf(`${SECRET}!`);
    expect(await other.open(sealed, 'c')).toBeUndefined();
    const [otherId] = (await other.seal(bytes(''), 'c')).split('.');
    expect(await other.open(`${otherId!}.${sealed.split('.')[1]!}`, 'c')).toBeUndefined();
  });

  it('does not open once any byte of it was changed, or its end is missing', async () => {
    const sealed = await sealer.seal(bytes('Hello'), 'c');
    const [id, text] = sealed.split('.') as [string, string];
    const whole = Buffer.from(text, 'base64url');
    for (let i = 0; i < whole.length; i += 1) {
      const changed = Buffer.from(whole);
      changed[i]! ^= 1;
      expect(await sealer.open(`${id}.${changed.toString('base64url')}`, 'c'), `byte ${i}`).toBeUndefined();
      const cut = whole.subarray(0, i).toString('base64url');
      expect(await sealer.open(`${id}.${cut}`, 'c'), `${i} bytes`).toBeUndefined();
    }
  });
});

describe('its key', () => {
  it('follows the secret while the sealer lives', async () => {
    let secret = SECRET;
    const changing = new AesSealer({ secret: async () => secret });
    const old = await changing.seal(bytes('old'), 'c');
    secret = `${SECRET}, the second`;
    const young = await changing.seal(bytes('young'), 'c');
    expect(await changing.open(old, 'c')).toBeUndefined();
    expect(await openedBy(changing, young)).toBe('young');
    secret = SECRET;
    expect(await openedBy(changing, old)).toBe('old');
  });

  it('is not made of a secret that could be guessed', async () => {
    await expect(sealerOf('x'.repeat(31)).seal(bytes(''), 'c')).rejects.toThrow('fewer than 32 characters');
    await expect(sealerOf('').open('', 'c')).rejects.toThrow('fewer than 32 characters');
  });

  it('cannot be had: nothing is sealed or opened', async () => {
    const without = new AesSealer({ secret: () => Promise.reject(new Error('down')) });
    await expect(without.seal(bytes(''), 'c')).rejects.toThrow('down');
    await expect(without.open(await sealer.seal(bytes(''), 'c'), 'c')).rejects.toThrow('down');
  });
});
