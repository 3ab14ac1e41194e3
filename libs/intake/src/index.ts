import { raw } from 'express';
import {
  Inject,
  Module,
  RequestMethod,
  type DynamicModule,
  type MiddlewareConsumer,
  type NestModule,
  type Provider,
} from '@nestjs/common';
import { Retention, SITE, type Site } from '#platform';
import { Hl7Destinations } from './hl7-destinations.js';
import { Hl7Intake, INTERPRETERS, type Hl7Interpreter } from './hl7-intake.js';
import { MessageLog } from './message-log.js';
import { MessagesController } from './messages.controller.js';
import { TrialController } from './trial.controller.js';
import { Hl7Message1700000000300 } from './migrations/1700000000300-hl7-message.js';
import { MessageSearch1700000000310 } from './migrations/1700000000310-message-search.js';

export * from './hl7-destinations.js';
export * from './hl7-intake.js';
export * from './message-log.js';
export * from './received-message.js';

/** What a service's database needs for its message log. */
export const intakeMigrations = [Hl7Message1700000000300, MessageSearch1700000000310];

/** A service's HL7 v2 listener. */
@Module({})
export class IntakeModule implements NestModule {
  /** With a message goes the memory of its control id: the same one after that time is a new message. */
  constructor(@Inject(Retention) retention: Retention, @Inject(SITE) site: Site) {
    retention.keep({ table: 'hl7_message', since: 'received_at', days: site.retention.messageDays });
  }

  /** A message to be tried or explained is taken byte for byte, in whatever character set it is. */
  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply(raw({ type: 'text/plain', limit: '8mb' }))
      .forRoutes(
        { path: 'hl7-messages/try', method: RequestMethod.POST },
        { path: 'hl7-messages/explain', method: RequestMethod.POST },
      );
  }

  /**
   * @param interpreters classes of the service that read the message types it takes
   * @param providers what the interpreters need
   */
  static forService(
    interpreters: (new (...args: never[]) => Hl7Interpreter)[],
    providers: Provider[],
    imports: DynamicModule[] = [],
  ): DynamicModule {
    const all = { provide: INTERPRETERS, inject: interpreters, useFactory: (...all: Hl7Interpreter[]) => all };
    return {
      module: IntakeModule,
      imports,
      controllers: [TrialController, MessagesController],
      providers: [MessageLog, Hl7Intake, Hl7Destinations, ...providers, ...(interpreters as Provider[]), all],
      exports: [Hl7Intake, Hl7Destinations],
    };
  }
}
