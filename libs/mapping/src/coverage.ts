import type { Coverage, Patient } from 'fhir/r4.js';
import type { Segment } from '#hl7v2';
import { uuidFrom } from '#fhir';
import { compact, conceptFromCwe, conceptOf, identifierFromCx, periodFrom } from './data-types.js';
import { organizationFromXon } from './references.js';
import { applyRows, row, type Row, type Surroundings } from './rows.js';

/** IG segment map IN1[Coverage]. */
const coverageRows: readonly Row<Coverage>[] = [
  row(2, 'identifier', (in1, field, around) => {
    const value = in1.get(field);
    const system = around.systemOf(in1.get(field, 3));
    return value ? [compact({ system, value })] : undefined;
  }),
  row(15, 'type', (in1, field) => conceptFromCwe(in1, field)),
  row(17, 'relationship', (in1, field) => conceptOf(in1, field, 'Relationship')),
  // Deviation: the IG makes it an extension; R4 has the element.
  row(49, 'subscriberId', (in1, field) => in1.get(field)),
];

/**
 * Who pays (IG segment map IN1[Coverage]); undefined where the segment names no payor. It is known by its patient, plan
 * and payor. Organizations and the insured are named, not kept as resources of their own.
 */
export function coverageFrom(in1: Segment, patient: Patient, around: Surroundings): Coverage | undefined {
  const company = identifierFromCx(in1, 3, 1, around);
  const payor = organizationFromXon(in1, 4, around) ?? (company && { type: 'Organization', identifier: company });
  if (!payor) return undefined;
  const holder = organizationFromXon(in1, 11, around);
  const holderNumber = identifierFromCx(in1, 10, 1, around);
  const insured = [in1.get(16, 2), in1.get(16, 1)].filter(Boolean).join(' ');
  const isPatient = in1.get(17) === 'SEL';
  return compact<Coverage>({
    resourceType: 'Coverage',
    id: uuidFrom('Coverage', patient.id!, in1.get(2) ?? '', company?.value ?? payor.display ?? ''),
    status: 'active',
    beneficiary: { reference: `Patient/${patient.id}` },
    subscriber: isPatient
      ? { reference: `Patient/${patient.id}` }
      : insured
        ? { type: 'RelatedPerson', display: insured }
        : undefined,
    payor: [{ ...payor, ...(company && !payor.identifier ? { identifier: company } : {}) }],
    policyHolder:
      holder || holderNumber
        ? compact({ type: 'Organization', ...holder, identifier: holderNumber ?? holder?.identifier })
        : undefined,
    period: periodFrom(in1, 12, 13, around),
    ...compact(applyRows(coverageRows, in1, around)),
  });
}
