import { Body, Controller, Get, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Procedure } from 'fhir/r4.js';
import { clientOf, fail } from '#platform';
import { UnscheduledExams, type LinkRequest } from './unscheduled-exams.js';

const texts = ['orderId', 'accessionNumber', 'stepId', 'reason'] as const;

/** Exams that no order accounts for, and where a person says whose they are. */
@ApiTags('schedule')
@Controller('unscheduled')
export class UnscheduledController {
  constructor(@Inject(UnscheduledExams) private readonly exams: UnscheduledExams) {}

  @ApiOperation({
    summary:
      'Exams that no order accounts for, newest first: ids, times, the reason, and the steps each may be that of',
  })
  @Get()
  async list(): Promise<{ exams: object[] }> {
    return { exams: await this.exams.list() };
  }

  @ApiOperation({ summary: 'Gives an exam to its order, with everything under it; answers the Procedure' })
  @ApiBody({
    schema: {
      type: 'object',
      required: ['reason'],
      properties: {
        orderId: { type: 'string', description: 'id of the ServiceRequest; this or the accession number' },
        accessionNumber: { type: 'string' },
        stepId: { type: 'string', description: 'Scheduled Procedure Step ID, where the order has several' },
        reason: { type: 'string' },
        patientConfirmed: {
          type: 'boolean',
          description: "the exam was done under another number and is this order's patient's all the same",
        },
      },
    },
  })
  @Post(':mppsSopInstanceUid/link')
  @HttpCode(200)
  async link(
    @Param('mppsSopInstanceUid') uid: string,
    @Body() body: unknown,
    @Req() request: object,
  ): Promise<Procedure> {
    return this.exams.link(uid, linkRequest(body), clientOf(request));
  }
}

function linkRequest(body: unknown): LinkRequest {
  const said = (body ?? {}) as Record<string, unknown>;
  for (const field of texts)
    if (said[field] !== undefined && (typeof said[field] !== 'string' || !said[field].trim()))
      throw fail('field-invalid', 'must be a text', { field });
  if (said.patientConfirmed !== undefined && typeof said.patientConfirmed !== 'boolean')
    throw fail('field-invalid', 'must be true or false', { field: 'patientConfirmed' });
  if ((said.orderId === undefined) === (said.accessionNumber === undefined))
    throw fail('field-missing', 'name the order by orderId or by accessionNumber', { field: 'orderId' });
  if (said.reason === undefined) throw fail('field-missing', 'say why the exam is of this order', { field: 'reason' });
  return { ...(said as unknown as LinkRequest), patientConfirmed: said.patientConfirmed === true };
}
