import { connect, type Socket } from 'node:net';
import type { FhirResource } from 'fhir/r4.js';
import type { SiteContent } from '#platform';
import { AService } from '#testing';
import { sendMllp } from '../../../test/sandbox/mllp.js';
import { OrdersModule, ordersMigrations } from './orders.module.js';

/** A message as the log shows it. */
export interface LoggedMessage {
  id: string;
  controlId: string;
  outcome: string;
  acknowledgement: string;
  errorCode: string | null;
  errorText: string | null;
  attempts: number;
}

/** The orders service in this process; what specs share, no spec. */
export class AnOrdersService extends AService {
  static start(site: Partial<SiteContent> = {}): Promise<AnOrdersService> {
    const listeners = { mllp: { host: '127.0.0.1', port: 0 } };
    const parts = { service: 'orders', module: OrdersModule, migrations: ordersMigrations, listeners };
    return new AnOrdersService(parts, site).begin();
  }

  /** Sends an HL7 message. @returns MSA-1, and ERR-2, ERR-3.1 and ERR-8 of what is wrong */
  async take(message: Buffer | string): Promise<Answer> {
    return answerIn(await this.ask(message));
  }

  /** Sends an HL7 message. @returns the whole answer, segments parted by CR */
  ask(message: Buffer | string): Promise<string> {
    return sendMllp({ port: this.infrastructure.mllp!.port }, message.toString());
  }

  /** A bare connection to the MLLP listener. */
  connect(): Socket {
    return connect({ host: '127.0.0.1', port: this.infrastructure.mllp!.port, noDelay: true });
  }

  async messages(controlId: string): Promise<LoggedMessage[]> {
    return (await this.get<{ messages: LoggedMessage[] }>(`/hl7-messages?controlId=${controlId}`)).messages;
  }

  async search<R extends FhirResource>(type: R['resourceType'], identifier: string): Promise<R[]> {
    const found = await this.get<{ entry?: { resource: R }[] }>(`/fhir/${type}?identifier=${identifier}`);
    return (found.entry ?? []).map(({ resource }) => resource);
  }
}

/** An acknowledgement, read. */
export interface Answer {
  code?: string;
  place?: string;
  error?: string;
  text?: string;
}

/** Reads an acknowledgement without a parser of ours. */
export function answerIn(acknowledgement: string): Answer {
  const fields = (segment: string) =>
    acknowledgement
      .split('\r')
      .find((line) => line.startsWith(`${segment}|`))
      ?.split('|');
  const [msa, err] = [fields('MSA'), fields('ERR')];
  return { code: msa?.[1], place: err?.[2], error: err?.[3]?.split('^')[0], text: err?.[8] };
}
