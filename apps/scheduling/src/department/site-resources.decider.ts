import type { Device, HealthcareService, Location, Schedule } from 'fhir/r4.js';
import { systems, uuidFrom } from '#fhir';
import type { Site, Station } from '#platform';

/** What the site file makes of the department. */
export type SiteResource = Location | Device | Schedule | HealthcareService;

/** Identity of a room: its name in the site file. */
export function locationIdOf(room: string): string {
  return uuidFrom('Location', systems.room, room);
}

/** Identity of a station: its AE title. */
export function deviceIdOf(aeTitle: string): string {
  return uuidFrom('Device', aeTitle);
}

/** Identity of a station's calendar. */
export function scheduleIdOf(aeTitle: string): string {
  return uuidFrom('Schedule', aeTitle);
}

/** Identity of what the department does with a modality. */
export function healthcareServiceIdOf(modality: string): string {
  return uuidFrom('HealthcareService', systems.modality, modality);
}

/** HL7 table 0116, the states of a room, as FHIR Location.operationalStatus has them. */
export const operationalStatuses = {
  C: 'Closed',
  H: 'Housekeeping',
  O: 'Occupied',
  U: 'Unoccupied',
  K: 'Contaminated',
  I: 'Isolated',
} as const;

/** A state of a room as FHIR writes it. */
export function operationalStatus(code: keyof typeof operationalStatuses) {
  return { system: systems.operationalStatus, code, display: operationalStatuses[code] };
}

/**
 * The department as the site file has it: a Location for each room, a Device and a Schedule for each station, a
 * HealthcareService for each modality. What is not static, a room's and a station's state, is as on the first day.
 */
export function resourcesOfSite(site: Site): SiteResource[] {
  const rooms = [...new Set(site.stations.map(({ room }) => room))];
  const modalities = [...new Set(site.stations.flatMap((station) => station.modalities))];
  return [
    ...rooms.map(locationOf),
    ...site.stations.flatMap((station) => [deviceOf(station), scheduleOf(station)]),
    ...modalities.map((modality) => healthcareServiceOf(modality, site)),
  ];
}

/** What the site file says now, in the state its room or station is in. */
export function withLivingState(resource: SiteResource, current: SiteResource | undefined): SiteResource {
  const meta = current?.meta ? { meta: current.meta } : {};
  if (resource.resourceType === 'Location' && current?.resourceType === 'Location') {
    const { status, operationalStatus = resource.operationalStatus } = current;
    return { ...resource, ...meta, status: status === 'suspended' ? status : 'active', operationalStatus };
  }
  if (resource.resourceType === 'Device' && current?.resourceType === 'Device') {
    const { status, statusReason } = current;
    return { ...resource, ...meta, status, ...(statusReason ? { statusReason } : {}) };
  }
  return { ...resource, ...meta };
}

/** What the site file no longer has: it stays for its history, but not in use. */
export function retired(current: SiteResource): SiteResource {
  if (current.resourceType === 'Location') return { ...current, status: 'inactive' };
  if (current.resourceType !== 'Device') return { ...current, active: false };
  const device: Device = { ...current, status: 'inactive' };
  delete device.statusReason;
  return device;
}

function locationOf(room: string): Location {
  return {
    resourceType: 'Location',
    id: locationIdOf(room),
    identifier: [{ system: systems.room, value: room }],
    status: 'active',
    operationalStatus: operationalStatus('U'),
    name: room,
    mode: 'instance',
    physicalType: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/location-physical-type', code: 'ro', display: 'Room' }],
    },
  };
}

function deviceOf(station: Station): Device {
  return {
    resourceType: 'Device',
    id: deviceIdOf(station.aeTitle),
    identifier: [{ system: systems.aeTitle, value: station.aeTitle }],
    status: 'active',
    deviceName: [{ name: station.name, type: 'user-friendly-name' }],
    specialization: station.modalities.map((modality) => ({ systemType: { coding: [modalityCoding(modality)] } })),
    ...(station.capabilities.length > 0
      ? { property: station.capabilities.map((code) => ({ type: { coding: [{ system: systems.capability, code }] } })) }
      : {}),
    location: { reference: `Location/${locationIdOf(station.room)}`, display: station.room },
  };
}

function scheduleOf({ aeTitle, name, modalities, room }: Station): Schedule {
  return {
    resourceType: 'Schedule',
    id: scheduleIdOf(aeTitle),
    identifier: [{ system: systems.aeTitle, value: aeTitle }],
    active: true,
    serviceType: modalities.map((modality) => ({ coding: [modalityCoding(modality)] })),
    actor: [
      { reference: `Device/${deviceIdOf(aeTitle)}`, display: name },
      { reference: `Location/${locationIdOf(room)}`, display: room },
    ],
  };
}

function healthcareServiceOf(modality: string, site: Site): HealthcareService {
  const rooms = new Set(site.stations.filter((one) => one.modalities.includes(modality)).map(({ room }) => room));
  return {
    resourceType: 'HealthcareService',
    id: healthcareServiceIdOf(modality),
    identifier: [{ system: systems.modality, value: modality }],
    active: true,
    name: `${modality} of ${site.name}`,
    type: [{ coding: [modalityCoding(modality)] }],
    location: [...rooms].map((room) => ({ reference: `Location/${locationIdOf(room)}`, display: room })),
  };
}

function modalityCoding(code: string) {
  return { system: systems.dicomCode, code };
}
