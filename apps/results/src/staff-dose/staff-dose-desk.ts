import { Inject, Injectable } from '@nestjs/common';
import { DateTime } from 'luxon';
import type { EntityManager } from 'typeorm';
import type { DetectedIssue, FhirResource, Observation, Practitioner } from 'fhir/r4.js';
import { assertVersion, FhirStore, sameContent } from '#fhir';
import {
  asFailure,
  CLOCK,
  fail,
  SITE,
  type Clock,
  type DosimetryService,
  type Failure,
  type Site,
  type StaffDoseSettings,
} from '#platform';
import { againstLimits } from './dose-against-limits.decider.js';
import { readDosimetryFile, type RefusedLine, type ReportedLine } from './read-dosimetry-file.js';
import type { StatedObservation } from './read-staff-observation.js';
import { acknowledged, followAlerts } from './staff-dose-alert.decider.js';
import { StaffDoseDatabase } from './staff-dose-database.js';
import { StaffDoses } from './staff-doses.store.js';
import { correctedFrom, practitionerIdOf, practitionerOf, readingIdOf, takeReading } from './staff-reading.decider.js';

/** Lines whose resources are read and stored in one statement. */
const BATCH = 500;

/** What became of a file: how many of its lines, and each that needs somebody's look. No person is in it. */
export interface TakenFile {
  accepted: number;
  corrected: number;
  unchanged: number;
  refused: { line: number; column?: string; code: string; reason: string }[];
  /** What was taken, and is worth a look. */
  remarks: { line: number; column: string; reason: string }[];
  /** Alerts that it raised. */
  alertsRaised: number;
}

/** What has been taken so far, of a file or a single statement. */
interface Taken {
  answer: TakenFile;
  /** Whose doses may be others now. */
  persons: Set<string>;
}

