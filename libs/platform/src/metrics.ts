import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const seconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * Every metric Collimator exposes, pinned in this one file. Names follow the OpenTelemetry semantic conventions (messaging,
 * HTTP) where they have one, in Prometheus spelling. Labels hold kinds and outcomes only, never anything of a patient.
 */
export class Metrics {
  readonly registry = new Registry();

  readonly eventsHandled = this.counter('messaging_client_consumed_messages_total', 'Kafka records handled', [
    'type',
    'outcome',
  ]);
  readonly eventDuration = this.histogram('messaging_process_duration_seconds', 'Time to handle one record', ['type']);
  readonly eventsPublished = this.counter('messaging_client_sent_messages_total', 'Outbox rows published', ['topic']);
  readonly outboxUnpublished = this.gauge('collimator_outbox_unpublished', 'Outbox rows the broker does not have yet');
  readonly outboxAge = this.gauge('collimator_outbox_oldest_seconds', 'Age of the oldest unpublished outbox row');
  readonly parkedKeys = this.gauge('collimator_parked_keys', 'Patients whose events wait behind a parked one');
  readonly deliveriesOpen = this.gauge('collimator_deliveries_open', 'Deliveries not yet done', [
    'destination',
    'state',
  ]);
  readonly deliveryAge = this.gauge(
    'collimator_delivery_oldest_seconds',
    'Age of the oldest delivery not done yet, waiting or parked; 0 where all are done',
    ['destination'],
  );
  readonly deliveryAttempts = this.counter('collimator_delivery_attempts_total', 'Attempts to deliver', [
    'destination',
    'outcome',
  ]);
  readonly hl7Messages = this.counter('collimator_hl7_messages_total', 'HL7 messages answered', [
    'type',
    'acknowledgement',
  ]);
  readonly hl7Duration = this.histogram('collimator_hl7_acknowledge_seconds', 'Time from frame to acknowledgement', []);
  readonly mllpEvents = this.counter('collimator_mllp_events_total', 'MLLP connections and broken frames', ['event']);
  readonly rowsRemoved = this.counter('collimator_rows_removed_total', 'Rows older than the site keeps them', [
    'table',
  ]);
  readonly dicomAssociations = this.counter(
    'collimator_dicom_associations_total',
    'DICOM associations, by calling AE title where it is known here',
    ['peer', 'outcome'],
  );
  readonly dimseDuration = this.histogram('collimator_dimse_duration_seconds', 'Time to answer a DIMSE request', [
    'peer',
    'operation',
    'status',
  ]);
  readonly storageCommitments = this.counter(
    'collimator_storage_commitments_total',
    'Questions of modalities whether images are safely stored, by answer',
    ['station', 'outcome'],
  );
  readonly studyCommitments = this.counter(
    'collimator_study_commitments_total',
    'Answers of the PACS whether a study is safely stored',
    ['outcome'],
  );
  readonly injectorReports = this.counter(
    'collimator_injector_reports_total',
    'Reports of injectors by DICOM, by what became of them',
    ['injector', 'outcome'],
  );
  readonly worklistItems = this.gauge(
    'collimator_worklist_items',
    'Steps on the worklist of a station, or under way there',
    ['station', 'status'],
  );

  readonly staffDoseAlerts = this.gauge(
    'collimator_staff_dose_open_alerts',
    'Doses of staff above a level that nobody has acknowledged, by level; whose they are is shown to the scope staff-dose only',
    ['level'],
  );

  readonly httpDuration = this.histogram('http_server_request_duration_seconds', 'Time to answer an HTTP request', [
    'method',
    'route',
    'status',
  ]);

  readonly requestsRefused = this.counter(
    'collimator_requests_refused_total',
    'Requests without a known token, and whether the audit trail has them',
    ['recorded'],
  );

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  private counter<L extends string = never>(name: string, help: string, labelNames: L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }
  private gauge<L extends string = never>(name: string, help: string, labelNames: L[] = []): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }
  private histogram<L extends string>(name: string, help: string, labelNames: L[]): Histogram<L> {
    return new Histogram({ name, help, labelNames, buckets: seconds, registers: [this.registry] });
  }
}
