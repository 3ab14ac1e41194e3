import { DateTime } from 'luxon';

/**
 * A DICOM date and time (VR DT, PS3.5 section 6.2) as an ISO 8601 instant with its offset: its own, else the document's
 * Timezone Offset From UTC, else that of the zone. Undefined where it does not say a time of day: a day is no instant.
 */
export function dicomDateTime(
  written: string | undefined,
  documentOffset: string | undefined,
  zone: string,
): string | undefined {
  const parts = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})?(\d{2})?(?:\.\d{1,6})?([+-]\d{4})?$/.exec(written ?? '');
  if (!parts) return undefined;
  const [year, month, day, hour, minute = 0, second = 0] = parts
    .slice(1, 7)
    .map((one) => (one ? Number(one) : undefined));
  const offset = parts[7] ?? (/^[+-]\d{4}$/.test(documentOffset ?? '') ? documentOffset : undefined);
  const inZone = offset ? `UTC${offset.slice(0, 3)}:${offset.slice(3)}` : zone;
  const at = DateTime.fromObject({ year, month, day, hour, minute, second: Math.min(second, 59) }, { zone: inZone });
  return at.isValid ? at.toISO({ suppressMilliseconds: true, includeOffset: true }) : undefined;
}