/** Takes what is said of the doses of staff, and follows their alerts; each in one transaction. */
@Injectable()
export class StaffDoseDesk {
  constructor(
    @Inject(StaffDoseDatabase) private readonly database: StaffDoseDatabase,
    @Inject(StaffDoses) private readonly doses: StaffDoses,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Today in the zone of the site, as YYYY-MM-DD. */
  today(): string {
    return DateTime.fromJSDate(this.clock.now(), { zone: this.site.timeZone }).toISODate()!;
  }

  /** @throws Failure not-supported where the site file says nothing of staff doses */
  settings(): StaffDoseSettings {
    if (this.site.staffDose) return this.site.staffDose;
    throw fail('not-supported', 'the site file has no staffDose');
  }

  /** Takes a file of a dosimetry service; sent again it changes nothing. @throws Failure if it has no usable header row */
  async takeFile(text: string, service: DosimetryService, client: string): Promise<TakenFile> {
    const { lines, refused } = readDosimetryFile(text, service, this.today());
    return this.database.write(async (manager, now) => {
      const answer: TakenFile = {
        ...{ accepted: 0, corrected: 0, unchanged: 0, remarks: [], alertsRaised: 0 },
        refused: refused.map(refusedLine),
      };
      const taken: Taken = { answer, persons: new Set() };
      for (let at = 0; at === 0 || at < lines.length; at += BATCH)
        await this.takeLines(manager, lines.slice(at, at + BATCH), taken, { client, now });
      answer.alertsRaised = await this.followPersons(manager, [...taken.persons], now);
      answer.refused.sort((a, b) => a.line - b.line);
      return answer;
    });
  }

  private async takeLines(
    manager: EntityManager,
    lines: readonly ReportedLine[],
    taken: Taken,
    { client, now }: { client: string; now: Date },
  ): Promise<void> {
    const readings = lines.flatMap((line) => line.readings);
    const known = await this.store.readMany(manager, [
      ...readings.map((reading) => ({ type: 'Observation', id: readingIdOf(reading) })),
      ...readings.map(({ person }) => ({ type: 'Practitioner', id: practitionerIdOf(person) })),
    ]);
    const current = new Map(known.map((one) => [`${one.resourceType}/${one.id}`, one]));
    const changed = new Map<string, FhirResource>();
    const keep = (resource: FhirResource) => {
      const key = `${resource.resourceType}/${resource.id}`;
      if (current.get(key) === resource) return;
      current.set(key, resource);
      changed.set(key, resource);
    };
    for (const line of lines) {
      try {
        takeLine(line, current, taken).forEach(keep);
      } catch (error) {
        const failure = asFailure(error);
        if (failure.fate !== 'refuse') throw error;
        taken.answer.refused.push(refusedLine({ line: line.line, failure }));
      }
    }
    await this.store.save(manager, [...changed.values()], now);
    await this.database.record(manager, { interaction: 'create', client, references: [...changed.keys()] });
  }

  /**
   * Takes an Observation as a person states it.
   *
   * @param how `id` and `ifMatch` of an update; a create of what is there with another content is refused
   * @throws Failure value-unknown, duplicate-key, not-found, precondition-failed, field-invalid
   */
  async takeObservation(
    stated: StatedObservation,
    client: string,
    how: { id: string; ifMatch: string } | undefined,
  ): Promise<{ observation: Observation; isNew: boolean }> {
    const { services } = this.settings();
    return this.database.write(async (manager, now) => {
      const before = how && (await this.store.read(manager, 'Observation', how.id));
      if (how && !before) throw fail('not-found', 'there is no Observation with this id');
      if (how) assertVersion(how.ifMatch, before);
      const practitioner = await this.personOf(manager, stated);
      const { system, value } = practitioner.identifier![0]!;
      if (!services.some(({ personSystem }) => personSystem === system))
        throw fail('value-unknown', 'must be the personSystem of a service in the site file', {
          field: 'Observation.subject.identifier.system',
        });
      const observation = stated.observationFor({ system: system!, value: value! });
      if (how && observation.id !== how.id)
        throw fail(
          'field-invalid',
          'must be the same dosimeter, place, quantity and days: another reading is another Observation',
          {
            field: 'Observation.id',
          },
        );
      const badgeSystem = observation.device?.identifier?.system;
      if (badgeSystem && !services.some((service) => service.badgeSystem === badgeSystem))
        throw fail('value-unknown', 'must be the badgeSystem of a service in the site file', {
          field: 'Observation.device.identifier.system',
        });
      const known = before ?? (await this.store.read(manager, 'Observation', observation.id!));
      const next = nextOf(known, observation, how !== undefined);
      const [, saved] = await this.store.save<FhirResource>(manager, [practitioner, next], now);
      const access = { interaction: how ? ('update' as const) : ('create' as const), client };
      await this.database.record(manager, { ...access, references: [`Observation/${next.id}`] });
      const subjects = [known, next].flatMap((one) => one?.subject?.reference?.slice('Practitioner/'.length) ?? []);
      await this.followPersons(manager, [...new Set(subjects)], now);
      return { observation: saved as Observation, isNew: !known };
    });
  }

  private async personOf(manager: EntityManager, { subject }: StatedObservation): Promise<Practitioner> {
    const id = 'id' in subject ? subject.id : practitionerIdOf(subject.person);
    const known = await this.store.read(manager, 'Practitioner', id);
    if (known) return known;
    if ('person' in subject) return practitionerOf(subject.person, undefined, undefined);
    throw fail('value-unknown', 'there is no Practitioner with this id: give the identifier of the person instead', {
      field: 'Observation.subject',
    });
  }

  /** Somebody looks after an alert, and says who. @throws Failure not-found, state-conflict */
  async acknowledge(id: string, by: { name: string; note?: string }, client: string): Promise<DetectedIssue> {
    return this.database.write(async (manager, now) => {
      const alert = await this.store.read(manager, 'DetectedIssue', id);
      if (!alert) throw fail('not-found', 'there is no alert with this id');
      const next = acknowledged(alert, by, now);
      const [saved] = await this.store.save(manager, [next], now);
      await this.database.record(manager, { interaction: 'update', client, references: [`DetectedIssue/${id}`] });
      return saved!;
    });
  }

  /** Looks at everybody anew, as the site file may have other limits now. */
  async followEverybody(): Promise<void> {
    await this.database.write(async (manager, now) =>
      this.followPersons(manager, await this.doses.personIds(manager), now),
    );
  }

  /** @returns how many alerts it raised */
  private async followPersons(manager: EntityManager, practitionerIds: readonly string[], now: Date): Promise<number> {
    const settings = this.site.staffDose;
    if (!settings || practitionerIds.length === 0) return 0;
    const found = await this.doses.byPerson(manager, { practitionerIds });
    const alerts = await this.doses.alertsOf(manager, practitionerIds);
    const next = practitionerIds.flatMap((id) => {
      const own = found.find((one) => one.practitionerId === id);
      const standings = againstLimits(own?.readings ?? [], own?.pregnancies ?? [], settings, this.today());
      return followAlerts(alerts.get(id) ?? [], id, standings, now);
    });
    await this.store.save(manager, next, now);
    return next.filter(({ status }) => status === 'final').length;
  }
}

/** What a line makes of what is there. @throws Failure where the line is refused, all of it */
function takeLine(
  { line, name, readings }: ReportedLine,
  current: ReadonlyMap<string, FhirResource>,
  taken: Taken,
): FhirResource[] {
  const results = readings.map((reading) =>
    takeReading(reading, current.get(`Observation/${readingIdOf(reading)}`) as Observation | undefined),
  );
  const { person } = readings[0]!;
  const known = current.get(`Practitioner/${practitionerIdOf(person)}`) as Practitioner | undefined;
  const stated = practitionerOf(person, name, known);
  const practitioner = known && sameContent(known, stated) ? known : stated;
  if (known?.name && practitioner !== known)
    taken.answer.remarks.push({
      line,
      column: 'name',
      reason: 'differs from the name known under this number, and replaces it',
    });
  const has = (outcome: string) => results.some((one) => one.outcome === outcome);
  taken.answer[has('corrected') ? 'corrected' : has('accepted') ? 'accepted' : 'unchanged']++;
  taken.persons.add(practitioner.id!);
  return [practitioner, ...results.map(({ observation }) => observation)];
}

function nextOf(known: Observation | undefined, observation: Observation, isUpdate: boolean): Observation {
  if (!known) return observation;
  const isInError = observation.status === 'entered-in-error';
  const next = isInError ? { ...observation, meta: known.meta } : correctedFrom(known, observation);
  const says = next === known && observation.note ? { ...known, note: observation.note } : next;
  if (isUpdate || sameContent(says, known)) return says;
  throw fail('duplicate-key', 'this dosimeter has another reading of the period: correct it by PUT', {
    field: 'Observation',
  });
}

function refusedLine({ line, failure }: RefusedLine): TakenFile['refused'][number] {
  const { field, code, message }: Failure = failure;
  return { line, ...(field ? { column: field } : {}), code, reason: message };
}
