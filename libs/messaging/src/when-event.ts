import { EventPattern } from '@nestjs/microservices';
import type { EventType } from '#events';

/** Nest's `@EventPattern`, for an event type of the catalog: a misspelt type does not compile. */
export function WhenEvent(type: EventType): MethodDecorator {
  return EventPattern(type) as MethodDecorator;
}
