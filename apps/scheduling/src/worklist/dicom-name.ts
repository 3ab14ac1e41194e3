import type { HumanName, Patient } from 'fhir/r4.js';
import { extensions } from '#fhir';

/** Most characters of one component group (PS3.5 section 6.2, VR PN). */
const MOST = 64;

/**
 * A patient's name as VR PN, its component groups divided by `=`: in letters, in ideograms, and as they are spoken
 * (PS3.5 section 6.2.1.2). A name that is not said to be one of them is the first group, which is never empty where a
 * name is known: many modalities show no other.
 */
export function patientNameOf({ name: names = [] }: Patient): string {
  const first = names.find((one) => isWritten(one, 'ABC')) ?? names[0];
  // A maiden name, or what a name once was, is no other way to write this one.
  const others = names.filter((one) => one !== first && one.use === first?.use);
  const groups = [first, ...['IDE', 'SYL'].map((writing) => others.find((one) => isWritten(one, writing)))];
  return groups.map(dicomName).join('=').replace(/=+$/, '');
}

/** A display such as `Dora Doctor` as VR PN; the last word is the family name. */
export function namedPerson(display: string | undefined): string {
  const words = display?.split(' ') ?? [];
  return dicomName({ family: words.pop(), given: words });
}

/**
 * One component group of VR PN: family^given^middle^prefix^suffix. A name that is only a text is put where the family
 * name goes, whole: which part is which is not ours to guess.
 */
export function dicomName(name: HumanName | undefined): string {
  const [given = '', ...middle] = name?.given ?? [];
  const family = name?.family ?? (given ? '' : (name?.text ?? ''));
  const parts = [family, given, middle.join(' '), name?.prefix?.[0] ?? '', name?.suffix?.[0] ?? ''];
  const group = parts.map((part) => part.replace(/[\^=\\]/g, ' ').trim()).join('^');
  // By characters: half of one beyond the basic plane is none.
  return [...group]
    .slice(0, MOST)
    .join('')
    .replace(/[\s^]+$/, '');
}

function isWritten(name: HumanName, writing: string): boolean {
  return (name.extension ?? []).some(
    ({ url, valueCode }) => url === extensions.nameRepresentation && valueCode === writing,
  );
}
