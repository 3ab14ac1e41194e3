import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { FhirStore, indexOf } from '#fhir';
import { backoffMs, LeasedWorker, UnitOfWork } from '#messaging';
import { asFailure, CLOCK, INFRASTRUCTURE, LOGGER, type Clock, type Infrastructure, type Logger } from '#platform';
import { Rebookings, type Rebooking } from './rebookings.store.js';
import { ScheduleDesk } from './schedule-desk.js';

const POLL_MS = 500;
const AT_ONCE = 50;

/**
 * Gives steps that lost their time another one, each in a transaction of its own patient. One that finds none is tried
 * again later and holds up no other; it is listed until then.
 */
@Injectable()
export class RebookDisplacedSteps extends LeasedWorker {
  constructor(
    @Inject(Rebookings) private readonly rebookings: Rebookings,
    @Inject(ScheduleDesk) private readonly desk: ScheduleDesk,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
  ) {
    super('rebooking', POLL_MS, infrastructure, logger);
  }

  protected async turn(): Promise<void> {
    for (const one of await this.rebookings.due(this.clock.now(), AT_ONCE)) if (!this.stopping) await this.rebook(one);
  }

  private async rebook({ appointmentId, attempts }: Rebooking): Promise<void> {
    try {
      const appointment = await this.store.read(this.dataSource.manager, 'Appointment', appointmentId);
      const patientId = (appointment && indexOf(appointment).patient_id) ?? undefined;
      await this.unitOfWork.run(patientId, (transaction) => this.desk.rebook(appointmentId, transaction));
    } catch (error) {
      const failure = asFailure(error);
      this.logger.warn({ err: failure, appointment: appointmentId }, 'a step waits for another time');
      const next = new Date(this.clock.now().getTime() + backoffMs(attempts + 1, Math.random()));
      await this.rebookings.postponed(appointmentId, failure, next);
    }
  }
}
