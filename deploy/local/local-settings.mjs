import { join, resolve } from 'node:path';
import { root } from './prepare.mjs';
import { Refusal } from './refusal.mjs';

/** Every port of the local run: the variable that moves it, its default, what it is for. */
const ports = {
  ORDERS_HTTP_PORT: [3001, 'orders, HTTP'],
  ORDERS_MLLP_PORT: [2575, 'orders, HL7 over MLLP'],
  SCHEDULING_HTTP_PORT: [3002, 'scheduling, HTTP'],
  SCHEDULING_MLLP_PORT: [2577, 'scheduling, HL7 over MLLP'],
  SCHEDULING_DICOM_PORT: [11112, 'scheduling, DICOM worklist and MPPS'],
  CONTRAST_HTTP_PORT: [3003, 'contrast, HTTP'],
  CONTRAST_DICOM_PORT: [11115, 'contrast, DICOM reports of injectors'],
  RESULTS_HTTP_PORT: [3004, 'results, HTTP'],
  RESULTS_MLLP_PORT: [2576, 'results, HL7 over MLLP'],
  RESULTS_DICOM_PORT: [11114, 'results, DICOM availability and storage commitment'],
  SANDBOX_HTTP_PORT: [3100, 'sandbox hospital, control'],
  SANDBOX_FHIR_PORT: [3101, 'sandbox EMR, FHIR'],
  SANDBOX_MLLP_PORT: [2601, 'sandbox EMR, HL7 over MLLP'],
  SANDBOX_QIDO_PORT: [3102, 'sandbox PACS, QIDO-RS'],
  SANDBOX_DICOM_PORT: [11113, 'sandbox PACS, DICOM'],
  POSTGRES_PORT: [54329, 'Postgres'],
  KAFKA_PORT: [19092, 'Kafka'],
  KAFKA_CONTROLLER_PORT: [19093, 'Kafka controller'],
};

/**
 * @typedef {object} LocalSettings
 * @property {Record<string, number>} ports by variable
 * @property {{ port: number, variable: string, use: string }[]} needed the ports that this run listens on
 * @property {string} data
 * @property {string} logs
 * @property {string | undefined} databaseUrl an external Postgres
 * @property {string | undefined} brokers an external Kafka
 * @property {string | undefined} siteFile the hospital's own, instead of the sandbox's
 */

/**
 * What the environment says about the local run. COLLIMATOR_HOME is the folder for data and logs, `.collimator` unless
 * set.
 *
 * @param {Record<string, string | undefined>} env
 * @returns {LocalSettings}
 * @throws {Refusal} for a port that is none
 */
export function localSettings(env) {
  const home = resolve(root, env.COLLIMATOR_HOME || '.collimator');
  const chosen = Object.entries(ports).map(([variable, [fallback, use]]) => {
    const port = Number(env[variable] || fallback);
    if (!Number.isInteger(port) || port < 1 || port > 65535)
      throw new Refusal(`${variable} (${use}) must be a port from 1 to 65535.`);
    return { variable, port, use: String(use) };
  });
  const external = [
    ...(env.DATABASE_URL ? ['POSTGRES_PORT'] : []),
    ...(env.KAFKA_BROKERS ? ['KAFKA_PORT', 'KAFKA_CONTROLLER_PORT'] : []),
  ];
  return {
    ports: Object.fromEntries(chosen.map(({ variable, port }) => [variable, port])),
    needed: chosen.filter(({ variable }) => !external.includes(variable)),
    data: join(home, 'data'),
    logs: join(home, 'logs'),
    databaseUrl: env.DATABASE_URL || undefined,
    brokers: env.KAFKA_BROKERS || undefined,
    siteFile: env.SITE_FILE || undefined,
  };
}
