import { Controller, Get, Header, Inject, Query } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { doseUnitOf, fail, SITE, timesIn, type Site } from '#platform';
import { DoseExams, type DoseStatistic } from './dose-exams.store.js';
import { registryCsv } from './dose-registry.js';
import { DoseReports } from './dose-reports.store.js';

/** More exams than a large department does in a year. */
const MOST_EXAMS = 200_000;

/** What who watches over radiation asks of doses. Nothing here says whose they are. */
@ApiTags('results')
@Controller('dose')
export class DoseController {
  constructor(
    @Inject(DoseExams) private readonly exams: DoseExams,
    @Inject(DoseReports) private readonly reports: DoseReports,
    @Inject(SITE) private readonly site: Site,
  ) {}

  @ApiOperation({
    summary: 'Median and third quartile of each measure, by room, procedure and protocol',
    description: 'Of exams on days from `from` to `to`, both included, as YYYY-MM-DD in the zone of the site',
  })
  @Get('statistics')
  async statistics(
    @Query('from') from: unknown,
    @Query('to') to: unknown,
  ): Promise<{ statistics: (DoseStatistic & { unit: string })[] }> {
    const times = timesIn(from, to, this.site.timeZone);
    const found = await this.exams.statistics(times.from, times.to);
    return { statistics: found.map((one) => ({ ...one, unit: doseUnitOf(one.measure) })) };
  }

  @ApiOperation({
    summary: 'Exams with their doses for a registry, as CSV: by month and age band, without anything of the patient',
    description: 'Of exams on days from `from` to `to`, both included, as YYYY-MM-DD in the zone of the site',
  })
  @ApiProduces('text/csv')
  @Header('Content-Type', 'text/csv; charset=utf-8')
  @Header('Content-Disposition', 'attachment; filename="dose.csv"')
  @Get('export')
  async registry(@Query('from') from: unknown, @Query('to') to: unknown): Promise<string> {
    const times = timesIn(from, to, this.site.timeZone);
    const exams = await this.exams.list(times.from, times.to, MOST_EXAMS + 1);
    if (exams.length > MOST_EXAMS)
      throw fail('too-large', `more than ${MOST_EXAMS} exams: ask for fewer days`, { field: 'to' });
    return registryCsv(exams, this.site.timeZone);
  }

  @ApiOperation({
    summary:
      "Dose reports whose exam is not known (yet), that are not its patient's, or that cannot be read: UIDs and reasons",
  })
  @Get('waiting-reports')
  async waiting(): Promise<{ reports: object[] }> {
    return { reports: await this.reports.list() };
  }
}
