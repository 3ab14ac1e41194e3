import type { Hl7Message } from '#hl7v2';
import {
  admissionTypes,
  appointmentsFromMessage,
  appointmentTypes,
  documentFromMessage,
  documentTypes,
  mergesFromAdt,
  mergeTypes,
  orderFromMessage,
  patientFromAdt,
  reportsFromMessage,
} from '#mapping';
import type { Sender, Site } from '#platform';

/** How the services read each message type. */
export const readers: Record<string, (message: Hl7Message, sender: Sender, site: Site) => unknown> = {
  'ORM^O01': orderFromMessage,
  'OMG^O19': orderFromMessage,
  'OMI^O23': orderFromMessage,
  ...Object.fromEntries(admissionTypes.map((type) => [type, patientFromAdt])),
  ...Object.fromEntries(mergeTypes.map((type) => [type, mergesFromAdt])),
  'ORU^R01': reportsOf,
  ...Object.fromEntries(appointmentTypes.map((type) => [type, appointmentsFromMessage])),
  ...Object.fromEntries(documentTypes.map((type) => [type, documentFromMessage])),
};

/** As they are filed; the segments they are of are for what is answered. */
function reportsOf(message: Hl7Message, sender: Sender, site: Site): object {
  const { patientId, reports } = reportsFromMessage(message, sender, site);
  return { patientId, reports: reports.map(({ report }) => report) };
}
