import { Inject, Injectable } from '@nestjs/common';
import type { Patient } from 'fhir/r4.js';
import { newEvent } from '#events';
import { chainOf, FhirStore, moveMerged } from '#fhir';
import type { Hl7Message } from '#hl7v2';
import type { Hl7Interpreter, Interpreted } from '#intake';
import { mergesFromAdt, mergeTypes, type MergeStated } from '#mapping';
import { MergedPatients, type Transaction } from '#messaging';
import { SITE, type Sender, type Site } from '#platform';
import { AccessionNumbers } from './accession-numbers.store.js';
import { PlacerDesk } from './placer-desk.js';
import { decideMerge } from './merge.decider.js';

/**
 * Makes two patients' records one: everything known of the prior one belongs to the survivor from then on, and so does
 * whatever still comes for it. Others are told under the prior patient's key, behind all they were told of it before.
 */
@Injectable()
export class MergePatientsWhenAdtArrives implements Hl7Interpreter {
  readonly messageTypes = mergeTypes;

  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(MergedPatients) private readonly mergedPatients: MergedPatients,
    @Inject(AccessionNumbers) private readonly accessionNumbers: AccessionNumbers,
    @Inject(PlacerDesk) private readonly placers: PlacerDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  interpret(message: Hl7Message, sender: Sender): Interpreted {
    const merges = mergesFromAdt(message, sender, this.site);
    const [first, ...others] = [...new Set(merges.flatMap(({ prior, survivor }) => [prior.id, survivor.id!]))].sort();
    return {
      patientId: first!,
      said: merges,
      carryOut: async (transaction) => {
        // In one order, as everybody's, so that opposite merges do not wait for each other.
        for (const id of others) await transaction.lock(id);
        for (const merge of merges) await this.merge(merge, transaction);
      },
    };
  }

  private async merge(asked: MergeStated, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const [before, known] = await Promise.all(
      [asked.prior.id, asked.survivor.id!].map((id) => this.store.read(manager, 'Patient', id)),
    );
    const survivorChain = known ? await chainOf(this.store, manager, known) : [];
    const decision = decideMerge({ prior: before, survivor: known, survivorChain }, asked);
    if (!decision) return;
    const [prior, survivor] = (await this.store.save(manager, [decision.prior, decision.survivor], now)) as [
      Patient,
      Patient,
    ];
    const { survivorEvent } = decision;
    if (survivorEvent) {
      const cause = `Patient/${survivor.id}/${survivor.meta?.versionId}`;
      transaction.publish(
        newEvent({ type: survivorEvent, patientId: survivor.id!, cause, now, resources: [survivor] }),
      );
    }
    const cause = `Patient/${prior.id}/${prior.meta?.versionId}`;
    transaction.publish(
      newEvent({ type: 'imaging.patient.merged.v1', patientId: prior.id!, cause, now, resources: [survivor, prior] }),
    );
    this.placers.tellMerge(survivor, prior, cause, transaction);
    for (const moved of await moveMerged(this.store, this.mergedPatients, [prior, survivor], transaction))
      await this.accessionNumbers.move(manager, moved);
  }
}
