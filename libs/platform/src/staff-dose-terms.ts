/** What a personal dosimeter is read for: personal dose equivalent at a depth in soft tissue (ICRU 51), in sieverts. */
export const personalDoses = ['hp10', 'hp007', 'hp3'] as const;
/** One of them. */
export type PersonalDose = (typeof personalDoses)[number];

/**
 * Where a dosimeter is worn: `chest` is the whole-body one, under the apron where one is worn; `collar` is over the apron;
 * `abdomen` is under the apron, for an unborn child.
 */
export const wearLocations = [
  'chest',
  'collar',
  'abdomen',
  'eye',
  'eye-left',
  'eye-right',
  'finger',
  'finger-left',
  'finger-right',
  'wrist',
  'wrist-left',
  'wrist-right',
  'ankle',
  'ankle-left',
  'ankle-right',
] as const;
/** One of them. */
export type WearLocation = (typeof wearLocations)[number];

/** The columns of a file of a dosimetry service; `person`, `location`, `start`, `end` and a dose must be there. */
export const dosimetryColumns = [
  'person',
  'name',
  'badge',
  'location',
  'start',
  'end',
  ...personalDoses,
  'unit',
] as const;
/** One of them. */
export type DosimetryColumn = (typeof dosimetryColumns)[number];

/** Units a dosimetry service writes, in nanosieverts. 1 rem is 10 mSv (NIST SP 811, appendix B.8). */
export const staffDoseUnits = { mSv: 1_000_000, uSv: 1000, mrem: 10_000 } as const;
/** One of them. */
export type StaffDoseUnit = keyof typeof staffDoseUnits;

/** What there are limits of (Directive 2013/59/Euratom, articles 9 and 10). */
export const limitedDoses = ['effective', 'eye-lens', 'skin', 'extremities', 'unborn-child'] as const;
/** One of them. */
export type LimitedDose = (typeof limitedDoses)[number];

/** Over what a dose is summed. A reading counts whole where its wearing period ends: it cannot be split. */
export const doseWindows = [
  'wearing-period',
  'calendar-month',
  'calendar-quarter',
  'calendar-year',
  'rolling-12-months',
  'rolling-5-years',
  'pregnancy',
] as const;
/** One of them. */
export type DoseWindow = (typeof doseWindows)[number];
