import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  checkSite,
  loadSite,
  procedureFor,
  procedureNamed,
  senderOf,
  SiteFileInvalid,
  stationByAeTitle,
  stationsFor,
  systemFor,
} from './index.js';

type Content = Record<string, unknown>;
const station = { aeTitle: 'CT01', name: 'CT 1', modalities: ['CT'], room: 'CT room 1' };
const injector = { name: 'first', system: 'urn:test:injector', aeTitle: 'INJECTOR1' };
const procedure = { code: 'CTHEAD', display: 'CT head', modality: 'CT', durationMinutes: 15 };
const sender = { application: 'EMR', facility: 'SGH', sends: ['orders'], procedureCodes: { 'CT-1': 'CTHEAD' } };
const qualityTest = (overrides: Content = {}): Content => ({
  code: 'UNIFORMITY',
  display: 'Uniformity',
  stations: ['CT01'],
  everyDays: 1,
  ...overrides,
});
const alarm = (aboveShare: number) => ({ measure: 'reject' as const, by: 'room' as const, windowDays: 30, aboveShare });
const critical = (overrides: Content = {}): Content => ({
  category: 'ACR-1',
  display: 'Minutes',
  flags: ['AA'],
  levels: [{ ask: 'orderer', acknowledgeWithinMinutes: 60 }],
  ...overrides,
});
const content = (overrides: Content = {}): Content => ({
  name: 'Test Hospital',
  timeZone: 'Europe/Berlin',
  accession: { prefix: 'TST', digits: 8 },
  authorities: { SGH: 'urn:oid:2.25.1001' },
  patientAuthority: 'SGH',
  senders: [sender],
  procedures: [procedure],
  stations: [station],
  pacs: { name: 'pacs', qidoUrl: 'http://127.0.0.1:8042/dicom-web' },
  identity: { application: 'COLLIMATOR', facility: 'SGH' },
  ...overrides,
});

const mllp = { name: 'emr', kind: 'mllp', host: 'emr', port: 1, application: 'EMR', facility: 'SGH' } as const;
const quirk = (row: object): Content => ({ senders: [{ ...sender, fields: [row] }] });

function mistakesIn(overrides: Content): string[] {
  try {
    checkSite(content(overrides));
  } catch (error) {
    if (error instanceof SiteFileInvalid) return error.mistakes;
    throw error;
  }
  return [];
}

