import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { rate, SITE, type Rate, type Site } from '#platform';
import { rejectReasons } from './read-reject.js';

/** What rates are told apart by, with the SQL that says it of an exposure. */
const dimensions = {
  view: "nullif(concat_ws(' ', body_part, view), '')",
  room: 'room',
  detector: 'detector',
  modality: 'modality',
  operator: 'operator',
  day: "to_char(at AT TIME ZONE $4, 'YYYY-MM-DD')",
  week: "to_char(date_trunc('week', at AT TIME ZONE $4), 'YYYY-MM-DD')",
  month: "to_char(at AT TIME ZONE $4, 'YYYY-MM')",
} as const;
export const rateDimensions = [...Object.keys(dimensions), 'reason'] as RateDimension[];
export type RateDimension = keyof typeof dimensions | 'reason';

/** Where it is not known. */
export const NOT_KNOWN = 'not known';

/** How many exposures of one room, view … were rejected, and how many were made again. */
export interface QualityRate {
  value: string;
  /** Of a reason. */
  display?: string;
  rejects: Rate;
  repeats: Rate;
}

export interface QualityRates {
  total: QualityRate;
  rows: QualityRate[];
}

interface Counted {
  value: string | null;
  images: number;
  rejects: number;
  repeats: number;
}

/**
 * Reject and repeat rates. What they are of: every image of the site's modalities for exposures, each once by SOP
 * Instance UID, that an exam says it made (MPPS) or the PACS has or had, and every rejected or repeated exposure that is
 * none of these or has no UID. Both are counted at the time of the exposure, so that a rate is never above one.
 */
@Injectable()
export class QualityRateStore {
  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** The rates of a time, until before its end. A reason has no images of its own: its rates are of all. */
  async rates(from: Date, to: Date, by: RateDimension, manager?: EntityManager): Promise<QualityRates> {
    const parameters = [from, to, this.site.exposures.modalities, this.site.timeZone];
    const query = <T>(sql: string) =>
      (manager ?? this.dataSource).query<T>(exposuresOf(by === 'operator') + sql, parameters);
    const counts = `count(*)::int AS images, (count(*) FILTER (WHERE rejected))::int AS rejects, (count(*) FILTER (WHERE repeated))::int AS repeats`;
    const [all] = await query<Counted[]>(`SELECT NULL AS value, ${counts} FROM exposure WHERE $4::text <> ''`);
    const rows =
      by === 'reason'
        ? await query<Counted[]>(
            `SELECT why AS value, ${all!.images} AS images, (count(*) FILTER (WHERE kind = 'reject'))::int AS rejects,
                    (count(*) FILTER (WHERE kind = 'repeat'))::int AS repeats
               FROM exposure CROSS JOIN LATERAL (VALUES ('reject', rejected, reject_reason), ('repeat', repeated, repeat_reason)) AS v (kind, is_so, why)
              WHERE is_so AND $4::text <> '' GROUP BY 1 ORDER BY 1`,
          )
        : await query<Counted[]>(
            `SELECT ${dimensions[by]} AS value, ${counts} FROM exposure WHERE $4::text <> '' GROUP BY 1 ORDER BY 1`,
          );
    return { total: rateOf({ ...all!, value: 'all' }), rows: rows.map(rateOf) };
  }
}

function rateOf({ value, images, rejects, repeats }: Counted): QualityRate {
  const display = rejectReasons[value ?? ''];
  return {
    value: value ?? NOT_KNOWN,
    ...(display ? { display } : {}),
    rejects: rate(rejects, images),
    repeats: rate(repeats, images),
  };
}

/** One row an exposure. What an entry says of it goes before what the image says. */
function exposuresOf(withOperator: boolean): string {
  const said = ['modality', 'body_part', 'view', 'room', 'detector'];
  return `
    WITH image AS (
      SELECT sop_instance_uid AS exposure, ${said.join(', ')}, acquired_at AS at FROM acquired_image
       WHERE acquired_at >= $1 AND acquired_at < $2 AND modality = ANY($3)),
    entry AS (
      SELECT exposure, ${said.map((one) => `min(${one}) AS ${one}`).join(', ')}, min(at) AS at,
             bool_or(kind = 'reject') AS rejected, bool_or(kind = 'repeat') AS repeated,
             min(reason) FILTER (WHERE kind = 'reject') AS reject_reason, min(reason) FILTER (WHERE kind = 'repeat') AS repeat_reason
        FROM quality_entry
       WHERE counts AND kind <> 'doubtful' AND at >= $1 AND at < $2 AND (modality IS NULL OR modality = ANY($3))
       GROUP BY exposure),
    exposure AS (
      SELECT exposure, ${said.map((one) => `coalesce(e.${one}, i.${one}) AS ${one}`).join(', ')}, coalesce(i.at, e.at) AS at,
             coalesce(rejected, false) AS rejected, coalesce(repeated, false) AS repeated, reject_reason, repeat_reason
             ${withOperator ? ', operator' : ''}
        FROM image AS i FULL JOIN entry AS e USING (exposure) ${withOperator ? 'LEFT JOIN quality_operator USING (exposure)' : ''})
  `;
}
