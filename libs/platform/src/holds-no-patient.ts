import { SetMetadata } from '@nestjs/common';

/** Metadata key of {@link HoldsNoPatient}. */
export const HOLDS_NO_PATIENT = 'collimator:holds-no-patient';

/**
 * Marks a controller or a route whose answers say nothing of a patient, so that looks at it stay out of the audit trail.
 * Every other route is recorded there by itself.
 *
 * @param why what the answers hold instead
 */
export const HoldsNoPatient = (why: string) => SetMetadata(HOLDS_NO_PATIENT, why);
