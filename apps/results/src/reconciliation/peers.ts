import { Inject, Injectable } from '@nestjs/common';
import type { FhirResource, ImagingStudy, Patient, ServiceRequest } from 'fhir/r4.js';
import { DataSource } from 'typeorm';
import type { StudyInPacs } from '#dicom';
import { FhirStore, ForeignFhirServer, referencedId, uuidFrom } from '#fhir';
import { isToldOf } from '#mapping';
import { INFRASTRUCTURE, SITE, type Destination, type Infrastructure, type Site } from '#platform';
import { DoseDesk } from '../dose/dose-desk.js';
import { bearerTokensOf } from '../emr/bearer-tokens.js';
import { keyOf } from '../emr/emr-transaction.js';
import { withoutInstances } from '../study/imaging-study.decider.js';
import { PacsContent } from '../study/pacs-content.js';
import { Rejections } from '../study/rejections.store.js';
import { compareStudy, compareTold, type Told } from './comparison.decider.js';
import { Reconciliations, type Found, type Subject } from './reconciliations.store.js';

/** A destination that is asked what it has. */
export type Asked = Destination & { kind: 'fhir' };

/** Asks the PACS, and who is told by FHIR, what they have, and compares it with what is here. */
@Injectable()
export class ReconciliationPeers {
  /** Who is told of exams, studies and reports. */
  readonly destinations: readonly Asked[];
  private readonly servers: ReadonlyMap<string, ForeignFhirServer>;

  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(PacsContent) private readonly pacs: PacsContent,
    @Inject(Rejections) private readonly rejections: Rejections,
    @Inject(Reconciliations) private readonly runs: Reconciliations,
    @Inject(DoseDesk) private readonly dose: DoseDesk,
    @Inject(SITE) private readonly site: Site,
    @Inject(INFRASTRUCTURE) { siteFile }: Infrastructure,
  ) {
    const tokens = bearerTokensOf(site, process.env, siteFile);
    this.destinations = site.destinations.filter(
      (one): one is Asked => one.kind === 'fhir' && one.gets.includes('results'),
    );
    this.servers = new Map(
      this.destinations.map(({ name, url, timeoutSeconds }) => [
        name,
        new ForeignFhirServer({ url, timeoutMs: timeoutSeconds * 1000, bearerToken: tokens.get(name) }),
      ]),
    );
  }

  /** The studies that the PACS has of these days. @throws Failure as {@link PacsContent.study} */
  inPacs(from: string, to: string): Promise<StudyInPacs[]> {
    return this.pacs.studiesBetween(from, to);
  }

  /** What was to be told to a destination of a study: itself, its orders, their reports, and its dose. */
  async subjectsOf(studyInstanceUid: string, { name, gets }: Asked): Promise<Subject[]> {
    const { manager } = this.dataSource;
    const study = await this.studyHere(studyInstanceUid);
    const orders = await this.ordersOf(study);
    const reports = (
      await Promise.all(
        orders.map(({ id }) => this.store.referringTo(manager, 'DiagnosticReport', `ServiceRequest/${id}`)),
      )
    ).flat();
    const isWorthIt = study && orders.length > 0 && study.status !== 'registered';
    const doses = gets.includes('dose') ? await this.dose.known(studyInstanceUid, manager) : [];
    const all: Told[] = isWorthIt ? [study, ...orders, ...reports, ...doses] : [...reports, ...doses];
    const unique = new Map(all.map((one) => [`${one.resourceType}/${one.id}`, one]));
    return [...unique.values()].map(({ resourceType: type, id }) => ({
      peer: 'destination',
      destination: name,
      type,
      id: id!,
    }));
  }

  /**
   * How a peer differs on a subject now. What seems to differ is looked at twice: it may have been on its way.
   *
   * @throws Failure where the peer does not answer
   */
  async look(subject: Subject, listed?: StudyInPacs): Promise<Found[]> {
    const once = () => (subject.peer === 'pacs' ? this.lookInPacs(subject, listed) : this.lookAtDestination(subject));
    return (await once()).length > 0 ? once() : [];
  }

  /** A resource that was told, with its patient, its orders and the study of a dose, as they are here. */
  async told({ type, id }: { type: Told['resourceType']; id: string }) {
    const { manager } = this.dataSource;
    const resource = (await this.store.read(manager, type, id)) as Told | undefined;
    const patientId = referencedId(resource?.subject?.reference, 'Patient');
    if (!resource || !patientId) return undefined;
    const patient = await this.store.read(manager, 'Patient', patientId);
    const orders = resource.resourceType === 'ServiceRequest' ? [resource] : await this.ordersOf(resource);
    const studyId = referencedId(
      resource.resourceType === 'Observation' ? resource.focus?.[0]?.reference : undefined,
      'ImagingStudy',
    );
    const study = studyId ? await this.store.read(manager, 'ImagingStudy', studyId) : undefined;
    return patient && { resource, patient, orders, study };
  }

  private async lookInPacs(subject: Subject & { peer: 'pacs' }, listed: StudyInPacs | undefined): Promise<Found[]> {
    const { studyInstanceUid } = subject;
    const there = listed ?? (await this.pacs.study(studyInstanceUid));
    const study = await this.studyHere(studyInstanceUid);
    const patientId = referencedId(study?.subject.reference, 'Patient');
    const patient = patientId ? await this.store.read(this.dataSource.manager, 'Patient', patientId) : undefined;
    const here = study && {
      status: study.status,
      instances: study.numberOfInstances ?? 0,
      isSearched: await this.runs.isSearched(studyInstanceUid),
      patientNumbers: this.numbersOf(patient),
    };
    // A list counts what was rejected as well: where it says the same, there is nothing to look for.
    const isAsHere = there?.numberOfInstances !== undefined && there.numberOfInstances === here?.instances;
    const instances = isAsHere ? here.instances : await this.visibleIn(studyInstanceUid);
    const found = compareStudy(here, there || instances > 0 ? { instances, patientId: there?.patientId } : undefined);
    return found.map((one) => ({ ...one, subject, patientId: patientId ?? null }));
  }

  private async visibleIn(studyInstanceUid: string): Promise<number> {
    const rejected = await this.rejections.ofStudy(this.dataSource.manager, studyInstanceUid);
    const series = withoutInstances(await this.pacs.seriesOf(studyInstanceUid), rejected);
    return series.reduce((sum, { instances }) => sum + instances.length, 0);
  }

  private async lookAtDestination(subject: Subject & { peer: 'destination' }): Promise<Found[]> {
    const to = this.destinations.find(({ name }) => name === subject.destination);
    const told = await this.told(subject);
    if (!to || !told || !this.isToldOf(told, to)) return [];
    const identifier = keyOf(told.resource, this.site.authorities[this.site.patientAuthority]!);
    const [there] = await this.servers.get(to.name)!.matching(subject.type, { identifier });
    // Asked afterwards: what was told meanwhile is on its way, or is there when it is looked at again.
    if (await this.runs.isOnItsWay(to.name, told.patient.id!)) return [];
    return compareTold(told.resource, there).map((one) => ({ ...one, subject, patientId: told.patient.id! }));
  }

  private isToldOf({ patient, orders }: { patient: Patient; orders: ServiceRequest[] }, to: Asked): boolean {
    const isKnown = patient.identifier?.some(({ system, value }) => system && value) === true;
    return isKnown && orders.some((order) => isToldOf(order, to, this.site));
  }

  private async studyHere(studyInstanceUid: string): Promise<ImagingStudy | undefined> {
    return this.store.read(this.dataSource.manager, 'ImagingStudy', uuidFrom('ImagingStudy', studyInstanceUid));
  }

  private async ordersOf(one: FhirResource | undefined): Promise<ServiceRequest[]> {
    const { basedOn = [] } = (one ?? {}) as Partial<ImagingStudy>;
    const keys = basedOn
      .flatMap(({ reference }) => referencedId(reference, 'ServiceRequest') ?? [])
      .map((id) => ({ type: 'ServiceRequest', id }));
    return (await this.store.readMany(this.dataSource.manager, keys)) as ServiceRequest[];
  }

  private numbersOf(patient: Patient | undefined): string[] {
    const system = this.site.authorities[this.site.patientAuthority];
    return (patient?.identifier ?? []).flatMap((one) => (one.system === system && one.value ? [one.value] : []));
  }
}
