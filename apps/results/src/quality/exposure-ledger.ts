import { Inject, Injectable } from '@nestjs/common';
import type { ImagingStudy } from 'fhir/r4.js';
import type { RejectionNote, SeriesInPacs } from '#dicom';
import { FhirStore, sameContent, systems, uuidFrom } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { fail, SITE, type Site } from '#platform';
import { timeInZone } from '../study/imaging-study.decider.js';
import { entriesOf, outOfRange, withDeviation, type Statement } from './exposure-entry.decider.js';
import { Exposures, type AcquiredImage, type KeptStatement } from './exposures.store.js';
import { imagesIn, type ImageOfStudy } from './images-in-study.decider.js';
import { rejectReasons, type StatedReject } from './read-reject.js';
import { WatchQuality } from './watch-quality.worker.js';

/** IHE IOCM: only this title says something of an image's quality. */
const FOR_QUALITY_REASONS = '113001';

/** Keeps what was exposed and what became of it, by whoever says so, in whatever order. */
@Injectable()
export class ExposureLedger {
  constructor(
    @Inject(Exposures) private readonly exposures: Exposures,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(WatchQuality) private readonly watch: WatchQuality,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /**
   * The images of a study, as its exam and the PACS tell of them, and the notes by which some were rejected. Locks the
   * ledger: to be called behind every other lock.
   */
  async follow(
    study: ImagingStudy | undefined,
    inPacs: readonly SeriesInPacs[],
    notes: readonly RejectionNote[],
    transaction: Transaction,
  ): Promise<void> {
    const { manager, now } = transaction;
    const rejections = notes.flatMap((note) => this.rejectionsBy(note, now));
    const all = study ? imagesIn(study, inPacs, this.site) : [];
    const images = await this.counted(all, rejections, transaction);
    if (images.length === 0 && rejections.length === 0) return;
    await this.exposures.lock(manager);
    for (const statement of rejections) await this.exposures.keepStatement(manager, statement, 'pacs', now);
    await this.exposures.keepImages(manager, images, now);
    const operators = images.flatMap(({ sopInstanceUid, operator }) =>
      operator ? [[sopInstanceUid, operator] as const] : [],
    );
    await this.exposures.keepOperators(manager, new Map(operators), false);
    const doubtful = images.flatMap((image) => this.doubtOf(image));
    for (const statement of doubtful) await this.exposures.keepStatement(manager, statement, 'pacs', now);
    const spokenOf = await this.exposures.statementsOf(
      manager,
      images.map(({ sopInstanceUid }) => sopInstanceUid),
    );
    await this.settle([...spokenOf.keys(), ...rejections.map(({ exposure }) => exposure)], transaction);
  }

  /** Those of the site's modalities; of others, of which there are too many, those somebody has spoken of. */
  private async counted(
    all: ImageOfStudy[],
    rejections: readonly Statement[],
    { manager }: Transaction,
  ): Promise<ImageOfStudy[]> {
    const isExposure = ({ modality }: ImageOfStudy) => this.site.exposures.modalities.includes(modality ?? '');
    const others = all.filter((image) => !isExposure(image)).map(({ sopInstanceUid }) => sopInstanceUid);
    const said = others.length > 0 ? await this.exposures.statementsOf(manager, others) : new Map<string, unknown>();
    const spokenOf = new Set([...said.keys(), ...rejections.map(({ exposure }) => exposure)]);
    return all.filter((image) => isExposure(image) || spokenOf.has(image.sopInstanceUid));
  }

  /**
   * What a console says; the same again is answered as it stands.
   *
   * @throws Failure duplicate-key where its number is in use with other content
   */
  async record(stated: StatedReject, client: string): Promise<{ isNew: boolean; kept: KeptStatement }> {
    const { system, value } = stated.identifier;
    const id = uuidFrom('exposure entry', system, value);
    return this.unitOfWork.run(undefined, async (transaction) => {
      const statement = await this.statementOf(id, stated, transaction);
      await this.exposures.lock(transaction.manager);
      const known = await this.exposures.statement(transaction.manager, id);
      if (!known) return { isNew: true, kept: await this.keep(statement, stated, client, transaction) };
      if (sameWord(known, statement, stated)) return { isNew: false, kept: known };
      throw fail('duplicate-key', 'this number is in use for another entry: correct that one by PUT', {
        field: 'identifier',
      });
    });
  }

  /**
   * Corrects what a console said, or takes it back (`status` entered-in-error).
   *
   * @throws Failure not-found; precondition-failed where it is not at that version; field-invalid for another number
   */
  async correct(id: string, stated: StatedReject, version: number, client: string): Promise<KeptStatement> {
    return this.unitOfWork.run(undefined, async (transaction) => {
      const { manager } = transaction;
      const statement = await this.statementOf(id, stated, transaction);
      await this.exposures.lock(manager);
      const known = await this.exposures.statement(manager, id);
      if (!known || known.statement.source !== 'console')
        throw fail('not-found', 'no console stated an entry of this id');
      if (known.version !== version)
        throw fail('precondition-failed', 'the entry was corrected meanwhile: read it again');
      if (id !== uuidFrom('exposure entry', stated.identifier.system, stated.identifier.value))
        throw fail('field-invalid', 'identifier must be the number it was stated under', { field: 'identifier' });
      if (known.statement.exposure !== statement.exposure)
        await this.exposures.dropOperator(manager, known.statement.exposure);
      const kept = await this.keep(statement, stated, client, transaction);
      // What it was said of before, by a mistake, is as the others say.
      await this.settle([known.statement.exposure], transaction);
      return kept;
    });
  }

  private async keep(
    statement: Statement,
    { operator }: StatedReject,
    client: string,
    transaction: Transaction,
  ): Promise<KeptStatement> {
    const { manager, now } = transaction;
    await this.exposures.keepStatement(manager, statement, client, now);
    if (operator) await this.exposures.keepOperators(manager, new Map([[statement.exposure, operator]]), true);
    else await this.exposures.dropOperator(manager, statement.exposure);
    await this.settle([statement.exposure], transaction);
    return (await this.exposures.statement(manager, statement.id))!;
  }

  /** An accession number that is not known here stays as it was said: its order may come yet. */
  private async statementOf(id: string, stated: StatedReject, { manager }: Transaction): Promise<Statement> {
    const { accessionNumber } = stated.statement;
    const orders = accessionNumber
      ? await this.store.withIdentifier(manager, 'ServiceRequest', systems.accessionNumber, accessionNumber)
      : [];
    const orderId = orders.length === 1 ? orders[0]!.id : undefined;
    return { ...stated.statement, ...(orderId ? { orderId } : {}), id, exposure: stated.sopInstanceUid ?? id };
  }

  private rejectionsBy(note: RejectionNote, now: Date): Statement[] {
    if (note.reason !== FOR_QUALITY_REASONS) return [];
    const { qualityReason = '' } = note;
    const at = timeInZone(note.writtenAt, this.site) ?? now.toISOString();
    return note.instances.map(({ sopInstanceUid, studyInstanceUid }) => ({
      id: `${note.sopInstanceUid}/${sopInstanceUid}`,
      kind: 'reject',
      source: 'kos',
      exposure: sopInstanceUid,
      studyInstanceUid,
      at,
      ...(Object.hasOwn(rejectReasons, qualityReason) ? { reason: qualityReason } : {}),
    }));
  }

  private doubtOf(image: AcquiredImage): Statement[] {
    const reason = outOfRange(withDeviation(image).deviationIndex, this.site.exposures.deviationIndex);
    const exposure = image.sopInstanceUid;
    return reason
      ? [{ id: `exposure-index/${exposure}`, kind: 'doubtful', source: 'exposure-index', exposure, reason }]
      : [];
  }

  private async settle(exposures: readonly string[], { manager, now }: Transaction): Promise<void> {
    const these = [...new Set(exposures)];
    if (these.length === 0) return;
    const statements = await this.exposures.statementsOf(manager, these);
    const images = await this.exposures.imagesOf(manager, these);
    for (const exposure of these)
      await this.exposures.put(manager, exposure, entriesOf(statements.get(exposure) ?? [], images.get(exposure)), now);
    this.watch.wake();
  }
}

/** Which order it was found under is our own doing, and no part of what was said. */
function sameWord(known: KeptStatement, statement: Statement, { operator }: StatedReject): boolean {
  return (
    known.operator === operator && sameContent({ ...known.statement, orderId: null }, { ...statement, orderId: null })
  );
}
