import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { FhirResource } from 'fhir/r4.js';
import {
  acknowledge,
  acknowledgementCode,
  applicationAcknowledgement,
  Hl7Refusal,
  MllpServer,
  placeOf,
  readHeader,
  rejection,
  wantsApplicationAcknowledgement,
  contentError,
  type Hl7Message,
  type Reply,
} from '#hl7v2';
import {
  acknowledgedAs,
  checkEnvelope,
  explain,
  placedAsItCame,
  readMessage,
  type AppliedRow,
  type ExplainedField,
} from '#mapping';
import { UnitOfWork, type NewDelivery, type Transaction } from '#messaging';
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
import { controlIdOf, hl7Delivery } from './hl7-destinations.js';
import { MessageLog } from './message-log.js';
import { receivedMessage, type ReceivedMessage } from './received-message.js';
import { Witness } from './witness.js';
import { RolledBack, Trial } from './trial.js';

/** A message read into what it asks for. */
export interface Interpreted {
  /** Whom it is about: the key its effects are serialized by. */
  patientId: string;
  /** What it says, as far as it was read: resources and what is to happen to them. */
  said: unknown;
  /** Does what it asks, in the transaction that stores it. */
  carryOut(transaction: Transaction, cause: string): Promise<void>;
  /** What the application answers, by what is stored: the same for a message that comes again. */
  reply?(transaction: Transaction): Promise<Reply | undefined>;
  /** Puts a failure of the domain where in the message its cause is; undefined if it is nowhere in it. */
  refusal?(failure: Failure): Hl7Refusal | undefined;
}

/** What a message would become. */
export interface Tried {
  /** The acknowledgement it would get, as it goes over the wire; empty where its sender wants none. */
  acknowledgement: string;
  /** What the site file says of its sender's fields, as far as it changed anything, such as `OBR-18 from ZOR-3.1`. */
  fields: { place: string; rule: string }[];
  /** Why it would be refused: code of table 0357, place such as `PID-3`, and text. */
  refusal?: { errorCode: number; place?: string; text: string };
  /** What would be stored, as it would stand: nothing for a message that changes nothing. */
  resources: FhirResource[];
  /** What would be told, in order. */
  events: { type: string; resources: FhirResource[] }[];
}

/** A message that was taken or refused. */
interface Answered {
  received: ReceivedMessage;
  refusal: Hl7Refusal | undefined;
  applied: AppliedRow[];
  /** MSA-1, or `none` where its sender wants no answer. */
  code: string;
  reply: Reply | undefined;
}

/** How a service reads the message types it takes. */
export interface Hl7Interpreter {
  /** Such as `ORM^O01`. */
  readonly messageTypes: readonly string[];
  /** Pure. @throws Hl7Refusal naming the field at fault */
  interpret(message: Hl7Message, sender: Sender): Interpreted;
  /** What the application answers to a message that is refused. */
  refused?(message: Hl7Message, sender: Sender): Reply | undefined;
}

