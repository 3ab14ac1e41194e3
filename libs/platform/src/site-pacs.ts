import { z } from 'zod';
import { aeTitle, httpUrl, port, text, tlsFiles } from './site-values.js';

/** Where the images are, and how it is asked for them. */
export const pacs = z.strictObject({
  name: text,
  /** Where it is asked what it has, by QIDO-RS; else by C-FIND (`find`). One of both is given. */
  qidoUrl: httpUrl.optional(),
  /** A PACS without DICOMweb: where it answers C-FIND of the Study Root. */
  find: z
    .strictObject({
      host: text,
      port,
      aeTitle,
      tls: tlsFiles.optional(),
    })
    .optional(),
  /** Name of the environment variable that holds the Authorization header it wants by HTTP, such as `Basic …`. */
  authorizationEnv: text.optional(),
  /** Orthanc's own REST interface, whose changes are followed: what arrives is looked at without waiting. */
  orthanc: z.strictObject({ url: httpUrl, everySeconds: z.number().positive().default(5) }).optional(),
  /** Prior studies are looked for there too, by Patient ID, which by QIDO-RS is in the URL. */
  priors: z.boolean().default(false),
  /** Who may say by DICOM what is there of a study (Instance Availability Notification). */
  aeTitles: z.array(aeTitle).default([]),
  /** Where it is asked by DICOM whether a study that was found is safely stored; it is not asked unless given. */
  storageCommitment: z.strictObject({ host: text, port, aeTitle }).optional(),
  wadoUrl: httpUrl.optional(),
  /** How long one question may take, 15 unless given. */
  timeoutSeconds: z.number().positive().optional(),
  /** `{studyInstanceUid}` is replaced by the study's UID. */
  viewerUrl: z
    .string()
    .regex(/^https?:\/\/\S*\{studyInstanceUid\}\S*$/, 'must be an http or https URL that holds {studyInstanceUid}')
    .optional(),
  lookup: z
    .strictObject({
      firstAfterSeconds: z.number().min(0).default(2),
      everySeconds: z.number().positive().default(10),
      giveUpAfterSeconds: z.number().positive().default(1800),
      /** When a study that was found is looked at again, for what came or was rejected since. */
      againAfterSeconds: z.array(z.number().positive()).default([300, 3600, 21_600, 86_400, 604_800]),
      /** How long the PACS may have images before an exam that made them, or an order, must be known. */
      withoutExamAfterSeconds: z.number().min(0).default(3600),
    })
    .prefault({}),
});
