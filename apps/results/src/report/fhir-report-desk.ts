import { Inject, Injectable } from '@nestjs/common';
import type { DiagnosticReport, ImagingStudy, Patient, ServiceRequest } from 'fhir/r4.js';
import { assertVersion, FhirStore, identifierOf, recordAccess, referencedId, rekeyed } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { fail } from '#platform';
import { anothersOrder } from './refuse-anothers-order.js';
import { isLate } from './report.decider.js';
import { ReportDesk } from './report-desk.js';
import type { StatedReport } from './report-from-fhir.js';

/** How a client by FHIR states a report. */
export interface ReportRequest {
  client: string;
  interaction: 'create' | 'update';
  ifMatch?: string | undefined;
  /** A report that is there is left as it is (If-None-Exist). */
  onlyIfNew?: boolean;
}

/** Takes reports by FHIR to the same desk that those by HL7 v2 go to. */
@Injectable()
export class FhirReportDesk {
  constructor(
    @Inject(ReportDesk) private readonly desk: ReportDesk,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
  ) {}

  /** True of a report that is known under this id. */
  async isKnown(id: string): Promise<boolean> {
    return this.unitOfWork.run(undefined, async ({ manager }) =>
      Boolean(await this.store.read(manager, 'DiagnosticReport', id)),
    );
  }

  /**
   * Files a report, or a new version of one. Of a create, a version that comes late changes nothing and the report is
   * answered as it stands; an update that would take a report back is refused, since its client knows what it overwrites.
   *
   * @throws Failure not-found, precondition-failed, state-conflict, unknown-key, duplicate-key
   */
  async take(stated: StatedReport, request: ReportRequest): Promise<{ report: DiagnosticReport; isNew: boolean }> {
    return this.unitOfWork.run(stated.patientId, async (transaction) => {
      const { manager, merged, now } = transaction;
      const current = await this.store.read(manager, 'DiagnosticReport', stated.report.id!);
      if (request.interaction === 'update') assertVersion(request.ifMatch, current);
      const own = await this.withOrders(merged ? rekeyed(stated, merged) : stated, transaction);
      const isUpdate = request.interaction === 'update' && current !== undefined;
      if (isUpdate && isLate(current, own.report))
        throw fail('state-conflict', `must not go back behind ${current.status}, or be issued before it`, {
          field: 'DiagnosticReport.status',
        });
      const report = current && request.onlyIfNew ? current : await this.file(own, request, transaction);
      const access = {
        interaction: request.interaction,
        client: request.client,
        service: 'results',
        references: [`DiagnosticReport/${report.id}`],
        patientIds: [referencedId(report.subject?.reference, 'Patient')!],
      };
      await recordAccess(manager, access, now);
      return { report, isNew: current === undefined };
    });
  }

  private async file({ report, patient }: Known, { client }: ReportRequest, transaction: Transaction) {
    const candidates = await this.desk.candidatesFor(report, transaction);
    const by = anothersOrder(report, candidates);
    if (by)
      throw fail('unknown-key', `the ${by} is of another patient's order: check subject and basedOn`, {
        field: 'DiagnosticReport.basedOn',
      });
    const saved = await this.desk.file(report, { patient, from: client }, candidates, transaction);
    return saved ?? (await this.store.read(transaction.manager, 'DiagnosticReport', report.id!))!;
  }

  /** With the numbers of the orders it names by their id here, and of those of the studies it names. */
  private async withOrders(stated: StatedReport, { manager }: Transaction): Promise<Known> {
    const { report, patientId, orderIds, studyIds } = stated;
    const known = await this.store.read(manager, 'Patient', patientId);
    const patient = stated.patient ?? known;
    if (!patient)
      throw fail('unknown-key', 'no patient is known under this id: name them by number', {
        field: 'DiagnosticReport.subject',
      });
    const studies = (await this.store.readMany(
      manager,
      studyIds.map((id) => ({ type: 'ImagingStudy', id })),
    )) as ImagingStudy[];
    const ofStudies = studies.flatMap(({ basedOn = [] }) =>
      basedOn.flatMap(({ reference }) => referencedId(reference, 'ServiceRequest') ?? []),
    );
    const ids = [...new Set([...orderIds, ...(orderIds.length > 0 ? [] : ofStudies)])];
    const orders = (await this.store.readMany(
      manager,
      ids.map((id) => ({ type: 'ServiceRequest', id })),
    )) as ServiceRequest[];
    if (orderIds.some((id) => !orders.some((order) => order.id === id)))
      throw fail('unknown-key', 'no order is known under this id: name it by its accession number', {
        field: 'DiagnosticReport.basedOn',
      });
    const numbers = orders.flatMap((order) =>
      [identifierOf(order, 'PLAC') ?? [], identifierOf(order, 'ACSN') ?? []].flat(),
    );
    const isNew = ({ system, value }: (typeof numbers)[number]) =>
      !report.identifier!.some((one) => one.system === system && one.value === value);
    return { report: { ...report, identifier: [...report.identifier!, ...numbers.filter(isNew)] }, patient };
  }
}

interface Known {
  report: DiagnosticReport;
  patient: Patient;
}
