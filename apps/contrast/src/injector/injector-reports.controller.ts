import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { FhirStore, referencedId } from '#fhir';
import { UnitOfWork } from '#messaging';
import { clientOf, fail } from '#platform';
import { InjectorReportDesk } from './injector-report-desk.js';
import { InjectorReports, type ReportOutcome, type ReportState } from './injector-reports.store.js';

const unmatched: ReportState[] = ['waiting', 'disagrees', 'ambiguous', 'refused'];
const states: Record<string, ReportState[]> = {
  unmatched,
  incomplete: ['incomplete'],
  recorded: ['recorded'],
  waiting: ['waiting'],
  disagrees: ['disagrees'],
  ambiguous: ['ambiguous'],
  refused: ['refused'],
};

/** Reports of injectors that a person has to look at, and where a person says which order one is of. */
@ApiTags('contrast')
@Controller('injector-reports')
export class InjectorReportsController {
  constructor(
    @Inject(InjectorReports) private readonly reports: InjectorReports,
    @Inject(InjectorReportDesk) private readonly desk: InjectorReportDesk,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
  ) {}

  @ApiOperation({ summary: 'Reports of injectors by state: unmatched, incomplete, recorded; numbers and reasons only' })
  @Get()
  async list(@Query('state') state = 'unmatched') {
    if (!Object.hasOwn(states, state))
      throw fail('field-invalid', `must be one of ${Object.keys(states).join(', ')}`, { field: 'state' });
    return { reports: await this.reports.list(states[state]!) };
  }

  @ApiOperation({ summary: 'A person says of which order a report is: {"orderId": "<id of the ServiceRequest>"}' })
  @Post(':sopInstanceUid/match')
  @HttpCode(200)
  async match(
    @Param('sopInstanceUid') uid: string,
    @Body() body: { orderId?: unknown } | undefined,
    @Req() request: object,
  ): Promise<ReportOutcome> {
    const orderId = body?.orderId;
    if (typeof orderId !== 'string' || orderId === '') throw fail('field-missing', 'orderId is required', { field: 'orderId' }); // prettier-ignore
    return this.unitOfWork.run(undefined, async (transaction) => {
      const { manager } = transaction;
      const order = await this.store.read(manager, 'ServiceRequest', orderId);
      if (!order) throw fail('unknown-key', 'there is no order with this id', { field: 'orderId' });
      await transaction.lock(referencedId(order.subject.reference, 'Patient')!);
      const kept = await this.reports.find(manager, uid);
      if (!kept) throw fail('not-found', 'there is no report with this SOP Instance UID');
      if (kept.state === 'recorded') throw fail('state-conflict', 'the report is recorded: correct its administration');
      const source = { by: 'injector' as const, client: clientOf(request) };
      const outcome = await this.desk.record(kept, order, source, transaction);
      await this.reports.became(manager, uid, outcome);
      return outcome;
    });
  }
}
