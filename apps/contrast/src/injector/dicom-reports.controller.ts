import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { dicomFileOf, sopClasses } from '#dicom';
import { FhirStore, recordAccess, referencedId } from '#fhir';
import { UnitOfWork } from '#messaging';
import { clientOf, fail, INFRASTRUCTURE, type Infrastructure } from '#platform';
import { InjectorReportDesk } from './injector-report-desk.js';
import { InjectorReports, type ReportOutcome, type ReportState, type WholeReport } from './injector-reports.store.js';

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
export class DicomReportsController {
  constructor(
    @Inject(InjectorReports) private readonly reports: InjectorReports,
    @Inject(InjectorReportDesk) private readonly desk: InjectorReportDesk,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  @ApiOperation({ summary: 'Reports of injectors by state: unmatched, incomplete, recorded; numbers and reasons only' })
  @Get()
  async list(@Query('state') state = 'unmatched') {
    if (!Object.hasOwn(states, state))
      throw fail('field-invalid', `must be one of ${Object.keys(states).join(', ')}`, { field: 'state' });
    return { reports: await this.reports.list(states[state]!) };
  }

  @ApiOperation({ summary: 'A report with what was read of it' })
  @Get(':sopInstanceUid')
  async show(@Param('sopInstanceUid') uid: string, @Req() request: object): Promise<object> {
    const { object, transferSyntax, ...shown } = await this.read(uid, request);
    return { ...shown, transferSyntax, bytes: object.length };
  }

  @ApiOperation({ summary: 'A report as a DICOM file (PS3.10), its data set byte for byte as it came' })
  @Get(':sopInstanceUid/object')
  async object(
    @Param('sopInstanceUid') uid: string,
    @Req() request: object,
    @Res({ passthrough: true }) response: Response,
  ): Promise<StreamableFile> {
    const { object, transferSyntax } = await this.read(uid, request);
    response.setHeader('content-type', 'application/dicom');
    const sopClassUid = sopClasses.performedImagingAgentAdministrationSr;
    return new StreamableFile(dicomFileOf(object, { sopClassUid, sopInstanceUid: uid, transferSyntax }));
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
    if (typeof orderId !== 'string' || orderId === '')
      throw fail('field-missing', 'orderId is required', { field: 'orderId' });
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

  /** Who looks at a report looks at a patient, whoever that is: it is audited. */
  private async read(uid: string, request: object): Promise<WholeReport> {
    return this.unitOfWork.run(undefined, async ({ manager, now }) => {
      const whole = await this.reports.whole(manager, uid);
      if (!whole) throw fail('not-found', 'there is no report with this SOP Instance UID');
      const { service } = this.infrastructure;
      const references = [`injector-report/${uid}`];
      await recordAccess(
        manager,
        { interaction: 'read', client: clientOf(request), service, references, patientIds: [] },
        now,
      );
      return whole;
    });
  }
}
