import type { DicomAddress, Dimse } from './sandbox/dimse.js';

/** The hospital around the services as they meet it by FHIR and DICOM, of whichever programs it is made. */
export interface Hospital {
  /** The EMR's FHIR R4 server, and how long it may take to answer. */
  readonly emrFhir: { url: string; timeoutSeconds: number };
  /** Where modalities store, and where it is asked what it has. */
  readonly pacs: DicomAddress & { qidoUrl: string };
  /** Who speaks for the modalities. */
  readonly dimse: Dimse;
}
