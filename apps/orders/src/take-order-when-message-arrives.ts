import { Inject, Injectable } from '@nestjs/common';
import { contentError, type ErrorCode, type Hl7Message, type Hl7Refusal, type Reply } from '#hl7v2';
import type { Hl7Interpreter, Interpreted } from '#intake';
import { orderFromMessage, orderReply, senderSystem } from '#mapping';
import { SITE, type Failure, type FailureCode, type Sender, type Site } from '#platform';
import type { Transaction } from '#messaging';
import { OrderDesk, type Request } from './order-desk.js';

/** Takes orders from ORM^O01, OMG^O19 and OMI^O23. */
@Injectable()
export class TakeOrderWhenMessageArrives implements Hl7Interpreter {
  readonly messageTypes = ['ORM^O01', 'OMG^O19', 'OMI^O23'];

  constructor(
    @Inject(OrderDesk) private readonly desk: OrderDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  interpret(message: Hl7Message, sender: Sender): Interpreted {
    const asked = { ...orderFromMessage(message, sender, this.site), source: senderSystem(sender) };
    return {
      patientId: asked.patient.id!,
      said: asked,
      carryOut: async (transaction) => void (await this.desk.take(asked, transaction)),
      refusal: (failure) => refusalOf(failure, message),
      ...(sender.orderAnswer === 'ORDER' ? { reply: (transaction) => this.replyTo(message, asked, transaction) } : {}),
    };
  }

  private async replyTo(message: Hl7Message, asked: Request, transaction: Transaction): Promise<Reply> {
    const orders = await this.desk.standing(asked, transaction);
    return orderReply(message, orders, this.site, await this.desk.underWay(orders, transaction));
  }

  refused(message: Hl7Message, sender: Sender): Reply | undefined {
    return sender.orderAnswer === 'ORDER' ? orderReply(message, undefined, this.site) : undefined;
  }
}

/** HL7 table 0357 by the kind of failure. */
const codes: Partial<Record<FailureCode, ErrorCode>> = {
  'duplicate-key': 205,
  'unknown-key': 204,
  'state-conflict': 207,
  'field-invalid': 103,
};

function refusalOf(failure: Failure, message: Hl7Message): Hl7Refusal | undefined {
  const code = codes[failure.code];
  if (!code) return undefined;
  const place = {
    placerOrderNumber: message.first('ORC')?.at(2),
    orderControl: message.first('ORC')?.at(1),
    orderStatus: message.first('ORC')?.at(5),
    accessionNumber: message.first('IPC')?.at(1) ?? message.first('OBR')?.at(18),
  }[failure.field ?? ''];
  return contentError(code, failure.message, place);
}
