import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { FollowedAppointments } from './booking/followed-appointments.store.js';
import { Rebookings } from './booking/rebookings.store.js';
import { UncertifiedExams, type UncertifiedExam } from './exam/uncertified-exams.store.js';

/** What people and programs ask of the schedule beside FHIR and DICOM. */
@ApiTags('schedule')
@Controller()
export class SchedulingController {
  constructor(
    @Inject(Rebookings) private readonly rebookings: Rebookings,
    @Inject(FollowedAppointments) private readonly followed: FollowedAppointments,
    @Inject(UncertifiedExams) private readonly uncertifiedExams: UncertifiedExams,
  ) {}

  @ApiOperation({ summary: 'Steps that lost their time and have no other yet, the longest waiting first' })
  @Get('rebookings')
  async waiting(): Promise<{ steps: object[] }> {
    return { steps: await this.rebookings.list() };
  }

  @ApiOperation({ summary: 'Appointments a RIS told of orders that are not known here: ids, status and time only' })
  @Get('unmatched-appointments')
  async unmatched(): Promise<{ appointments: object[] }> {
    return { appointments: await this.followed.withoutOrder() };
  }

  @ApiOperation({ summary: 'Exams whose operator, by their MPPS, is not certified for the modality or is not known' })
  @Get('uncertified-exams')
  async uncertified(): Promise<{ exams: UncertifiedExam[] }> {
    return { exams: await this.uncertifiedExams.list() };
  }
}
