import { Inject, Injectable } from '@nestjs/common';
import { FhirStore, recordAccess, referencedId, uuidFrom } from '#fhir';
import { UnitOfWork } from '#messaging';
import { fail, INFRASTRUCTURE, SITE, type Infrastructure, type Site } from '#platform';
import { withSetupUsed } from './exam-setup.decider.js';
import { PerformedProcedureSteps } from './performed-procedure-steps.store.js';

/** Records which positioning aids and shielding an exam used, as a new version of its Procedure. */
@Injectable()
export class RecordSetup {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(PerformedProcedureSteps) private readonly steps: PerformedProcedureSteps,
    @Inject(SITE) private readonly site: Site,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  /** @throws Failure not-found, field-invalid, value-unknown */
  async record(mppsUid: string, stated: unknown, client: string): Promise<object> {
    const patientId = await this.steps.patientOf(mppsUid);
    if (!patientId) throw fail('not-found', 'there is no exam with this MPPS SOP Instance UID');
    return this.unitOfWork.run(patientId, async ({ manager, now }) => {
      const exam = await this.store.read(manager, 'Procedure', uuidFrom('Procedure', mppsUid));
      if (!exam) throw fail('not-found', 'there is no exam with this MPPS SOP Instance UID');
      const [saved] = await this.store.save(manager, [withSetupUsed(exam, stated, this.site)], now);
      await recordAccess(
        manager,
        {
          interaction: 'update',
          client,
          service: this.infrastructure.service,
          references: [`Procedure/${exam.id}`],
          patientIds: [referencedId(exam.subject.reference, 'Patient')!],
        },
        now,
      );
      return { procedureId: saved!.id, used: (saved!.usedCode ?? []).flatMap(({ coding = [] }) => coding) };
    });
  }
}
