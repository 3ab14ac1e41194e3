import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isAnyArrayBuffer } from 'node:util/types';
import type { DicomAddress, Dimse, DimseAnswer, Elements } from '../sandbox/dimse.js';
import { python } from './pynetdicom.js';

/** What scanner.py does for one line. */
interface Asked {
  operation: 'find' | 'create' | 'set' | 'store';
  as: string;
  to: DicomAddress;
  uid?: string;
  datasets: Elements[];
}

/** A process of pynetdicom that speaks for every modality of a hospital, one operation after the other. */
export class DimseByPynetdicom implements Dimse {
  private readonly waiting: { resolve(answers: DimseAnswer[]): void; reject(error: Error): void }[] = [];
  private complained = '';

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    child.stderr.on('data', (chunk) => (this.complained += chunk));
    createInterface(child.stdout).on('line', (line) => this.take(line));
    child.on('close', () => {
      for (const { reject } of this.waiting.splice(0)) reject(new Error(`pynetdicom ended: ${this.complained}`));
    });
  }

  static start(): DimseByPynetdicom {
    return new DimseByPynetdicom(spawn(python, [join(import.meta.dirname, 'scanner.py')]));
  }

  find(callingAeTitle: string, to: DicomAddress, query: Elements): Promise<DimseAnswer[]> {
    return this.ask({ operation: 'find', as: callingAeTitle, to, datasets: [query] });
  }

  async report(as: string, to: DicomAddress, operation: 'create' | 'set', uid: string, elements: Elements) {
    const [answer] = await this.ask({ operation, as, to, uid, datasets: [elements] });
    return answer;
  }

  store(callingAeTitle: string, to: DicomAddress, instances: Elements[]): Promise<DimseAnswer[]> {
    return this.ask({ operation: 'store', as: callingAeTitle, to, datasets: instances });
  }

  /** @throws Error where the association was not accepted or the process has ended */
  private ask(asked: Asked): Promise<DimseAnswer[]> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      const to = { host: '127.0.0.1', ...asked.to };
      this.child.stdin.write(`${JSON.stringify({ ...asked, to }, inlineBinary)}\n`);
    });
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'close');
    this.child.stdin.end();
    await ended;
  }

  private take(line: string): void {
    const { answers, failed } = JSON.parse(line) as { answers: DimseAnswer[]; failed?: string };
    const { resolve, reject } = this.waiting.shift()!;
    if (failed === undefined) resolve(answers);
    else reject(new Error(`pynetdicom: ${failed}`));
  }
}

/** As the DICOM JSON model has bytes (PS3.18 section F.2.7). */
function inlineBinary(_key: string, value: unknown): unknown {
  return isAnyArrayBuffer(value) ? { InlineBinary: Buffer.from(value).toString('base64') } : value;
}
