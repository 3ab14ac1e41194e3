import type { Appointment, Patient, ServiceRequest } from 'fhir/r4.js';
import { timestamp, writeMessage, writeSegment, type FieldValue } from '#hl7v2';
import { conceptText, extensions, identifierOf, identifierValue, systems } from '#fhir';
import { hl7DateTime } from './date-time.js';
import { headerSegment, patientSegment, type MessageEnvelope } from './message-out.js';

/** Trigger events of what we tell of appointments: booked, moved, changed, cancelled, discontinued, not come. */
export type AppointmentNews = 'S12' | 'S13' | 'S14' | 'S15' | 'S16' | 'S26';

/**
 * Table 0278 by Appointment.status. The table is user-defined and has no word for a patient who is here while the exam has
 * not begun: Arrived is ours, since Started is what an exam under way is told by.
 */
const statuses: Partial<Record<Appointment['status'], string>> = {
  booked: 'Booked',
  'checked-in': 'Arrived',
  arrived: 'Started',
  fulfilled: 'Complete',
  cancelled: 'Cancelled',
  noshow: 'Noshow',
  'entered-in-error': 'Deleted',
};
/** Table 0276: SCH-6 is required, and says why where it is off; what is peculiar about another is said in words in SCH-7. */
const routine: FieldValue = ['ROUTINE', 'Routine appointment', 'HL70276'];

/**
 * Writes SIU^S12 to S16 or S26 (HL7 v2.5.1 section 10.4, IHE RAD-48): one scheduled procedure step, its station
 * and time, under the numbers of its order.
 */
export function appointmentMessage(
  news: AppointmentNews,
  appointment: Appointment,
  order: ServiceRequest,
  patient: Patient,
  envelope: MessageEnvelope,
): Buffer {
  const [placer, filler, accession] = (['PLAC', 'FILL', 'ACSN'] as const).map((type) => identifierOf(order, type));
  const valueOf = (url: string) => appointment.extension?.find((one) => one.url === url)?.valueString;
  const stepId = identifierValue(appointment, systems.scheduledProcedureStepId);
  const code = order.code?.coding?.at(-1);
  const minutes = String((Date.parse(appointment.end!) - Date.parse(appointment.start!)) / 60_000);
  const minute: FieldValue = ['min', 'minute', 'UCUM'];
  // An exam that was stopped was no appointment called off.
  const status = news === 'S16' ? 'Dc' : statuses[appointment.status];
  const station = valueOf(extensions.stationAeTitle);
  const us: FieldValue = [envelope.sendingApplication];
  const room = appointment.participant.find(({ actor }) => actor?.reference?.startsWith('Device/'))?.actor?.display;
  const reason = appointment.cancelationReason;
  const why = valueOf(extensions.schedulingReason);
  return writeMessage([
    headerSegment(['SIU', news, 'SIU_S12'], envelope),
    writeSegment('SCH', {
      2: [`${accession?.value ?? ''}.${stepId ?? ''}`, envelope.sendingApplication],
      6: reason ? ['', conceptText(reason)] : routine,
      7: why && !reason ? ['', why] : undefined,
      9: minutes,
      10: minute,
      11: ['', '', '', hl7DateTime(appointment.start), hl7DateTime(appointment.end)],
      16: us,
      20: us,
      25: status ? [status, status, 'HL70278'] : undefined,
      26: placer ? [placer.value, envelope.namespaceOf(placer.system)] : undefined,
      27: [filler?.value ?? accession?.value, envelope.sendingApplication],
    }),
    patientSegment(patient, envelope),
    writeSegment('RGS', { 1: '1' }),
    writeSegment('AIS', {
      1: '1',
      3: [code?.code ?? 'UNKNOWN', code?.display ?? order.code?.text, 'L'],
      4: hl7DateTime(appointment.start),
      7: minutes,
      8: minute,
      10: status ? [status, status, 'HL70278'] : undefined,
    }),
    writeSegment('AIG', {
      1: '1',
      3: [station, room, 'L'],
      4: ['EQUIPMENT', 'Equipment', 'L'],
      8: timestamp(new Date(appointment.start!)),
      11: minutes,
      12: minute,
    }),
  ]);
}
