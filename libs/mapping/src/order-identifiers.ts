import type { Identifier } from 'fhir/r4.js';
import { contentError, type Segment } from '#hl7v2';
import { dicomUidIdentifier, systems, typedIdentifier } from '#fhir';
import { entityFromEi, identifierFromCx, systemOfHd } from './data-types.js';
import { fillerOf, type OrderGroup } from './order-group.js';
import type { Surroundings } from './rows.js';

/** ORC-2, ORC-3, accession (IPC-1, OBR-18), requested procedure id (IPC-2, OBR-19), study UID (IPC-3, ZDS-1). */
export function identifiersOf(
  group: OrderGroup,
  placer: { system: string; value: string },
  around: Surroundings,
): Identifier[] {
  const {
    obr,
    zds,
    ipc: [ipc],
  } = group;
  const filler = fillerOf(group, around);
  const accession = ipc?.get(1) ?? obr?.get(18);
  const requestedProcedureId = ipc?.get(2) ?? obr?.get(19);
  const studyUid = ipc?.get(3) ?? zds?.get(1);
  const uidPlace = ipc?.get(3) ? ipc.at(3) : zds?.at(1);
  if (accession && accession.length > 16)
    throw contentError(
      102,
      'the accession number must have at most 16 characters (DICOM VR SH)',
      ipc?.get(1) ? ipc.at(1) : obr?.at(18),
    );
  if (accession && /[\\\p{Cc}]/u.test(accession))
    throw contentError(
      102,
      'the accession number must hold no backslash and no control character (DICOM VR SH)',
      ipc?.get(1) ? ipc.at(1) : obr?.at(18),
    );
  if (studyUid && (studyUid.length > 64 || !/^[0-2](\.(0|[1-9]\d*))+$/.test(studyUid)))
    throw contentError(102, 'the study instance UID must be a DICOM UID', uidPlace);
  return [
    typedIdentifier('PLAC', placer.system, placer.value),
    ...(filler ? [typedIdentifier('FILL', filler.system, filler.value)] : []),
    ...furtherNumbersOf(group, around),
    ...(accession ? [typedIdentifier('ACSN', systems.accessionNumber, accession)] : []),
    ...(requestedProcedureId ? [{ system: systems.requestedProcedureId, value: requestedProcedureId }] : []),
    ...(studyUid ? [dicomUidIdentifier(studyUid)] : []),
  ];
}

/** OBR-53, else ORC-33, alternate placer order number; ORC-38, else ORC-4.2, filler order group number. */
function furtherNumbersOf({ orc, obr }: OrderGroup, around: Surroundings): Identifier[] {
  const [alternate] = [obr && identifierFromCx(obr, 53, 1, around), identifierFromCx(orc, 33, 1, around)].filter(
    Boolean,
  );
  const group =
    entityFromEi(orc, 38, around) ?? (orc.get(4, 2) ? { value: orc.get(4, 2)!, system: undefined } : undefined);
  return [
    ...(alternate
      ? [{ ...typedIdentifier('PLAC', alternate.system, alternate.value!), use: 'secondary' as const }]
      : []),
    ...(group ? [typedIdentifier('FGN', group.system, group.value)] : []),
  ];
}

/** ORC-4 placer group number: what was ordered together. */
export function requisitionOf(orc: Segment, around: Surroundings): Identifier | undefined {
  const [value, ...authority] = [1, 2, 3, 4].map((part) => orc.get(4, 1, part));
  return value
    ? typedIdentifier('PGN', systemOfHd(around, authority[0], authority[1], authority[2]), value)
    : undefined;
}
