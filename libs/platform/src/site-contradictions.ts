import { mistakesOfFieldRow } from './field-rows.js';
import { mistakesOfInstructions } from './site-instructions.js';

/** A mistake in the site file: where, and why. */
export interface SiteMistake {
  path: string;
  reason: string;
}

type Loose = Record<string, unknown>;

/**
 * The mistakes no single element shows: keys that point nowhere, things given twice, modalities nobody can do. Takes
 * the content as it was read, however broken, so that these are reported together with the mistakes of single elements.
 */
export function contradictionsOf(content: unknown): SiteMistake[] {
  const site = objectOf(content);
  const [senders, procedures, stations, destinations] = ['senders', 'procedures', 'stations', 'destinations'].map(
    (list) => objectsOf(site[list]),
  ) as [Loose[], Loose[], Loose[], Loose[]];
  const views = objectsOf(site.worklistViews);
  return [
    ...ofSite(site),
    ...twice('stations', stations, ({ aeTitle }) => aeTitle),
    ...twice('injectors', objectsOf(site.injectors), ({ aeTitle }) => aeTitle),
    ...objectsOf(site.injectors).flatMap((injector, index) => ofInjector(injector, `injectors.${index}`, stations)),
    ...twice('procedures', procedures, ({ code }) => code),
    ...twice(
      'procedures.codes',
      procedures.flatMap(({ codes }) => objectsOf(codes)),
      ({ system, code }) => `${String(system)}|${String(code)}`,
    ),
    ...twice('criticalResults', objectsOf(site.criticalResults), ({ category }) => category),
    ...twice(
      'qualityAlarms',
      objectsOf(site.qualityAlarms),
      ({ measure, by, windowDays }) => `${String(measure)} by ${String(by)} in ${String(windowDays)} days`,
    ),
    ...twice('destinations', destinations, ({ name }) => name),
    ...twice('injectors', objectsOf(site.injectors), ({ name }) => name),
    ...twice('injectors', objectsOf(site.injectors), ({ client }) => client),
    ...twice(
      'senders',
      senders,
      ({ application, facility }) => application && facility && `${application}|${facility}`,
    ),
    ...senders.flatMap((sender, index) => ofSender(sender, `senders.${index}`, procedures, destinations)),
    ...destinations.flatMap((one, index) => ofDestination(one, `destinations.${index}`, { site, senders, procedures })),
    ...procedures.flatMap((procedure, index) => ofProcedure(procedure, `procedures.${index}`, stations)),
    ...twice(
      'qualityControl',
      objectsOf(site.qualityControl),
      ({ system, code }) => code && `${String(system)}|${String(code)}`,
    ),
    ...objectsOf(site.qualityControl).flatMap((test, index) =>
      ofQualityTest(test, `qualityControl.${index}`, stations),
    ),
    ...stations.flatMap((station, index) => ofStation(station, `stations.${index}`, procedures)),
    ...stations.flatMap((station, index) => ofBackup(station, `stations.${index}.backup`, stations)),
    ...twice('worklistViews', views, ({ aeTitle }) => aeTitle),
    ...views.flatMap((view, index) => ofView(view, `worklistViews.${index}`, stations)),
    ...ofSupplies(objectOf(site.supplies), stations),
    ...ofReferenceLevels(objectsOf(site.doseReferenceLevels), procedures),
    ...mistakesOfInstructions(
      objectOf(site.instructions),
      objectsOf(objectOf(site.instructions).templates),
      procedures,
    ),
  ];
}

/** A level of a procedure nobody has would never be compared with. */
function ofReferenceLevels(levels: readonly Loose[], procedures: readonly Loose[]): SiteMistake[] {
  return levels.flatMap(({ procedure }, index) =>
    procedure === undefined || procedures.some(({ code }) => code === procedure)
      ? []
      : [{ path: `doseReferenceLevels.${index}.procedure`, reason: 'must be the code of a procedure' }],
  );
}

function ofSite(site: Loose): SiteMistake[] {
  const mistakes: SiteMistake[] = [];
  const { prefix = '', digits } = objectOf(site.accession);
  if (typeof site.patientAuthority === 'string' && !Object.hasOwn(objectOf(site.authorities), site.patientAuthority))
    mistakes.push({ path: 'patientAuthority', reason: 'must be a key of authorities' });
  if (String(prefix).length + Number(digits) > 16)
    mistakes.push({
      path: 'accession',
      reason: 'prefix and digits together must not exceed 16 characters (DICOM VR SH)',
    });
  const { qidoUrl, find } = objectOf(site.pacs);
  if (site.pacs !== undefined && (qidoUrl === undefined) === (find === undefined))
    mistakes.push({ path: 'pacs', reason: 'must have either qidoUrl or find' });
  const { firstAfterSeconds, everySeconds, giveUpAfterSeconds } = objectOf(objectOf(site.pacs).lookup);
  for (const [name, seconds] of Object.entries({ firstAfterSeconds, everySeconds }))
    if (Number(seconds) > Number(giveUpAfterSeconds))
      mistakes.push({ path: `pacs.lookup.${name}`, reason: 'must not be longer than giveUpAfterSeconds' });
  return mistakes;
}

