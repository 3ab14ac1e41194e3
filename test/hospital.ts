import type { DicomAddress } from './sandbox/dimse.js';
import type { Scanner } from './sandbox/scanner.js';

/** The hospital around the services as they meet it by FHIR and DICOM, of whichever programs it is made. */
export interface Hospital {
  /** The EMR's FHIR R4 server, and how long it may take to answer. */
  readonly emrFhir: { url: string; timeoutSeconds: number };
  /** Where scanners store, and where it is asked what it has. */
  readonly pacs: DicomAddress & { qidoUrl: string };
  /** A scanner that asks for its worklist there, and tells of its exams. */
  scanner(aeTitle: string, worklist: DicomAddress): Scanner;
}
