import { Controller, Get, Inject, Param, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { clientOf, fail } from '#platform';
import { PriorStudies, type PriorStudiesAnswer } from './prior-studies.js';
import { StudyAlertList } from './study-alerts.store.js';

/** What a radiologist and a PACS administrator ask of studies. */
@ApiTags('results')
@Controller()
export class StudiesController {
  constructor(
    @Inject(PriorStudies) private readonly priors: PriorStudies,
    @Inject(StudyAlertList) private readonly alerts: StudyAlertList,
  ) {}

  @ApiOperation({
    summary: "Earlier studies of a study's patient, those of the same body site and modality first",
    description:
      'By Study Instance UID or ImagingStudy id; records that were merged, and where the site says so the PACS, included',
  })
  @Get('studies/:study/priors')
  priorStudies(@Param('study') study: string, @Req() request: object): Promise<PriorStudiesAnswer> {
    return this.priors.of(study, clientOf(request));
  }

  @ApiOperation({ summary: 'Alerts about exams, orders and images that do not go together: ids and times only' })
  @Get('study-alerts')
  async studyAlerts(@Query('state') state = 'open'): Promise<{ alerts: object[] }> {
    if (state !== 'open' && state !== 'resolved')
      throw fail('field-invalid', 'must be open or resolved', { field: 'state' });
    return { alerts: await this.alerts.list(state) };
  }
}
