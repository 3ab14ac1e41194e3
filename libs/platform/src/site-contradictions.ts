import { mistakesOfFieldRow } from './field-rows.js';

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
  return [
    ...ofSite(site),
    ...twice('stations', stations, ({ aeTitle }) => aeTitle),
    ...twice('procedures', procedures, ({ code }) => code),
    ...twice(
      'procedures.codes',
      procedures.flatMap(({ codes }) => objectsOf(codes)),
      ({ system, code }) => `${String(system)}|${String(code)}`,
    ),
    ...twice('criticalResults', objectsOf(site.criticalResults), ({ category }) => category),
    ...twice('destinations', destinations, ({ name }) => name),
    ...twice(
      'senders',
      senders,
      ({ application, facility }) => application && facility && `${application}|${facility}`,
    ),
    ...senders.flatMap((sender, index) => ofSender(sender, `senders.${index}`, procedures, destinations)),
    ...procedures.flatMap((procedure, index) => ofProcedure(procedure, `procedures.${index}`, stations)),
    ...twice('qualityControl', objectsOf(site.qualityControl), ({ system, code }) => code && `${String(system)}|${String(code)}`), // prettier-ignore
    ...objectsOf(site.qualityControl).flatMap((test, index) =>
      ofQualityTest(test, `qualityControl.${index}`, stations),
    ),
    ...stations.flatMap((station, index) => ofStation(station, `stations.${index}`, procedures)),
  ];
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
  return [...unused, ...twice, ...reversed.map((one) => ({ path: `${one.path}.closes`, reason: 'must be later than opens' }))]; // prettier-ignore
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
