import { Inject, Injectable } from '@nestjs/common';
import type { FhirResource, ServiceRequest } from 'fhir/r4.js';
import { newEvent } from '#events';
import { FhirStore, studyInstanceUidOf, systems, uuidFrom } from '#fhir';
import { contentError, type Hl7Message } from '#hl7v2';
import type { Hl7Interpreter, Interpreted } from '#intake';
import { patientFrom, reportFromMessage, type ReportMessage } from '#mapping';
import type { Transaction } from '#messaging';
import { SITE, type Sender, type Site } from '#platform';
import { deliveriesOf } from './emr-update.decider.js';
import { decideReport } from './report.decider.js';

/** Files reports from ORU^R01 under their orders. One whose order is not known is kept and listed, never dropped. */
@Injectable()
export class FileReportWhenMessageArrives implements Hl7Interpreter {
  readonly messageTypes = ['ORU^R01'];

  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(SITE) private readonly site: Site,
  ) {}

  interpret(message: Hl7Message, sender: Sender): Interpreted {
    const stated = reportFromMessage(message, sender, this.site);
    const patient = patientFrom(message, sender, this.site);
    return {
      patientId: stated.patientId,
      carryOut: async (transaction) => this.file(stated, patient, message, transaction),
    };
  }

  private async file(
    stated: ReportMessage,
    statedPatient: FhirResource,
    message: Hl7Message,
    transaction: Transaction,
  ): Promise<void> {
    const { manager, now } = transaction;
    const order = await this.orderOf(stated, message, transaction);
    const uid = studyInstanceUidOf(order);
    const study = uid ? await this.store.read(manager, 'ImagingStudy', uuidFrom('ImagingStudy', uid)) : undefined;
    const current = await this.store.read(manager, 'DiagnosticReport', stated.report.id!);
    const report = decideReport(current, stated.report, order, study);
    if (!report) return;
    const known = await this.store.read(manager, 'Patient', stated.patientId);
    const saved = await this.store.save<FhirResource>(manager, known ? [report] : [report, statedPatient], now);
    const event = newEvent({
      type: 'imaging.result.reported.v1',
      patientId: stated.patientId,
      cause: `${saved[0]!.id}/${saved[0]!.meta?.versionId}`,
      now,
      resources: [saved[0]!, known ?? saved[1]!, ...(order ? [order] : []), ...(study ? [study] : [])],
    });
    transaction.publish(event);
    for (const delivery of deliveriesOf(event, this.site.destinations)) transaction.deliver(delivery);
  }

  /** By accession number, else by placer order number. An order of another patient is never taken. */
  private async orderOf(
    { accessionNumber, placerOrderNumber, patientId }: ReportMessage,
    message: Hl7Message,
    { manager }: Transaction,
  ): Promise<ServiceRequest | undefined> {
    const obr = message.first('OBR')!;
    const byAccession = accessionNumber
      ? await this.store.withIdentifier(manager, 'ServiceRequest', systems.accessionNumber, accessionNumber)
      : [];
    const own = (orders: ServiceRequest[]) => orders.filter((one) => one.subject.reference === `Patient/${patientId}`);
    if (byAccession.length > 0 && own(byAccession).length === 0)
      throw contentError(204, "the accession number is of another patient's order: check PID-3 and OBR-18", obr.at(18));
    const byPlacer =
      byAccession.length === 0 && placerOrderNumber
        ? await this.store.withIdentifier(manager, 'ServiceRequest', placerOrderNumber.system || undefined, placerOrderNumber.value) // prettier-ignore
        : [];
    return own([...byAccession, ...byPlacer])[0];
  }
}
