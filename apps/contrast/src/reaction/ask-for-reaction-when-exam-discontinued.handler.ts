import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { resourceFrom, type ImagingEvent } from '#events';
import { FhirStore, keepCopies } from '#fhir';
import { EventContext, WhenEvent } from '#messaging';
import { AskForReaction } from './ask-for-reaction.js';

/** A modality that stopped an exam because of contrast knows of a reaction that nobody may have recorded. */
@Controller()
export class AskForReactionWhenExamDiscontinued {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(AskForReaction) private readonly questions: AskForReaction,
  ) {}

  @WhenEvent('imaging.schedule.exam-discontinued.v1')
  async discontinued(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    const { manager, now } = transaction;
    // Of an exam without an order nobody else has told this service of its patient.
    const told = [resourceFrom(event, 'Patient'), resourceFrom(event, 'Procedure')];
    const known = await this.store.read(manager, 'Patient', told[0]!.id!);
    await keepCopies(this.store, manager, known ? told.slice(1) : told, now);
    await this.questions.whenDiscontinued(resourceFrom(event, 'Procedure'), transaction);
  }
}