describe('The site file', () => {
  it('is taken when right, with its defaults', () => {
    const site = checkSite(content());
    expect(site.stations[0]).toMatchObject({
      portable: false,
      opens: '00:00',
      closes: '24:00',
      alwaysOpenForStat: true,
    });
    expect(site.pacs.lookup).toMatchObject({ firstAfterSeconds: 2, everySeconds: 10, giveUpAfterSeconds: 1800 });
    expect(site.senders[0]).toMatchObject({ acknowledgement: 'asAsked', authorities: {}, fields: [] });
    expect(site.retention).toEqual({ outboxDays: 14, inboxDays: 120, deliveryDays: 30 });
  });

  it.each<[string, Content, string]>([
    ['an unknown zone', { timeZone: 'Berlin' }, 'timeZone: must be an IANA time zone, such as Europe/Berlin'],
    ['an unknown key', { colour: 'red' }, 'colour: is not a key of the site file here'],
    [
      'an unknown key within',
      { stations: [{ ...station, ae: 'X' }] },
      'stations.0.ae: is not a key of the site file here',
    ],
    ['something missing', { identity: { application: 'COLLIMATOR' } }, 'identity.facility: is missing'],
    [
      'a long AE title',
      { stations: [{ ...station, aeTitle: 'A'.repeat(17) }] },
      'stations.0.aeTitle: must be 1 to 16 printable ASCII characters without a backslash',
    ],
    [
      'a backslash in an AE title',
      { stations: [{ ...station, aeTitle: 'CT\\01' }] },
      'stations.0.aeTitle: must be 1 to 16 printable ASCII characters without a backslash',
    ],
    [
      'one AE title for two',
      { stations: [station, { ...station, name: 'CT 2' }] },
      'stations.1: is given twice, first as stations.0',
    ],
    ['a sender given twice', { senders: [sender, sender] }, 'senders.1: is given twice, first as senders.0'],
    [
      'a modality without procedure',
      { stations: [{ ...station, modalities: ['CT', 'MR'] }] },
      'stations.0.modalities.1: no procedure has this modality',
    ],
    [
      'a procedure nobody can do',
      { procedures: [procedure, { ...procedure, code: 'MRHEAD', modality: 'MR' }] },
      'procedures.1.modality: no station has this modality',
    ],
    [
      'replies to no destination',
      { senders: [{ ...sender, repliesTo: 'nobody' }] },
      'senders.0.repliesTo: must be the name of a destination of kind mllp',
    ],
    [
      'a code to no procedure',
      { senders: [{ ...sender, procedureCodes: { 'CT-1': 'CTHED' } }] },
      'senders.0.procedureCodes.CT-1: must be the code of a procedure',
    ],
    ['an authority nobody knows', { patientAuthority: 'HGS' }, 'patientAuthority: must be a key of authorities'],
    [
      'an authority named like a method',
      { patientAuthority: 'toString' },
      'patientAuthority: must be a key of authorities',
    ],
    [
      'an accession too long for DICOM',
      { accession: { prefix: 'TST', digits: 14 } },
      'accession: prefix and digits together must not exceed 16 characters (DICOM VR SH)',
    ],
    [
      'a QIDO address that is none',
      { pacs: { name: 'pacs', qidoUrl: 'pacs:8042' } },
      'pacs.qidoUrl: must be an http or https URL',
    ],
    ['a PACS that cannot be asked', { pacs: { name: 'pacs' } }, 'pacs: must have either qidoUrl or find'],
    [
      'a PACS that is asked in two ways',
      { pacs: { name: 'pacs', qidoUrl: 'http://pacs', find: { host: 'pacs', port: 104, aeTitle: 'PACS' } } },
      'pacs: must have either qidoUrl or find',
    ],
    [
      'an AE title of the PACS that is none',
      { pacs: { name: 'pacs', qidoUrl: 'http://pacs', aeTitles: [' PACS'] } },
      'pacs.aeTitles.0: must not begin or end with a space',
    ],
    [
      'a PACS to be asked without its title',
      { pacs: { name: 'pacs', qidoUrl: 'http://pacs', storageCommitment: { host: 'pacs', port: 104 } } },
      'pacs.storageCommitment.aeTitle: is missing',
    ],
    [
      'one AE title for two injectors',
      { injectors: [injector, { ...injector, name: 'second' }] },
      'injectors.1: is given twice, first as injectors.0',
    ],
    [
      'an injector at no station',
      { injectors: [{ ...injector, station: 'CT99' }] },
      'injectors.0.station: must be the AE title of a station',
    ],
    [
      'an injector at a station without one',
      { injectors: [{ ...injector, station: station.aeTitle }] },
      'injectors.0.station: its station must have the capability injector',
    ],
    [
      'an injector that calls itself as a station',
      { injectors: [{ ...injector, aeTitle: station.aeTitle }] },
      'injectors.0.aeTitle: is the AE title of a station: an injector has its own',
    ],
    [
      'a station to be told on no port',
      { stations: [{ ...station, dicom: { host: 'ct01' } }] },
      'stations.0.dicom.port: is missing',
    ],
    [
      'a viewer without a place for the study',
      { pacs: { name: 'pacs', qidoUrl: 'http://pacs', viewerUrl: 'http://viewer' } },
      'pacs.viewerUrl: must be an http or https URL that holds {studyInstanceUid}',
    ],
    [
      'a lookup that ends before it begins',
      { pacs: { name: 'pacs', qidoUrl: 'http://pacs', lookup: { everySeconds: 60, giveUpAfterSeconds: 30 } } },
      'pacs.lookup.everySeconds: must not be longer than giveUpAfterSeconds',
    ],
    [
      'a comparison at no time',
      { reconciliation: { at: '3:00' } },
      "reconciliation.at: must be a quoted time of day, such as '07:00'",
    ],
    [
      'a filter that filters nothing',
      { destinations: [{ ...mllp, only: {} }] },
      'destinations.0.only: must say which orders: senders, authorities, requesters, modalities or procedures',
    ],
    [
      'a filter by senders that are not there',
      { destinations: [{ ...mllp, only: { senders: [{ application: 'X', facility: 'Y' }] } }] },
      'destinations.0.only.senders.0: must be the application and facility of a sender',
    ],
    [
      'a filter by authorities that are not there',
      { destinations: [{ ...mllp, only: { authorities: ['X'] } }] },
      'destinations.0.only.authorities.0: must be a key of authorities',
    ],
    [
      'a filter by modalities that are not there',
      { destinations: [{ ...mllp, only: { modalities: ['XX'] } }] },
      'destinations.0.only.modalities.0: no procedure has this modality',
    ],
    [
      'a filter by procedures that are not there',
      { destinations: [{ ...mllp, only: { procedures: ['X'] } }] },
      'destinations.0.only.procedures.0: must be the code of a procedure',
    ],
    [
      'merges beside a filter',
      { destinations: [{ ...mllp, gets: ['merges'], only: { modalities: ['CT'] } }] },
      'destinations.0.gets: must not have merges beside only: a merge is of no order',
    ],
    [
      'the status of orders told twice',
      { senders: [{ ...sender, repliesTo: 'emr' }], destinations: [{ ...mllp, gets: ['orderStatus'] }] },
      'destinations.0.gets: must not have orderStatus where repliesTo of a sender names it: it would be told twice',
    ],
    [
      'a port out of range',
      { destinations: [{ name: 'emr', kind: 'mllp', host: 'emr', port: 70000, application: 'EMR', facility: 'SGH' }] },
      'destinations.0.port: Too big: expected number to be <=65535',
    ],
    [
      'a critical result that nothing says',
      { criticalResults: [critical({ flags: [] })] },
      'criticalResults.0: must have flags or codes',
    ],
    [
      'a critical result that nobody hears of',
      { criticalResults: [critical({ levels: [] })] },
      'criticalResults.0.levels: Too small: expected array to have >=1 items',
    ],
    [
      'an alarm given twice',
      { qualityAlarms: [alarm(0.05), alarm(0.1)] },
      'qualityAlarms.1: is given twice, first as qualityAlarms.0',
    ],
    [
      'an item of a checklist given twice',
      {
        qualityChecklists: [
          {
            modalities: ['DX'],
            items: [
              { code: 'A', display: 'a' },
              { code: 'A', display: 'b' },
            ],
          },
        ],
      },
      'qualityChecklists.0.items: must have each code once',
    ],
    [
      'limits the wrong way round',
      { exposures: { deviationIndex: { low: 3, high: -3 } } },
      'exposures.deviationIndex: low must be below high',
    ],
    [
      'a category given twice',
      { criticalResults: [critical(), critical()] },
      'criticalResults.1: is given twice, first as criticalResults.0',
    ],
    [
      'a reading elsewhere without a time',
      { remoteReading: [{ organization: 'Night Readers' }] },
      'remoteReading.0.readWithinMinutes: is missing',
    ],
    [
      'a reading elsewhere at no time of day',
      { remoteReading: [{ organization: 'Night Readers', from: '24:00', readWithinMinutes: 60 }] },
      "remoteReading.0.from: must be a quoted time of day, such as '07:00'",
    ],
    [
      'a destination of no kind',
      { destinations: [{ name: 'emr', kind: 'fax' }] },
      'destinations.0.kind: must be fhir or mllp',
    ],
    [
      'stock in no room',
      { supplies: { low: [{ room: 'Attic', agent: 'iohexol', lowMl: 1 }] } },
      'supplies.low.0.room: must be the room of a station, or one of supplies.stores',
    ],
    [
      'low stock without a measure',
      { supplies: { low: [{ room: 'CT room 1', agent: 'iohexol' }] } },
      'supplies.low.0: must have either lowMl or lowContainers',
    ],
    [
      'low stock by two measures',
      { supplies: { low: [{ room: 'CT room 1', agent: 'iohexol', lowMl: 1, lowContainers: 1 }] } },
      'supplies.low.0: must have either lowMl or lowContainers',
    ],
    [
      'low stock of one agent twice',
      {
        supplies: {
          stores: ['S'],
          low: [
            { room: 'S', agent: 'x', lowMl: 1 },
            { room: 'S', agent: 'x', lowMl: 2 },
          ],
        },
      },
      'supplies.low.1: is given twice, first as supplies.low.0',
    ],
    [
      'half a container',
      { supplies: { low: [{ room: 'CT room 1', agent: 'x', lowContainers: 1.5 }] } },
      'supplies.low.0.lowContainers: Invalid input: expected int, received number',
    ],
    [
      'a room closed before it opens',
      { stations: [{ ...station, opens: '19:00', closes: '07:00' }] },
      'stations.0.closes: must be later than opens',
    ],
    [
      'a place that is none',
      quirk({ to: 'OBR.18', value: 'x' }),
      'senders.0.fields.0.to: must be a field or component, such as OBR-18 or PID-3.4',
    ],
    [
      'a row that says nothing',
      quirk({ to: 'OBR-18' }),
      'senders.0.fields.0: must have from, codes or value beside to',
    ],
    ['a row that is about nothing', quirk({ from: 'OBR-18' }), 'senders.0.fields.0: must have to, or ignore'],
    [
      'a row that takes from itself',
      quirk({ to: 'OBR-18', from: 'OBR-18' }),
      'senders.0.fields.0: from and to are the same',
    ],
    [
      'a row that ignores and more',
      quirk({ ignore: 'OBX', value: 'x' }),
      'senders.0.fields.0: ignore stands alone in its row',
    ],
    [
      'a row that ignores a component',
      quirk({ ignore: 'OBR-18.1' }),
      'senders.0.fields.0.ignore: must be a segment or field, such as OBX or OBR-18',
    ],
    [
      'a row that changes the sender',
      quirk({ to: 'MSH-3', value: 'x' }),
      'senders.0.fields.0: of MSH only fields 9, 11 and 12 can be declared here',
    ],
    [
      'a row without a header',
      quirk({ ignore: 'MSH' }),
      'senders.0.fields.0: of MSH only fields 9, 11 and 12 can be declared here',
    ],
    [
      'a constant with separators',
      quirk({ to: 'PID-3', value: 'a^b' }),
      'senders.0.fields.0.value: must hold none of | ^ ~ \\ & and no control character: name the component instead',
    ],
    [
      'an authority that is no URI',
      { senders: [{ ...sender, authorities: { HOSP: '1.2.3' } }] },
      'senders.0.authorities.HOSP: must be an absolute URI, such as urn:oid:1.2.3',
    ],
    [
      'a character set nobody has',
      { senders: [{ ...sender, characterSet: 'latin1' }] },
      'senders.0.characterSet: must be a character set of HL7 table 0211, such as 8859/1',
    ],
    [
      'an inbox too short',
      { retention: { inboxDays: 89 } },
      'retention.inboxDays: must be at least 90: an event that comes again later would take effect twice',
    ],
    [
      'a test nobody needs',
      { qualityControl: [qualityTest({ stations: undefined })] },
      'qualityControl.0: must have either stations or modalities',
    ],
    [
      'a test needed twice over',
      { qualityControl: [qualityTest({ modalities: ['CT'] })] },
      'qualityControl.0: must have either stations or modalities',
    ],
    [
      'a test of no station',
      { qualityControl: [qualityTest({ stations: ['CT01', 'CT99'] })] },
      'qualityControl.0.stations.1: must be the AE title of a station',
    ],
    [
      'a test of no modality',
      { qualityControl: [qualityTest({ stations: undefined, modalities: ['MR'] })] },
      'qualityControl.0.modalities.0: no station has this modality',
    ],
    [
      'a backup that is no station',
      { stations: [{ ...station, backup: 'CT99' }] },
      'stations.0.backup: must be the AE title of another station',
    ],
    [
      'a backup of itself',
      { stations: [{ ...station, backup: 'CT01' }] },
      'stations.0.backup: must be the AE title of another station',
    ],
    [
      'a backup that cannot',
      {
        stations: [
          { ...station, capabilities: ['injector'], backup: 'CT02' },
          { ...station, aeTitle: 'CT02' },
        ],
      },
      'stations.0.backup: does not have injector',
    ],
    [
      'a room for the bedside',
      {
        stations: [
          { ...station, portable: true, backup: 'CT02' },
          { ...station, aeTitle: 'CT02' },
        ],
      },
      'stations.0.backup: must go to the bedside if its station does, and only then',
    ],
    [
      'a view that is a station',
      { worklistViews: [{ aeTitle: 'CT01', name: 'x' }] },
      'worklistViews.0.aeTitle: is the AE title of a station',
    ],
    [
      'a view given twice',
      {
        worklistViews: [
          { aeTitle: 'QA', name: 'x' },
          { aeTitle: 'QA', name: 'y' },
        ],
      },
      'worklistViews.1: is given twice, first as worklistViews.0',
    ],
    [
      'a view of no station',
      { worklistViews: [{ aeTitle: 'QA', name: 'x', stations: ['CT01', 'CT99'] }] },
      'worklistViews.0.stations.1: must be the AE title of a station',
    ],
    [
      'a view of no room',
      { worklistViews: [{ aeTitle: 'QA', name: 'x', rooms: ['attic'] }] },
      'worklistViews.0.rooms.0: must be the room of a station',
    ],
    [
      'a view that shows nothing',
      { worklistViews: [{ aeTitle: 'QA', name: 'x', stations: ['CT01'], modalities: ['MR'] }] },
      'worklistViews.0.modalities.0: no station it shows has this modality',
    ],
    [
      'a test given twice',
      { qualityControl: [qualityTest(), qualityTest()] },
      'qualityControl.1: is given twice, first as qualityControl.0',
    ],
    [
      'a test never due',
      { qualityControl: [qualityTest({ everyDays: 0 })] },
      'qualityControl.0.everyDays: Too small: expected number to be >=1',
    ],
    [
      'limits that are none',
      { qualityControl: [qualityTest({ limits: { unit: 'HU' } })] },
      'qualityControl.0.limits: must have low or high',
    ],
    [
      'limits turned round',
      { qualityControl: [qualityTest({ limits: { low: 4, high: -4, unit: 'HU' } })] },
      'qualityControl.0.limits.low: must not be above high',
    ],
    [
      'a turnover of no time',
      { turnover: { isolationMinutes: 0 } },
      'turnover.isolationMinutes: Too small: expected number to be >=1',
    ],
    [
      'a set-up item without a name',
      { procedures: [{ ...procedure, setup: [{ code: 'WEDGE' }] }] },
      'procedures.0.setup.0.display: is missing',
    ],
  ])('is refused for %s, with path and reason', (_what, overrides, mistake) => {
    expect(mistakesIn(overrides)).toEqual([mistake]);
  });

  it('is refused with every mistake at once, of elements and between them', () => {
    const mistakes = mistakesIn({
      timeZone: 'Berlin',
      patientAuthority: 'HGS',
      senders: [{ ...sender, procedureCodes: { 'CT-1': 'CTHED' } }],
      stations: [station, { ...station, room: undefined }],
    });
    expect(mistakes.map((one) => one.split(':')[0]).sort()).toEqual(
      ['patientAuthority', 'senders.0.procedureCodes.CT-1', 'stations.1', 'stations.1.room', 'timeZone'].sort(),
    );
  });

  it.each([[null], ['text'], [[]], [{}], [{ senders: 'EMR', stations: [null], procedures: { a: 1 }, pacs: 5 }]])(
    'is refused, not tripped over, when it is %j',
    (whatever) => {
      expect(() => checkSite(whatever)).toThrow(SiteFileInvalid);
    },
  );

  it('is named when it is not there or no YAML', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'site-')), 'site.yaml');
    expect(() => loadSite(path)).toThrow(`The site file ${path} cannot be used`);
    writeFileSync(path, 'name: [unclosed');
    expect(() => loadSite(path)).toThrow(SiteFileInvalid);
  });
});

