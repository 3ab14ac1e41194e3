import type { Condition, Encounter, Patient } from 'fhir/r4.js';
import type { Segment } from '#hl7v2';
import { conditionIdOf } from './clinical-identity.js';
import { compact, conceptFromCwe, conceptOf, dateTimeFrom, fillerIdentifiersFrom } from './data-types.js';
import { personFromXcn } from './references.js';
import { applyRows, row, type Row, type Surroundings } from './rows.js';

/** IG segment map DG1[Condition]. */
const conditionRows: readonly Row<Condition>[] = [
  row(3, 'code', (dg1, field) => {
    const code = conceptFromCwe(dg1, field);
    return code && compact({ ...code, text: dg1.get(4) ?? code.text });
  }),
  row(4, 'code', (dg1, field) => (dg1.get(field) ? { text: dg1.get(field) } : undefined)),
  row(5, 'onsetDateTime', dateTimeFrom),
  row(16, 'asserter', (dg1, field, around) => personFromXcn(dg1, field, around)),
  row(19, 'recordedDate', dateTimeFrom),
  row(19, 'extension http://hl7.org/fhir/StructureDefinition/condition-assertedDate', (dg1, field, around) => {
    const valueDateTime = dateTimeFrom(dg1, field, around);
    return valueDateTime && { valueDateTime };
  }),
];

/**
 * A diagnosis (IG segment map DG1[Condition]); undefined where it has neither code nor text. It is known by DG1-20, else
 * by its code among those of its patient and visit. One that DG1-21 deletes was an error.
 */
export function conditionFrom(
  dg1: Segment,
  { patient, encounter, around }: { patient: Patient; encounter?: Encounter; around: Surroundings },
): Condition | undefined {
  const stated = compact(applyRows(conditionRows, dg1, around));
  if (!stated.code) return undefined;
  const identifier = fillerIdentifiersFrom(dg1, 20, around);
  const [own] = identifier ?? [];
  return compact<Condition>({
    resourceType: 'Condition',
    id: conditionIdOf(patient, { own, code: stated.code }, encounter?.id),
    identifier,
    verificationStatus: dg1.get(21) === 'D' ? verification('entered-in-error') : undefined,
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-category', code: 'encounter-diagnosis' }] },
    ],
    subject: { reference: `Patient/${patient.id}` },
    encounter: encounter ? { reference: `Encounter/${encounter.id}` } : undefined,
    ...stated,
  });
}

/** What a visit says of a diagnosis of its own (IG segment map DG1[Encounter]): its use, and its rank. */
export function diagnosisOf(dg1: Segment, condition: Condition): NonNullable<Encounter['diagnosis']>[number] {
  const rank = Number(dg1.get(15));
  return compact({
    condition: { reference: `Condition/${condition.id}` },
    use: conceptOf(dg1, 6, 'DiagnosisType'),
    rank: Number.isInteger(rank) && rank > 0 ? rank : undefined,
  });
}

function verification(code: string) {
  return { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code }] };
}
