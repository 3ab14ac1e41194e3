/** A real Kafka broker as a child process; see embedded-kafka.mjs. */
export interface EmbeddedKafka {
  brokers: string;
  port: number;
  stop(): Promise<void>;
  kill9(): Promise<void>;
}
export function startKafka(options: {
  dataDirectory: string;
  port?: number;
  controllerPort?: number;
  properties?: string[];
  say?: (line: string) => void;
}): Promise<EmbeddedKafka>;

export function clusterIdFrom(bytes: Buffer): string;
