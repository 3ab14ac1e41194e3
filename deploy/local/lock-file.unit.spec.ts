import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from '@jest/globals';

interface LockedPackage {
  optionalDependencies?: Record<string, string>;
}

// npm ci refuses a lock file that leaves out another platform's optional package, which npm install writes where the
// registry at hand does not have it: the next fresh clone could not be installed.
it('locks every optional dependency of every package, so that a fresh clone installs anywhere', () => {
  const lock = readFileSync(resolve(import.meta.dirname, '../../package-lock.json'), 'utf8');
  const { packages } = JSON.parse(lock) as { packages: Record<string, LockedPackage> };
  const found = (from: string, name: string): boolean => {
    if (`${from ? `${from}/` : ''}node_modules/${name}` in packages) return true;
    return from !== '' && found(from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))), name);
  };
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !found(path, name)),
  );
  expect(missing).toEqual([]);
});
