import { Inject, Injectable } from '@nestjs/common';
import type { DetectedIssue, FhirResource, Patient } from 'fhir/r4.js';
import { newEvent, type EventType } from '#events';
import { FhirStore, referencedId } from '#fhir';
import type { Transaction } from '#messaging';
import { alertIdOf, raised, resolved, type AlertKind, type AlertSubject } from './study-alert.decider.js';

/** Raises alerts about exams, orders and images that do not go together, and takes them back; each is told once. */
@Injectable()
export class StudyAlerts {
  constructor(@Inject(FhirStore) private readonly store: FhirStore) {}

  /** Says that something is wrong with a study. */
  async raise(kind: AlertKind, subject: AlertSubject, transaction: Transaction): Promise<void> {
    const id = alertIdOf(subject.studyInstanceUid, kind);
    const known = await this.store.read(transaction.manager, 'DetectedIssue', id);
    await this.tell('imaging.result.alert-raised.v1', raised(known, kind, subject, transaction.now), transaction);
  }

  /** Says that nothing of these kinds is wrong with a study any more. */
  async resolve(studyInstanceUid: string, kinds: readonly AlertKind[], transaction: Transaction): Promise<void> {
    const keys = kinds.map((kind) => ({ type: 'DetectedIssue', id: alertIdOf(studyInstanceUid, kind) }));
    for (const known of (await this.store.readMany(transaction.manager, keys)) as DetectedIssue[])
      await this.tell('imaging.result.alert-resolved.v1', resolved(known, transaction.now), transaction);
  }

  /** What is wrong with a study whose exam is known is this kind, or nothing. */
  async settle(kind: AlertKind | undefined, subject: AlertSubject, transaction: Transaction): Promise<void> {
    const ofExam: AlertKind[] = ['completed-without-images', 'fewer-images-than-performed'];
    if (kind) await this.raise(kind, subject, transaction);
    const others = ofExam.filter((one) => one !== kind);
    await this.resolve(subject.studyInstanceUid, others, transaction);
  }

  private async tell(type: EventType, issue: DetectedIssue | undefined, transaction: Transaction): Promise<void> {
    if (!issue) return;
    const { manager, now } = transaction;
    const [saved] = await this.store.save(manager, [issue], now);
    const patientId = referencedId(saved!.patient?.reference, 'Patient')!;
    const about = (saved!.implicated ?? []).flatMap(({ reference = '' }) => {
      const [kind, id] = reference.split('/');
      return kind && id ? [{ type: kind, id }] : [];
    });
    const known = await this.store.readMany(manager, [{ type: 'Patient', id: patientId }, ...about]);
    const patient = known.find((one): one is Patient => one.resourceType === 'Patient');
    // One whom nobody told of yet: known only by the number that the images are under.
    const resources: FhirResource[] = [saved!, patient ?? { resourceType: 'Patient', id: patientId }];
    resources.push(...known.filter((one) => one !== patient));
    const cause = `${saved!.id}/${saved!.meta?.versionId}`;
    transaction.publish(newEvent({ type, patientId, cause, now, resources }));
  }
}
