import { Controller, Get, Inject, Param, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { DataSource } from 'typeorm';
import { CLOCK, clientOf, fail, SITE, timesIn, type Clock, type Site } from '#platform';
import type { Recipient } from './administered-supply.store.js';
import { ContainerDesk, type ContainerView } from './container-desk.js';
import { suggestionsFrom } from './first-expired-first-out.decider.js';
import { dayOf, lotObjections, type Objection } from './lot.js';
import { LotsStore } from './lots.store.js';
import { isAtMost } from './low-stock.decider.js';
import { RecallDesk } from './recall-desk.js';
import { RoomsStock, type RoomLot } from './rooms-stock.js';
import { onHandOf } from './stock-levels.js';
import { volumeOf } from './stock.js';
import { lotView, type LotView } from './supply-desk.js';
import { SupplyReports, type Discrepancy, type Waste } from './supply-reports.store.js';
import { millilitresOf } from './volume.js';

/** One lot in a room, with why nothing of it may be given. */
interface LotInRoomView {
  room: string;
  lot: LotView;
  sealed: number;
  open: number;
  /** Unopened, and left in what is open. */
  volumeMl: number;
  objections: Objection[];
}

const ROOM = {
  name: 'room',
  required: false,
  description: 'of one room, by its name in the site file; all without it',
};

/** What is in stock, what to take, what must go, and who received of a lot. */
@ApiTags('supplies')
@Controller('supplies')
export class SuppliesInStockController {
  constructor(
    @Inject(RoomsStock) private readonly rooms: RoomsStock,
    @Inject(ContainerDesk) private readonly containers: ContainerDesk,
    @Inject(RecallDesk) private readonly recalls: RecallDesk,
    @Inject(LotsStore) private readonly lots: LotsStore,
    @Inject(SupplyReports) private readonly reports: SupplyReports,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @ApiOperation({
    summary: 'What is in stock by room and lot, and what of it may be given by room and agent; what is low',
  })
  @ApiQuery(ROOM)
  @ApiQuery({ name: 'agent', required: false, description: 'of one agent, by its name in the contrast policy' })
  @Get('stock')
  async stock(@Query('room') room: unknown, @Query('agent') agent: unknown) {
    const found = await this.find(one(room, 'room'), one(agent, 'agent'));
    return {
      agents: this.agentsOf(found, one(room, 'room'), one(agent, 'agent')),
      lots: found.map((lot) => this.view(lot)),
    };
  }

  @ApiOperation({ summary: 'What to take next: open containers, then unopened ones of the lot that expires first' })
  @ApiQuery({ name: 'room', required: true })
  @ApiQuery({ name: 'agent', required: true })
  @Get('suggestion')
  async suggestion(@Query('room') room: unknown, @Query('agent') agent: unknown) {
    const [inRoom, ofAgent] = [one(room, 'room'), one(agent, 'agent')];
    if (!inRoom) throw fail('field-missing', 'room is required', { field: 'room' });
    if (!ofAgent) throw fail('field-missing', 'agent is required', { field: 'agent' });
    const found = await this.find(inRoom, ofAgent);
    const suggestions = suggestionsFrom(found, this.clock.now(), this.site.timeZone);
    return {
      suggestions: suggestions.map(({ lot, containerId, volume, usableUntil }) => ({
        lot: lotView(lot, this.rooms.packages.get(lot.gtin)),
        ...(containerId ? { container: containerId } : {}),
        volumeMl: millilitresOf(volume),
        ...(usableUntil ? { usableUntil: usableUntil.toISOString() } : {}),
      })),
    };
  }

  @ApiOperation({ summary: 'What is expired, or will be within that many days, in stock by room and lot' })
  @ApiQuery({ name: 'days', required: false, description: '30 unless given' })
  @ApiQuery(ROOM)
  @Get('expiring')
  async expiring(
    @Query('days') days: unknown,
    @Query('room') room: unknown,
  ): Promise<{ expired: LotInRoomView[]; expiring: LotInRoomView[] }> {
    const ahead = /^\d{1,4}$/.test(one(days, 'days') ?? '30') ? Number(one(days, 'days') ?? 30) : undefined;
    if (ahead === undefined) throw fail('field-invalid', 'must be a number of days, 0 to 9999', { field: 'days' });
    const now = this.clock.now();
    const [today, last] = [0, ahead].map((more) =>
      dayOf(new Date(now.getTime() + more * 24 * 60 * 60 * 1000), this.site.timeZone),
    ) as [string, string];
    const found = (await this.find(one(room, 'room'))).filter(({ lot }) => lot.expiresOn !== undefined);
    const upTo = (from: (day: string) => boolean) =>
      found.filter(({ lot }) => from(lot.expiresOn!)).map((lot) => this.view(lot));
    return { expired: upTo((day) => day < today), expiring: upTo((day) => day >= today && day <= last) };
  }

  @ApiOperation({
    summary: 'Opened containers, the one opened first first; usableUntil and objections say which must go',
  })
  @ApiQuery(ROOM)
  @Get('containers')
  async open(@Query('room') room: unknown): Promise<{ containers: ContainerView[] }> {
    return { containers: await this.containers.list(one(room, 'room')) };
  }

  @ApiOperation({ summary: 'One opened container, also one that was thrown away' })
  @Get('containers/:id')
  container(@Param('id') id: string): Promise<ContainerView> {
    return this.containers.read(idIn(id));
  }

  @ApiOperation({ summary: 'Lots in stock; with ?all=true also those that are used up' })
  @ApiQuery({ name: 'all', required: false })
  @Get('lots')
  async all(@Query('all') all: unknown): Promise<{ lots: LotView[] }> {
    const lots = await this.lots.all(this.dataSource.manager, { inStock: all !== 'true' });
    return { lots: lots.map((lot) => lotView(lot, this.rooms.packages.get(lot.gtin))) };
  }

  @ApiOperation({
    summary: 'Who received of a lot: patients with their numbers, exam, time and volume, in the order of time',
  })
  @Get('lots/:id/recipients')
  recipients(@Param('id') id: string, @Req() request: object): Promise<{ lot: LotView; recipients: Recipient[] }> {
    return this.recalls.recipients(idIn(id), clientOf(request));
  }

  @ApiOperation({
    summary: 'What was given and is in no stock, or was given though something was against it; the newest first',
  })
  @ApiQuery(ROOM)
  @Get('discrepancies')
  async discrepancies(@Query('room') room: unknown): Promise<{ discrepancies: Discrepancy[] }> {
    return { discrepancies: await this.reports.discrepancies(one(room, 'room')) };
  }

  @ApiOperation({ summary: 'What was thrown away, in mL by room, lot and reason' })
  @ApiQuery({ name: 'from', required: true, description: 'first day, or time with its offset' })
  @ApiQuery({ name: 'to', required: true, description: 'last day, itself included; or a time, itself left out' })
  @Get('waste')
  async waste(
    @Query('from') from: unknown,
    @Query('to') to: unknown,
  ): Promise<{ waste: (Waste & { agent?: string | undefined })[] }> {
    const times = timesIn(from, to, this.site.timeZone);
    const found = await this.reports.waste(times.from, times.to);
    return { waste: found.map((row) => ({ ...row, agent: this.rooms.packages.get(row.gtin)?.agent })) };
  }

  private find(room: string | undefined, agent?: string): Promise<RoomLot[]> {
    return this.rooms.find(this.dataSource.manager, { ...(room ? { room } : {}), ...(agent ? { agent } : {}) });
  }

  private view({ room, lot, package: of, stock, packing }: RoomLot): LotInRoomView {
    const objections = lotObjections(lot, { at: this.clock.now(), timeZone: this.site.timeZone });
    return {
      room,
      lot: lotView(lot, of),
      sealed: stock.sealed,
      open: stock.containers.length,
      volumeMl: millilitresOf(volumeOf(stock, packing.size)),
      objections,
    };
  }

  /** What may be given of each agent in each room, and of those the site wants to be told of, also of nothing. */
  private agentsOf(found: readonly RoomLot[], room: string | undefined, agent: string | undefined) {
    const wanted = this.site.supplies.low.filter(
      (low) => (!room || low.room === room) && (!agent || low.agent === agent),
    );
    const keys = new Map(
      [...found.map((lot) => ({ room: lot.room, agent: lot.package.agent })), ...wanted].map((key) => [
        `${key.room}|${key.agent}`,
        key,
      ]),
    );
    return [...keys.values()].map((key) => {
      const lots = found.filter((lot) => lot.room === key.room && lot.package.agent === key.agent);
      const onHand = onHandOf(lots, this.clock.now(), this.site.timeZone);
      const threshold = wanted.find((low) => low.room === key.room && low.agent === key.agent);
      return {
        room: key.room,
        agent: key.agent,
        containers: onHand.containers,
        volumeMl: millilitresOf(onHand.volume),
        ...(threshold ? { isLow: isAtMost(onHand, threshold) } : {}),
      };
    });
  }
}

/** An id of ours. @throws Failure not-found for what is nobody's */
export function idIn(id: string): string {
  if (/^[A-Za-z0-9.-]{1,64}$/.test(id)) return id;
  throw fail('not-found', 'there is nothing with this id');
}

/** A parameter that may be there once. @throws Failure field-invalid */
function one(value: unknown, field: string): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '' && !value.includes('\0'))) return value;
  throw fail('field-invalid', 'must be given once, and not be empty', { field });
}
