import { Inject, Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { from, mergeMap, catchError, type Observable } from 'rxjs';
import { DataSource } from 'typeorm';
import {
  CLOCK,
  clientOf,
  Failure,
  HOLDS_NO_PATIENT,
  INFRASTRUCTURE,
  type Clock,
  type FailureCode,
  type Infrastructure,
} from '#platform';
import { recordAccess, watchingRecords, type Access } from './audit.js';
import { subjectsOf } from './subjects-of.js';

/** Longest request that is kept with its record. */
const LONGEST_REQUEST = 2000;

/**
 * The audit trail behind every route: an answer that its handler did not record is recorded before it is given, with the
 * client, what was asked, and whom and what it is about. A new route needs nothing for that; one that says nothing of
 * patients is marked {@link HoldsNoPatient}. What a client may not do is recorded as refused.
 *
 * A handler that sends its answer by itself has to record it by itself.
 */
@Injectable()
export class RecordEveryAccess implements NestInterceptor {
  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const isExempt = this.reflector.getAllAndOverride(HOLDS_NO_PATIENT, [context.getHandler(), context.getClass()]);
    if (context.getType() !== 'http' || isExempt) return next.handle();
    const request = context.switchToHttp().getRequest<Request>();
    const { answer, isRecorded } = watchingRecords(() => next.handle());
    return answer.pipe(
      mergeMap(async (body) => {
        if (!isRecorded()) await this.record(request, subjectsOf(body));
        return body;
      }),
      catchError((error: unknown) => from(this.refused(request, error))),
    );
  }

  private async refused(request: Request, error: unknown): Promise<never> {
    if (error instanceof Failure && error.status === 403)
      await this.record(request, { patientIds: [], references: [] }, error.code);
    throw error;
  }

  private record(
    request: Request,
    subjects: Pick<Access, 'patientIds' | 'references'>,
    refusedAs?: FailureCode,
  ): Promise<void> {
    const access: Access = {
      interaction: request.method === 'GET' ? 'read' : 'operation',
      client: clientOf(request),
      service: this.infrastructure.service,
      query: `${request.method} ${request.originalUrl}`.slice(0, LONGEST_REQUEST),
      ...subjects,
      ...(refusedAs ? { refusedAs } : {}),
    };
    return recordAccess(this.dataSource.manager, access, this.clock.now());
  }
}
