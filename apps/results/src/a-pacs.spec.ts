import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Dataset, datasetToJson, sopClasses, type DatasetInput } from '#dicom';

/** What the PACS does instead of its work. */
export type PacsFault = number | 'never' | 'close' | 'garbage' | 'huge';

/** A Key Object Selection document in the PACS. */
interface KeyObject {
  study: string;
  title: string;
  instances: string[];
  /** DCM code of what is wrong with them. */
  modifier?: string | undefined;
}

/**
 * A PACS that answers QIDO-RS for the studies it is given, WADO-RS for the metadata of key objects, and Orthanc's
 * `/changes`, or misbehaves for one of them; what specs share, no spec.
 */
export class APacs {
  /** SOP Instance UIDs by Study Instance UID; all of a study are in the series `<study>.1`. */
  readonly studies = new Map<string, string[]>();
  /** How studies are listed; one that is not here is not listed. */
  readonly listed = new Map<string, { patientId: string; accessionNumber: string; date?: string }>();
  /** Modality of the series of a study, CT unless given, */
  readonly modalities = new Map<string, string>();
  /** and more attributes of an instance. */
  readonly attributes = new Map<string, object>();
  /** By study; `list` is that of the studies of some days. */
  readonly faults = new Map<string, PacsFault>();
  /** How often the studies of some days were asked for. */
  lists = 0;
  /** How often each study was asked for, */
  readonly asked = new Map<string, number>();
  /** and each key object read. */
  readonly read = new Map<string, number>();
  private readonly keyObjects = new Map<string, KeyObject>();
  private readonly doseReports = new Map<string, DatasetInput>();
  private readonly changes: string[] = [];
  private server?: Server;
  private port = 0;

