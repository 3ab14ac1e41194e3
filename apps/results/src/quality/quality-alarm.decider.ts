import type { DetectedIssue } from 'fhir/r4.js';
import { systems, uuidFrom } from '#fhir';
import type { QualityAlarm, Rate } from '#platform';

export const qualityAlarmSystem = 'urn:collimator:quality-alarm';
/** The measure as people say it. */
const words = { reject: 'rejected', repeat: 'repeated' } as const;

/** What an alarm is about: a row of the site file, and one room, detector, view or reason. */
export interface AlarmSubject {
  row: QualityAlarm;
  value: string;
}

/** The id of the one alarm of a row about this value. */
export function qualityAlarmIdOf({ row, value }: AlarmSubject): string {
  return uuidFrom('DetectedIssue', 'quality', row.measure, row.by, String(row.windowDays), value);
}

/**
 * What becomes of an alarm: raised once the lower end of the 95 % interval is above what the site accepts, taken back
 * once it is not. Too few images say nothing, so it stays as it is; without any it is over.
 *
 * @param known as it is stored
 * @returns the alarm to store and tell; undefined where there is nothing new
 */
export function followAlarm(
  known: DetectedIssue | undefined,
  subject: AlarmSubject,
  rate: Rate,
  now: Date,
): DetectedIssue | undefined {
  const { row } = subject;
  const isOpen = known?.status === 'final';
  const isAbove = rate.of >= row.minimumImages && rate.interval[0] > row.aboveShare * 1000;
  if (isAbove) return isOpen ? undefined : raised(known, subject, rate, now);
  const isTooFew = rate.of > 0 && rate.of < row.minimumImages;
  return isOpen && !isTooFew ? takenBack(known, now) : undefined;
}

/** An alarm that is so no more. */
export function takenBack(known: DetectedIssue, now: Date): DetectedIssue {
  const mitigation = [{ action: { text: 'It is not so any more.' }, date: now.toISOString() }];
  return { ...known, status: 'cancelled', mitigation };
}

function raised(known: DetectedIssue | undefined, subject: AlarmSubject, rate: Rate, now: Date): DetectedIssue {
  const { row, value } = subject;
  const { measure, by, windowDays, aboveShare } = row;
  const share = (perThousand: number) => `${(perThousand / 10).toFixed(1)} %`;
  return {
    resourceType: 'DetectedIssue',
    id: qualityAlarmIdOf(subject),
    ...(known?.meta ? { meta: known.meta } : {}),
    identifier: [{ system: qualityAlarmSystem, value: `${measure}/${by}/${windowDays}/${value}` }],
    status: 'final',
    code: {
      coding: [
        { system: qualityAlarmSystem, code: `${measure}-rate`, display: `Too many images are ${words[measure]}` },
      ],
    },
    severity: 'moderate',
    identifiedDateTime: now.toISOString(),
    ...(by === 'room' ? { implicated: [{ reference: `Location/${roomIdOf(value)}`, display: value }] } : {}),
    detail:
      `${by} ${value}: ${rate.count} of ${rate.of} images ${words[measure]} in ${windowDays} days, ${share(rate.perThousand)} ` +
      `(95 % interval ${share(rate.interval[0])} to ${share(rate.interval[1])}); accepted are ${share(aboveShare * 1000)}`,
  };
}

/** The Location of a room, as every service names it. */
export function roomIdOf(room: string): string {
  return uuidFrom('Location', systems.room, room);
}
