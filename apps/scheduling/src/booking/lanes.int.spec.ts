import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Appointment, ServiceRequest } from 'fhir/r4.js';
import { extensions } from '#fhir';
import { aPatient, aServiceRequest, until } from '#testing';
import { ASchedulingService } from '../a-scheduling-service.spec.js';

let service: ASchedulingService;
beforeAll(async () => (service = await ASchedulingService.start()), 60_000);
afterAll(() => service?.stop());

/** An order of a patient of its own, known by one word. */
function anOrder(name: string, overrides: Parameters<typeof aServiceRequest>[0] = {}) {
  const patient = aPatient({ mrn: name });
  return { patient, order: aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient, ...overrides }) };
}
const place = ({ order, patient }: ReturnType<typeof anOrder>) =>
  service.tell('imaging.order.placed.v1', order, patient);
const reasonOf = (one: Appointment) =>
  one.extension?.find(({ url }) => url === extensions.schedulingReason)?.valueString;
const appointmentOf = async ({ order }: { order: ServiceRequest }) =>
  (await service.read<Appointment>('Appointment', `based-on=ServiceRequest/${order.id}`))[0];
const waiting = async () => (await service.get<{ steps: object[] }>('/rebookings')).steps;
/** Times we found that touch another of ours at the same station. */
const takenTwice = () =>
  service.sql(`SELECT 1 FROM station_booking AS a JOIN station_booking AS b
    ON a.station_ae_title = b.station_ae_title AND a.appointment_id < b.appointment_id AND a.during && b.during
    WHERE a.is_ours AND b.is_ours`);

describe('STAT', () => {
  it('has the next booked exam moved, in the transactions of its patient, and everybody told why', async () => {
    const routine = anOrder('FIRST');
    await place(routine);
    await service.listed('FIRST');
    const before = (await appointmentOf(routine))!;
    const stat = anOrder('STAT1', { priority: 'stat' });
    await place(stat);
    await service.listed('STAT1');
    const moved = await until(
      async () => {
        const now = await appointmentOf(routine);
        return now?.start === before.start ? undefined : now;
      },
      { what: 'the routine exam to be moved' },
    );
    const ahead = (await appointmentOf(stat))!;
    expect(reasonOf(ahead)).toContain('one booked exam is moved');
    expect(Date.parse(ahead.start!)).toBeLessThan(Date.parse(before.end!));
    expect(moved).toMatchObject({ id: before.id, status: 'booked' });
    expect(Date.parse(moved.start!)).toBeGreaterThanOrEqual(Date.parse(ahead.end!));
    expect(reasonOf(moved)).toMatch(/^moved: a STAT exam goes first; next free time/);
    const [told] = (await service.published('imaging.schedule.moved.v1', routine.patient.id)).slice(-1);
    expect((told![0] as Appointment).start).toBe(moved.start);
    const item = await service.listed('FIRST');
    expect(item.items('ScheduledProcedureStepSequence')[0]!.text('ScheduledProcedureStepStartTime')).not.toBe('');
    expect(await waiting()).toEqual([]);
  });

  it('and others that come at once never take a station twice, and lose nobody', async () => {
    const orders = Array.from({ length: 24 }, (_, index) =>
      anOrder(`MIX${index}`, index % 4 === 0 ? { priority: 'stat' } : {}),
    );
    await Promise.all(orders.map(place));
    for (const [index] of orders.entries()) await service.listed(`MIX${index}`);
    await until(async () => (await waiting()).length === 0, { what: 'everybody to have a time again' });
    expect(await takenTwice()).toEqual([]);
    const rows = await service.sql<{ count: number }>(
      `SELECT count(*)::int FROM worklist_item AS w JOIN station_booking AS b USING (appointment_id)
        WHERE w.accession_number LIKE 'MIX%' AND w.status = 'SCHEDULED'`,
    );
    expect(rows).toEqual([{ count: 24 }]);
  });
});

describe('A step that has to be booked anew', () => {
  it('is so after a restart, and not where its exam has begun', async () => {
    const orders = [anOrder('LATER'), anOrder('BEGUN')];
    for (const one of orders) await place(one);
    const begun = await service.listed('BEGUN');
    await service.listed('LATER');
    await service.create('2.25.77001', [begun]);
    const [later, running] = (await Promise.all(orders.map(appointmentOf))) as [Appointment, Appointment];
    await service.sql(
      `INSERT INTO rebooking (appointment_id, reason, requested_at, next_attempt_at)
       SELECT id, 'its station is closed', now(), now() + interval '1 second' FROM unnest($1::text[]) AS id`,
      [[later.id, running.id]],
    );
    await service.restart();
    await until(async () => (await waiting()).length === 0, { what: 'both to be settled' });
    expect(reasonOf((await appointmentOf(orders[0]!))!)).toMatch(/^moved: its station is closed/);
    expect((await appointmentOf(orders[1]!))!.status).toBe('arrived');
  });
});
