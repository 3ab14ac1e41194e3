import type { Site, SiteProcedure, Station } from '#platform';
import { isAnyoneCertified, technologistsAt, type Technologist } from './certification.decider.js';
import { cleanedReference, isUnfinished } from './cleaning.decider.js';
import { isClosedAt, type Closure } from './closure.js';
import { qualityStates } from './quality-control.decider.js';
import type { RoomNow } from './room-occupancy.decider.js';
import { locationIdOf } from './site-resources.decider.js';
import { closuresOf, type DepartmentState } from './station-closures.decider.js';

/** What a technologist wants to know of a station before the next patient; holds no patient data. */
export interface Readiness {
  aeTitle: string;
  name: string;
  /** True if an exam may begin now. */
  isOpen: boolean;
  /** Those of now and those planned. */
  closures: Omit<Closure, 'aeTitle'>[];
  room: RoomNow;
  cleaning: { taskId: string; status: string; due?: string }[];
  qualityControl: {
    system: string;
    code: string;
    display: string;
    state: string;
    due: Date;
    passedAt?: Date;
    failedAt?: Date;
  }[];
  technologists: Technologist[];
  /** What does not close the station but should be known. */
  warnings: string[];
  /** What is laid out for each procedure that is done here, where the site file says so. */
  setup: { procedure: string; display: string; items: SiteProcedure['setup'] }[];
}

/** How ready a station is at this moment. */
export function readinessOf(
  station: Station,
  state: DepartmentState,
  rooms: readonly RoomNow[],
  site: Site,
  now: Date,
): Readiness {
  const closures = closuresOf([station], state, site, now);
  const technologists = technologistsAt(station, state.roster, site, now);
  const id = locationIdOf(station.room);
  return {
    aeTitle: station.aeTitle,
    name: station.name,
    isOpen: !closures.some((one) => isClosedAt(one, now)),
    closures: closures.map(({ start, end, reason }) => ({ start, ...(end ? { end } : {}), reason })),
    room: rooms.find((one) => one.locationId === id) ?? { locationId: id, name: station.room },
    cleaning: state.cleaning
      .filter((task) => isUnfinished(task) && task.focus?.reference === cleanedReference(station))
      .map((task) => ({ taskId: task.id!, status: task.status, due: task.restriction?.period?.end })),
    qualityControl: qualityStates(station, state.quality, site, now).map(({ test, ...rest }) => {
      const { system, code, display } = test;
      return { system, code, display, ...rest };
    }),
    technologists,
    warnings: warningsOf(station, technologists),
    setup: site.procedures
      .filter(({ modality, setup }) => setup.length > 0 && station.modalities.includes(modality))
      .map(({ code, display, setup }) => ({ procedure: code, display, items: setup })),
  };
}

function warningsOf({ modalities }: Station, technologists: readonly Technologist[]): string[] {
  const ofOne = ({ name, practitionerId, certificates }: Technologist) => {
    const who = name || practitionerId;
    const expired = certificates
      .filter(({ isValid }) => !isValid)
      .map(({ modality }) => `${who}: the certificate for ${modality} is not valid`);
    return certificates.length === 0 ? [`${who} has no certificate for ${modalities.join(' or ')}`] : expired;
  };
  const nobody = isAnyoneCertified(technologists)
    ? []
    : ['nobody who is certified for this station is on the roster now'];
  return [...nobody, ...technologists.flatMap(ofOne)];
}
