import { Inject, Injectable } from '@nestjs/common';
import type { ServiceRequest } from 'fhir/r4.js';
import { FhirStore, referencedId } from '#fhir';
import { contentError, type Hl7Message, type Hl7Refusal, type Location } from '#hl7v2';
import type { Hl7Interpreter, Interpreted } from '#intake';
import { appointmentsFromMessage, appointmentTypes, senderSystem } from '#mapping';
import type { Transaction } from '#messaging';
import { SITE, type Failure, type Sender, type Site } from '#platform';
import {
  askedTooLate,
  nameOneOrder,
  ordersNamed,
  statementAfter,
  type Statement,
} from './followed-appointment.decider.js';
import { FollowedAppointments } from './followed-appointments.store.js';
import { ScheduleDesk } from './schedule-desk.js';

/**
 * Follows a RIS that schedules itself (SIU^S12 to S22, S26). What it says of an order that is not known here yet is kept,
 * and followed once the order is. Who the patient is, orders and admissions say, not this.
 */
@Injectable()
export class FollowAppointmentWhenSiuArrives implements Hl7Interpreter {
  readonly messageTypes = appointmentTypes;

  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(FollowedAppointments) private readonly followed: FollowedAppointments,
    @Inject(ScheduleDesk) private readonly desk: ScheduleDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** @throws Hl7Refusal naming the field at fault */
  interpret(message: Hl7Message, sender: Sender): Interpreted {
    const said = appointmentsFromMessage(message, sender, this.site);
    const patientId = said.patient.id!;
    return {
      patientId,
      said,
      carryOut: async (transaction) => {
        for (const stated of said.appointments)
          await this.follow(
            { ...stated, sender: senderSystem(sender) },
            transaction.merged?.to ?? patientId,
            message,
            transaction,
          );
      },
      refusal: (failure) => refusalOf(failure, message),
    };
  }

  private async follow(
    stated: Statement,
    patientId: string,
    message: Hl7Message,
    transaction: Transaction,
  ): Promise<void> {
    const { manager, now } = transaction;
    const order = await this.orderOf(stated, patientId, message, transaction);
    const all = await this.followed.ofPatient(manager, patientId);
    const known = all.filter((one) =>
      order ? one.orderId === order.id : !one.orderId && nameOneOrder(one.appointment, stated.appointment),
    );
    const said = statementAfter(known, stated, order, now);
    if (order) {
      const appointments = await this.store.referringTo(manager, 'Appointment', `ServiceRequest/${order.id}`);
      const late = askedTooLate(said, appointments, [...known.filter(({ id }) => id !== said.id), said], this.site);
      if (late)
        throw contentError(207, 'the exam has begun or is done, and is not moved any more', placeOf(late, message));
    }
    await this.followed.put(manager, patientId, said);
    if (order) await this.desk.reconsider(order, transaction);
  }

  /** @throws Hl7Refusal 204 where the numbers name an order of another patient, or several */
  private async orderOf(
    { appointment }: Statement,
    patientId: string,
    message: Hl7Message,
    { manager }: Transaction,
  ): Promise<ServiceRequest | undefined> {
    const named = ordersNamed(appointment, await this.store.ofPatient(manager, 'ServiceRequest', patientId));
    const place = message.first('SCH')!.at(message.first('SCH')!.get(26) ? 26 : 27);
    if (named.length > 1)
      throw contentError(204, 'the number is that of several orders: give it with its authority (EI-2)', place);
    const id = appointment.basedOn?.map(({ reference }) => referencedId(reference, 'ServiceRequest')).find(Boolean);
    if (named.length === 0 && id && (await this.store.read(manager, 'ServiceRequest', id)))
      throw contentError(204, "the placer order number is of another patient's order: check PID-3 and SCH-26", place);
    return named[0];
  }
}

function refusalOf({ code, message: text }: Failure, message: Hl7Message): Hl7Refusal | undefined {
  return code === 'station-unavailable' ? contentError(103, text, placeOf('place', message)) : undefined;
}

/** Where in the message it says what cannot be. */
function placeOf(what: 'time' | 'place' | 'end', message: Hl7Message): Location {
  const [sch, ais, tq1] = [message.first('SCH')!, message.first('AIS'), message.first('TQ1')];
  const resource = message.first('AIL') ?? message.first('AIG');
  if (what === 'place' && resource) return resource.at(3);
  if (what === 'end') return sch.get(25) ? sch.at(25) : message.header.at(9, 2);
  if (ais?.get(4)) return ais.at(4);
  return tq1?.get(7) ? tq1.at(7) : sch.at(11, 4);
}
