import { Inject, Injectable } from '@nestjs/common';
import {
  datasetFromJson,
  QidoClient,
  rejectionNoteFrom,
  sopClasses,
  StudyRootFind,
  type PacsQuery,
  type ReferencedInstance,
  type RejectionNote,
  type SeriesInPacs,
  type StudyInPacs,
} from '#dicom';
import { asFailure, INFRASTRUCTURE, LOGGER, SITE, tlsTo, type Infrastructure, type Logger, type Site } from '#platform';
import { unavailableAfter } from './availability.decider.js';
import type { FetchedDoseReport } from '../dose/dose-desk.js';
import { doseReportClasses } from '../dose/dose-report.js';
import { DoseReports } from '../dose/dose-reports.store.js';
import { AvailabilityNotifications } from './availability-notifications.store.js';
import { withoutInstances } from './imaging-study.decider.js';
import { Rejections } from './rejections.store.js';
import { StudyLookups } from './study-lookups.store.js';

const TIMEOUT_SECONDS = 15;
/** A rejection note may name every image of a study, each with some elements. */
const noteBounds = { depth: 12, mostElements: 200_000 };

/** What the PACS has of one study, and which documents among it were read for the first time. */
export interface ContentOfStudy {
  series: SeriesInPacs[];
  /** Those of them by which something is rejected, */
  notes: RejectionNote[];
  /** and the others, by SOP Instance UID. */
  otherDocuments: string[];
  /** Radiation dose reports. */
  doseReports: FetchedDoseReport[];
}

/**
 * What the PACS has: as it answers by QIDO-RS, or by C-FIND where the site says so, less what it said by notification
 * that it cannot give.
 */
@Injectable()
export class PacsContent {
  private readonly query: PacsQuery;

  constructor(
    @Inject(AvailabilityNotifications) private readonly notifications: AvailabilityNotifications,
    @Inject(Rejections) private readonly rejections: Rejections,
    @Inject(DoseReports) private readonly doseReports: DoseReports,
    @Inject(StudyLookups) private readonly lookups: StudyLookups,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(SITE) private readonly site: Site,
    @Inject(INFRASTRUCTURE) { dicom }: Infrastructure,
  ) {
    const { qidoUrl, find, timeoutSeconds = TIMEOUT_SECONDS } = site.pacs;
    const timeoutMs = timeoutSeconds * 1000;
    this.query = find
      ? new StudyRootFind({
          host: find.host,
          port: find.port,
          calledAeTitle: find.aeTitle,
          callingAeTitle: dicom?.aeTitle ?? 'COLLIMATOR',
          timeoutMs,
          ...(find.tls ? { tls: tlsTo(find.tls) } : {}),
        })
      : new QidoClient({ url: qidoUrl!, timeoutMs, headers: authorizationOf(site) });
  }

  /** The series of a study; none if it is not there (yet). @throws Failure as {@link PacsQuery.seriesOf} */
  async seriesOf(studyInstanceUid: string): Promise<SeriesInPacs[]> {
    const found = await this.query.seriesOf(studyInstanceUid);
    if (found.length === 0) return found;
    return withoutInstances(found, unavailableAfter(await this.notifications.ofStudy(studyInstanceUid)));
  }