function ofSender(sender: Loose, path: string, procedures: Loose[], destinations: Loose[]): SiteMistake[] {
  const { repliesTo } = sender;
  const isUnknown =
    repliesTo !== undefined && !destinations.some(({ name, kind }) => name === repliesTo && kind === 'mllp');
  const unknown = isUnknown
    ? [{ path: `${path}.repliesTo`, reason: 'must be the name of a destination of kind mllp' }]
    : [];
  const codes = Object.entries(objectOf(sender.procedureCodes)).flatMap(([theirs, ours]) =>
    procedures.some(({ code }) => code === ours)
      ? []
      : [{ path: `${path}.procedureCodes.${theirs}`, reason: 'must be the code of a procedure' }],
  );
  const rows = objectsOf(sender.fields).flatMap((row, index) => mistakesOfFieldRow(row, `${path}.fields.${index}`));
  return [...unknown, ...codes, ...rows];
}

function ofDestination(
  destination: Loose,
  path: string,
  { site, senders, procedures }: { site: Loose; senders: Loose[]; procedures: Loose[] },
): SiteMistake[] {
  const only = objectOf(destination.only);
  const unknown = (list: string, isKnown: (value: string) => boolean, reason: string) =>
    textsOf(only[list]).flatMap((value, index) =>
      isKnown(value) ? [] : [{ path: `${path}.only.${list}.${index}`, reason }],
    );
  const strangers = objectsOf(only.senders).flatMap(({ application, facility }, index) =>
    senders.some((one) => one.application === application && one.facility === facility)
      ? []
      : [{ path: `${path}.only.senders.${index}`, reason: 'must be the application and facility of a sender' }],
  );
  // Told by the placer's answers and as an order's status it would hear everything twice, from two queues.
  const isTold = senders.some(({ repliesTo }) => repliesTo !== undefined && repliesTo === destination.name);
  const twice = isTold && textsOf(destination.gets).includes('orderStatus');
  return [
    ...strangers,
    ...unknown('authorities', (one) => Object.hasOwn(objectOf(site.authorities), one), 'must be a key of authorities'),
    ...unknown(
      'modalities',
      (one) => procedures.some(({ modality }) => modality === one),
      'no procedure has this modality',
    ),
    ...unknown('procedures', (one) => procedures.some(({ code }) => code === one), 'must be the code of a procedure'),
    ...(destination.only !== undefined && textsOf(destination.gets).includes('merges')
      ? [{ path: `${path}.gets`, reason: 'must not have merges beside only: a merge is of no order' }]
      : []),
    ...(twice
      ? [
          {
            path: `${path}.gets`,
            reason: 'must not have orderStatus where repliesTo of a sender names it: it would be told twice',
          },
        ]
      : []),
  ];
}

function ofProcedure(procedure: Loose, path: string, stations: Loose[]): SiteMistake[] {
  const able = stations.filter((one) => textsOf(one.modalities).includes(String(procedure.modality)));
  if (able.length === 0) return [{ path: `${path}.modality`, reason: 'no station has this modality' }];
  const needs = textsOf(procedure.needs);
  const isFit = (station: Loose) => needs.every((one) => textsOf(station.capabilities).includes(one));
  return able.some(isFit) ? [] : [{ path: `${path}.needs`, reason: 'no station of its modality has all of these' }];
}

function ofStation(station: Loose, path: string, procedures: Loose[]): SiteMistake[] {
  const { opens = '00:00', closes = '24:00' } = station;
  const unused = textsOf(station.modalities).flatMap((modality, index) =>
    procedures.some((one) => one.modality === modality)
      ? []
      : [{ path: `${path}.modalities.${index}`, reason: 'no procedure has this modality' }],
  );
  const hours = objectsOf(station.openingHours);
  const days = hours.map((one) => textsOf(one.days));
  const twice = days.flatMap((named, index) =>
    named.some((day) => days.slice(0, index).some((before) => before.includes(day)))
      ? [{ path: `${path}.openingHours.${index}.days`, reason: 'names a day that is named before' }]
      : [],
  );
  const times = [
    { path, opens, closes },
    ...hours.map((one, index) => ({ path: `${path}.openingHours.${index}`, opens: one.opens, closes: one.closes })),
  ];
  const reversed = times.filter((one) => String(one.closes) <= String(one.opens));
  return [
    ...unused,
    ...twice,
    ...reversed.map((one) => ({ path: `${one.path}.closes`, reason: 'must be later than opens' })),
  ];
}

