import { Body, Controller, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { DataSource } from 'typeorm';
import { CLOCK, clientOf, fail, type Clock } from '#platform';
import { readBarcode } from '../barcodes/gs1.js';
import { ContainerDesk, type ContainerView } from './container-desk.js';
import { LookUpSupply } from './look-up-supply.js';
import type { Objection } from './lot.js';
import { RecallDesk } from './recall-desk.js';
import { readStatement, type NamedLot, type Statement, type StatementKind } from './read-supply-statement.js';
import { idIn } from './supplies-in-stock.controller.js';
import { SupplyDesk } from './supply-desk.js';
import type { Answered } from './supply-entries.js';

const LOT = '{ barcode } or { gtin, lotNumber } or { lot: its id }';

/** Where a pharmacy's system, or somebody with a scanner, says what became of stock. A statement sent again does nothing more. */
@ApiTags('supplies')
@Controller('supplies')
export class SuppliesController {
  constructor(
    @Inject(SupplyDesk) private readonly desk: SupplyDesk,
    @Inject(ContainerDesk) private readonly containers: ContainerDesk,
    @Inject(RecallDesk) private readonly recalls: RecallDesk,
    @Inject(LookUpSupply) private readonly supply: LookUpSupply,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @ApiOperation({
    summary: `Containers came in: { identifier: { system, value }, barcode or gtin, lotNumber and expiresOn, room, containers, at? }; 200 where it was said before`,
  })
  @Post('receipts')
  async receive(@Body() body: unknown, @Req() request: object, @Res({ passthrough: true }) response: Response) {
    return answer(response, await this.desk.receive(this.read('receipt', body), clientOf(request)));
  }

  @ApiOperation({ summary: `Unopened containers went to another room: { identifier, ${LOT}, from, to, containers }` })
  @Post('moves')
  async move(@Body() body: unknown, @Req() request: object, @Res({ passthrough: true }) response: Response) {
    return answer(response, await this.desk.move(this.read('move', body), clientOf(request)));
  }

  @ApiOperation({
    summary: `Unopened containers were counted: { identifier, ${LOT}, room, containers }; what was unaccounted for there is settled`,
  })
  @Post('counts')
  async count(@Body() body: unknown, @Req() request: object, @Res({ passthrough: true }) response: Response) {
    return answer(response, await this.desk.count(this.read('count', body), clientOf(request)));
  }

  @ApiOperation({
    summary: `Unopened containers were thrown away: { identifier, ${LOT}, room, containers, reason: waste | expired | recalled | damaged }`,
  })
  @Post('discards')
  async discard(@Body() body: unknown, @Req() request: object, @Res({ passthrough: true }) response: Response) {
    return answer(response, await this.desk.discard(this.read('discard', body), clientOf(request)));
  }

  @ApiOperation({
    summary: `A container was opened: { identifier, ${LOT}, room, at? }; its id is named by what is given from it`,
  })
  @Post('containers')
  async open(@Body() body: unknown, @Req() request: object, @Res({ passthrough: true }) response: Response) {
    return answer(response, await this.containers.open(this.read('opening', body), clientOf(request)));
  }

  @ApiOperation({
    summary:
      'An opened container was thrown away with what was in it: { reason?: waste | expired | recalled | damaged, at? }',
  })
  @Post('containers/:id/discard')
  @HttpCode(200)
  discardContainer(@Param('id') id: string, @Body() body: unknown): Promise<ContainerView> {
    return this.containers.discard(idIn(id), this.read('container-discard', body));
  }

  @ApiOperation({
    summary: `A lot is recalled: { identifier, barcode or gtin and lotNumber, reason }; nothing of it may be given from now on`,
  })
  @Post('recalls')
  async recall(@Body() body: unknown, @Req() request: object, @Res({ passthrough: true }) response: Response) {
    return answer(response, await this.recalls.recall(this.read('recall', body), clientOf(request)));
  }

  @ApiOperation({
    summary: `A recall was a mistake, or is over: { identifier, ${LOT}, reason }; the lot may be given again`,
  })
  @Post('recalls/withdrawals')
  async withdraw(@Body() body: unknown, @Req() request: object, @Res({ passthrough: true }) response: Response) {
    return answer(response, await this.recalls.withdraw(this.read('withdrawal', body), clientOf(request)));
  }

  @ApiOperation({
    summary: `Whether something may be given now, and why not: { barcode, or gtin and lotNumber, container?, exam?: id of its contrast record }`,
  })
  @Post('check')
  @HttpCode(200)
  async check(@Body() body: unknown): Promise<{ mayBeGiven: boolean; objections: Objection[] }> {
    const { lotNumber, gtin, expiresOn, container: containerId, exam: examId } = this.read('check', body);
    if (!lotNumber)
      throw fail('field-missing', 'lotNumber is required, or a barcode that holds it', { field: 'lotNumber' });
    const meant = { lotNumber, gtin, agent: undefined, containerId, expiresOn };
    const { objections } = await this.supply.find(meant, { at: this.clock.now(), examId }, this.dataSource.manager);
    return { mayBeGiven: objections.length === 0, objections };
  }

  /** A statement, with what its barcode says; what is stated beside it must say the same. */
  private read<K extends StatementKind>(kind: K, body: unknown): Statement<K> {
    return withBarcode(readStatement(kind, body) as Statement<K> & NamedLot, this.clock.now());
  }
}

function withBarcode<S extends NamedLot>(said: S, now: Date): S {
  if (said.barcode === undefined) return said;
  const { gtin, lot: lotNumber, expiry: expiresOn } = readBarcode(said.barcode, now);
  const read = { gtin, lotNumber, expiresOn };
  for (const field of ['gtin', 'lotNumber', 'expiresOn'] as const)
    if (said[field] && read[field] && said[field] !== read[field])
      throw fail('field-invalid', `${field} says something else than the barcode: scan the package again`, { field });
  return { ...said, ...Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined)) };
}

function answer<T>(response: Response, { isNew, answer: said }: Answered<T>): T {
  response.status(isNew ? 201 : 200);
  return said;
}
