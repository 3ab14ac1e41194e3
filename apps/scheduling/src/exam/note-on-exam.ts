import type { FhirStore } from '#fhir';
import type { Transaction } from '#messaging';
import { procedureIdOf } from './exam.decider.js';

/** Who said of an exam whose it is, and why, stands on it. */
export async function noteOnExam(
  store: FhirStore,
  mppsUid: string,
  { client, text }: { client: string; text: string },
  { manager, now }: Transaction,
): Promise<void> {
  const procedure = (await store.read(manager, 'Procedure', procedureIdOf(mppsUid)))!;
  const note = [...(procedure.note ?? []), { authorString: client, time: now.toISOString(), text }];
  await store.save(manager, [{ ...procedure, note }], now);
}
