import { Body, Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Procedure } from 'fhir/r4.js';
import { clientOf } from '#platform';
import { readOrderNamed } from './order-named.js';
import { ReassignExam } from './reassign-exam.js';

/** Where a person says that an exam was done for another order than the one of its worklist entry. */
@ApiTags('schedule')
@Controller('exams')
export class ReassignedExamsController {
  constructor(@Inject(ReassignExam) private readonly exams: ReassignExam) {}

  @ApiOperation({
    summary:
      'An exam was done for another order: its own goes back on the worklist, contrast and dose move; answers the Procedure',
  })
  @ApiBody({
    schema: {
      type: 'object',
      required: ['reason'],
      properties: {
        orderId: { type: 'string', description: 'id of the right ServiceRequest; this or the accession number' },
        accessionNumber: { type: 'string' },
        stepId: { type: 'string', description: 'Scheduled Procedure Step ID, where the right order has several' },
        reason: { type: 'string' },
        patientConfirmed: { type: 'boolean', description: "the right order is another patient's" },
      },
    },
  })
  @Post(':mppsSopInstanceUid/reassign')
  @HttpCode(200)
  async reassign(
    @Param('mppsSopInstanceUid') uid: string,
    @Body() body: unknown,
    @Req() request: object,
  ): Promise<Procedure> {
    return this.exams.reassign(uid, readOrderNamed(body), clientOf(request));
  }
}
