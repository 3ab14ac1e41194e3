import { createServer, type Server as HttpServer } from 'node:http';
import { createServer as createProbe, type AddressInfo } from 'node:net';
import dcmjsDimse from 'dcmjs-dimse';
import { Journal } from './journal.js';

const { Server, Scp } = dcmjsDimse;
const { CEchoResponse, CStoreResponse } = dcmjsDimse.responses;

/** What the PACS keeps of an image. */
export interface StoredImage {
  studyInstanceUid: string;
  seriesInstanceUid: string;
  sopInstanceUid: string;
  sopClassUid: string;
  modality: string;
  accessionNumber: string;
  patientId: string;
}

/** The PACS of the sandbox hospital: stores by C-STORE, answers QIDO-RS (DICOM PS3.18 section 10.6). */
export class SandboxPacs {
  readonly images = new Map<string, StoredImage>();
  /** Set it to make QIDO-RS misbehave: find nothing, or answer this status. */
  qidoFault?: 'nothing' | number;
  /** How many QIDO-RS queries came in. */
  queries = 0;
  /** What was asked by QIDO-RS, as the URL has it. */
  readonly urls: string[] = [];

  private dimse?: InstanceType<typeof Server>;
  private http?: HttpServer;
  dicomPort = 0;
  private qidoPort = 0;

  constructor(
    readonly aeTitle = 'PACS',
    readonly journal = new Journal(),
  ) {}

  get qidoUrl(): string {
    return `http://127.0.0.1:${this.qidoPort}/dicom-web`;
  }

  async start({ dicomPort = 0, qidoPort = 0 } = {}): Promise<this> {
    this.dicomPort = dicomPort || (await freePort());
    const server = new Server(storageFor(this));
    this.dimse = server;
    const refused = new Promise<never>((_, reject) => server.on('networkError', reject));
    refused.catch(() => {});
    server.listen(this.dicomPort);
    const http = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://pacs');
      this.queries++;
      this.urls.push(request.url ?? '');
      if (typeof this.qidoFault === 'number') return void response.writeHead(this.qidoFault).end();
      const found = this.find(url);
      if (!found) return void response.writeHead(404).end();
      this.journal.write('PACS', `is asked ${url.pathname.replace('/dicom-web', 'QIDO-RS ')}, finds ${found.length}`);
      response.writeHead(200, { 'content-type': 'application/dicom+json' }).end(JSON.stringify(found));
    });
    this.http = http;
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(qidoPort, '127.0.0.1', resolve);
    });
    this.qidoPort = (http.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    this.dimse?.close();
    this.http?.closeAllConnections();
    await new Promise((resolve) => (this.http ? this.http.close(resolve) : resolve(undefined)));
  }

  private find(url: URL): object[] | undefined {
    const path =
      /^\/dicom-web\/(?:studies(?:\/([\d.]+)\/(series|instances)(?:\/([\d.]+)\/instances)?)?|(series|instances))$/.exec(
        url.pathname,
      );
    if (!path) return undefined;
    const [, inStudy, below, inSeries, anywhere] = path;
    const level = inSeries ? 'instances' : (below ?? anywhere ?? 'studies');
    const parameter = (keyword: string, tag: string) => url.searchParams.get(keyword) ?? url.searchParams.get(tag);
    const study = inStudy ?? parameter('StudyInstanceUID', '0020000D');
    const series = inSeries ?? parameter('SeriesInstanceUID', '0020000E');
    const instance = parameter('SOPInstanceUID', '00080018');
    const accession = parameter('AccessionNumber', '00080050');
    const patient = parameter('PatientID', '00100020');
    const images = [...this.images.values()].filter(
      (one) =>
        this.qidoFault !== 'nothing' &&
        (!study || one.studyInstanceUid === study) &&
        (!series || one.seriesInstanceUid === series) &&
        (!instance || one.sopInstanceUid === instance) &&
        (!accession || one.accessionNumber === accession) &&
        (!patient || one.patientId === patient),
    );
    if (level === 'instances') return images.map(instanceJson);
    const key = level === 'studies' ? 'studyInstanceUid' : 'seriesInstanceUid';
    const groups = [...new Set(images.map((one) => one[key]))].map((uid) => images.filter((one) => one[key] === uid));
    return groups.map(level === 'studies' ? studyJson : seriesJson);
  }
}

