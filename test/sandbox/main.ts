import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { startSandboxEmr } from './emr.js';
import { Journal } from './journal.js';
import { startSandboxPacs } from './pacs.js';
import { playRoutine, type Hospital } from './routine-journey.js';
import { SandboxScanner } from './scanner.js';
import { SandboxTechnologist } from './technologist.js';

/**
 * The sandbox hospital as a process of its own, for the local run. Its ports and Collimator's come from the
 * environment; `POST /play/routine` plays the routine journey, `GET /journal?after=<number>` tells what happened.
 */
const port = (name: string, fallback: number): number => Number(process.env[name] ?? fallback);

const journal = new Journal();
const emr = await startSandboxEmr({
  fhirPort: port('SANDBOX_FHIR_PORT', 3101),
  mllpPort: port('SANDBOX_MLLP_PORT', 2601),
  journal,
});
const pacs = await startSandboxPacs({
  dicomPort: port('SANDBOX_DICOM_PORT', 11113),
  qidoPort: port('SANDBOX_QIDO_PORT', 3102),
  journal,
});
const worklist = { port: port('SCHEDULING_DICOM_PORT', 11112), aeTitle: process.env.DICOM_AE_TITLE ?? 'COLLIMATOR' };
const hospital: Hospital = {
  emr,
  pacs,
  scanner: new SandboxScanner('CT01', worklist, journal),
  technologist: new SandboxTechnologist(`http://127.0.0.1:${port('CONTRAST_HTTP_PORT', 3003)}`, journal),
  ordersPort: port('ORDERS_MLLP_PORT', 2575),
  reportsPort: port('RESULTS_MLLP_PORT', 2576),
  doseReports: { port: port('RESULTS_DICOM_PORT', 11114), aeTitle: process.env.DICOM_AE_TITLE ?? 'COLLIMATOR' },
};

const server = createServer((request, response) => {
  answer(request, response).catch((error: Error) => send(response, 500, { failure: error.message }));
});
server.listen(port('SANDBOX_HTTP_PORT', 3100), '127.0.0.1');

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://sandbox');
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /health/ready':
      return send(response, 200, { status: 'ready' });
    case 'GET /journal':
      return send(response, 200, journal.entries.slice(Number(url.searchParams.get('after') ?? 0)));
    case 'POST /play/routine':
      return send(response, 200, await playRoutine(hospital));
    default:
      return send(response, 404, { failure: 'There is GET /journal, GET /health/ready and POST /play/routine.' });
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

for (const signal of ['SIGTERM', 'SIGINT'])
  process.once(signal, () => {
    server.closeAllConnections();
    server.close();
    void Promise.all([emr.stop(), pacs.stop()]).then(() => process.exit(0));
  });
