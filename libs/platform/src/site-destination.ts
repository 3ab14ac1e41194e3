import { z } from 'zod';
import { httpUrl, port, text, tlsFiles } from './site-values.js';

/** What may be kept from a destination, whatever it gets. */
const leftOut = z.enum(['demographics', 'clinicalInformation', 'people', 'reportContent']);

/**
 * Of which orders a destination is told, such as those of one referring site: one value of each list given must be the
 * order's. Nothing is told that belongs to no order, since nobody knows whose it would be.
 */
const only = z
  .strictObject({
    /** Whose orders they are, by the MSH-3 and MSH-4 of a sender. */
    senders: z
      .array(z.strictObject({ application: text, facility: text }))
      .min(1)
      .optional(),
    /** Who gave the placer order number: keys of `authorities`. */
    authorities: z.array(text).min(1).optional(),
    /** Who ordered: number or name of a person or an organization, as the order says it. */
    requesters: z.array(text).min(1).optional(),
    modalities: z.array(text).min(1).optional(),
    /** Codes of `procedures`. */
    procedures: z.array(text).min(1).optional(),
  })
  .refine(
    (given) => Object.keys(given).length > 0,
    'must say which orders: senders, authorities, requesters, modalities or procedures',
  );

const common = {
  name: text,
  only: only.optional(),
  leavesOut: z.array(leftOut).default([]),
};

/** One system that is told what happens. */
export const destination = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      ...common,
      kind: z.literal('fhir'),
      url: httpUrl,
      timeoutSeconds: z.number().positive().default(10),
      /** Name of the environment variable that holds the bearer token. */
      bearerTokenEnv: text.optional(),
      /**
       * Each fact in one transaction, or, for a server that takes none, as conditional updates one by one. FHIR knows
       * those by a search in the URL only: then the number of an order or a report is in it, though never a patient's.
       */
      by: z.enum(['transaction', 'updates']).default('transaction'),
      /**
       * Exams, studies and reports (results), contrast given, reactions to it, the radiation dose of studies; what becomes
       * of appointments: booked, moved, arrived, cancelled, and fulfilled; what patients are told before and after an exam
       * (instructions).
       */
      gets: z
        .array(z.enum(['results', 'contrast', 'reactions', 'dose', 'appointments', 'instructions']))
        .default(['results', 'contrast', 'reactions', 'dose']),
    }),
    z.strictObject({
      ...common,
      kind: z.literal('mllp'),
      host: text,
      port,
      /** Without it messages go in plaintext. */
      tls: tlsFiles.optional(),
      /** MSH-5 and MSH-6 of what we send. */
      application: text,
      facility: text,
      ackTimeoutSeconds: z.number().positive().default(10),
      /** At most so many at once, each for another patient: more where one acknowledgement takes long. */
      connections: z.int().min(1).max(16).default(1),
      /**
       * Beside the status of its own orders, which `repliesTo` of a sender asks for: results of exams (ORU^R01), merges
       * of patients (ADT^A40), appointments (SIU); the status of every order (ORM^O01), reports as documents (MDM),
       * contrast given (RAS^O17), reactions to it (ADT^A60), the radiation dose of studies (an ORU^R01 of its own). A fact
       * comes once: what has a message of its own here is not in that of the results.
       */
      gets: z
        .array(
          z.enum(['results', 'merges', 'appointments', 'orderStatus', 'documents', 'contrast', 'reactions', 'dose']),
        )
        .default(['results', 'dose']),
    }),
  ],
  { error: 'must be fhir or mllp' },
);
