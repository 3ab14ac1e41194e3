import { Inject, Injectable } from '@nestjs/common';
import type { DetectedIssue, Practitioner } from 'fhir/r4.js';
import type { DoseSource } from '#platform';
import {
  againstLimits,
  currentOf,
  stateOf,
  type LimitStanding,
  type PersonState,
} from './dose-against-limits.decider.js';
import { doseRecordCsv } from './dose-record.js';
import type { SummedReading } from './dose-of-person.decider.js';
import { fail } from '#platform';
import { alertStateOf, type AlertState } from './staff-dose-alert.decider.js';
import { StaffDoseDatabase } from './staff-dose-database.js';
import { StaffDoseDesk } from './staff-dose-desk.js';
import { staffDoseStatistics, type StaffDoseStatistic } from './staff-dose-statistics.decider.js';
import { StaffDoses, type PersonReadings } from './staff-doses.store.js';

/** How one person stands. */
export interface ShownPerson {
  practitionerId: string;
  number: string;
  name?: string;
  state: PersonState;
  /** The largest share of a limit, of what is shown; 1 is all of it. */
  highestShare: number;
  /** Readings that no dose is told from, such as of a collar dosimeter where only the one under the apron counts. */
  unused: number;
  standings: LimitStanding[];
}

/** An alert as it is shown. */
export interface ShownAlert {
  detectedIssueId: string;
  practitionerId: string;
  state: AlertState;
  level: string;
  about: string;
  since: string;
  detail: string;
  acknowledged?: { by: string; at: string; note: string }[];
}

/** Days as YYYY-MM-DD, both included. */
export interface DaysAsked {
  from: string;
  to: string;
}

/** What is shown of the doses of staff; who saw it is recorded with it. */
@Injectable()
export class StaffDoseViews {
  constructor(
    @Inject(StaffDoseDatabase) private readonly database: StaffDoseDatabase,
    @Inject(StaffDoses) private readonly doses: StaffDoses,
    @Inject(StaffDoseDesk) private readonly desk: StaffDoseDesk,
  ) {}

  /** Everybody who has, or had, a dosimeter; who is nearest to a limit first. */
  async persons(client: string, query: string, aboveShare: number): Promise<ShownPerson[]> {
    return this.database.read({ interaction: 'search-type', client, query }, async (manager) => {
      const found = await this.doses.byPerson(manager);
      const people = await this.doses.persons(
        manager,
        found.map(({ practitionerId }) => practitionerId),
      );
      const answer = found
        .map((one) => this.shown(one, people.get(one.practitionerId)!, currentOf))
        .filter(({ highestShare }) => highestShare >= aboveShare)
        .sort((a, b) => b.highestShare - a.highestShare);
      return { answer, references: answer.map(({ practitionerId }) => `Practitioner/${practitionerId}`) };
    });
  }

  /** One person, against every limit and in every time. @throws Failure not-found */
  async person(id: string, client: string): Promise<ShownPerson> {
    return this.database.read({ interaction: 'read', client }, async (manager) => {
      const practitioner = (await this.doses.persons(manager, [id])).get(id) ?? nobody();
      const [found] = await this.doses.byPerson(manager, { practitionerIds: [id] });
      const own = found ?? { practitionerId: id, readings: [], pregnancies: [] };
      return { answer: this.shown(own, practitioner, (all) => [...all]), references: [`Practitioner/${id}`] };
    });
  }

  /** The readings of one person over some days, as CSV. @throws Failure not-found */
  async record(id: string, { from, to }: DaysAsked, client: string): Promise<string> {
    const query = new URLSearchParams({ from, to }).toString();
    return this.database.read({ interaction: 'read', client, query }, async (manager) => {
      const practitioner = (await this.doses.persons(manager, [id])).get(id) ?? nobody();
      const [found] = await this.doses.byPerson(manager, { practitionerIds: [id], from, to });
      const readings = found?.readings ?? [];
      const references = [`Practitioner/${id}`, ...readings.map((one) => `Observation/${one.id}`)];
      return { answer: doseRecordCsv(readings, nameOf(practitioner)), references };
    });
  }

  async statistics({ from, to }: DaysAsked, client: string): Promise<StaffDoseStatistic[]> {
    const query = new URLSearchParams({ from, to }).toString();
    return this.database.read({ interaction: 'search-type', client, query }, async (manager) => {
      const found = await this.doses.byPerson(manager, { from, to });
      return { answer: staffDoseStatistics(found.flatMap(({ readings }) => readings)), references: [] };
    });
  }

  async alerts(state: AlertState, client: string): Promise<ShownAlert[]> {
    return this.database.read({ interaction: 'search-type', client, query: `state=${state}` }, async (manager) => {
      const answer = (await this.doses.alerts(manager, state)).map(shownAlert);
      return { answer, references: answer.map(({ detectedIssueId }) => `DetectedIssue/${detectedIssueId}`) };
    });
  }

  /** How many alerts nobody has acknowledged, by level: numbers only, so nobody is asked who wants to know. */
  async openByLevel(): Promise<Map<string, number>> {
    const open = await this.doses.alerts(this.database.dataSource.manager, 'open');
    const levels = new Map([
      ['limit', 0],
      ['investigation', 0],
    ]);
    for (const { level } of open.map(shownAlert)) levels.set(level, (levels.get(level) ?? 0) + 1);
    return levels;
  }

  private shown(
    { practitionerId, readings, pregnancies }: PersonReadings,
    practitioner: Practitioner,
    choose: (all: readonly LimitStanding[]) => LimitStanding[],
  ): ShownPerson {
    const settings = this.desk.settings();
    const standings = choose(againstLimits(readings, pregnancies, settings, this.desk.today()));
    const name = nameOf(practitioner);
    return {
      practitionerId,
      number: practitioner.identifier![0]!.value!,
      ...(name ? { name } : {}),
      state: stateOf(standings),
      highestShare: Math.max(0, ...standings.map(({ share }) => share)),
      unused: unusedOf(readings, settings.doses),
      standings,
    };
  }
}

export function shownAlert(alert: DetectedIssue): ShownAlert {
  const { id, implicated, code, identifier, identifiedDateTime, detail, mitigation = [] } = alert;
  const by = mitigation.flatMap(({ author, date, action }) =>
    author?.display ? [{ by: author.display, at: date!, note: action.text! }] : [],
  );
  return {
    detectedIssueId: id!,
    practitionerId: implicated![0]!.reference!.slice('Practitioner/'.length),
    state: alertStateOf(alert),
    level: code!.coding![0]!.code!,
    about: identifier![0]!.value!,
    since: identifiedDateTime!,
    detail: detail!,
    ...(by.length > 0 ? { acknowledged: by } : {}),
  };
}

function unusedOf(readings: readonly SummedReading[], sources: readonly DoseSource[]): number {
  const isUsed = ({ quantity, location }: SummedReading) =>
    sources.some((source) => source.quantity === quantity && source.wornAt.includes(location));
  return readings.filter((one) => !isUsed(one)).length;
}

function nameOf(practitioner: Practitioner): string | undefined {
  return practitioner.name?.[0]?.text;
}

function nobody(): never {
  throw fail('not-found', 'there is nobody with this id');
}
