import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Peer } from '#testing';

export const openssl: Peer = { command: ['openssl', 'version'], says: /OpenSSL/, install: 'apt-get install openssl' };

/** Files of a certificate, its key and the authority that signed it. */
export interface Certificate {
  certFile: string;
  keyFile: string;
  caFile: string;
}

/** A certificate authority that lives as long as the test. */
export class Authority {
  private readonly caFile: string;
  private readonly caKey: string;

  constructor(
    private readonly folder: string,
    private readonly name: string,
  ) {
    this.caFile = join(folder, `${name}.pem`);
    this.caKey = join(folder, `${name}.key`);
    this.run('req', '-x509', ...this.newKey(this.caKey), '-out', this.caFile, '-days', '2', '-subj', `/CN=${name}`);
  }

  /** A certificate for 127.0.0.1, for servers and clients. */
  issue(subject: string): Certificate {
    const [keyFile, requestFile, certFile] = ['key', 'csr', 'crt'].map((end) =>
      join(this.folder, `${this.name}-${subject}.${end}`),
    ) as [string, string, string];
    this.run(
      'req',
      ...this.newKey(keyFile),
      '-out',
      requestFile,
      '-subj',
      `/CN=${subject}`,
      '-addext',
      'subjectAltName=IP:127.0.0.1',
    );
    this.run(
      'x509',
      '-req',
      '-in',
      requestFile,
      '-CA',
      this.caFile,
      '-CAkey',
      this.caKey,
      '-CAcreateserial',
      '-copy_extensions',
      'copy',
      '-days',
      '2',
      '-out',
      certFile,
    );
    return { certFile, keyFile, caFile: this.caFile };
  }

  private newKey(keyFile: string): string[] {
    return ['-newkey', 'rsa:2048', '-nodes', '-keyout', keyFile];
  }

  private run(...args: string[]): void {
    execFileSync('openssl', args, { stdio: 'pipe' });
  }
}
