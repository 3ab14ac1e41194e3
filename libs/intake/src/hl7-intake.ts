import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import {
  acknowledge,
  acknowledgementCode,
  Hl7Refusal,
  MllpServer,
  parseMessage,
  readHeader,
  rejection,
  contentError,
  type Hl7Message,
} from '#hl7v2';
import { checkEnvelope } from '#mapping';
import { UnitOfWork, type Transaction } from '#messaging';
import {
  asFailure,
  CLOCK,
  INFRASTRUCTURE,
  LOGGER,
  Metrics,
  SITE,
  tlsOptionsOf,
  type Clock,
  type Failure,
  type Infrastructure,
  type Logger,
  type Sender,
  type Site,
} from '#platform';
import { MessageLog, receivedMessage, type ReceivedMessage } from './message-log.js';

/** A message read into what it asks for. */
export interface Interpreted {
  /** Whom it is about: the key its effects are serialized by. */
  patientId: string;
  /** Does what it asks, in the transaction that stores it. */
  carryOut(transaction: Transaction, cause: string): Promise<void>;
  /** Puts a failure of the domain where in the message its cause is; undefined if it is nowhere in it. */
  refusal?(failure: Failure): Hl7Refusal | undefined;
}

/** How a service reads the message types it takes. */
export interface Hl7Interpreter {
  /** Such as `ORM^O01`. */
  readonly messageTypes: readonly string[];
  /** Pure. @throws Hl7Refusal naming the field at fault */
  interpret(message: Hl7Message, sender: Sender): Interpreted;
}

/** Token of a service's interpreters. */
export const INTERPRETERS = Symbol('Hl7Interpreters');

/**
 * Takes HL7 v2 in over MLLP. A message is stored, with everything it gives rise to, in one transaction; the positive
 * acknowledgement leaves only after the commit. The same message again is acknowledged again and does nothing; the same
 * control id with other content is refused (205). Every refused message is stored with its reason.
 */
@Injectable()
export class Hl7Intake implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private server?: MllpServer;
  private readonly accepted: string[];

  constructor(
    @Inject(INTERPRETERS) private readonly interpreters: Hl7Interpreter[],
    @Inject(MessageLog) private readonly messages: MessageLog,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(SITE) private readonly site: Site,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {
    this.accepted = interpreters.flatMap((one) => one.messageTypes);
  }

  async onApplicationBootstrap(): Promise<void> {
    const { mllp } = this.infrastructure;
    if (!mllp) return;
    this.server = new MllpServer(
      {
        host: mllp.host,
        port: mllp.port,
        tls: tlsOptionsOf(mllp),
        onEvent: (event) => this.metrics.mllpEvents.inc({ event }),
      },
      (bytes) => this.answer(bytes),
    );
    mllp.port = await this.server.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.server?.stop();
  }

  /** Takes one message and gives its acknowledgement; never throws. */
  async answer(bytes: Buffer): Promise<Buffer> {
    const stop = this.metrics.hl7Duration.startTimer();
    const now = this.clock.now();
    let received = receivedMessage(bytes, undefined);
    let refusal: Hl7Refusal | undefined;
    try {
      received = receivedMessage(bytes, parseMessage(bytes));
      await this.take(received, now);
    } catch (error) {
      refusal = this.refusalFor(error);
      await this.store(received, refusal, now);
    }
    const message = received.message ?? readHeader(bytes);
    const acknowledgement = acknowledgementCode(message, refusal);
    const type = received.message && message && this.accepted.includes(message.type) ? message.type : 'other';
    this.metrics.hl7Messages.inc({ type, acknowledgement });
    stop();
    this.logger[refusal ? 'warn' : 'debug'](
      { message: received.id, type, acknowledgement, errorCode: refusal?.errorCode, place: refusal?.place },
      'hl7 message answered',
    );
    return acknowledge(message, refusal, { ...this.site.identity, controlId: received.id.slice(0, 20), now });
  }

  private async take(received: ReceivedMessage, now: Date): Promise<void> {
    const message = received.message!;
    const sender = checkEnvelope(message, this.site, this.accepted);
    const interpreter = this.interpreters.find((one) => one.messageTypes.includes(message.type))!;
    const asked = interpreter.interpret(message, sender);
    try {
      await this.unitOfWork.run(asked.patientId, async (transaction) => {
        const code = acknowledgementCode(message, undefined);
        const outcome = await this.messages.accept(transaction.manager, received, code, now);
        if (outcome === 'other')
          throw contentError(205, 'MSH-10 was used before for another message: give every message its own', message.header.at(10)); // prettier-ignore
        if (outcome === 'stored') await asked.carryOut(transaction, received.id);
      });
    } catch (error) {
      if (error instanceof Hl7Refusal) throw error;
      throw asked.refusal?.(asFailure(error)) ?? error;
    }
  }

  /** What the sender is told: try again later where that can help, else what to mend. */
  private refusalFor(error: unknown): Hl7Refusal {
    if (error instanceof Hl7Refusal) return error;
    const failure = asFailure(error);
    if (failure.fate === 'retry') return rejection(207, 'the message cannot be stored now: send it again later');
    if (failure.fate === 'refuse') return contentError(207, failure.message);
    this.logger.error({ err: error }, 'hl7 message could not be handled');
    return contentError(207, 'the message could not be handled here; it is kept and the site was told');
  }

  private async store(received: ReceivedMessage, refusal: Hl7Refusal, now: Date): Promise<void> {
    try {
      await this.messages.refuse(
        received,
        acknowledgementCode(received.message ?? readHeader(received.raw), refusal),
        refusal,
        now,
      );
    } catch (err) {
      // The sender is told no in any case and keeps the message.
      this.logger.warn({ err, message: received.id }, 'a refused message could not be stored');
    }
  }
}
