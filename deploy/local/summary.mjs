/**
 * What runs where, and what to try next.
 *
 * @param {import('./local-settings.mjs').LocalSettings} settings
 * @param {{ databaseUrl: string, brokers: string, siteFile: string }} where
 * @param {number} seconds since npm start
 */
export function summary({ ports, logs }, where, seconds) {
  return `
Up after ${seconds.toFixed(1)} s. Running now:

  orders       http://127.0.0.1:${ports.ORDERS_HTTP_PORT}/docs   HL7 orders and admissions by MLLP on port ${ports.ORDERS_MLLP_PORT}
  scheduling   http://127.0.0.1:${ports.SCHEDULING_HTTP_PORT}/docs   DICOM worklist and MPPS on port ${ports.SCHEDULING_DICOM_PORT}, AE title COLLIMATOR; HL7 appointments by MLLP on port ${ports.SCHEDULING_MLLP_PORT}
  contrast     http://127.0.0.1:${ports.CONTRAST_HTTP_PORT}/docs   contrast administrations by FHIR; reports of injectors by DICOM on port ${ports.CONTRAST_DICOM_PORT}
  results      http://127.0.0.1:${ports.RESULTS_HTTP_PORT}/docs   HL7 reports by MLLP on port ${ports.RESULTS_MLLP_PORT}; DICOM availability, storage commitment and dose reports on port ${ports.RESULTS_DICOM_PORT}
  sandbox      EMR http://127.0.0.1:${ports.SANDBOX_FHIR_PORT}/fhir, MLLP port ${ports.SANDBOX_MLLP_PORT}; PACS http://127.0.0.1:${ports.SANDBOX_QIDO_PORT}/dicom-web, DICOM port ${ports.SANDBOX_DICOM_PORT}
  Postgres     ${where.databaseUrl.replace(/\/\/[^@/]*:[^@/]*@/, '//…@')}
  Kafka        ${where.brokers}
  site file    ${where.siteFile}
  logs         ${logs}

Try:

  curl -X POST http://127.0.0.1:${ports.SANDBOX_HTTP_PORT}/play/routine              the journey once more
  curl http://127.0.0.1:${ports.ORDERS_HTTP_PORT}/fhir/ServiceRequest                 the orders, as FHIR
  curl http://127.0.0.1:${ports.SCHEDULING_HTTP_PORT}/fhir/Appointment                    the schedule
  curl http://127.0.0.1:${ports.SANDBOX_FHIR_PORT}/fhir/DiagnosticReport               what the EMR got
  curl http://127.0.0.1:${ports.RESULTS_HTTP_PORT}/deliveries                          what is still to be delivered
  findscu -W -k PatientName -k "ScheduledProcedureStepSequence[0].ScheduledStationAETitle=CT01" -aet CT01 -aec COLLIMATOR 127.0.0.1 ${ports.SCHEDULING_DICOM_PORT}

Ctrl-C stops everything; the data stays for the next start.`;
}
