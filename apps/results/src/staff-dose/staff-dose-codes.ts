import type { CodeableConcept } from 'fhir/r4.js';
import type { PersonalDose, WearLocation } from '#platform';
import { systems } from '#fhir';

/**
 * What a dosimeter is read for. Neither LOINC nor DICOM have codes of personal dose equivalents: LOINC 73569-6 and DCM
 * 128512 are of what patients and organs get. These are our own.
 */
export const personalDoseSystem = 'urn:collimator:personal-dose-equivalent';
export const personalDoseNames: Record<PersonalDose, string> = {
  hp10: 'Personal dose equivalent Hp(10)',
  hp007: 'Personal dose equivalent Hp(0.07)',
  hp3: 'Personal dose equivalent Hp(3)',
};

/** Where a dosimeter is worn, with what no terminology says: whether that is over or under the apron. */
export const wearLocationSystem = 'urn:collimator:dosimeter-location';

/** The body site beside it: SNOMED CT, as DICOM PS3.16 annex L has them (`study/body-parts.json`). */
const bodySites: readonly (readonly [RegExp, string, string])[] = [
  [/^chest/, '51185008', 'Thoracic structure'],
  [/^collar/, '45048000', 'Neck structure'],
  [/^abdomen/, '113345001', 'Abdominal structure'],
  [/^eye/, '81745001', 'Eye structure'],
  [/^finger/, '7569003', 'Finger structure'],
  [/^wrist/, '74670003', 'Wrist region structure'],
  [/^ankle/, '70258002', 'Ankle joint structure'],
];

export const wearLocationNames: Record<WearLocation, string> = {
  chest: 'Chest, under the apron where one is worn',
  collar: 'Collar, over the apron',
  abdomen: 'Abdomen, under the apron',
  eye: 'Beside the eye',
  'eye-left': 'Beside the left eye',
  'eye-right': 'Beside the right eye',
  finger: 'Finger',
  'finger-left': 'Finger of the left hand',
  'finger-right': 'Finger of the right hand',
  wrist: 'Wrist',
  'wrist-left': 'Left wrist',
  'wrist-right': 'Right wrist',
  ankle: 'Ankle',
  'ankle-left': 'Left ankle',
  'ankle-right': 'Right ankle',
};

/** Where a dosimeter was worn, as an Observation says it. */
export function bodySiteOf(location: WearLocation): CodeableConcept {
  const [, code, display] = bodySites.find(([place]) => place.test(location))!;
  return {
    coding: [
      { system: systems.snomed, code, display },
      { system: wearLocationSystem, code: location, display: wearLocationNames[location] },
    ],
  };
}

/** Pregnancy status, by which a declared pregnancy is told. */
export const loinc = 'http://loinc.org';
export const PREGNANCY_STATUS = '82810-3';
export const PREGNANT = '77386006';

/** Of alerts: the dose and level that they are about. */
export const staffDoseAlertSystem = 'urn:collimator:staff-dose-alert';
