import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Procedure } from 'fhir/r4.js';
import { FhirStore, recordAccess, referencedId, uuidFrom } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { fail, LOGGER, SITE, type Logger, type Site } from '#platform';
import { procedureIdOf } from './exam.decider.js';
import { FollowExamWhenMppsArrives } from './follow-exam-when-mpps-arrives.js';
import { noteOnExam } from './note-on-exam.js';
import { orderNamed, type OrderNamed } from './order-named.js';
import {
  PerformedProcedureSteps,
  reportedIn,
  type PerformedProcedureStepRow,
} from './performed-procedure-steps.store.js';
import {
  candidatesFor,
  stepMatching,
  stepToLink,
  type Candidate,
  type UnscheduledExam,
} from './unscheduled.decider.js';
import { Worklist } from '../worklist/worklist.store.js';

/** Gives exams that no order accounted for to their orders, once these come or a person says so. */
@Injectable()
export class UnscheduledExams {
  constructor(
    @Inject(PerformedProcedureSteps) private readonly steps: PerformedProcedureSteps,
    @Inject(FollowExamWhenMppsArrives) private readonly exams: FollowExamWhenMppsArrives,
    @Inject(Worklist) private readonly worklist: Worklist,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(SITE) private readonly site: Site,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Newest first, each with the steps it may be that of. */
  async list(): Promise<(UnscheduledExam & { candidates: Candidate[] })[]> {
    const { matchWithinHours } = this.site.unscheduled;
    const rows = await this.steps.unscheduled();
    const exams = rows.map(({ attributes, ...row }) => ({ ...row, modality: reportedIn(attributes).modality }));
    const patientIds = [...new Set(exams.map(({ patientId }) => patientId))];
    const booked = matchWithinHours === undefined ? [] : await this.worklist.bookedOf(patientIds);
    return exams.map((exam) => ({ ...exam, candidates: candidatesFor(exam, booked, matchWithinHours) }));
  }

  /** Links those exams of a patient whose step is beyond doubt, after their orders or their records changed. */
  async match(patientId: string, transaction: Transaction): Promise<void> {
    const { manager, merged } = transaction;
    const patient = merged?.from === patientId ? merged.to : patientId;
    for (const row of await this.steps.unscheduledOf(manager, patient)) {
      const exam = reportedIn(row.attributes);
      const uids = [exam.studyInstanceUid, ...exam.scheduledSteps.map((one) => one.studyInstanceUid)];
      const accessions = exam.scheduledSteps.map(({ accessionNumber }) => accessionNumber);
      const known = await this.worklist.named(uids.filter(isGiven), accessions.filter(isGiven), manager);
      const step = stepMatching(exam, patient, known);
      if (!step) continue;
      this.logger.info(
        { procedure: uuidFrom('Procedure', row.sopInstanceUid) },
        'an exam without an order has one now',
      );
      await this.linkTo(step.appointmentId, row, transaction);
    }
  }

  /**
   * Links an exam to the order a person names, with who said so and why. Said twice, it is so already.
   *
   * @throws Failure not-found, value-unknown for an order that is not here, state-conflict for an exam of another order
   *   or of another patient, and as {@link stepToLink}
   */
  async link(sopInstanceUid: string, asked: OrderNamed, client: string): Promise<Procedure> {
    const order = await orderNamed(this.store, this.dataSource.manager, asked);
    const patientId = referencedId(order.subject.reference, 'Patient')!;
    return this.unitOfWork.run(patientId, async (transaction) => {
      const { manager, now, merged } = transaction;
      const before = await this.steps.find(manager, sopInstanceUid);
      if (!before) throw fail('not-found', 'no MPPS was created with this SOP Instance UID');
      const subject = merged?.to ?? patientId;
      if (before.patientId !== subject) await transaction.lock(before.patientId);
      // As it is behind that lock.
      const row = (await this.steps.find(manager, sopInstanceUid))!;
      const appointments = await this.store.referringTo(manager, 'Appointment', `ServiceRequest/${order.id}`);
      if (row.appointmentIds.length > 0) {
        if (!appointments.some(({ id }) => row.appointmentIds.includes(id!)))
          throw fail('state-conflict', 'the exam is that of another order already');
      } else {
        if (row.patientId !== subject && !asked.patientConfirmed)
          throw fail(
            'state-conflict',
            "the exam was done under another patient's number: confirm whose it is, or merge the records",
            { field: 'patientConfirmed' },
          );
        const current = (await this.store.read(manager, 'ServiceRequest', order.id!))!;
        const step = stepToLink(reportedIn(row.attributes), current, appointments, asked.stepId);
        await noteOnExam(this.store, row.sopInstanceUid, { client, text: asked.reason }, transaction);
        await this.linkTo(step.id!, { ...row, patientId: subject }, transaction);
      }
      const procedureId = procedureIdOf(sopInstanceUid);
      const references = [`Procedure/${procedureId}`, `ServiceRequest/${order.id}`];
      const patientIds = [...new Set([subject, row.patientId])];
      await recordAccess(
        manager,
        { interaction: 'update', client, service: 'scheduling', references, patientIds },
        now,
      );
      return (await this.store.read(manager, 'Procedure', procedureId))!;
    });
  }

  private async linkTo(appointmentId: string, row: PerformedProcedureStepRow, transaction: Transaction): Promise<void> {
    const linked = { ...row, appointmentIds: [appointmentId], reason: null };
    await this.steps.link(transaction.manager, linked, transaction.now);
    await this.exams.follow(linked, reportedIn(row.attributes), transaction);
  }
}

function isGiven<T>(value: T | undefined): value is T {
  return value !== undefined;
}