describe('Look-ups', () => {
  const site = checkSite(content());
  it('find senders, procedures and stations by their own names only', () => {
    expect(senderOf(site, 'EMR', 'SGH')?.sends).toEqual(['orders']);
    expect(senderOf(site, 'EMR', 'OTHER')).toBeUndefined();
    expect(procedureFor(site, 'CTHEAD')?.modality).toBe('CT');
    expect(procedureFor(site, undefined)).toBeUndefined();
    expect(stationsFor(site, 'CT').map((one) => one.aeTitle)).toEqual(['CT01']);
    expect(stationsFor(site, 'MR')).toEqual([]);
    expect(stationByAeTitle(site, 'CT01')?.room).toBe('CT room 1');
  });
  it('find a procedure by our code, else by a code of another system, and by no code of a third', () => {
    const codes = [{ system: 'http://loinc.org', code: '24725-4' }];
    const coded = checkSite(content({ procedures: [{ ...procedure, codes }] }));
    const named = (system: string, code: string) => procedureNamed(coded, [{ code: 'X' }, { system, code }])?.code;
    expect([named('urn:x', 'CTHEAD'), named('http://loinc.org', '24725-4')]).toEqual(['CTHEAD', 'CTHEAD']);
    expect([named('urn:x', '24725-4'), procedureNamed(coded, [])]).toEqual([undefined, undefined]);
    expect(() => checkSite(content({ procedures: [{ ...procedure, codes: [...codes, ...codes] }] }))).toThrow(
      'procedures.codes',
    );
  });
  it.each([
    ['SGH', undefined, undefined, 'urn:oid:2.25.1001'],
    ['SGH', '1.2.3', 'ISO', 'urn:oid:2.25.1001'],
    ['OTHER', '1.2.3', 'ISO', 'urn:oid:1.2.3'],
    ['OTHER', 'http://x', 'URI', 'http://x'],
    ['OTHER', 'x.org', 'DNS', undefined],
    ['OTHER', undefined, undefined, undefined],
    ['constructor', undefined, undefined, undefined],
  ])('make of authority %s, %s, %s the system %s', (namespaceId, universalId, type, system) => {
    expect(systemFor(site, namespaceId, universalId, type)).toBe(system);
  });
});
