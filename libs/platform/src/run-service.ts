import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { json, urlencoded, type Express, type Request } from 'express';
import { migrateService, type Migration, type SchemaBeside } from './database.js';
import { answerBodyFailure, authenticate, HttpFailureFilter, logRequests } from './http.js';
import { loadInfrastructure, type Infrastructure } from './infrastructure.js';
import { tlsOptionsOf } from './listener-tls.js';
import { createLogger, NestLog, type Logger } from './log.js';
import { Metrics } from './metrics.js';
import { PlatformModule, type Runtime } from './platform.module.js';
import { RefusedRequests } from './refused-requests.js';
import { loadSite } from './site-file.js';

/** How long a service may take to finish what it has begun after SIGTERM. */
const DRAIN_MS = 30_000;

/** What makes one service out of the common bootstrap. */
export interface ServiceDefinition {
  service: string;
  module: Type;
  migrations: Migration[];
  /** Schemas beside its own. */
  beside?: SchemaBeside[];
  /** The transport its event handlers listen on. */
  strategy?: (app: INestApplication) => CustomTransportStrategy;
}

/**
 * Runs a service as this process: settings, database, event handlers, HTTP, graceful shutdown.
 *
 * With `--migrate` it brings the schema up to date and ends. A setting that cannot be used, or a taken port, is said in
 * plain words on standard error and ends the process with status 1.
 */
export async function runService(definition: ServiceDefinition): Promise<void> {
  let infrastructure: Infrastructure | undefined;
  try {
    infrastructure = loadInfrastructure(definition.service, process.env);
    const site = loadSite(infrastructure.siteFile);
    const logger = createLogger(definition.service, infrastructure.logLevel);
    const runtime: Runtime = { infrastructure, site, logger, migrations: definition.migrations };
    if (process.argv.includes('--migrate')) {
      const done = await migrateService(infrastructure.database, definition);
      logger.info({ migrations: done }, done.length > 0 ? 'schema brought up to date' : 'schema is up to date');
      return;
    }
    crashOnTheUnforeseen(logger);
    const app = await createService(definition, runtime);
    await app.listen(infrastructure.http.port, infrastructure.http.host);
    shutDownOnSignal(app, logger);
    const { http, mllp, dicom } = infrastructure;
    logger.info({ http: http.port, mllp: mllp?.port, dicom: dicom?.port }, 'ready');
  } catch (error) {
    process.stderr.write(`${definition.service}: ${explain(error, infrastructure)}\n`);
    process.exitCode = 1;
    // Something may already hold the event loop (a pool, a consumer); there is nothing to save.
    setTimeout(() => process.exit(1), 200).unref();
  }
}

/** Builds the application without listening, for {@link runService} and for tests in process. */
export async function createService(definition: ServiceDefinition, runtime: Runtime): Promise<INestApplication> {
  const root = { module: class Root {}, imports: [PlatformModule.with(runtime), definition.module] };
  const { infrastructure, logger } = runtime;
  const app = await NestFactory.create(root, {
    bodyParser: false,
    logger: new NestLog(logger),
    abortOnError: false,
    httpsOptions: tlsOptionsOf(infrastructure.http),
  });
  const refused = app.get(RefusedRequests);
  useHttp(app, {
    logger,
    apiTokens: infrastructure.apiTokens,
    metrics: app.get(Metrics),
    onRefused: ({ method, originalUrl: url, socket }) =>
      void refused.tell({ method, url, address: socket.remoteAddress }),
  });
  const strategy = definition.strategy?.(app);
  if (strategy) {
    app.connectMicroservice({ strategy }, { inheritAppConfig: false });
    await app.startAllMicroservices();
  }
  describe(app, definition.service);
  return app;
}

/** What stands before and behind every controller; before anything else of a request is read, its client is known. */
export function useHttp(
  app: INestApplication,
  {
    logger,
    apiTokens,
    metrics,
    onRefused,
  }: {
    logger: Logger;
    apiTokens: Infrastructure['apiTokens'];
    metrics: Metrics;
    onRefused?: (request: Request) => void;
  },
): void {
  const express = app.getHttpAdapter().getInstance() as Express;
  express.disable('x-powered-by');
  app.use(
    logRequests(logger, ({ method, route, status, ms }) =>
      metrics.httpDuration.observe({ method, route, status }, ms / 1000),
    ),
  );
  app.use(authenticate(apiTokens, onRefused));
  const type = ['application/json', 'application/fhir+json', 'application/*+json'];
  // A report brings its document along, such as a PDF in base64; what is told of it has to fit an event.
  app.use('/fhir/DiagnosticReport', json({ limit: '6mb', type }));
  app.use(json({ limit: '1mb', type }));
  app.use(urlencoded({ limit: '1mb', extended: false }));
  app.use(answerBodyFailure);
  app.useGlobalFilters(new HttpFailureFilter(logger));
}

function describe(app: INestApplication, service: string): void {
  const about = new DocumentBuilder().setTitle(`Collimator ${service}`).addBearerAuth().build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, about), { jsonDocumentUrl: 'openapi.json' });
}

function shutDownOnSignal(app: INestApplication, logger: Logger): void {
  let closing = false;
  const close = (signal: string): void => {
    if (closing) return;
    closing = true;
    logger.info({ signal }, 'shutting down');
    setTimeout(() => {
      logger.error('shutdown took too long; what is open is durable and goes on at the next start');
      process.exit(1);
    }, DRAIN_MS).unref();
    void app.close().then(
      () => {
        logger.info('stopped');
        process.exit(0);
      },
      (err: unknown) => {
        logger.error({ err }, 'shutdown failed');
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => close(signal));
}

/** All state is durable, so the safe answer to a fault nobody foresaw is to stop and be started again. */
function crashOnTheUnforeseen(logger: Logger): void {
  for (const event of ['uncaughtException', 'unhandledRejection'])
    process.on(event, (err: unknown) => {
      logger.fatal({ err }, event);
      process.exit(1);
    });
}

/** What the person who starts the service can do about it, in one line. */
function explain(error: unknown, infrastructure: Infrastructure | undefined): string {
  const { code, port, message, syscall } = error as {
    code?: string;
    port?: number;
    message?: string;
    syscall?: string;
  };
  const { http, mllp, dicom } = infrastructure ?? {};
  const listeners = { HTTP_PORT: http, MLLP_PORT: mllp, DICOM_PORT: dicom };
  const variable = Object.entries(listeners).find(([, one]) => one?.port === port)?.[0] ?? 'HTTP_PORT';
  if (code === 'EADDRINUSE') return `port ${port} is taken: stop what uses it, or set ${variable} to another`;
  if (code === 'EACCES' && syscall === 'listen')
    return `port ${port} needs more rights: set ${variable} to one above 1023`;
  if (code === 'EADDRNOTAVAIL')
    return `no address of this machine for port ${port}: check ${variable.replace('PORT', 'HOST')}`;
  if (code === 'ECONNREFUSED' || syscall === 'getaddrinfo')
    return `cannot connect (${code}): check DATABASE_URL and KAFKA_BROKERS`;
  return message || String(code ?? error);
}