/** Starts a PACS on free ports, unless given. */
export function startSandboxPacs(
  options: { dicomPort?: number; qidoPort?: number; aeTitle?: string; journal?: Journal } = {},
): Promise<SandboxPacs> {
  return new SandboxPacs(options.aeTitle, options.journal).start(options);
}

function storageFor(pacs: SandboxPacs): typeof Scp {
  return class extends Scp {
    override associationRequested(association: InstanceType<typeof dcmjsDimse.association.Association>): void {
      for (const { context } of association.getPresentationContexts()) {
        const syntaxes = context.getTransferSyntaxUids();
        const known = ['1.2.840.10008.1.2.1', '1.2.840.10008.1.2'].find((one) => syntaxes.includes(one));
        if (known) context.setResult(0, known);
        else context.setResult(4);
      }
      this.sendAssociationAccept();
    }
    override associationReleaseRequested(): void {
      this.sendAssociationReleaseResponse();
    }
    override cEchoRequest(
      request: InstanceType<typeof dcmjsDimse.requests.CEchoRequest>,
      answer: (response: InstanceType<typeof CEchoResponse>) => void,
    ): void {
      const response = CEchoResponse.fromRequest(request);
      response.setStatus(0);
      answer(response);
    }
    override cStoreRequest(
      request: InstanceType<typeof dcmjsDimse.requests.CStoreRequest>,
      answer: (response: InstanceType<typeof CStoreResponse>) => void,
    ): void {
      const response = CStoreResponse.fromRequest(request);
      const elements = request.getDataset()?.getElements();
      const uid = String(elements?.SOPInstanceUID ?? '');
      if (elements && uid) pacs.images.set(uid, imageOf(elements));
      response.setStatus(uid ? 0 : 0xc000);
      answer(response);
    }
  };
}

function imageOf(elements: Record<string, unknown>): StoredImage {
  const text = (keyword: string) => String(elements[keyword] ?? '').trim();
  return {
    studyInstanceUid: text('StudyInstanceUID'),
    seriesInstanceUid: text('SeriesInstanceUID'),
    sopInstanceUid: text('SOPInstanceUID'),
    sopClassUid: text('SOPClassUID'),
    modality: text('Modality'),
    accessionNumber: text('AccessionNumber'),
    patientId: text('PatientID'),
  };
}

/** DICOM JSON model (PS3.18 annex F), with the attributes that QIDO-RS requires at each level. */
const ui = (value: string) => ({ vr: 'UI', Value: [value] });
const sh = (value: string) => (value ? { vr: 'SH', Value: [value] } : { vr: 'SH' });
const lo = (value: string) => (value ? { vr: 'LO', Value: [value] } : { vr: 'LO' });
const cs = (values: string[]) => ({ vr: 'CS', Value: values });
const is = (value: number) => ({ vr: 'IS', Value: [value] });

function studyJson(images: StoredImage[]): object {
  const one = images[0]!;
  return {
    '00080050': sh(one.accessionNumber),
    '00080061': cs([...new Set(images.map(({ modality }) => modality))]),
    '00100020': lo(one.patientId),
    '0020000D': ui(one.studyInstanceUid),
    '00201206': is(new Set(images.map(({ seriesInstanceUid }) => seriesInstanceUid)).size),
    '00201208': is(images.length),
  };
}

function seriesJson(images: StoredImage[]): object {
  const one = images[0]!;
  return {
    '00080060': cs([one.modality]),
    '0020000D': ui(one.studyInstanceUid),
    '0020000E': ui(one.seriesInstanceUid),
    '00201209': is(images.length),
  };
}

function instanceJson(one: StoredImage): object {
  return {
    '00080016': ui(one.sopClassUid),
    '00080018': ui(one.sopInstanceUid),
    '0020000D': ui(one.studyInstanceUid),
    '0020000E': ui(one.seriesInstanceUid),
  };
}

async function freePort(): Promise<number> {
  const probe = createProbe();
  await new Promise<void>((resolve) => probe.listen(0, resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
