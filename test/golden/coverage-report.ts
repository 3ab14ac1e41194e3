import type { GuideRow } from '#mapping';

/** `ig-coverage.json`. */
export interface Coverage {
  guide: string;
  maps: { map: string; fields: (Omit<GuideRow, 'map'> & { field: string })[] }[];
}

/** The coverage of the guide for people to read: what is mapped, what is done otherwise, and what is left out, and why. */
export function coverageReport({ guide, maps }: Coverage): string {
  const count = (as: GuideRow['as'], fields = maps.flatMap((one) => one.fields)) =>
    fields.filter((one) => one.as === as).length;
  const cell = (text: string) => text.replaceAll('|', '\\|');
  return [
    '# What of the HL7 v2-to-FHIR guide is mapped',
    '',
    `Generated from [\`src/tables/ig-coverage.json\`](src/tables/ig-coverage.json), which [a test](../../test/golden/guide-coverage.golden.spec.ts) holds against what the mapping does. Guide: ${guide}. A row is a field of a segment map that has a FHIR R4 target.`,
    '',
    '| Segment map | mapped | otherwise | left out |',
    '| --- | --- | --- | --- |',
    ...maps.map(
      ({ map, fields }) =>
        `| ${map} | ${count('mapped', fields)} | ${count('deviates', fields)} | ${count('left out', fields)} |`,
    ),
    `| all | ${count('mapped')} | ${count('deviates')} | ${count('left out')} |`,
    '',
    'Beyond the guide: OMG^O19 and OMI^O23 are composed of its ORC and OBR maps, each IPC is a scheduled procedure step; OBR-12 danger code, OBR-18 accession number, OBR-19 requested procedure id, OBR-30 transportation, OBR-34 technician, XPN-8 name representation, ZDS-1 study instance UID; PV1-15 B6 is an Observation of pregnancy. SIU^S12 to S22 and S26 are read by the maps of SIU_S12; TQ1-7 and TQ1-8 time an appointment too, SCH-6 is why it is cancelled or missed, TQ is read by TQ[Appointment], and SCH-11.3 is its length. MDM makes a DiagnosticReport beside the DocumentReference (TXA-4, 6 to 10, 12 to 15, 17, 22), and TXA-13 relates documents.',
    '',
    ...maps.flatMap(({ map, fields }) => [
      `## ${map}`,
      '',
      '| Field | | To | | Why |',
      '| --- | --- | --- | --- | --- |',
      ...fields.map(
        ({ field, name, targets, as, why = '' }) =>
          `| ${field} | ${cell(name)} | ${cell(targets.join(', '))} | ${as} | ${cell(why)} |`,
      ),
      '',
    ]),
  ].join('\n');
}