  get orthancUrl(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get qidoUrl(): string {
    return `${this.orthancUrl}/dicom-web`;
  }

  /** Starts it, on the port it had if it was stopped. */
  async start(): Promise<this> {
    const server = createServer((request, response) => {
      const url = request.url!;
      const listing = url.includes('StudyDate=') ? this.faults.get('list') : undefined;
      if (url.includes('StudyDate=')) this.lists++;
      if (listing !== undefined) return misbehave(listing, response);
      const other = this.change(url) ?? this.metadata(url) ?? this.list(url);
      if (other) return void response.end(JSON.stringify(other));
      const instance = /\/instances\?SOPInstanceUID=([\d.]+)/.exec(url)?.[1];
      const [, uid = this.studyOf(instance), level] =
        /studies\/([\d.]+)\/(?:series\/[\d.]+\/)?(series|instances)(?:\?includefield=[\dA-F,]+)?$/.exec(url) ?? [];
      if (level === 'series') this.asked.set(uid, (this.asked.get(uid) ?? 0) + 1);
      const fault = this.faults.get(uid);
      if (fault === undefined) response.end(JSON.stringify(this.find(uid, level, instance)));
      else misbehave(fault, response);
    });
    this.server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve));
  }

  /** Something of a study changed. */
  changed(study: string): void {
    this.changes.push(study);
  }

  /** Stores a Key Object Selection document with a study. @returns its SOP Instance UID */
  reject(study: string, title: string, instances: string[], modifier?: string): string {
    const uid = `${study}.5.${this.keyObjects.size + 1}`;
    this.keyObjects.set(uid, { study, title, instances, modifier });
    this.studies.set(study, [...(this.studies.get(study) ?? []), uid]);
    return uid;
  }

  /** Stores a radiation dose report with a study. @returns its SOP Instance UID */
  keepDoseReport(study: string, report: DatasetInput): string {
    const uid = report.SOPInstanceUID as string;
    this.doseReports.set(uid, report);
    this.studies.set(study, [...(this.studies.get(study) ?? []), uid]);
    return uid;
  }

  /** The study that an instance is in, '' if it is in none. */
  private studyOf(instance: string | undefined): string {
    return [...this.studies].find(([, instances]) => instances.includes(instance!))?.[0] ?? '';
  }

  private find(uid: string, level: string | undefined, instance: string | undefined): object[] {
    const instances = this.studies.get(uid);
    if (!instances) return [];
    if (instance) return [{ '00080018': { vr: 'UI', Value: [instance] }, '0020000D': { vr: 'UI', Value: [uid] } }];
    if (level === 'series')
      return [
        { '0020000E': { vr: 'UI', Value: [`${uid}.1`] }, '00080060': { Value: [this.modalities.get(uid) ?? 'CT'] } },
      ];
    const classOf = (one: string) =>
      this.keyObjects.has(one) ? sopClasses.keyObjectSelection : (this.doseReports.get(one)?.SOPClassUID ?? '1.9');
    return instances.map((one) => ({
      '00080018': { vr: 'UI', Value: [one] },
      '00080016': { Value: [classOf(one)] },
      ...this.attributes.get(one),
    }));
  }

  /** Orthanc's changes: its own id of a study is here its UID. */
  private change(url: string): object | undefined {
    const [, study] = /^\/studies\/([\d.]+)$/.exec(url) ?? [];
    if (study) return { MainDicomTags: { StudyInstanceUID: study } };
    const [, since, isLast] = /^\/changes\?(?:since=(\d+)&limit=\d+|(last))$/.exec(url) ?? [];
    if (since === undefined && !isLast) return undefined;
    const all = this.changes.map((ID, index) => ({ Seq: index + 1, ChangeType: 'StableStudy', ID }));
    const Changes = isLast ? all.slice(-1) : all.slice(Number(since), Number(since) + 2);
    const Last = Changes.at(-1)?.Seq ?? Number(since ?? 0);
    return { Changes, Last, Done: Last === all.length };
  }

  private metadata(url: string): object[] | undefined {
    const [, uid = ''] = /\/instances\/([\d.]+)\/metadata$/.exec(url) ?? [];
    const [document, dose] = [this.keyObjects.get(uid), this.doseReports.get(uid)];
    if (!document && !dose) return undefined;
    this.read.set(uid, (this.read.get(uid) ?? 0) + 1);
    if (!document) return [datasetToJson(Dataset.of(dose!))];
    const { study, title, instances, modifier } = document;
    const code = (value: string) => [{ CodeValue: value, CodingSchemeDesignator: 'DCM' }];
    const said = modifier
      ? [{ ValueType: 'CODE', ConceptNameCodeSequence: code('113011'), ConceptCodeSequence: code(modifier) }]
      : [];
    const dataset = Dataset.of({
      SOPClassUID: sopClasses.keyObjectSelection,
      SOPInstanceUID: uid,
      StudyInstanceUID: study,
      ConceptNameCodeSequence: code(title),
      ContentSequence: [
        ...said,
        ...instances.map((one) => ({ ReferencedSOPSequence: [{ ReferencedSOPInstanceUID: one }] })),
      ],
    });
    return [datasetToJson(dataset)];
  }

  private list(url: string): object[] | undefined {
    const [, from, to] = /\/studies\?StudyDate=(\d{8})-(\d{8})/.exec(url) ?? [];
    if (from && to) return this.shown(([, { date }]) => date !== undefined && from <= date && date <= to);
    const [, key, value] = /\/studies\?(StudyInstanceUID|PatientID)=([^&]+)/.exec(url) ?? [];
    if (!key) return undefined;
    const isMeant = ([uid, { patientId }]: [string, { patientId: string }]) =>
      (key === 'PatientID' ? patientId : uid) === decodeURIComponent(value!);
    return this.shown(isMeant);
  }

  private shown(isMeant: (one: [string, { patientId: string; date?: string }]) => boolean): object[] {
    return [...this.listed].filter(isMeant).map(([uid, { patientId, accessionNumber, date }]) => ({
      '0020000D': { Value: [uid] },
      '00100020': { Value: [patientId] },
      '00080050': { Value: accessionNumber ? [accessionNumber] : [] },
      ...(date ? { '00080020': { Value: [date] }, '00201208': { Value: [this.studies.get(uid)?.length ?? 0] } } : {}),
    }));
  }
}

function misbehave(fault: PacsFault, response: ServerResponse): void {
  if (fault === 'never') return;
  if (fault === 'close') return void response.destroy();
  if (fault === 'garbage') return void response.end('<html>ZZCANARY</html>');
  if (typeof fault === 'number') return void response.writeHead(fault).end('ZZCANARY');
  const chunk = Buffer.alloc(1024 * 1024, ' ');
  const more = (): void => void (response.destroyed || response.write(chunk, () => setImmediate(more)));
  more();
}
