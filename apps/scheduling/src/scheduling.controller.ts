import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { PerformedProcedureSteps } from './performed-procedure-steps.store.js';

/** What people and programs ask of the schedule beside FHIR and DICOM. */
@ApiTags('schedule')
@Controller()
export class SchedulingController {
  constructor(@Inject(PerformedProcedureSteps) private readonly steps: PerformedProcedureSteps) {}

  @ApiOperation({ summary: 'Exams that no order accounts for, newest first; ids, times and the reason only' })
  @Get('unscheduled')
  async unscheduled(): Promise<{ exams: object[] }> {
    return { exams: await this.steps.unscheduled() };
  }
}