/** Who stands in takes whatever comes: it must be able to. */
function ofBackup(station: Loose, path: string, stations: Loose[]): SiteMistake[] {
  if (station.backup === undefined) return [];
  const backup = stations.find(({ aeTitle }) => aeTitle === station.backup);
  if (!backup || backup.aeTitle === station.aeTitle)
    return [{ path, reason: 'must be the AE title of another station' }];
  const lacks = (key: 'modalities' | 'capabilities') =>
    textsOf(station[key]).filter((one) => !textsOf(backup[key]).includes(one));
  const missing = [...lacks('modalities'), ...lacks('capabilities')];
  if (missing.length > 0) return [{ path, reason: `does not have ${missing.join(', ')}` }];
  return Boolean(backup.portable) === Boolean(station.portable)
    ? []
    : [{ path, reason: 'must go to the bedside if its station does, and only then' }];
}

function ofView(view: Loose, path: string, stations: Loose[]): SiteMistake[] {
  const unknown = (list: 'stations' | 'rooms' | 'modalities', known: unknown[], reason: string) =>
    textsOf(view[list]).flatMap((one, index) =>
      known.includes(one) ? [] : [{ path: `${path}.${list}.${index}`, reason }],
    );
  const own = stations.some(({ aeTitle }) => aeTitle === view.aeTitle)
    ? [{ path: `${path}.aeTitle`, reason: 'is the AE title of a station' }]
    : [];
  const isShown = ({ aeTitle, room }: Loose) =>
    (view.stations === undefined && view.rooms === undefined) ||
    textsOf(view.stations).includes(String(aeTitle)) ||
    textsOf(view.rooms).includes(String(room));
  const modalities = stations.filter(isShown).flatMap((one) => textsOf(one.modalities));
  return [
    ...own,
    ...unknown(
      'stations',
      stations.map(({ aeTitle }) => aeTitle),
      'must be the AE title of a station',
    ),
    ...unknown(
      'rooms',
      stations.map(({ room }) => room),
      'must be the room of a station',
    ),
    ...unknown('modalities', modalities, 'no station it shows has this modality'),
  ];
}

function ofInjector({ aeTitle, station }: Loose, path: string, stations: Loose[]): SiteMistake[] {
  const at = stations.find((one) => one.aeTitle === station);
  const mistakes: SiteMistake[] = [];
  if (station !== undefined && !at)
    mistakes.push({ path: `${path}.station`, reason: 'must be the AE title of a station' });
  if (at && !textsOf(at.capabilities).includes('injector'))
    mistakes.push({ path: `${path}.station`, reason: 'its station must have the capability injector' });
  if (stations.some((one) => one.aeTitle === aeTitle))
    mistakes.push({ path: `${path}.aeTitle`, reason: 'is the AE title of a station: an injector has its own' });
  return mistakes;
}

function ofQualityTest(test: Loose, path: string, stations: Loose[]): SiteMistake[] {
  const mistakes: SiteMistake[] = [];
  if ((test.stations === undefined) === (test.modalities === undefined))
    mistakes.push({ path, reason: 'must have either stations or modalities' });
  for (const [index, aeTitle] of textsOf(test.stations).entries())
    if (!stations.some((one) => one.aeTitle === aeTitle))
      mistakes.push({ path: `${path}.stations.${index}`, reason: 'must be the AE title of a station' });
  for (const [index, modality] of textsOf(test.modalities).entries())
    if (!stations.some((one) => textsOf(one.modalities).includes(modality)))
      mistakes.push({ path: `${path}.modalities.${index}`, reason: 'no station has this modality' });
  const { limits } = test;
  const { low, high } = objectOf(limits);
  if (limits !== undefined && low === undefined && high === undefined)
    mistakes.push({ path: `${path}.limits`, reason: 'must have low or high' });
  if (Number(low) > Number(high)) mistakes.push({ path: `${path}.limits.low`, reason: 'must not be above high' });
  return mistakes;
}

function ofSupplies({ stores, low }: Loose, stations: Loose[]): SiteMistake[] {
  const rooms = [...stations.map(({ room }) => room), ...textsOf(stores)];
  const thresholds = objectsOf(low).flatMap(({ room, lowMl, lowContainers }, index) => {
    const path = `supplies.low.${index}`;
    const mistakes: SiteMistake[] = [];
    if (typeof room === 'string' && !rooms.includes(room))
      mistakes.push({ path: `${path}.room`, reason: 'must be the room of a station, or one of supplies.stores' });
    if ((lowMl === undefined) === (lowContainers === undefined))
      mistakes.push({ path, reason: 'must have either lowMl or lowContainers' });
    return mistakes;
  });
  return [
    ...thresholds,
    ...twice('supplies.low', objectsOf(low), ({ room, agent }) => `${String(room)}|${String(agent)}`),
  ];
}

function twice(list: string, entries: Loose[], keyOf: (entry: Loose) => unknown): SiteMistake[] {
  const keys = entries.map(keyOf);
  return keys.flatMap((key, index) =>
    key && keys.indexOf(key) !== index
      ? [{ path: `${list}.${index}`, reason: `is given twice, first as ${list}.${keys.indexOf(key)}` }]
      : [],
  );
}

function objectOf(value: unknown): Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Loose) : {};
}
function objectsOf(value: unknown): Loose[] {
  return Array.isArray(value) ? value.map(objectOf) : [];
}
function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
