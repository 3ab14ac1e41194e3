import { readFileSync } from 'node:fs';
import type { TlsOptions } from 'node:tls';
import type { Listener } from './infrastructure.js';

/**
 * How a listener speaks TLS, 1.2 at least; undefined where it does not. With an authority configured a client must show
 * a certificate of it (IHE ATNA, mutual TLS).
 *
 * @throws Error of the file system if a file cannot be read: a listener must not start without its certificate
 */
export function tlsOptionsOf({
  tls,
}: Listener):
  Pick<TlsOptions, 'cert' | 'key' | 'ca' | 'minVersion' | 'requestCert' | 'rejectUnauthorized'> | undefined {
  if (!tls) return undefined;
  const { certFile, keyFile, caFile } = tls;
  return {
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
    minVersion: 'TLSv1.2',
    ...(caFile ? { ca: readFileSync(caFile), requestCert: true, rejectUnauthorized: true } : {}),
  };
}
