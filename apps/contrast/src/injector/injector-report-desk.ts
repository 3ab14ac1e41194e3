import { Inject, Injectable } from '@nestjs/common';
import type { MedicationAdministration, ServiceRequest } from 'fhir/r4.js';
import type { EntityManager } from 'typeorm';
import { FhirStore, identifierValue, referencedId, studyInstanceUidOf, systems } from '#fhir';
import type { Transaction } from '#messaging';
import { asFailure, Failure, LOGGER, type Logger } from '#platform';
import { AdministrationDesk, type Source } from '../administration/administration-desk.js';
import type { StatedAdministration } from '../administration/read-administration.js';
import { contrastPlanIdOf } from '../contrast-plan.decider.js';
import { administrationFrom } from './administration-from-report.js';
import type { ReportReferences } from './injector-report.js';
import { InjectorReports, type KeptReport, type ReportOutcome } from './injector-reports.store.js';
import { matchReport, type Candidate } from './match-report.decider.js';

type Numbers = Omit<ReportReferences, 'patientId'>;

/** Brings reports of injectors and the orders they are of together, whichever comes first. */
@Injectable()
export class InjectorReportDesk {
  constructor(
    @Inject(InjectorReports) private readonly reports: InjectorReports,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(AdministrationDesk) private readonly administrations: AdministrationDesk,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Matches a report that is kept just now, and records what was given where its order is certain. */
  async match(kept: KeptReport, transaction: Transaction): Promise<ReportOutcome> {
    const { references } = kept.report;
    // Patients before numbers, as whoever tells of an order does: else the two could wait for each other.
    const patients = (await this.candidates(references, transaction.manager)).flatMap(
      ({ patient }) => patient?.id ?? [],
    );
    for (const id of [...new Set(patients)].sort()) await transaction.lock(id);
    await this.lockNumbers(references, transaction);
    const match = matchReport(references, await this.candidates(references, transaction.manager));
    const outcome: ReportOutcome =
      match.state === 'matched'
        ? await this.record(kept, match.order, { by: 'injector', client: kept.aeTitle }, transaction)
        : match.state === 'disagrees'
          ? { state: 'disagrees', reason: `not those of its exam: ${match.disagreements.join(', ')}` }
          : match;
    await this.reports.became(transaction.manager, kept.sopInstanceUid, outcome);
    return outcome;
  }

  /** An order, or more of its exam, became known: reports that waited for it are matched. */
  async orderKnown(orderId: string, transaction: Transaction): Promise<void> {
    const { manager } = transaction;
    const order = await this.store.read(manager, 'ServiceRequest', orderId);
    if (!order) return;
    const numbers = numbersOf(await this.candidateOf(order, manager));
    await this.lockNumbers(numbers, transaction);
    for (const kept of await this.reports.waitingFor(manager, numbers)) await this.match(kept, transaction);
  }

  /**
   * Records what a report says for the order it is of, in the unit of work of its patient. What it lacks, and what speaks
   * against it, is kept with it instead of being lost.
   */
  async record(
    kept: KeptReport,
    order: ServiceRequest,
    source: Source,
    transaction: Transaction,
  ): Promise<ReportOutcome> {
    const said = administrationFrom(kept.report, kept);
    if (Array.isArray(said))
      return { state: 'incomplete', reason: `does not say: ${said.join(', ')}`, orderId: order.id };
    await transaction.lock(referencedId(order.subject.reference, 'Patient')!);
    try {
      const request = { reference: `MedicationRequest/${contrastPlanIdOf(order.id!)}` };
      const stated = this.read({ ...said, subject: order.subject, request });
      const { administration } = await this.administrations.recordWithin(transaction, stated, source);
      return { state: 'recorded', orderId: order.id, administrationId: administration.id };
    } catch (error) {
      const failure = asFailure(error);
      // Only what was decided against: anything else has to undo the whole, and is tried again.
      if (!(error instanceof Failure) || failure.fate === 'retry') throw error;
      this.logger.warn({ err: failure, aeTitle: kept.aeTitle }, 'a report of an injector was not recorded');
      const isLacking = failure.code === 'field-missing' || failure.code === 'field-invalid';
      return { state: isLacking ? 'incomplete' : 'refused', reason: failure.message, orderId: order.id };
    }
  }

  /** Barcodes are of any kind: what was given does not wait for one that is none of GS1, or says otherwise. */
  private read(said: MedicationAdministration): StatedAdministration {
    try {
      return this.administrations.read(said, 'injector');
    } catch (error) {
      const contained = said.contained?.map((one) => ({ ...one, extension: undefined }));
      if (!(error instanceof Failure) || !said.contained?.some((one) => 'extension' in one)) throw error;
      return this.administrations.read({ ...said, contained }, 'injector');
    }
  }

  /** A report and its order that come at the same moment wait for each other, so that one of them sees the other. */
  private async lockNumbers(numbers: Numbers, transaction: Transaction): Promise<void> {
    const { accessionNumbers, studyUids, scheduledStepIds, performedStepUids } = numbers;
    const all = [...accessionNumbers, ...studyUids, ...scheduledStepIds, ...performedStepUids];
    for (const number of [...new Set(all)].sort()) await transaction.lock(`injector report ${number}`);
  }

  /** The orders that share a number with a report. */
  private async candidates(references: ReportReferences, manager: EntityManager): Promise<Candidate[]> {
    const orders = new Map<string, ServiceRequest>();
    const add = (some: ServiceRequest[]) => some.forEach((one) => orders.set(one.id!, one));
    for (const number of references.accessionNumbers)
      add(
        (await this.store.withIdentifier(manager, 'ServiceRequest', undefined, number)).filter((one) =>
          hasAccession(one, number),
        ),
      );
    for (const uid of references.studyUids)
      add(await this.store.withIdentifier(manager, 'ServiceRequest', systems.dicomUid, `urn:oid:${uid}`));
    const of = [
      ...(await this.found(manager, 'Appointment', systems.scheduledProcedureStepId, references.scheduledStepIds)),
      ...(await this.found(
        manager,
        'Procedure',
        systems.dicomUid,
        references.performedStepUids.map((uid) => `urn:oid:${uid}`),
      )),
    ];
    for (const { basedOn = [] } of of)
      for (const { reference } of basedOn) {
        const id = referencedId(reference, 'ServiceRequest');
        const order = id && !orders.has(id) ? await this.store.read(manager, 'ServiceRequest', id) : undefined;
        if (order) add([order]);
      }
    // What a parent order asks for is done under its children.
    const asked = [...orders.values()].filter(({ intent }) => intent !== 'original-order');
    return Promise.all(asked.map((order) => this.candidateOf(order, manager)));
  }

  private async found(manager: EntityManager, type: 'Appointment' | 'Procedure', system: string, values: string[]) {
    const found = [];
    for (const value of values) found.push(...(await this.store.withIdentifier(manager, type, system, value)));
    return found;
  }

  private async candidateOf(order: ServiceRequest, manager: EntityManager): Promise<Candidate> {
    const reference = `ServiceRequest/${order.id}`;
    const patientId = referencedId(order.subject.reference, 'Patient');
    const appointments = await this.store.referringTo(manager, 'Appointment', reference);
    const exams = await this.store.referringTo(manager, 'Procedure', reference);
    return {
      order,
      patient: patientId ? await this.store.read(manager, 'Patient', patientId) : undefined,
      scheduledStepIds: appointments.flatMap((one) => identifierValue(one, systems.scheduledProcedureStepId) ?? []),
      performedStepUids: exams.flatMap((one) => studyInstanceUidOf(one) ?? []),
    };
  }
}

function hasAccession({ identifier = [] }: ServiceRequest, number: string): boolean {
  return identifier.some(({ type, value }) => value === number && type?.coding?.some(({ code }) => code === 'ACSN'));
}

function numbersOf({ order, scheduledStepIds, performedStepUids }: Candidate): Numbers {
  const study = studyInstanceUidOf(order);
  const accessions = (order.identifier ?? []).filter(({ type }) => type?.coding?.some(({ code }) => code === 'ACSN'));
  return {
    accessionNumbers: accessions.flatMap(({ value }) => value ?? []),
    studyUids: study ? [study] : [],
    scheduledStepIds,
    performedStepUids,
  };
}
