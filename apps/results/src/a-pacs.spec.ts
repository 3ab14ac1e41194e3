import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the PACS does instead of its work. */
export type PacsFault = number | 'never' | 'close' | 'garbage' | 'huge';

/** A PACS that answers QIDO-RS for the studies it is given, or misbehaves for one of them; what specs share, no spec. */
export class APacs {
  /** SOP Instance UIDs by Study Instance UID; all of a study are in the series `<study>.1`. */
  readonly studies = new Map<string, string[]>();
  readonly faults = new Map<string, PacsFault>();
  /** How often each study was asked for. */
  readonly asked = new Map<string, number>();
  private server?: Server;
  private port = 0;

  get qidoUrl(): string {
    return `http://127.0.0.1:${this.port}/dicom-web`;
  }

  /** Starts it, on the port it had if it was stopped. */
  async start(): Promise<this> {
    const server = createServer((request, response) => {
      const instance = /\/instances\?SOPInstanceUID=([\d.]+)/.exec(request.url!)?.[1];
      const [, uid = this.studyOf(instance), level] =
        /studies\/([\d.]+)\/(?:series\/[\d.]+\/)?(series|instances)(?:\?includefield=[\dA-F,]+)?$/.exec(request.url!) ??
        [];
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

  /** The study that an instance is in, '' if it is in none. */
  private studyOf(instance: string | undefined): string {
    return [...this.studies].find(([, instances]) => instances.includes(instance!))?.[0] ?? '';
  }

  private find(uid: string, level: string | undefined, instance: string | undefined): object[] {
    const instances = this.studies.get(uid);
    if (!instances) return [];
    if (instance) return [{ '00080018': { vr: 'UI', Value: [instance] }, '0020000D': { vr: 'UI', Value: [uid] } }];
    if (level === 'series') return [{ '0020000E': { vr: 'UI', Value: [`${uid}.1`] }, '00080060': { Value: ['CT'] } }];
    return instances.map((one) => ({ '00080018': { vr: 'UI', Value: [one] }, '00080016': { Value: ['1.9'] } }));
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
