import { z } from 'zod';
import { text, uri } from './site-values.js';
import {
  dosimetryColumns,
  doseWindows,
  limitedDoses,
  personalDoses,
  staffDoseUnits,
  wearLocations,
  type StaffDoseUnit,
} from './staff-dose-terms.js';

/** A dosimetry service, and how it writes its files. */
const dosimetryService = z.strictObject({
  /** What its files are sent as: `?service=<name>`. */
  name: text,
  /** Identifier systems of the numbers it knows persons and badges by. */
  personSystem: uri,
  badgeSystem: uri,
  /** Our column → the one it writes; a column of ours needs no row, and one of its may stand for two of ours. */
  columns: z.partialRecord(z.enum(dosimetryColumns), text).default({}),
  /** Of all doses, where no column says so. */
  unit: z.enum(Object.keys(staffDoseUnits) as [StaffDoseUnit, ...StaffDoseUnit[]]).optional(),
  decimal: z.enum(['.', ',']).default('.'),
  /** Of its days, in the tokens of Luxon. */
  dateFormat: text.default('yyyy-MM-dd'),
  /** Where it writes that a dosimeter was worn → what is meant; our words need no row. */
  locations: z.record(text, z.enum(wearLocations)).default({}),
  /** What it writes for a dose below the minimum that it reports, */
  belowReportable: z.array(text).default(['M']),
  /** which is that many millisieverts. */
  minimumReportable: z.partialRecord(z.enum(personalDoses), z.number().positive()).default({}),
  /** What it writes where a dosimeter could not be read or did not come back. */
  notRead: z.array(text).default(['NR']),
});

/** Which readings a dose is told from. */
const doseSource = z
  .strictObject({
    dose: z.enum(limitedDoses),
    quantity: z.enum(personalDoses),
    wornAt: z.array(z.enum(wearLocations)).min(1),
    /**
     * Of several places: `each` is summed alone and the highest sum counts; `highest` counts the highest reading of each
     * wearing period; `weighted` adds them up by `weights`.
     */
    combine: z.enum(['each', 'highest', 'weighted']).default('each'),
    weights: z.partialRecord(z.enum(wearLocations), z.number().positive()).optional(),
  })
  .superRefine(({ combine, weights, wornAt }, { addIssue }) => {
    const given = Object.keys(weights ?? {});
    if ((combine === 'weighted') !== (weights !== undefined))
      addIssue({
        code: 'custom',
        path: ['weights'],
        message: 'must be given where combine is weighted, and only there',
      });
    else if (weights && (given.length !== wornAt.length || wornAt.some((place) => !given.includes(place))))
      addIssue({ code: 'custom', path: ['weights'], message: 'must have one for each place of wornAt' });
  });

/**
 * How doses are told from readings unless the site says otherwise. Of a person with two badges only the one under the
 * apron is the effective dose: how the two are combined is the site's to say, since no one algorithm is agreed on.
 */
const defaultSources: z.input<typeof doseSource>[] = [
  { dose: 'effective', quantity: 'hp10', wornAt: ['chest'] },
  { dose: 'eye-lens', quantity: 'hp3', wornAt: ['eye', 'eye-left', 'eye-right'] },
  { dose: 'skin', quantity: 'hp007', wornAt: ['chest'] },
  {
    dose: 'extremities',
    quantity: 'hp007',
    wornAt: wearLocations.filter((place) => /^(finger|wrist|ankle)/.test(place)),
  },
  { dose: 'unborn-child', quantity: 'hp10', wornAt: ['abdomen'] },
];

const doseLimit = z
  .strictObject({
    dose: z.enum(limitedDoses),
    /** A limit, or a level from which on the site looks into it. */
    level: z.enum(['limit', 'investigation']),
    millisieverts: z.number().positive(),
    window: z.enum(doseWindows),
    /** Who says so: such as `2013/59/Euratom article 9(2)`. */
    source: text,
  })
  .refine(({ dose, window }) => (dose === 'unborn-child') === (window === 'pregnancy'), {
    path: ['window'],
    message: 'must be pregnancy for the unborn child, and only there',
  });

/** What the site file says of the doses of its staff. */
export const staffDose = z
  .strictObject({
    /** Who answers for the limits and how doses are told; nobody unless given, and every answer says so. */
    signedBy: text.optional(),
    services: z.array(dosimetryService).min(1),
    doses: z
      .array(doseSource)
      .default([])
      .transform((given) => [
        ...given,
        ...z.array(doseSource).parse(defaultSources.filter(({ dose }) => given.every((one) => one.dose !== dose))),
      ]),
    limits: z.array(doseLimit).default([]),
  })
  .superRefine(({ services, doses, limits }, { addIssue }) => {
    const twice = (path: string, keys: string[], what: string) =>
      keys.forEach((key, index) => {
        if (keys.indexOf(key) !== index)
          addIssue({ code: 'custom', path: [path, index], message: `must not be there twice: ${what}` });
      });
    twice(
      'services',
      services.map(({ name }) => name),
      'name',
    );
    twice(
      'doses',
      doses.map(({ dose }) => dose),
      'dose',
    );
    twice(
      'limits',
      limits.map(({ dose, level, window }) => `${dose} ${level} ${window}`),
      'dose, level and window',
    );
  });

/** What the site file says of the doses of its staff, with what it leaves open filled in. */
export type StaffDoseSettings = z.output<typeof staffDose>;
/** One dosimetry service. */
export type DosimetryService = StaffDoseSettings['services'][number];
/** Which readings one dose is told from. */
export type DoseSource = StaffDoseSettings['doses'][number];
/** One limit or investigation level. */
export type DoseLimit = StaffDoseSettings['limits'][number];