  /**
   * The same, with the documents in it that were not read before: Key Object Selections, which may reject some of it (IHE
   * IOCM), and radiation dose reports. By C-FIND alone they cannot be read.
   *
   * @throws Failure as {@link PacsQuery.seriesOf}
   */
  async contentOf(studyInstanceUid: string): Promise<ContentOfStudy> {
    const series = await this.seriesOf(studyInstanceUid);
    const content: ContentOfStudy = { series, notes: [], otherDocuments: [], doseReports: [] };
    if (!this.query.contentOf) return content;
    const documents = series.flatMap(({ seriesInstanceUid, modality, instances }) =>
      instances
        .filter(({ sopClassUid }) => (sopClassUid ? sopClassUid === sopClasses.keyObjectSelection : modality === 'KO'))
        .map(({ sopInstanceUid }) => ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid })),
    );
    const unread = new Set(await this.rejections.unread(documents.map(({ sopInstanceUid }) => sopInstanceUid)));
    for (const document of documents.filter(({ sopInstanceUid }) => unread.has(sopInstanceUid)))
      await this.read(document, content);
    await this.readDoseReports(studyInstanceUid, content);
    return content;
  }

  private async readDoseReports(studyInstanceUid: string, content: ContentOfStudy): Promise<void> {
    const documents = content.series.flatMap(({ seriesInstanceUid, instances }) =>
      instances
        .filter(({ sopClassUid }) => doseReportClasses.includes(sopClassUid ?? ''))
        .map(({ sopInstanceUid }) => ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid })),
    );
    const unread = new Set(await this.doseReports.unread(documents.map(({ sopInstanceUid }) => sopInstanceUid)));
    for (const document of documents.filter(({ sopInstanceUid }) => unread.has(sopInstanceUid)))
      await this.whileThere('a radiation dose report of the PACS cannot be read', async () => {
        const json = await this.query.contentOf!(document);
        if (json) content.doseReports.push({ sopInstanceUid: document.sopInstanceUid, json });
      });
  }

  /** A study as the PACS lists it. @throws Failure as {@link PacsQuery.seriesOf} */
  study(studyInstanceUid: string): Promise<StudyInPacs | undefined> {
    return this.query.study(studyInstanceUid);
  }

  /** The studies of these days, `YYYY-MM-DD`, both included. @throws the same */
  studiesBetween(from: string, to: string): Promise<StudyInPacs[]> {
    return this.query.studiesBetween(from, to);
  }

  /** What it has under one patient number, where the site says that it is asked; else nothing. @throws the same */
  async studiesOfPatient(patientNumber: string): Promise<StudyInPacs[]> {
    return this.site.pacs.priors ? this.query.studiesOfPatient(patientNumber) : [];
  }

  /**
   * Which of these are there, with the class the PACS says they have ('' where it says none). A study is asked for as a
   * whole. With `stopAtFirst`, nothing is looked for behind the first that is not there.
   *
   * @throws Failure as {@link PacsQuery.seriesOf}
   */
  async classesOf(instances: readonly ReferencedInstance[], stopAtFirst: boolean): Promise<Map<string, string>> {
    const classes = new Map<string, string>();
    const asked = new Set<string>();
    for (const { sopInstanceUid } of instances) {
      if (classes.has(sopInstanceUid)) continue;
      const study = await this.studyOf(sopInstanceUid);
      if (study && !asked.has(study))
        for (const series of await this.seriesOf(study))
          for (const one of series.instances) classes.set(one.sopInstanceUid, one.sopClassUid ?? '');
      if (study) asked.add(study);
      if (stopAtFirst && !classes.has(sopInstanceUid)) break;
    }
    return classes;
  }

  /** Not every PACS finds an instance by C-FIND without its study: what an exam says it made, is known here. */
  private async studyOf(sopInstanceUid: string): Promise<string | undefined> {
    const known = this.site.pacs.find && (await this.lookups.studyExpecting(sopInstanceUid));
    return known ?? this.query.studyOf(sopInstanceUid);
  }

  private async read(document: Parameters<NonNullable<PacsQuery['contentOf']>>[0], content: ContentOfStudy) {
    await this.whileThere('a Key Object Selection document of the PACS cannot be read', async () => {
      const json = await this.query.contentOf!(document);
      if (!json) return;
      const note = rejectionNoteFrom(datasetFromJson(json, noteBounds));
      if (note?.sopInstanceUid === document.sopInstanceUid) content.notes.push(note);
      else content.otherDocuments.push(document.sopInstanceUid);
    });
  }

  /** One that cannot be read now is read at a later look; its study is not held up by it, unless the PACS is away. */
  private async whileThere(complaint: string, read: () => Promise<void>): Promise<void> {
    try {
      await read();
    } catch (error) {
      const failure = asFailure(error);
      if (failure.fate === 'retry') throw failure;
      this.logger.warn({ err: failure }, complaint);
    }
  }
}

/**
 * What the PACS wants by HTTP.
 *
 * @throws Error naming the environment variable that is not set: the PACS would refuse everything without it
 */
export function authorizationOf(site: Site): Record<string, string> {
  const variable = site.pacs.authorizationEnv;
  if (!variable) return {};
  const value = process.env[variable]?.trim();
  if (!value) throw new Error(`pacs.authorizationEnv: the environment variable ${variable} is not set`);
  return { Authorization: value };
}
