import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ESLint } from 'eslint';

const repository = join(import.meta.dirname, '../..');
const fixtures = join(repository, 'test/fixtures/import-rules');

/** The rules of the repository itself; only what keeps `npm run lint` off the fixtures is taken back. */
const eslint = new ESLint({
  cwd: repository,
  overrideConfigFile: join(repository, 'eslint.config.mjs'),
  overrideConfig: [{ ignores: ['!test/fixtures/', '!test/fixtures/**'] }],
});
const files = readdirSync(fixtures, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(fixtures, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
const complaintsOf = async (file: string): Promise<string[]> => {
  const [result] = await eslint.lintFiles([join(fixtures, file)]);
  return result!.messages.map((one) => `${one.ruleId}: ${one.message}`);
};

const imports = (reason: string) => new RegExp(`^no-restricted-imports: .*${reason}`);
const time = /^no-restricted-syntax: Time is an argument of the domain/;
const anotherApp = imports('an app never imports another app');
const byName = imports('by its name');
const only = (library: string, allowed: string) => imports(`libs/${library} may import only: ${allowed}\\.`);

/** Every fixture that breaks a rule, and what it is told. */
const broken: Record<string, RegExp> = {
  'apps/orders/src/imports-another-app.ts': anotherApp,
  'apps/results/src/imports-another-app-by-name.ts': anotherApp,
  'apps/contrast/src/imports-testing.ts': imports('#testing is for specs only'),
  'apps/scheduling/src/imports-a-library-by-path.ts': byName,
  'libs/hl7v2/src/imports-platform.ts': only('hl7v2', 'no other library'),
  'libs/events/src/imports-fhir.ts': only('events', 'no other library'),
  'libs/platform/src/imports-messaging.ts': only('platform', 'no other library'),
  'libs/fhir/src/imports-hl7v2.ts': only('fhir', 'platform'),
  'libs/mapping/src/imports-messaging.ts': only('mapping', 'hl7v2, fhir, platform'),
  'libs/dicom/src/imports-fhir.ts': only('dicom', 'platform'),
  'libs/messaging/src/imports-fhir.ts': only('messaging', 'events, platform'),
  'libs/intake/src/imports-dicom.ts': only('intake', 'hl7v2, mapping, platform, fhir, messaging'),
  'libs/intake/src/imports-testing.ts': only('intake', 'hl7v2, mapping, platform, fhir, messaging'),
  'libs/tasks/src/imports-intake.ts': only('tasks', 'platform, fhir, messaging'),
  'libs/fhir/src/imports-an-app.ts': imports('A library never imports an app'),
  'libs/fhir/src/imports-a-library-by-path.ts': byName,
  'apps/orders/src/reads-the-clock.decider.ts': time,
  'apps/orders/src/makes-a-date.decider.ts': time,
  'apps/orders/src/knows-nest.decider.ts': imports('Pure domain'),
  'apps/orders/src/knows-typeorm.decider.ts': imports('Pure domain'),
  'apps/orders/src/reads-files.decider.ts': imports('Pure domain'),
  'apps/orders/src/knows-messaging.decider.ts': imports('Pure domain'),
  'apps/orders/src/imports-another-app.decider.ts': anotherApp,
  'apps/orders/src/imports-a-library-by-path.decider.ts': byName,
  'test/sandbox/knows-a-library.ts': imports('only over the wire'),
  'test/sandbox/knows-an-app.ts': imports('only over the wire'),
};

describe('The import rules', () => {
  it.each(Object.entries(broken))('refuse %s', async (file, complaint) => {
    expect(await complaintsOf(file)).toEqual([expect.stringMatching(complaint)]);
  });

  it.each(files.filter((file) => file.startsWith('clean/')))('pass %s', async (file) => {
    expect(await complaintsOf(file)).toEqual([]);
  });

  it('have a fixture for each line above, and a line for each fixture', () => {
    expect(files.filter((file) => !file.startsWith('clean/')).sort()).toEqual(Object.keys(broken).sort());
  });
});
