import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Procedure } from 'fhir/r4.js';
import { extensions, referencedId } from '#fhir';

/** An exam whose operator is not known to be certified for it; names no patient. */
export interface UncertifiedExam {
  procedureId: string;
  status: string;
  station?: string;
  startedAt?: string;
  operators: { name?: string; practitionerId?: string; certification: string }[];
}

/** Exams that were done, as far as we know, by somebody without a certificate. */
@Injectable()
export class UncertifiedExams {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** The latest first, 500 at most. */
  async list(): Promise<UncertifiedExam[]> {
    // Word for word the condition of the index.
    const rows: { body: Procedure }[] = await this.dataSource.query(
      `SELECT body FROM resource
        WHERE type = 'Procedure' AND jsonb_path_exists(body, '$.performer[*].extension[*] ? (@.url == "urn:collimator:extension:certification" && @.valueCode != "certified")')
        ORDER BY body->'performedPeriod'->>'start' DESC NULLS LAST, id LIMIT 500`,
    );
    return rows.map(({ body }) => examOf(body));
  }
}

function examOf({ id, status, performedPeriod, performer = [] }: Procedure): UncertifiedExam {
  const station = performer.find(({ actor }) => referencedId(actor.reference, 'Device'));
  return {
    procedureId: id!,
    status,
    station: station?.actor.display,
    startedAt: performedPeriod?.start,
    operators: performer.flatMap(({ actor, extension = [] }) => {
      const certification = extension.find(({ url }) => url === extensions.certification)?.valueCode;
      if (!certification || certification === 'certified') return [];
      return [{ name: actor.display, practitionerId: referencedId(actor.reference, 'Practitioner'), certification }];
    }),
  };
}
