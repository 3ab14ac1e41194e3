import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Patient } from 'fhir/r4.js';
import type { StudyInPacs } from '#dicom';
import { FhirStore, recordAccess, referencedId, uuidFrom, type Access } from '#fhir';
import { asFailure, CLOCK, fail, LOGGER, SITE, type Clock, type Logger, type Site } from '#platform';
import { PacsContent } from './pacs-content.js';
import { priorsOf, type PriorStudy } from './prior-studies.decider.js';

/** Earlier studies, and whether the PACS was asked for more: a code says why it did not answer. */
export interface PriorStudiesAnswer {
  priors: PriorStudy[];
  pacs: 'not-asked' | 'answered' | { failure: string };
}

/** Finds what a radiologist wants to compare a study with. */
@Injectable()
export class PriorStudies {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(PacsContent) private readonly pacs: PacsContent,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * The earlier studies of a study's patient, under every number the patient has or had (records that were merged
   * included). A PACS that does not answer keeps nobody from what is known here.
   *
   * @param study Study Instance UID, or the id of the ImagingStudy
   * @throws Failure not-found
   */
  async of(study: string, client: string): Promise<PriorStudiesAnswer> {
    const { manager } = this.dataSource;
    const id = /^[\d.]+$/.test(study) ? uuidFrom('ImagingStudy', study) : study;
    const current = await this.store.read(manager, 'ImagingStudy', id);
    const patientId = referencedId(current?.subject.reference, 'Patient');
    if (!current || !patientId) throw fail('not-found', 'no study with this Study Instance UID or id is known here');
    const studies = await this.store.ofPatient(manager, 'ImagingStudy', patientId);
    const reports = await this.store.ofPatient(manager, 'DiagnosticReport', patientId);
    const { inPacs, pacs } = await this.ask(await this.store.read(manager, 'Patient', patientId));
    const priors = priorsOf(current, { studies, reports, inPacs }, this.site);
    const references = studies.map((one) => `ImagingStudy/${one.id}`);
    const access: Access = {
      interaction: 'search-type',
      client,
      service: 'results',
      references,
      patientIds: [patientId],
    };
    await recordAccess(manager, access, this.clock.now());
    return { priors, pacs };
  }

  private async ask(
    patient: Patient | undefined,
  ): Promise<{ inPacs: StudyInPacs[]; pacs: PriorStudiesAnswer['pacs'] }> {
    const system = this.site.authorities[this.site.patientAuthority];
    const numbers = (patient?.identifier ?? []).flatMap((one) =>
      one.system === system && one.value ? [one.value] : [],
    );
    if (!this.site.pacs.priors || numbers.length === 0) return { inPacs: [], pacs: 'not-asked' };
    try {
      const found = await Promise.all([...new Set(numbers)].map((number) => this.pacs.studiesOfPatient(number)));
      return { inPacs: found.flat(), pacs: 'answered' };
    } catch (error) {
      const failure = asFailure(error);
      this.logger.warn({ err: failure }, 'the PACS did not say what prior studies it has');
      return { inPacs: [], pacs: { failure: failure.code } };
    }
  }
}
