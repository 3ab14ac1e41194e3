import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { fail } from '#platform';
import { StorageCommitments } from './storage-commitment/storage-commitments.store.js';
import { StudyLookups } from './study/study-lookups.store.js';
import { UnmatchedReports } from './report/unmatched-reports.store.js';

/** What waits for a person in results. */
@ApiTags('results')
@Controller()
export class ResultsController {
  constructor(
    @Inject(StudyLookups) private readonly lookups: StudyLookups,
    @Inject(StorageCommitments) private readonly commitments: StorageCommitments,
    @Inject(UnmatchedReports) private readonly reports: UnmatchedReports,
  ) {}

  @ApiOperation({
    summary: 'Studies by state: searching, found, missing; uncommitted where the PACS did not say it keeps them',
  })
  @Get('studies')
  async studies(@Query('state') state = 'missing') {
    if (state === 'uncommitted') return { studies: await this.lookups.listUncommitted() };
    if (!['searching', 'found', 'missing'].includes(state))
      throw fail('field-invalid', 'must be searching, found, missing or uncommitted', { field: 'state' });
    return { studies: await this.lookups.list(state) };
  }

  @ApiOperation({ summary: 'Questions of modalities whether images are safely stored: open, or failed' })
  @Get('storage-commitments')
  async storageCommitments(@Query('state') state = 'failed') {
    if (state !== 'open' && state !== 'failed')
      throw fail('field-invalid', 'must be open or failed', { field: 'state' });
    return { commitments: await this.commitments.list(state) };
  }

  @ApiOperation({ summary: 'Reports whose order is not known here: ids only' })
  @Get('unmatched-reports')
  async unmatched() {
    return { reports: await this.reports.list() };
  }
}
