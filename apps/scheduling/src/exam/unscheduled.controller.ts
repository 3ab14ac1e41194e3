import { Body, Controller, Get, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Procedure } from 'fhir/r4.js';
import { clientOf } from '#platform';
import { readOrderNamed } from './order-named.js';
import { UnscheduledExams } from './unscheduled-exams.js';

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
    return this.exams.link(uid, readOrderNamed(body), clientOf(request));
  }
}
