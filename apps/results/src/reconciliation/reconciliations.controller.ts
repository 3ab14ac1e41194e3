import { randomUUID } from 'node:crypto';
import { Body, Controller, Get, HttpCode, Inject, Param, ParseIntPipe, Post, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { DateTime } from 'luxon';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { recordAccess } from '#fhir';
import { CLOCK, clientOf, fail, type Clock } from '#platform';
import { differences } from './comparison.decider.js';
import { Reconcile } from './reconcile.worker.js';
import { Reconciliations, type KeptDifference, type Run } from './reconciliations.store.js';
import { RepairDesk } from './repair-desk.js';

const MOST_DAYS = 31;
const asked = z.strictObject({ from: z.iso.date(), to: z.iso.date() });
const confirmed = z.strictObject({ name: z.string().trim().min(1).max(200), repair: z.string().optional() });

/** Where people have what is here compared with others, and say which differences are repaired. */
@ApiTags('results')
@Controller('reconciliations')
export class ReconciliationsController {
  constructor(
    @Inject(Reconciliations) private readonly runs: Reconciliations,
    @Inject(Reconcile) private readonly worker: Reconcile,
    @Inject(RepairDesk) private readonly desk: RepairDesk,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @ApiOperation({
    summary:
      'Compares the studies of these days (from, to: YYYY-MM-DD, both included, 31 at most) with the PACS, and what was told of them with who is told by FHIR',
  })
  @Post()
  async start(@Body() body: unknown, @Req() request: object): Promise<Run> {
    const { from, to } = read(asked, body);
    const span = DateTime.fromISO(to).diff(DateTime.fromISO(from), 'days').days;
    if (span < 0 || span >= MOST_DAYS)
      throw fail('field-invalid', `must be from ${MOST_DAYS} days at most`, { field: 'to' });
    const id = randomUUID();
    await this.runs.ask({ id, from, to, askedBy: clientOf(request) }, this.clock.now());
    this.worker.wake();
    return (await this.runs.run(id))!;
  }

  @ApiOperation({ summary: 'Comparisons, the newest first: waiting, complete, or incomplete with who did not answer' })
  @Get()
  async list(): Promise<{ reconciliations: object[] }> {
    return { reconciliations: await this.runs.list() };
  }

  @ApiOperation({ summary: 'One comparison' })
  @Get(':id')
  async one(@Param('id') id: string): Promise<Run> {
    return this.known(id);
  }

  @ApiOperation({ summary: 'What differs, with what would repair it: numbers, ids and counts only' })
  @Get(':id/differences')
  async found(
    @Param('id') id: string,
    @Req() request: object,
  ): Promise<{ state: Run['state']; differences: object[] }> {
    const { state } = await this.known(id);
    const found = await this.runs.differences(id);
    const patientIds = [...new Set(found.flatMap(({ patientId }) => patientId ?? []))];
    const access = {
      interaction: 'search-type' as const,
      client: clientOf(request),
      service: 'results',
      references: [],
      patientIds,
    };
    await recordAccess(this.dataSource.manager, access, this.clock.now());
    return { state, differences: found.map(shown) };
  }

  @ApiOperation({
    summary:
      'Repairs one difference if it is still there, else closes it; name: who confirms it; repair: which, the first unless given',
  })
  @HttpCode(200)
  @Post(':id/differences/:number/repair')
  async repair(
    @Param('id') id: string,
    @Param('number', ParseIntPipe) number: number,
    @Body() body: unknown,
    @Req() request: object,
  ): Promise<object> {
    await this.known(id);
    const { name, repair } = read(confirmed, body);
    return shown(await this.desk.repair({ id, number, name, repair, client: clientOf(request) }));
  }

  private async known(id: string): Promise<Run> {
    const run = z.uuid().safeParse(id).success ? await this.runs.run(id) : undefined;
    if (!run) throw fail('not-found', 'there is no such comparison');
    return run;
  }
}

function shown(one: KeptDifference): object {
  return { ...one, ...differences[one.kind] };
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw fail('field-invalid', issue!.message, { field: issue!.path.join('.') || 'body' });
}