/** What stands for MSA-1 of a message whose sender wants no answer. */
const NONE = 'none';

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

  /** Takes one message and gives its acknowledgement, empty where its sender wants none; never throws. */
  async answer(bytes: Buffer): Promise<Buffer> {
    const stop = this.metrics.hl7Duration.startTimer();
    const now = this.clock.now();
    const answered = await this.answered(bytes, now);
    const { received, refusal, code: acknowledgement } = answered;
    if (refusal) await this.store(received, acknowledgement, refusal, now);
    const type = received.message && this.accepted.includes(received.message.type) ? received.message.type : 'other';
    this.metrics.hl7Messages.inc({ type, acknowledgement });
    stop();
    this.logger[refusal ? 'warn' : 'debug'](
      { message: received.id, type, acknowledgement, errorCode: refusal?.errorCode, place: refusal?.place },
      'hl7 message answered',
    );
    return this.acknowledgementOf(answered, now);
  }

  /**
   * Says what a message would become now. It is carried out in full, by the state of now, and rolled back; an accession
   * number it would be given is the next one, which stays to be given. Never throws on account of the message.
   */
  async try(bytes: Buffer): Promise<Tried> {
    const now = this.clock.now();
    const trial = new Trial();
    const answered = await this.answered(bytes, now, trial);
    const { refusal, applied } = answered;
    return {
      acknowledgement: this.acknowledgementOf(answered, now).toString('utf8'),
      fields: applied.map(({ to, rule }) => ({ place: placeOf(to), rule })),
      ...(refusal ? { refusal: { errorCode: refusal.errorCode, place: refusal.place, text: refusal.message } } : {}),
      resources: trial.resources,
      events: refusal ? [] : trial.events,
    };
  }

  /**
   * Says which field of a message makes which FHIR element, and which rows of the v2-to-FHIR guide it comes from. Reads
   * only the message, nothing that is stored, and shows no value of it.
   *
   * @throws Hl7Refusal if the message cannot be read as it is
   */
  explain(bytes: Buffer): ExplainedField[] {
    const { came, message } = readMessage(bytes, this.site);
    const sender = checkEnvelope(message, this.site, this.accepted);
    const interpreter = this.interpreters.find((one) => one.messageTypes.includes(message.type))!;
    const read = (one: Hl7Message) => {
      checkEnvelope(one, this.site, this.accepted);
      return interpreter.interpret(one, sender).said;
    };
    return explain(came, read, sender.fields);
  }

  private async answered(bytes: Buffer, now: Date, trial?: Trial): Promise<Answered> {
    let received = receivedMessage(bytes, undefined, acknowledgedAs(readHeader(bytes), this.site));
    let refusal: Hl7Refusal | undefined;
    let applied: AppliedRow[] = [];
    const answer: { reply?: Reply } = {};
    try {
      const read = readMessage(bytes, this.site);
      ({ applied } = read);
      received = receivedMessage(bytes, read.message, acknowledgedAs(read.came, this.site));
      await this.take(received, answer, now, trial);
    } catch (error) {
      if (!(error instanceof RolledBack)) refusal = placedAsItCame(this.refusalFor(error), applied);
    }
    const code = acknowledgementCode(received.header, refusal) ?? NONE;
    return { received, refusal, applied, code, reply: answer.reply };
  }

  private acknowledgementOf({ received, refusal, reply }: Answered, now: Date): Buffer {
    return acknowledge(
      received.header,
      refusal,
      { ...this.site.identity, controlId: received.id.slice(0, 20), now },
      reply,
    );
  }

  private async take(received: ReceivedMessage, answer: { reply?: Reply }, now: Date, trial?: Trial): Promise<void> {
    const message = received.message!;
    const sender = checkEnvelope(message, this.site, this.accepted);
    const interpreter = this.interpreters.find((one) => one.messageTypes.includes(message.type))!;
    // Unless it is taken.
    answer.reply = interpreter.refused?.(message, sender);
    const asked = interpreter.interpret(message, sender);
    try {
      answer.reply = await this.unitOfWork.run(asked.patientId, async (transaction) => {
        const code = acknowledgementCode(received.header, undefined) ?? NONE;
        const outcome = await this.messages.accept(transaction.manager, received, asked.patientId, code, now);
        if (outcome === 'other')
          throw contentError(
            205,
            'MSH-10 was used before for another message: give every message its own',
            message.header.at(10),
          );
        const witness = new Witness(trial?.watching(transaction) ?? transaction);
        if (outcome === 'stored') await asked.carryOut(witness, received.id);
        const { effects, numbers } = witness;
        if (effects.events.length > 0) await this.messages.note(transaction.manager, received, effects, numbers);
        const reply = await asked.reply?.(transaction);
        if (outcome === 'stored' && sender.repliesTo && wantsApplicationAcknowledgement(received.header!))
          transaction.deliver(this.applicationAnswer(received, sender.repliesTo, asked.patientId, reply, now));
        if (trial) answer.reply = reply;
        await trial?.end(transaction);
        return reply;
      });
    } catch (error) {
      if (error instanceof Hl7Refusal || error instanceof RolledBack) throw error;
      throw asked.refusal?.(asFailure(error)) ?? error;
    }
  }

  /** In enhanced mode what the application answers goes its own way, behind all else that is told of the patient. */
  private applicationAnswer(
    { id, header }: ReceivedMessage,
    destination: string,
    key: string,
    reply: Reply | undefined,
    now: Date,
  ): NewDelivery {
    const idempotencyKey = `acknowledgement/${id}`;
    const controlId = controlIdOf(destination, idempotencyKey);
    const bytes = applicationAcknowledgement(header!, { ...this.site.identity, controlId, now }, reply);
    return hl7Delivery(bytes, { destination, key, idempotencyKey });
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

  private async store(received: ReceivedMessage, code: string, refusal: Hl7Refusal, now: Date): Promise<void> {
    try {
      await this.messages.refuse(received, code, refusal, now);
    } catch (err) {
      // The sender is told no in any case and keeps the message.
      this.logger.warn({ err, message: received.id }, 'a refused message could not be stored');
    }
  }
}
