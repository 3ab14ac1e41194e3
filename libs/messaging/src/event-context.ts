import { BaseRpcContext } from '@nestjs/microservices';
import type { Transaction } from './unit-of-work.js';

/** What an event handler gets beside the event (`@Ctx()`). */
export class EventContext extends BaseRpcContext<[Transaction]> {
  /** Open, with the event's inbox row claimed in it: whatever the handler does through it happens once. */
  get transaction(): Transaction {
    return this.args[0];
  }
}
