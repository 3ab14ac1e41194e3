import { tlsOptionsOf, type Infrastructure, type Metrics } from '#platform';
import { DicomServer } from './dicom-server.js';

/** A server on the service's DICOM listener, for these calling AE titles only, that measures what it does. */
export function guardedDicomServer(
  dicom: NonNullable<Infrastructure['dicom']>,
  callers: ReadonlySet<string>,
  metrics: Metrics,
): DicomServer {
  return new DicomServer({
    host: dicom.host,
    port: dicom.port,
    aeTitles: [dicom.aeTitle],
    callers: (aeTitle) => callers.has(aeTitle),
    tls: tlsOptionsOf(dicom),
    maxAssociations: dicom.maxAssociations,
    maxAssociationsPerPeer: dicom.maxAssociationsPerPeer,
    onEvent: (event) => {
      // Anybody may call themselves anything: a title of nobody here would be a time series without end.
      const peer = callers.has(event.callingAeTitle) ? event.callingAeTitle : 'other';
      if (event.kind === 'dimse')
        metrics.dimseDuration.observe({ peer, operation: event.operation, status: event.status }, event.ms / 1000);
      else metrics.dicomAssociations.inc({ peer, outcome: event.kind });
    },
  });
}
