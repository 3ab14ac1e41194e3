import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import type { Appointment, FhirResource } from 'fhir/r4.js';
import { resourceFrom, type ImagingEvent } from '#events';
import { FhirStore, keepCopies } from '#fhir';
import { EventContext, WhenEvent } from '#messaging';
import { SITE, type Site } from '#platform';
import { readyFromOf, screeningAttributes } from './contrast-screening.js';
import { ScheduleDesk } from './booking/schedule-desk.js';
import { Worklist } from './worklist/worklist.store.js';

/**
 * Shows what contrast screening says of an exam on its worklist items, keeps it for items written anew, and moves an exam
 * we found a time for to when its patient is prepared.
 */
@Controller()
export class WarnWhenContrastScreened {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(ScheduleDesk) private readonly desk: ScheduleDesk,
    @Inject(Worklist) private readonly worklist: Worklist,
    @Inject(SITE) private readonly site: Site,
  ) {}

  @WhenEvent('imaging.contrast.screened.v1')
  async handle(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    const { manager, now } = transaction;
    const told = resourceFrom(event, 'DetectedIssue');
    const order = resourceFrom(event, 'ServiceRequest');
    const [screening] = await keepCopies<FhirResource>(this.store, manager, [told], now);
    // The order as it is known here: contrast may have an older copy.
    const known = (await this.store.read(manager, 'ServiceRequest', order.id!)) ?? order;
    const readyFrom = readyFromOf(screening as typeof told);
    const appointments = await this.store.referringTo(manager, 'Appointment', `ServiceRequest/${order.id}`);
    const of = { patientId: event.patientId, appointmentIds: appointments.map(({ id }) => id!) };
    const isTooEarly = ({ status, start = '' }: Appointment) =>
      status === 'booked' && Date.parse(start) < readyFrom!.getTime();
    if (readyFrom && appointments.some(isTooEarly)) await this.desk.reconsider(known, transaction);
    await this.worklist.amend(manager, of, screeningAttributes(screening as typeof told, known, this.site));
  }
}
