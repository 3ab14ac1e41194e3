import { Body, Controller, Get, Headers, Inject, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { DateTime } from 'luxon';
import { answerWrite, assertIdOfUrl, validateResource } from '#fhir';
import { clientOf, fail, SITE, type Site } from '#platform';
import { FhirAppointmentDesk } from './fhir-appointment-desk.js';

const MOST_TIMES = 100;

/** Where a person moves, cancels and books appointments, and says who came, by FHIR R4. */
@ApiTags('schedule')
@Controller()
export class FhirAppointmentsController {
  constructor(
    @Inject(FhirAppointmentDesk) private readonly desk: FhirAppointmentDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** 200 with the Appointment as it is now; `?force=true` where a person insists on a time that is taken or not served. */
  @ApiExcludeEndpoint()
  @Put('fhir/Appointment/:id')
  async update(
    @Param('id') id: string,
    @Query('force') force: unknown,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const stated = validateResource(body, 'Appointment');
    assertIdOfUrl('Appointment', id, body);
    if (force !== undefined && force !== 'true' && force !== 'false')
      throw fail('field-invalid', 'must be true or false', { field: 'force' });
    const said = { ifMatch, insists: force === 'true', client: clientOf(request) };
    answerWrite(request, response, 200, await this.desk.update(stated, said));
  }

  @ApiExcludeEndpoint()
  @Post('fhir/Appointment')
  create(): never {
    throw fail('method-not-allowed', 'appointments come from orders: place an order, then move its Appointment by PUT');
  }

  @ApiOperation({ summary: "The next free times of an appointment's step, at the stations that can do it" })
  @ApiQuery({ name: 'from', required: false, description: 'ISO 8601; now, or the day the order asks for, without it' })
  @ApiQuery({ name: 'until', required: false, description: 'ISO 8601; a week later without it' })
  @ApiQuery({ name: 'aeTitle', required: false, description: 'of one station; all without it' })
  @ApiQuery({ name: 'limit', required: false, description: '1 to 100, 20 without it' })
  @Get('appointments/:id/free-times')
  async freeTimes(
    @Param('id') id: string,
    @Query() query: Record<string, unknown>,
    @Req() request: object,
  ): Promise<{ freeTimes: object[] }> {
    const [from, until] = ['from', 'until'].map((name) => this.timeOf(query[name], name));
    const { aeTitle, limit = '20' } = query;
    if (aeTitle !== undefined && typeof aeTitle !== 'string')
      throw fail('field-invalid', 'must be one AE title', { field: 'aeTitle' });
    if (typeof limit !== 'string' || !/^\d{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > MOST_TIMES)
      throw fail('field-invalid', `must be a number from 1 to ${MOST_TIMES}`, { field: 'limit' });
    if (until && from && until <= from) throw fail('field-invalid', 'must be behind from', { field: 'until' });
    const found = await this.desk.freeTimesOf(id, { from, until, aeTitle, limit: Number(limit) }, clientOf(request));
    const iso = (at: Date) =>
      DateTime.fromJSDate(at, { zone: this.site.timeZone }).toISO({ suppressMilliseconds: true });
    return {
      freeTimes: found.map(({ station: { aeTitle: stationAeTitle, name, room }, start, end }) => ({
        start: iso(start),
        end: iso(end),
        stationAeTitle,
        station: name,
        room,
      })),
    };
  }

  private timeOf(text: unknown, field: string): Date | undefined {
    if (text === undefined) return undefined;
    const at = typeof text === 'string' ? DateTime.fromISO(text, { zone: this.site.timeZone }) : undefined;
    if (!at?.isValid) throw fail('field-invalid', 'must be a date or time as ISO 8601 writes it', { field });
    return at.toJSDate();
  }
}
