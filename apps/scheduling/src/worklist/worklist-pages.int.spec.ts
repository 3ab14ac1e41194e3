import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aPatient, aServiceRequest } from '#testing';
import { ASchedulingService } from '../a-scheduling-service.spec.js';

let service: ASchedulingService;
beforeAll(async () => {
  service = await ASchedulingService.start();
  const patient = aPatient({ mrn: 'ONE' });
  const order = aServiceRequest({ placerOrderNumber: 'ONE', accessionNumber: 'ONE', patient });
  await service.tell('imaging.order.placed.v1', order, patient);
  await service.listed('ONE');
  const columns = await service.sql<{ column_name: string }>(
    `SELECT column_name FROM information_schema.columns
      WHERE table_schema = current_schema() AND table_name = 'worklist_item' AND is_generated = 'NEVER'`,
  );
  const names = columns.map((one) => one.column_name).join(', ');
  await service.sql(
    `INSERT INTO worklist_item (${names})
     SELECT ${names} FROM generate_series(1, 2500) AS n, LATERAL (
       SELECT made.* FROM worklist_item AS w, jsonb_populate_record(w, jsonb_build_object('appointment_id', 'copy' || n,
         'start_time', lpad(n::text, 6, '0'), 'attributes', w.attributes || jsonb_build_object('AccessionNumber', 'N' || n))) AS made
        WHERE w.accession_number = 'ONE' AND w.appointment_id NOT LIKE 'copy%') AS item`,
  );
}, 60_000);
afterAll(() => service?.stop());

describe('A worklist of thousands', () => {
  it('is given whole, each item once and in order, to a modality that asks for everything', async () => {
    const found = (await service.find()).map((item) => item.text('AccessionNumber'));
    expect(found).toHaveLength(2501);
    expect(new Set(found).size).toBe(2501);
    const copies = found.filter((one) => one !== 'ONE');
    expect(copies).toEqual([...copies].sort((a, b) => Number(a!.slice(1)) - Number(b!.slice(1))));
  });

  it('is no list for a screen: whoever asks for it is told to name a station and a day', async () => {
    const response = await fetch(`${service.url}/worklist`);
    expect(response.status).toBe(413);
    expect(await response.text()).toContain('name a station and a day');
    expect((await fetch(`${service.url}/worklist?aeTitle=DX01`)).status).toBe(200);
  });
});
