import { z } from 'zod';
import type { SiteMistake } from './site-contradictions.js';
import { text } from './site-values.js';

/** What stands for a value in an instruction's text, by when it is given; what is done is no news of room and hour. */
const placeholders = {
  preparation: ['procedure', 'date', 'time', 'room', 'contact'],
  'after-care': ['procedure', 'date', 'contact'],
} as const;
const moments = ['preparation', 'after-care'] as const;
/** A value that the text of an instruction may hold, as `{date}`. */
export type InstructionPlaceholder = (typeof placeholders)['preparation'][number];

const language = z.string().refine(isLanguage, 'must be a language tag (BCP 47), such as de or pt-BR');

const template = z
  .strictObject({
    /** What the site calls it: the same in every language that it is written in. */
    id: text,
    /** Given when the exam is booked, or moved; or when it, or its contrast, was given. */
    when: z.enum(moments),
    /** Codes of procedures, and modalities, that it is for; one of either list is enough, all where neither is given. */
    procedures: z.array(text).min(1).optional(),
    modalities: z.array(text).min(1).optional(),
    /** After-care that is only for whom contrast was given. */
    afterContrast: z.boolean().default(false),
    language,
    title: text,
    /** What the patient reads, with {procedure}, {date}, {time}, {room}, {contact} for what is theirs; or where it is. */
    text: text.optional(),
    /** A text file (UTF-8), from the folder of the site file. */
    file: text.optional(),
  })
  .refine((one) => (one.text === undefined) !== (one.file === undefined), 'must have either text or file');

/** What patients are told before and after their exam. */
export const instructions = z.strictObject({
  /** Of who speaks none of the languages of a template. */
  language,
  /** Whom a patient may ask: {contact}. */
  contact: text.optional(),
  templates: z.array(template).default([]),
});

/**
 * What stands in braces in an instruction's text and has no value when it is given, each once, in order.
 *
 * @param hasContact whether the site says whom a patient may ask
 */
export function unknownPlaceholders(
  content: string,
  when: 'preparation' | 'after-care',
  hasContact: boolean,
): string[] {
  const known: readonly string[] = placeholders[when].filter((one) => one !== 'contact' || hasContact);
  const found = [...content.matchAll(/\{([^{}]*)\}/g)].map(([, name]) => name!);
  return [...new Set(found)].filter((name) => !known.includes(name));
}

type Loose = Record<string, unknown>;

/** The mistakes in the instructions that no single element shows. */
export function mistakesOfInstructions(
  given: Loose,
  templates: readonly Loose[],
  procedures: readonly Loose[],
): SiteMistake[] {
  const hasContact = given.contact !== undefined;
  const keys = templates.map(({ id, language: tag }) => `${String(id)}|${String(tag).toLowerCase()}`);
  return templates.flatMap((one, index) => {
    const path = `instructions.templates.${index}`;
    const first = templates.findIndex(({ id }) => id === one.id);
    const twin = keys.indexOf(keys[index]!);
    const mistakes: SiteMistake[] = [];
    if (twin !== index)
      mistakes.push({ path, reason: `is given twice in this language, first as instructions.templates.${twin}` });
    if (
      first === index &&
      !templates.some(({ id, language: tag }) => id === one.id && sameLanguage(tag, given.language))
    )
      mistakes.push({
        path: `${path}.language`,
        reason: 'its id must be there in the language of the site as well: instructions.language',
      });
    // An instruction is for the same patients in every language.
    for (const key of ['when', 'procedures', 'modalities', 'afterContrast'])
      if (JSON.stringify(one[key]) !== JSON.stringify(templates[first]![key]))
        mistakes.push({
          path: `${path}.${key}`,
          reason: `must be as in instructions.templates.${first}, which has the same id`,
        });
    if (one.afterContrast === true && one.when === 'preparation')
      mistakes.push({ path: `${path}.afterContrast`, reason: 'must not be given of a preparation' });
    for (const [list, key] of [
      ['procedures', 'code'],
      ['modalities', 'modality'],
    ] as const)
      for (const [at, value] of listOf(one[list]).entries())
        if (!procedures.some((procedure) => procedure[key] === value))
          mistakes.push({
            path: `${path}.${list}.${at}`,
            reason: list === 'procedures' ? 'must be the code of a procedure' : 'no procedure has this modality',
          });
    const when = moments.find((moment) => moment === one.when);
    if (when && typeof one.text === 'string')
      for (const name of unknownPlaceholders(one.text, when, hasContact))
        mistakes.push({ path: `${path}.text`, reason: reasonOf(name, when) });
    return mistakes;
  });
}

/** Why what stands in braces cannot stay. */
export function reasonOf(name: string, when: 'preparation' | 'after-care'): string {
  if (name === 'contact') return 'has {contact}: instructions.contact must say whom a patient may ask';
  const known = placeholders[when].map((one) => `{${one}}`).join(', ');
  return `has {${name}}, for which there is no value: ${when} has ${known}`;
}

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

function sameLanguage(one: unknown, other: unknown): boolean {
  return String(one).toLowerCase() === String(other).toLowerCase();
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
