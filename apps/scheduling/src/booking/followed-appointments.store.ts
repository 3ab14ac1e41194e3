import { Inject, Injectable } from '@nestjs/common';
import type { ServiceRequest } from 'fhir/r4.js';
import { DataSource, type EntityManager } from 'typeorm';
import { referencedId } from '#fhir';
import { askedStart, isSuperseded, ordersNamed, type FollowedAppointment } from './followed-appointment.decider.js';

const columns = `id, order_id AS "orderId", step_id AS "stepId", sender, person, appointment, places,
  ordered_start AS "orderedStart", said_at AS "saidAt"`;

/** What a RIS that schedules itself, or a person, says of the appointments of orders, also of those not known here (yet). */
@Injectable()
export class FollowedAppointments {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** What is said of one order. */
  async ofOrder(manager: EntityManager, { id }: ServiceRequest): Promise<FollowedAppointment[]> {
    const rows = await manager.query(`SELECT ${columns} FROM followed_appointment WHERE order_id = $1`, [id]);
    return rows.map(followedFrom);
  }

  /** What is said of a patient's orders, known or not, oldest first. */
  async ofPatient(manager: EntityManager, patientId: string): Promise<FollowedAppointment[]> {
    const rows = await manager.query(
      `SELECT ${columns} FROM followed_appointment WHERE patient_id = $1 ORDER BY said_at, id`,
      [patientId],
    );
    return rows.map(followedFrom);
  }

  /** Keeps what is said of an appointment now. */
  async put(manager: EntityManager, patientId: string, followed: FollowedAppointment): Promise<void> {
    const { id, orderId, appointment, places, orderedStart, saidAt, stepId, sender, person } = followed;
    await manager.query(
      `INSERT INTO followed_appointment (patient_id, id, order_id, appointment, places, ordered_start, said_at,
         step_id, sender, person)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
       ON CONFLICT (patient_id, id) DO UPDATE SET order_id = excluded.order_id, appointment = excluded.appointment,
         places = excluded.places, ordered_start = excluded.ordered_start, said_at = excluded.said_at,
         step_id = excluded.step_id, sender = excluded.sender, person = excluded.person`,
      [
        patientId,
        id,
        orderId,
        JSON.stringify(appointment),
        JSON.stringify(places),
        orderedStart,
        saidAt,
        stepId,
        sender,
        person,
      ],
    );
  }

  /**
   * Meets an order that is told: what was said of it before it was known is of it from now on, and what it overrules by
   * asking for another time is gone.
   *
   * @returns true if something waited for it
   */
  async meet(manager: EntityManager, told: ServiceRequest): Promise<boolean> {
    let waited = false;
    const patientId = referencedId(told.subject.reference, 'Patient')!;
    for (const one of await this.ofPatient(manager, patientId)) {
      const isOfIt = one.orderId === told.id;
      if (!isOfIt && (one.orderId || ordersNamed(one.appointment, [told]).length === 0)) continue;
      if (isOfIt && isSuperseded(one, told))
        await manager.query('DELETE FROM followed_appointment WHERE patient_id = $1 AND id = $2', [patientId, one.id]);
      else await this.put(manager, patientId, { ...one, orderId: told.id, orderedStart: askedStart(told) });
      waited ||= !isOfIt;
    }
    return waited;
  }

  /** What is said of a patient who was merged is said of the one who stands for them. */
  async move(manager: EntityManager, from: string, to: string): Promise<void> {
    await manager.query(
      `DELETE FROM followed_appointment AS one USING followed_appointment AS other
        WHERE one.patient_id = $1 AND other.patient_id = $2 AND one.id = other.id`,
      [from, to],
    );
    await manager.query('UPDATE followed_appointment SET patient_id = $2 WHERE patient_id = $1', [from, to]);
  }

  /** Appointments of orders that are not known here, oldest first: ids, status and time only. */
  async withoutOrder(): Promise<object[]> {
    return this.dataSource.query(
      `SELECT id, patient_id AS "patientId", appointment->>'status' AS status, said_at AS "saidAt"
         FROM followed_appointment WHERE order_id IS NULL ORDER BY said_at, id LIMIT 500`,
    );
  }
}

function followedFrom(row: Record<keyof FollowedAppointment, unknown>): FollowedAppointment {
  return Object.fromEntries(
    Object.entries(row).filter(([, value]) => value !== null),
  ) as unknown as FollowedAppointment;
}
