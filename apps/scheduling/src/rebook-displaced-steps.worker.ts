import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { FhirStore, indexOf } from '#fhir';
import { backoffMs, Lease, UnitOfWork, WakeSignal } from '#messaging';
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
export class RebookDisplacedSteps implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly wake = new WakeSignal();
  private readonly lease: Lease;
  private running?: Promise<void>;
  private stopping = false;

  constructor(
    @Inject(Rebookings) private readonly rebookings: Rebookings,
    @Inject(ScheduleDesk) private readonly desk: ScheduleDesk,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
  ) {
    this.lease = new Lease('rebooking', infrastructure.database, logger, () => this.wake.wake());
  }

  onApplicationBootstrap(): void {
    this.lease.start();
    this.running = this.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    this.wake.wake();
    await this.running;
    await this.lease.stop();
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      if (this.lease.held)
        try {
          for (const one of await this.rebookings.due(this.clock.now(), AT_ONCE))
            if (!this.stopping) await this.rebook(one);
        } catch (err) {
          this.logger.warn({ err }, 'rebooking waits for the database');
        }
      await this.wake.wait(POLL_MS);
    }
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
