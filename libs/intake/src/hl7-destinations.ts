import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { uuidFrom } from '#fhir';
import { MllpClient, MllpFailure, readHeader } from '#hl7v2';
import { DeliveryQueue, type Delivery, type NewDelivery } from '#messaging';
import { tlsTo, type Destination } from '#platform';
import { MessageLog } from './message-log.js';
import { failureOfAcknowledgement, failureOfMllp } from './acknowledgement.decider.js';

/** A system that takes HL7 v2 over MLLP. */
export type MllpDestination = Destination & { kind: 'mllp' };

/** What a delivery holds whose message is written already. */
const WRITTEN = 'hl7-message';

/** MSH-10 of a delivery: the same however often it is sent, so that a receiver can tell a message sent again. */
export function controlIdOf(destination: string, idempotencyKey: string): string {
  return uuidFrom('delivery', destination, idempotencyKey).replaceAll('-', '').slice(0, 20);
}

/** A message as it is to go out, in order per patient. The same key at the same destination is sent once. */
export function hl7Delivery(
  message: Buffer,
  to: Pick<NewDelivery, 'destination' | 'key' | 'idempotencyKey'>,
): NewDelivery {
  return { ...to, kind: WRITTEN, body: { message: message.toString('utf8') } };
}

/** Sends what the delivery queue holds for systems that take HL7 v2, one message at a time each. */
@Injectable()
export class Hl7Destinations implements OnApplicationShutdown {
  private readonly connections: MllpClient[] = [];

  constructor(
    @Inject(DeliveryQueue) private readonly queue: DeliveryQueue,
    @Inject(MessageLog) private readonly messages: MessageLog,
  ) {}

  /**
   * Connects a destination to the queue.
   *
   * @throws Error of the file system if a file of its TLS cannot be read
   * @param messageOf writes a delivery that is not written yet; the same delivery must give the same bytes
   */
  connect(
    { name, host, port, tls, ackTimeoutSeconds, connections }: MllpDestination,
    messageOf?: (delivery: Delivery) => Buffer,
  ): void {
    const line = { host, port, ...(tls ? { tls: tlsTo(tls) } : {}) };
    const make = () => new MllpClient({ ...line, ackTimeoutMs: ackTimeoutSeconds * 1000 });
    const idle = Array.from({ length: connections }, make);
    this.connections.push(...idle);
    const bytesOf = (delivery: Delivery) =>
      delivery.kind === WRITTEN || !messageOf ? Buffer.from(String(delivery.body.message)) : messageOf(delivery);
    // One connection carries one message at a time; a patient's are sent one after the other over whichever is idle.
    const send = async (delivery: Delivery) => {
      const client = idle.shift()!;
      try {
        await this.send(client, delivery, bytesOf(delivery));
      } finally {
        idle.push(client);
      }
    };
    this.queue.register(name, send, { concurrency: connections });
  }

  /** After the queue has let what is on its way come to its end. */
  onApplicationShutdown(): void {
    for (const connection of this.connections) connection.close();
  }

  /**
   * Sends one message, and keeps it with its answer; where there is none the delivery says why.
   *
   * @throws Failure peer-unavailable, peer-timeout, peer-error (retry), peer-refused, peer-answer-malformed (park)
   */
  private async send(client: MllpClient, delivery: Delivery, message: Buffer): Promise<void> {
    const answer = await client.send(message, readHeader(message)?.controlId ?? '').catch((error: unknown) => {
      throw error instanceof MllpFailure ? failureOfMllp(error) : error;
    });
    const failure = failureOfAcknowledgement(answer);
    const code = answer.first('MSA')?.get(1) ?? '';
    await this.messages.sent(delivery, message, { code, refusal: failure?.message });
    if (failure) throw failure;
  }
}
