import { Body, Controller, Get, Headers, Inject, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { versionCorrected } from '#fhir';
import { clientOf, fail, hasScope, SITE, timesIn, type Site } from '#platform';
import type { Entry, EntryKind } from './exposure-entry.decider.js';
import { ExposureLedger } from './exposure-ledger.js';
import { Exposures, type KeptStatement } from './exposures.store.js';
import { readReject, rejectReasons } from './read-reject.js';

const CONTENT =
  '{ identifier: { system, value }, kind: reject | repeat, reason: a code of DICOM CID 7011, sopInstanceUid?, repeats?, studyInstanceUid?, accessionNumber?, modality?, bodyPart?, view?, laterality?, station?, room?, detector?, operator?, exposureIndex?, targetExposureIndex?, deviationIndex?, at, status? }';

/** A row as it is shown: the reason in words, and who the operator was only to who may know. */
type ShownEntry = Entry & { operator?: string; reasonDisplay?: string };

/** Where a console says which images it threw away and which exposures it made again, and the ledger of all of them. */
@ApiTags('quality')
@Controller('rejects')
export class RejectsController {
  constructor(
    @Inject(ExposureLedger) private readonly ledger: ExposureLedger,
    @Inject(Exposures) private readonly exposures: Exposures,
    @Inject(SITE) private readonly site: Site,
  ) {}

  @ApiOperation({
    summary: `An image was rejected, or an exposure made again: ${CONTENT}; 200 where it was said before`,
  })
  @Post()
  async record(@Body() body: unknown, @Req() request: object, @Res({ passthrough: true }) response: Response) {
    const { isNew, kept } = await this.ledger.record(readReject(body, this.site), clientOf(request));
    response.status(isNew ? 201 : 200);
    return answer(response, kept);
  }

  @ApiOperation({ summary: 'The same corrected, or taken back by status entered-in-error; If-Match has its version' })
  @Put(':id')
  async correct(
    @Param('id') id: string,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: object,
    @Res({ passthrough: true }) response: Response,
  ) {
    const stated = readReject(body, this.site);
    const version = versionCorrected(ifMatch);
    return answer(response, await this.ledger.correct(id, stated, Number(version), clientOf(request)));
  }

  @ApiOperation({
    summary: 'The ledger of a time, 2000 rows at most, newest first: ?from=&to=&kind=reject | repeat | doubtful',
    description:
      'One row a kind and exposure, whoever told of it. Who the operator was is in it for a client with the scope quality-by-operator.',
  })
  @Get()
  async list(
    @Query('from') from: unknown,
    @Query('to') to: unknown,
    @Query('kind') kind: unknown,
    @Req() request: object,
  ): Promise<{ entries: ShownEntry[] }> {
    if (kind !== undefined && !isKind(kind))
      throw fail('field-invalid', 'must be reject, repeat or doubtful', { field: 'kind' });
    const times = timesIn(from, to, this.site.timeZone);
    const entries = await this.exposures.list({ ...times, kind }, hasScope(request, 'quality-by-operator'));
    return {
      entries: entries.map((entry) => ({
        ...entry,
        ...(entry.reason ? { reasonDisplay: rejectReasons[entry.reason]! } : {}),
      })),
    };
  }
}

function isKind(kind: unknown): kind is EntryKind {
  return kind === 'reject' || kind === 'repeat' || kind === 'doubtful';
}

/** Not with the operator: who says something of it need not be who may know. */
function answer(response: Response, { statement, version }: KeptStatement) {
  response.setHeader('ETag', `W/"${version}"`);
  const { isInError, ...said } = statement;
  return { ...said, status: isInError ? 'entered-in-error' : 'final', version };
}
