import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isInstalled, type Peer } from '#testing';

/** One program of DCMTK. pynetdicom has programs of the same names, which may come first on the path. */
export function dcmtk(program: 'findscu' | 'storescu' | 'dcmqrscp' | 'dump2dcm' | 'wlmscpfs'): Peer {
  return {
    command: [placeOf(program) ?? program, '--version'],
    says: /dcmtk/,
    install: 'apt-get install dcmtk',
  };
}

/** What findscu was told. */
export interface Found {
  /** Everything it printed. */
  said: string;
  /** Each match, its elements by tag as findscu prints them: `0010,0020`; those of a sequence's item included. */
  matches: Map<string, string>[];
}

/** Asks for a worklist. findscu ends with status 0 even when it was aborted: what it says is the result. */
export async function findscu(
  port: number,
  keys: string[],
  { options = [] as string[], called = 'COLLIMATOR' } = {},
): Promise<Found> {
  const args = ['-W', '-v', '-aet', 'CT01', '-aec', called, ...options, ...keys.flatMap((key) => ['-k', key])];
  const said = await run('findscu', [...args, '127.0.0.1', String(port)]);
  // Before the first response it prints what it asks.
  const [, ...responses] = said.split(/Find Response: \d+/);
  return { said, matches: responses.map(elementsIn) };
}

/** Stores files in a PACS. @returns what storescu said, which ends with status 0 only where all were taken */
export function storescu(
  to: { dicomPort: number; aeTitle: string },
  files: string[],
  { as = 'CT01', options = [] as string[] } = {},
): Promise<string> {
  return run('storescu', [
    '-v',
    ...options,
    '-aet',
    as,
    '-aec',
    to.aeTitle,
    '127.0.0.1',
    String(to.dicomPort),
    ...files,
  ]);
}

/** Makes a DICOM file of elements, such as `['0010,0020', 'LO', '4711']`. @returns its path */
export async function dump2dcm(
  folder: string,
  name: string,
  elements: [tag: string, representation: string, value: string][],
): Promise<string> {
  const [dump, file] = [join(folder, `${name}.txt`), join(folder, `${name}.dcm`)];
  const written = ([tag, representation, value]: (typeof elements)[number]) =>
    `(${tag}) ${representation} ${representation === 'UI' && value.startsWith('=') ? value : `[${value}]`}`;
  writeFileSync(dump, `${elements.map(written).join('\n')}\n`);
  const said = await run('dump2dcm', [dump, file]);
  // It ends with status 0 also where it could not read its input.
  if (!existsSync(file)) throw new Error(`dump2dcm made no file: ${said}`);
  return file;
}

function elementsIn(response: string): Map<string, string> {
  // A value of odd length is printed with its padding: a space, or NUL behind a UID.
  const lines = response.matchAll(/\(([0-9a-f]{4},[0-9a-f]{4})\) [A-Z]{2} \[(.*?)[ \0]*\]/g);
  return new Map([...lines].map(([, tag, value]) => [tag!, value!]));
}

/** Where a program of DCMTK lies, undefined where it is not installed. */
export function placeOf(program: string): string | undefined {
  return [program, `/usr/bin/${program}`, `/usr/local/bin/${program}`, `/opt/homebrew/bin/${program}`].find((place) =>
    isInstalled({ command: [place, '--version'], says: /dcmtk/, install: '' }),
  );
}

function run(program: string, args: string[]): Promise<string> {
  const env = { ...process.env, TCP_NODELAY: '1' };
  return new Promise((resolve, reject) => {
    execFile(placeOf(program) ?? program, args, { env, timeout: 30_000 }, (error, stdout, stderr) => {
      const said = `${stdout}\n${stderr}`;
      if (error && program !== 'findscu') reject(new Error(`${program} failed: ${said}`));
      else resolve(said);
    });
  });
}
