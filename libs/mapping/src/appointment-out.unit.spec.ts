import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Appointment } from 'fhir/r4.js';
import { parseMessage } from '#hl7v2';
import { extensions, systems, typedIdentifier } from '#fhir';
import { aPatient, aServiceRequest, site as aSite } from '#testing';
import { appointmentMessage, type AppointmentNews } from './appointment-out.js';
import { appointmentsFromMessage } from './appointment.js';
import { envelopeTo } from './message-out.js';

const site = aSite({
  senders: [{ application: 'COLLIMATOR', facility: 'SGH', timeZone: 'Pacific/Chatham', sends: ['appointments'] }],
});
const envelope = envelopeTo({ application: 'PORTAL', facility: 'SGH' }, { controlId: 'C1', now: new Date(0) }, site);
const patient = aPatient();
const order = aServiceRequest({ patient });
const appointment = (overrides: Partial<Appointment> = {}): Appointment => ({
  resourceType: 'Appointment',
  status: 'booked',
  start: '2026-03-02T09:00:00.000Z',
  end: '2026-03-02T09:20:00.000Z',
  identifier: [{ system: systems.scheduledProcedureStepId, value: 'STEP1' }],
  extension: [{ url: extensions.stationAeTitle, valueString: 'CT01' }],
  participant: [{ status: 'accepted', actor: { reference: 'Device/d', display: 'CT 1' } }],
  ...overrides,
});
const written = (news: AppointmentNews, one: Appointment, of = order) =>
  parseMessage(appointmentMessage(news, one, of, patient, envelope));
const read = (news: AppointmentNews, one: Appointment, of = order) =>
  appointmentsFromMessage(written(news, one, of), site.senders[0]!, site);

describe('An appointment that is told', () => {
  const start = fc
    .integer({ min: Date.UTC(2020, 0), max: Date.UTC(2040, 0) })
    .map((at) => Math.floor(at / 1000) * 1000);
  const told = fc.constantFrom<[AppointmentNews, Appointment['status']]>(
    ['S12', 'booked'],
    ['S13', 'booked'],
    ['S14', 'checked-in'],
    ['S14', 'booked'],
    ['S14', 'fulfilled'],
    ['S15', 'cancelled'],
    ['S16', 'cancelled'],
    ['S15', 'entered-in-error'],
    ['S26', 'noshow'],
  );

  it('reads back as the same patient, time, length, station, status and order', () => {
    fc.assert(
      fc.property(
        start,
        fc.integer({ min: 1, max: 600 }),
        told,
        fc.constantFrom('CT01', 'CT 1|^&~\\'),
        (from, minutes, [news, status], aeTitle) => {
          const [at, end] = [new Date(from).toISOString(), new Date(from + minutes * 60_000).toISOString()];
          const said = appointment({
            start: at,
            end,
            status,
            extension: [{ url: extensions.stationAeTitle, valueString: aeTitle }],
          });
          const {
            patient: whose,
            appointments: [one, ...others],
          } = read(news, said);
          expect([others, whose.id, one!.appointment.status]).toEqual([[], patient.id, status]);
          expect([one!.appointment.start, one!.appointment.end].map((time) => Date.parse(time!))).toEqual([
            from,
            from + minutes * 60_000,
          ]);
          expect(one!.places[0]).toBe(aeTitle);
          expect(one!.appointment.basedOn![0]!.reference).toBe(`ServiceRequest/${order.id}`);
        },
      ),
    );
  });

  it('names its order by placer and filler order number, else by the accession number', () => {
    const numbers = (of = order) =>
      read('S12', appointment(), of).appointments[0]!.appointment.basedOn!.map(({ identifier }) => identifier!.value);
    expect(numbers()).toEqual(['ORD1', 'TST00000001']);
    const filled = { ...order, identifier: [...order.identifier!, typedIdentifier('FILL', 'urn:oid:2.25.1003', 'F9')] };
    expect(numbers(filled)).toEqual(['ORD1', 'F9']);
  });

  it('that is off says why, as its reason and not as that of the exam', () => {
    const off = appointment({ status: 'cancelled', cancelationReason: { text: 'Patient has a cold' } });
    const [one] = read('S15', off).appointments;
    expect(one!.appointment).toMatchObject({ status: 'cancelled', cancelationReason: { text: 'Patient has a cold' } });
    expect(one!.appointment.reasonCode).toBeUndefined();
    expect(written('S12', appointment()).first('SCH')!.get(6)).toBe('ROUTINE');
  });

  it.each<[AppointmentNews, Appointment['status'], string]>([
    ['S14', 'checked-in', 'Arrived'],
    ['S14', 'arrived', 'Started'],
    ['S14', 'fulfilled', 'Complete'],
    ['S15', 'cancelled', 'Cancelled'],
    ['S16', 'cancelled', 'Dc'],
  ])('as %s, %s, has the word of table 0278 for it: %s', (news, status, word) => {
    const message = written(news, appointment({ status }));
    expect([message.first('SCH')!.get(25), message.first('AIS')!.get(10)]).toEqual([word, word]);
  });

  it('is the same appointment in every message of it', () => {
    const idOf = (news: AppointmentNews) => read(news, appointment()).appointments[0]!.appointment.id;
    expect(idOf('S13')).toBe(idOf('S12'));
  });
});
