import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { reasonOf, SiteFileInvalid, unknownPlaceholders, type Site } from '#platform';
import type { InstructionRules, Template } from './instruction.decider.js';

/**
 * The site's instructions with their texts, also of those that are files beside the site file.
 *
 * @param path of the site file
 * @throws SiteFileInvalid naming every file that cannot be read or holds a placeholder that has no value: a patient would
 *   else read braces
 */
export function instructionRulesOf(site: Site, path: string): InstructionRules {
  const { templates = [], language = 'en', contact } = site.instructions ?? {};
  const mistakes: string[] = [];
  const read = templates.map(({ file, text, ...one }, index): Template => {
    const where = `instructions.templates.${index}.file`;
    const content = text ?? contentOf(resolve(dirname(path), file!));
    if (!content?.trim()) mistakes.push(`${where}: cannot be read, or is empty`);
    if (text === undefined)
      for (const name of unknownPlaceholders(content ?? '', one.when, contact !== undefined))
        mistakes.push(`${where}: ${reasonOf(name, one.when)}`);
    return { ...one, text: content ?? '' };
  });
  if (mistakes.length > 0) throw new SiteFileInvalid(path, mistakes);
  return { templates: read, language, contact, site };
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
