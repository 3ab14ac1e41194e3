import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isAnyArrayBuffer } from 'node:util/types';
import type { DicomAddress, DimseAnswer } from '../sandbox/dimse.js';
import { Scanner } from '../sandbox/scanner.js';
import { python } from './pynetdicom.js';

type Elements = Record<string, unknown>;

/** What scanner.py does for one line. */
interface Asked {
  operation: 'find' | 'create' | 'set' | 'store';
  as: string;
  to: DicomAddress;
  uid?: string;
  datasets: Elements[];
}

/** A process of pynetdicom that is every scanner of a hospital, one operation after the other. */
export class PynetdicomScanners {
  private readonly waiting: { resolve(answers: DimseAnswer[]): void; reject(error: Error): void }[] = [];
  private complained = '';

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    child.stderr.on('data', (chunk) => (this.complained += chunk));
    createInterface(child.stdout).on('line', (line) => this.take(line));
    child.on('close', () => {
      for (const { reject } of this.waiting.splice(0)) reject(new Error(`pynetdicom ended: ${this.complained}`));
    });
  }

  static start(): PynetdicomScanners {
    return new PynetdicomScanners(spawn(python, [join(import.meta.dirname, 'scanner.py')]));
  }

  scanner(aeTitle: string, worklist: DicomAddress): Scanner {
    return new PynetdicomScanner(aeTitle, worklist, this);
  }

  /** @throws Error where the association was not accepted or the process has ended */
  ask(asked: Asked): Promise<DimseAnswer[]> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.child.stdin.write(`${JSON.stringify(asked, inlineBinary)}\n`);
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

class PynetdicomScanner extends Scanner {
  constructor(
    aeTitle: string,
    private readonly worklist: DicomAddress,
    private readonly scanners: PynetdicomScanners,
  ) {
    super(aeTitle);
  }

  protected find(query: Elements): Promise<DimseAnswer[]> {
    return this.ask({ operation: 'find', to: this.worklist, datasets: [query] });
  }

  protected async report(operation: 'create' | 'set', uid: string, elements: Elements) {
    const [answer] = await this.ask({ operation, to: this.worklist, uid, datasets: [elements] });
    return answer;
  }

  protected store(instances: Elements[], pacs: DicomAddress): Promise<DimseAnswer[]> {
    return this.ask({ operation: 'store', to: pacs, datasets: instances });
  }

  private ask(asked: Omit<Asked, 'as'>): Promise<DimseAnswer[]> {
    const to = { host: '127.0.0.1', ...asked.to };
    return this.scanners.ask({ ...asked, to, as: this.aeTitle });
  }
}

/** As the DICOM JSON model has bytes (PS3.18 section F.2.7). */
function inlineBinary(_key: string, value: unknown): unknown {
  return isAnyArrayBuffer(value) ? { InlineBinary: Buffer.from(value).toString('base64') } : value;
}
