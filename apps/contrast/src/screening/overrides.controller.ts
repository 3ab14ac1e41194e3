import { Body, Controller, Headers, Inject, Param, Put, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { DetectedIssue, Task } from 'fhir/r4.js';
import {
  answerWrite,
  assertIdOfUrl,
  assertVersion,
  FhirStore,
  recordAccess,
  referencedId,
  validateResource,
} from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { clientOf, fail, INFRASTRUCTURE, type Infrastructure } from '#platform';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';
import { overrideIssue } from './override.decider.js';
import { TaskAnswers } from '../escalation/task-answers.js';
import { ScreeningDesk } from './screening-desk.js';

/** Where people decide: a physician's override of a rule, and what is said of the Tasks of this service. */
@ApiExcludeController()
@Controller('fhir')
export class OverridesController {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(ScreeningDesk) private readonly desk: ScreeningDesk,
    @Inject(TaskAnswers) private readonly answers: TaskAnswers,
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  /** An override: the issue of a rule with `mitigation` (author, action, date); `If-Match` must name its version. */
  @Put('DetectedIssue/:id')
  async override(
    @Param('id') id: string,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const stated = validateResource(body, 'DetectedIssue');
    assertIdOfUrl('DetectedIssue', id, body);
    if (ifMatch === undefined)
      throw fail('precondition-failed', 'send If-Match with the ETag of the issue you decided on');
    const decide = (current: DetectedIssue, { now }: Transaction) => overrideIssue(current, stated, this.policy, now);
    answerWrite(
      request,
      response,
      200,
      await this.update('DetectedIssue', id, { ifMatch, client: clientOf(request) }, decide),
    );
  }

  /** A step of a preparation, an observation, an escalation or a follow-up: what somebody says of it. */
  @Put('Task/:id')
  async record(
    @Param('id') id: string,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const stated = validateResource(body, 'Task');
    assertIdOfUrl('Task', id, body);
    const decide = (current: Task, { now }: Transaction) => this.answers.decide(current, stated, ifMatch, now);
    answerWrite(request, response, 200, await this.update('Task', id, { ifMatch, client: clientOf(request) }, decide));
  }

  /** Stores a decision, has the exam screened anew by it, and audits who sent it; all of it, or nothing. */
  private async update<
    T extends 'DetectedIssue' | 'Task',
    R extends Extract<DetectedIssue | Task, { resourceType: T }>,
  >(
    type: T,
    id: string,
    { ifMatch, client }: { ifMatch: string | undefined; client: string },
    decide: (current: R, transaction: Transaction) => R,
  ): Promise<R> {
    const read = async ({ manager }: Transaction) => {
      const found = (await this.store.read(manager, type, id)) as R | undefined;
      if (!found) throw fail('not-found', `there is no ${type} with this id`);
      return found;
    };
    const patientOf = (one: DetectedIssue | Task) =>
      referencedId((one.resourceType === 'Task' ? one.for : one.patient)?.reference, 'Patient')!;
    const patientId = patientOf(await this.unitOfWork.run(undefined, read));
    return this.unitOfWork.run(patientId, async (transaction) => {
      const { manager, now } = transaction;
      const current = await read(transaction);
      assertVersion(ifMatch, current);
      const [saved] = await this.store.save(manager, [decide(current, transaction)], now);
      if (saved?.resourceType === 'Task') await this.answers.follow(saved as Task, transaction);
      const orderId = orderOf(current);
      if (orderId) await this.desk.screenOrder(orderId, transaction, `${type}/${id}`);
      const access = { interaction: 'update' as const, client, service: this.infrastructure.service };
      await recordAccess(manager, { ...access, references: [`${type}/${id}`], patientIds: [patientOf(current)] }, now);
      return read(transaction);
    });
  }
}

function orderOf(one: DetectedIssue | Task): string | undefined {
  const references = one.resourceType === 'Task' ? [one.focus] : (one.implicated ?? []);
  return references.flatMap((reference) => referencedId(reference?.reference, 'ServiceRequest') ?? [])[0];
}
