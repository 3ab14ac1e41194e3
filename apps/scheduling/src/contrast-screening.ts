import type { DetectedIssue, ServiceRequest } from 'fhir/r4.js';
import { DateTime } from 'luxon';
import type { DatasetInput } from '#dicom';
import { extensions, systems } from '#fhir';
import type { Site } from '#platform';

/** What technologists read of an outcome; one that lets the exam go on says so as well, so that silence is no answer. */
const texts: Readonly<Record<string, string>> = {
  proceed: 'CONTRAST: screened, proceed',
  'proceed-with-preparation': 'CONTRAST: ONLY AFTER PREPARATION',
  'needs-decision': 'CONTRAST: NEEDS PHYSICIAN DECISION',
  stop: 'CONTRAST: STOP',
};
/** DICOM VR LO (PS3.5 section 6.2). */
const LONGEST = 64;

/**
 * What an item says of contrast: Medical Alerts (0010,2000) begin with the outcome of its screening, before the note of
 * the order that stands there otherwise.
 *
 * @param screening what the contrast service says of the exam; undefined where it has said nothing
 */
export function screeningAttributes(
  screening: DetectedIssue | undefined,
  order: Pick<ServiceRequest, 'note'>,
  site: Pick<Site, 'timeZone'>,
): DatasetInput {
  const note = order.note?.[0]?.text?.slice(0, LONGEST) ?? '';
  const said = screening?.status === 'final' ? alertOf(screening, site) : undefined;
  if (!said) return { MedicalAlerts: note };
  return { MedicalAlerts: [said, ...(note ? [note] : [])] };
}

function alertOf(screening: DetectedIssue, site: Pick<Site, 'timeZone'>): string | undefined {
  const outcome = screening.code?.coding?.find(({ system }) => system === systems.contrastOutcome)?.code ?? '';
  const text = Object.hasOwn(texts, outcome) ? texts[outcome] : undefined;
  const from = readyFromOf(screening);
  const ready = from
    ? `, not before ${DateTime.fromJSDate(from, { zone: site.timeZone }).toFormat('yyyy-MM-dd HH:mm')}`
    : '';
  return text && `${text}${ready}`.slice(0, LONGEST);
}

/** From when on the exam can be, since its patient has to be prepared first; undefined where it can be at any time. */
export function readyFromOf({ status, extension = [] }: DetectedIssue): Date | undefined {
  if (status !== 'final') return undefined;
  const at = extension.find(({ url }) => url === extensions.readyFrom)?.valueDateTime;
  return at === undefined ? undefined : new Date(at);
}
